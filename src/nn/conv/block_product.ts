/**
 * Products with few blocks of a matrix, read and written in place: features `[batch, columns]` whose columns come in blocks, each of them
 * multiplied by a small matrix, the same one for several blocks where they are components of copies of one irrep. The product and both
 * gradients are closed under differentiation.
 */

import { productOptions } from "../../tensor/autocast.ts";
import type { View } from "../../tensor/backend.ts";
import { allocateTensor, commonBackend, needsGrad, record } from "../../tensor/core.ts";
import * as E from "../../tensor/expr.ts";
import type { Tensor } from "../../tensor/mod.ts";
import { contiguous } from "../../tensor/views.ts";

/** Matrices of one shape and the columns that they take to each other. */
export interface ProductBlock {
  /** Number of matrices. */
  readonly types: number;
  /** How many consecutive blocks of columns each of them multiplies. */
  readonly repeats: number;
  /** Columns of a block on the input's side. */
  readonly inSize: number;
  /** Columns of a block on the output's side. */
  readonly outSize: number;
  /** The first column of the input. */
  readonly inStart: number;
  /** The first column of the output. */
  readonly outStart: number;
  /** Which of the weights hold the matrices, [types, out size, in size]. */
  readonly source: number;
  /** Where in them. */
  readonly start: number;
}

/** Blocks that together cover all columns of both sides and all weights. */
export interface BlockProduct {
  /** The blocks. */
  readonly blocks: readonly ProductBlock[];
  /** Columns of the input. */
  readonly inSize: number;
  /** Columns of the output. */
  readonly outSize: number;
  /** Numbers in each of the weights. */
  readonly weightSizes: readonly number[];
}

type Role = "input" | "output";

/** Elements of a view that starts `start` elements later. */
function viewAt(x: View, start: number, shape: readonly number[], strides: readonly number[]): View {
  return { buffer: x.buffer, dtype: x.dtype, offset: x.offset + start, shape, strides };
}

/** The columns of a block, [types, repeats, batch, size]. */
function columnsOf(x: Tensor, block: ProductBlock, role: Role): View {
  const { types, repeats } = block, [size, start] = sideOf(block, role);
  return viewAt(x, start, [types, repeats, x.shape[0], size], [repeats * size, size, x.strides[0], 1]);
}

/** The columns of the block's `repeat`-th part, [types, batch, size]. */
function repeatOf(x: Tensor, block: ProductBlock, role: Role, repeat: number): View {
  const { types, repeats } = block, [size, start] = sideOf(block, role);
  return viewAt(x, start + repeat * size, [types, x.shape[0], size], [repeats * size, x.strides[0], 1]);
}

function sideOf({ inSize, outSize, inStart, outStart }: ProductBlock, role: Role): readonly [number, number] {
  return role === "input" ? [inSize, inStart] : [outSize, outStart];
}

/** A view with its last two axes exchanged. */
function transposed(x: View): View {
  const exchange = (list: readonly number[]) => [...list.slice(0, -2), list[list.length - 1], list[list.length - 2]];
  return { ...x, shape: exchange(x.shape), strides: exchange(x.strides) };
}

/** The matrices of a block, [types, repeats, out size, in size]. */
function matricesOf(w: Tensor, { types, repeats, inSize, outSize, start }: ProductBlock): View {
  return viewAt(w, start, [types, repeats, outSize, inSize], [outSize * inSize, 0, inSize, 1]);
}

/**
 * `x` `[batch, inSize]` times the blocks: `[batch, outSize]`.
 *
 * @param product Where the blocks stand.
 * @param x The features.
 * @param weights The matrices, flat and row-major.
 * @throws BackendMismatchError for operands on different backends.
 */
export function blockProduct(product: BlockProduct, x: Tensor, weights: readonly Tensor[]): Tensor {
  commonBackend([x, ...weights], "block product");
  return multiply(product, "output", x, weights);
}

/** The features on the side of `role` from those on the other one. */
function multiply(product: BlockProduct, role: Role, x: Tensor, weights: readonly Tensor[]): Tensor {
  const other: Role = role === "output" ? "input" : "output";
  const size = sizeOf(product, role), shape = [x.shape[0], size];
  const result = allocateTensor(x.backend, shape, x.dtype);
  if (x.size > 0) {
    const reached = product.blocks.reduce(
      (sum, block) => sum + block.types * block.repeats * sideOf(block, role)[0],
      0,
    );
    if (reached < size) clear(result);
    using source = contiguous(x);
    for (const block of product.blocks) {
      using flat = contiguous(weights[block.source]);
      const matrices = matricesOf(flat, block);
      x.backend.matmul({
        a: columnsOf(source, block, other),
        b: role === "output" ? transposed(matrices) : matrices,
        output: columnsOf(result, block, role),
        alpha: 1,
        beta: 0,
        ...productOptions(),
      });
    }
  }
  const operands = [x, ...weights];
  if (needsGrad(operands)) {
    record("block product", operands, [result], operands, ([gradient], [features, ...matrices], needs) => [
      needs[0] ? multiply(product, other, gradient!, matrices) : undefined,
      ...needs.slice(1).map((needed, source) => {
        if (!needed) return undefined;
        return role === "output"
          ? weightsOf(product, source, features, gradient!)
          : weightsOf(product, source, gradient!, features);
      }),
    ]);
  }
  return result;
}

function sizeOf({ inSize, outSize }: BlockProduct, role: Role): number {
  return role === "input" ? inSize : outSize;
}

function clear(target: Tensor): void {
  const { backend, dtype, shape } = target;
  backend.map({ expressions: [E.constant(0, dtype)], shape, inputs: [], scalars: [], outputs: [target] });
}

/** The matrices of one source from both sides: Σ over batch and repeats of output · inputᵀ. */
function weightsOf(product: BlockProduct, source: number, input: Tensor, output: Tensor): Tensor {
  const { backend, dtype } = input, shape = [product.weightSizes[source]];
  const result = allocateTensor(backend, shape, dtype);
  if (input.size > 0) {
    using x = contiguous(input);
    using y = contiguous(output);
    for (const block of product.blocks) {
      if (block.source !== source) continue;
      const { types, repeats, inSize, outSize, start } = block;
      for (let repeat = 0; repeat < repeats; repeat++) {
        backend.matmul({
          a: transposed(repeatOf(y, block, "output", repeat)),
          b: repeatOf(x, block, "input", repeat),
          output: viewAt(result, start, [types, outSize, inSize], [outSize * inSize, inSize, 1]),
          alpha: 1,
          beta: repeat === 0 ? 0 : 1,
          ...productOptions(),
        });
      }
    }
  } else {
    clear(result);
  }
  if (needsGrad([input, output])) {
    record("block product", [input, output], [result], [input, output], ([gradient], [x, y], needs) => {
      // The gradient is that of one source: the others' matrices are 0.
      const blocks = product.blocks.filter((block) => block.source === source);
      const partial = { ...product, blocks };
      const matrices = product.weightSizes.map(() => gradient!);
      return [
        needs[0] ? multiply(partial, "input", y, matrices) : undefined,
        needs[1] ? multiply(partial, "output", x, matrices) : undefined,
      ];
    });
  }
  return result;
}
