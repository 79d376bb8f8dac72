/**
 * Changes of basis of feature maps for steerable convolutions in the irrep basis: fields ρ = Q (⊕ψ) Q⁻¹ of one class by one
 * matrix product. Blocks of channels in the irrep basis stand in the order of classes, fields, and blocks of the class.
 */

import { irrepStarts } from "../../group/representation.ts";
import type { Representation } from "../../group/types.ts";
import { concatenate, type Tensor, zeros } from "../../tensor/mod.ts";
import type { FieldType } from "../field_type.ts";
import { Constant, selectAt } from "../plain/persistent.ts";

/** A block of channels for an irrep of a field, which an endomorphism of the irrep takes to it (or its transpose from it). */
export interface FieldBlock {
  /** The irrep's position in its field. */
  readonly position: number;
  /** Row-major [irrep size, irrep size]; `undefined` for the identity. */
  readonly action: Float64Array | undefined;
}

/** For each class of a type one block for each irrep. */
export function plainBlocks(type: FieldType): FieldBlock[][] {
  return type.classes.map(({ representation }) =>
    representation.constituents.map((_, position) => ({ position, action: undefined }))
  );
}

/** One class of fields: the matrix that is applied to each of them. */
interface ClassBasis {
  readonly count: number;
  /** Channels of a field. */
  readonly size: number;
  /** Channels of its blocks. */
  readonly width: number;
  /** Where the channels of its blocks begin. */
  readonly start: number;
  /** `undefined` where it is the identity. */
  readonly matrix: Constant | undefined;
}

/** What a change of basis does for each position. */
export interface BasisWork {
  /** Multiply-adds of its products. */
  readonly products: number;
  /** Channels that are written: by products, by joining classes, by bringing channels into order. */
  readonly written: number;
}

/** What both directions know. */
abstract class FieldBasis {
  /** Channels of all blocks. */
  readonly size: number;
  /** Classes in order. */
  protected readonly classes: readonly ClassBasis[];
  /** Channels of the type in the order of classes and fields; `undefined` where they are in order. */
  protected readonly channelOrder: Int32Array | undefined;
  /** For each field and irrep position the first channels of its blocks. */
  readonly #channels: readonly (readonly (readonly number[])[])[];

  /** For the fields of one group; `blocks` for each class. */
  constructor(
    type: FieldType,
    blocks: readonly (readonly FieldBlock[])[],
    matrixOf: (representation: Representation, blocks: readonly FieldBlock[]) => Float64Array,
  ) {
    const channels: number[][][] = type.representations.map(({ constituents }) => constituents.map(() => []));
    let next = 0;
    this.classes = type.classes.map(({ representation, fields }, c): ClassBasis => {
      const start = next, { size, constituents } = representation;
      for (const field of fields) {
        for (const { position } of blocks[c]) {
          channels[field][position].push(next);
          next += constituents[position].size;
        }
      }
      const width = blocks[c].reduce((sum, { position }) => sum + constituents[position].size, 0);
      const matrix = matrixOf(representation, blocks[c]);
      const identity = width === size && matrix.every((value, i) => value === (i % (size + 1) === 0 ? 1 : 0));
      const shape = this.shapeOf(size, width);
      return {
        count: fields.length,
        size,
        width,
        start,
        matrix: identity || width === 0 ? undefined : new Constant(matrix, shape),
      };
    });
    this.size = next;
    this.#channels = channels;
    const order = type.classes.flatMap(({ fields }) =>
      fields.flatMap((field) => Array.from({ length: type.sizes[field] }, (_, i) => type.fieldsStart[field] + i))
    );
    if (!order.every((channel, i) => channel === i)) this.channelOrder = Int32Array.from(order);
  }

  /** Rows and columns of a class's matrix. */
  protected abstract shapeOf(size: number, width: number): readonly [number, number];

  /** What applying it to one position takes; nothing where fields are in order and already blocks. */
  get work(): BasisWork {
    let products = 0, written = 0, channels = 0;
    for (const { count, matrix } of this.classes) {
      if (matrix === undefined) continue;
      const [rows, columns] = matrix.shape;
      products += count * rows * columns;
      written += count * rows;
    }
    for (const { count, size, width } of this.classes) channels += count * this.shapeOf(size, width)[0];
    if (this.classes.length > 1) written += channels;
    if (this.channelOrder !== undefined) written += channels;
    return { products, written };
  }

  /** The first channel of the block with this number of an irrep of a field. */
  channel(field: number, position: number, block: number): number {
    return this.#channels[field][position][block];
  }
}

/** The matrix of a class applied to its fields: `[batch, groups, count · columns, pixels]` → `[…, count · rows, pixels]`. */
function applyMatrix(matrix: Constant | undefined, fields: Tensor, count: number): Tensor {
  if (matrix === undefined) return fields;
  const [batch, groups, , pixels] = fields.shape, [rows, columns] = matrix.shape;
  const product = matrix.like(fields).matmul(fields.reshape([batch * groups, count, columns, pixels]));
  return product.reshape([batch, groups, count * rows, pixels]);
}

function sliceOf(x: Tensor, start: number, count: number): Tensor {
  return start === 0 && count === x.shape[2] ? x : x.slice(2, start, start + count);
}

/** From the channels of a type to the blocks of its irreps: block = actionᵀ · (Q⁻¹ x). */
export class FromFields extends FieldBasis {
  readonly #order: Constant | undefined;

  /** For the fields of one group. */
  constructor(type: FieldType, blocks: readonly (readonly FieldBlock[])[]) {
    super(type, blocks, inverseRows);
    if (this.channelOrder !== undefined) this.#order = new Constant(this.channelOrder, [this.channelOrder.length]);
  }

  protected override shapeOf(size: number, width: number): readonly [number, number] {
    return [width, size];
  }

  /** `x` `[batch, groups, channels, pixels]` as `[batch, groups, size, pixels]`. */
  apply(x: Tensor): Tensor {
    const ordered = this.#order === undefined ? x : selectAt(x, 2, this.#order);
    let from = 0;
    const parts: Tensor[] = [];
    for (const { count, size, width, matrix } of this.classes) {
      if (width > 0) parts.push(applyMatrix(matrix, sliceOf(ordered, from, count * size), count));
      from += count * size;
    }
    return parts.length === 1 ? parts[0] : concatenate(parts, 2);
  }
}

/** From blocks to the channels of a type: x = Σ Q · action · block. */
export class ToFields extends FieldBasis {
  readonly #order: Constant | undefined;

  /** For the fields of one group. */
  constructor(type: FieldType, blocks: readonly (readonly FieldBlock[])[]) {
    super(type, blocks, columns);
    if (this.channelOrder !== undefined) {
      const order = new Int32Array(this.channelOrder.length);
      this.channelOrder.forEach((channel, i) => order[channel] = i);
      this.#order = new Constant(order, [order.length]);
    }
  }

  protected override shapeOf(size: number, width: number): readonly [number, number] {
    return [size, width];
  }

  /** `[batch, groups, size, pixels]` as `[batch, groups, channels, pixels]`. */
  apply(x: Tensor): Tensor {
    const [batch, groups, , pixels] = x.shape;
    const parts = this.classes.map(({ count, size, width, start, matrix }) =>
      width === 0
        ? zeros([1, 1, 1, 1], { dtype: x.dtype, backend: x.backend }).expand([batch, groups, count * size, pixels])
        : applyMatrix(matrix, sliceOf(x, start, count * width), count)
    );
    const stacked = parts.length === 1 ? parts[0] : concatenate(parts, 2);
    return this.#order === undefined ? stacked : selectAt(stacked, 2, this.#order);
  }
}

/** Row-major [size, width]: for each block the irrep's columns of Q times the action. */
function columns(representation: Representation, blocks: readonly FieldBlock[]): Float64Array {
  const { size, changeOfBasis, constituents } = representation, starts = irrepStarts(representation);
  const width = blocks.reduce((sum, { position }) => sum + constituents[position].size, 0);
  const matrix = new Float64Array(size * width);
  let column = 0;
  for (const { position, action } of blocks) {
    const d = constituents[position].size, start = starts[position];
    for (let row = 0; row < size; row++) {
      for (let j = 0; j < d; j++) {
        let sum = 0;
        for (let i = 0; i < d; i++) {
          const factor = action === undefined ? (i === j ? 1 : 0) : action[i * d + j];
          sum += changeOfBasis[row * size + start + i] * factor;
        }
        matrix[row * width + column + j] = sum;
      }
    }
    column += d;
  }
  return matrix;
}

/** Row-major [width, size]: for each block the transposed action times the irrep's rows of Q⁻¹. */
function inverseRows(representation: Representation, blocks: readonly FieldBlock[]): Float64Array {
  const { size, changeOfBasisInverse, constituents } = representation, starts = irrepStarts(representation);
  const width = blocks.reduce((sum, { position }) => sum + constituents[position].size, 0);
  const matrix = new Float64Array(width * size);
  let row = 0;
  for (const { position, action } of blocks) {
    const d = constituents[position].size, start = starts[position];
    for (let j = 0; j < d; j++) {
      for (let column = 0; column < size; column++) {
        let sum = 0;
        for (let i = 0; i < d; i++) {
          const factor = action === undefined ? (i === j ? 1 : 0) : action[i * d + j];
          sum += factor * changeOfBasisInverse[(start + i) * size + column];
        }
        matrix[(row + j) * size + column] = sum;
      }
    }
    row += d;
  }
  return matrix;
}
