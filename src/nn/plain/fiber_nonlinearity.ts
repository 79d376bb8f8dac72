/**
 * Plain layers that mix the channels of a block by fixed matrices around a pointwise function, or by products: sampled band-limited
 * functions, the strongest of several directions, positive and negative parts, tensor products.
 */

import { map, mapMany, stack, type Tensor, zeros } from "../../tensor/mod.ts";
import type { FloatDType } from "../../tensor/dtype.ts";
import { fusedPlan } from "../../tensor/fused_plan.ts";
import { gatherUnchecked } from "../../tensor/gather.ts";
import { sampledMap } from "../../tensor/sampled_map.ts";
import { ArgumentError } from "../../tensor/errors.ts";
import * as E from "../../tensor/expr.ts";
import type { Expr } from "../../tensor/expr.ts";
import { cos, sin } from "../../math/functions.ts";
import { eluExpression, reluExpression } from "./activations.ts";
import { flatPositions } from "./channel_plan.ts";
import { Layer } from "./layer.ts";
import { checkChannels } from "./norm_nonlinearity.ts";
import { Constant } from "./persistent.ts";

/** Names of functions of a number. */
export type ScalarFunction = "relu" | "elu" | "sigmoid" | "tanh";

/** The functions as expressions. */
const SCALAR_FUNCTIONS: { readonly [F in ScalarFunction]: (x: Expr) => Expr } = {
  relu: reluExpression,
  elu: (x) => eluExpression(x, E.constant(1, x.dtype)),
  sigmoid: E.sigmoid,
  tanh: E.tanh,
};

/** A matrix of numbers, row-major. */
export interface PlainMatrix {
  /** Number of rows. */
  readonly rows: number;
  /** Number of columns. */
  readonly columns: number;
  /** The numbers. */
  readonly data: Float64Array;
}

function constantOf({ rows, columns, data }: PlainMatrix): Constant {
  return new Constant(data, [rows, columns]);
}

/** Applies a matrix to blocks of one position `[blocks, columns, 1]`, which are one column each: all of them make one product. */
function multiplyBlocks(matrix: Constant, x: Tensor): Tensor {
  const [rows, columns] = matrix.shape, [blocks] = x.shape;
  return x.reshape([blocks, columns]).matmul(matrix.like(x).transpose(0, 1)).reshape([blocks, rows, 1]);
}

/**
 * A⁺ f(A x) on each block of channels x: A takes the coefficients of a function to its samples, f acts on them, and A⁺ goes back.
 */
export class SampledNonLinearity extends Layer {
  /** Number of blocks. */
  readonly blocks: number;
  /** The function of a sample. */
  readonly function: ScalarFunction;
  readonly #sampling: Constant;
  readonly #analysis: Constant;

  /** A layer for `blocks` blocks of `sampling.columns` channels. Throws ArgumentError for matrices that do not fit. */
  constructor(blocks: number, sampling: PlainMatrix, analysis: PlainMatrix, fn: ScalarFunction) {
    super();
    if (!Number.isInteger(blocks) || blocks < 1 || analysis.columns !== sampling.rows) {
      throw new ArgumentError({
        op: "SampledNonLinearity",
        expected: "a positive number of blocks, and an analysis matrix with a column for each sample",
        actual: `${blocks} blocks, ${sampling.rows} samples, ${analysis.columns} columns`,
      });
    }
    this.blocks = blocks;
    this.function = fn;
    this.#sampling = constantOf(sampling);
    this.#analysis = constantOf(analysis);
  }

  /** The layer's result. Throws ShapeError for another number of channels. */
  override forward(input: Tensor): Tensor {
    const size = this.#sampling.shape[1], { blocks } = this;
    checkChannels("SampledNonLinearity", input, blocks * size);
    const [batch, , ...spatial] = input.shape, positions = spatial.reduce((a, b) => a * b, 1);
    const x = input.reshape([batch * blocks, size, positions]), fn = SCALAR_FUNCTIONS[this.function];
    const shape = [batch, blocks * this.#analysis.shape[0], ...spatial];
    if (positions !== 1) {
      const plan = fusedPlan([fn(E.input(0, input.dtype))], [input.dtype]);
      return sampledMap(plan, [x], [this.#sampling.like(x)], this.#analysis.like(x)).reshape(shape);
    }
    const values = map([multiplyBlocks(this.#sampling, x)], fn);
    return multiplyBlocks(this.#analysis, values).reshape(shape);
  }

  /** The options as text. */
  protected override describe(): string {
    const [samples, size] = this.#sampling.shape;
    return `${this.blocks} blocks of ${size}, ${samples} samples, ${this.function}`;
  }
}

/** Each channel x becomes the two channels f(x), f(−x). */
export class ConcatenatedNonLinearity extends Layer {
  /** The function. */
  readonly function: ScalarFunction;
  readonly #signs = new Constant(Float64Array.of(1, -1), [1, 1, 2, 1]);

  /** A layer with this function. */
  constructor(fn: ScalarFunction) {
    super();
    this.function = fn;
  }

  /** The layer's result, with twice the channels. */
  override forward(input: Tensor): Tensor {
    checkChannels("ConcatenatedNonLinearity", input, input.shape[1]);
    const x = flatPositions(input), [batch, channels, positions] = x.shape, f = SCALAR_FUNCTIONS[this.function];
    const view = x.reshape([batch, channels, 1, positions]);
    return map([view, this.#signs.like(x)], (v, s) => f(E.mul(v, s)))
      .reshape([batch, 2 * channels, ...input.shape.slice(2)]);
  }

  /** The options as text. */
  protected override describe(): string {
    return this.function;
  }
}

/**
 * Each block of N channels, responses in N equally spaced directions, becomes the vector of the strongest: relu(max) (cos, sin)(2π i / N)
 * with i its position.
 */
export class VectorFieldNonLinearity extends Layer {
  /** Number of blocks. */
  readonly blocks: number;
  /** Channels of a block. */
  readonly directions: number;
  readonly #table: Constant;

  /** A layer for blocks of `directions` channels. */
  constructor(blocks: number, directions: number) {
    super();
    this.blocks = blocks;
    this.directions = directions;
    const angles = Array.from({ length: directions }, (_, i) => 2 * Math.PI * i / directions);
    this.#table = new Constant(Float64Array.from([...angles.map(cos), ...angles.map(sin)]), [2, directions]);
  }

  /** The layer's result, `[batch, 2 · blocks, …]`. Throws ShapeError for another number of channels. */
  override forward(input: Tensor): Tensor {
    const { blocks, directions } = this;
    checkChannels("VectorFieldNonLinearity", input, blocks * directions);
    const [batch, , positions] = sizesOf(input);
    const view = input.reshape([batch, blocks, directions, positions]);
    const strongest = view.max(2), place = view.detach().argmax(2).reshape([batch * blocks * positions]);
    const table = this.#table.like(input);
    const [cosines, sines] = [0, 1].map((row) =>
      gatherUnchecked(table.select(0, row), 0, place).reshape(strongest.shape)
    );
    const parts = mapMany([strongest, cosines, sines], (m, c, s) => {
      const length = reluExpression(m);
      return [E.mul(length, c), E.mul(length, s)];
    });
    return stack(parts, 2).reshape([batch, 2 * blocks, ...input.shape.slice(2)]);
  }

  /** The options as text. */
  protected override describe(): string {
    return `${this.blocks} blocks of ${this.directions}`;
  }
}

/** y_c = W_c (x_c ⊗ x_c) for each block c of channels. Parameter `weight` [blocks, out size, size²], entry i · size + j of x_i x_j. */
export class TensorProduct extends Layer {
  /** Number of blocks. */
  readonly blocks: number;
  /** Channels of a block of the input. */
  readonly inSize: number;
  /** Channels of a block of the result. */
  readonly outSize: number;

  /** A layer for `blocks` blocks, with zeros as weight. */
  constructor(
    blocks: number,
    inSize: number,
    outSize: number,
    { dtype = "float32" }: { readonly dtype?: FloatDType } = {},
  ) {
    super();
    this.blocks = blocks;
    this.inSize = inSize;
    this.outSize = outSize;
    this.addParameter("weight", zeros([blocks, outSize, inSize * inSize], { dtype }));
  }

  /** [blocks, out size, size²]. */
  get weight(): Tensor {
    return this.parameter("weight");
  }

  /** The layer's result. Throws ShapeError for another number of channels. */
  override forward(input: Tensor): Tensor {
    checkChannels("TensorProduct", input, this.blocks * this.inSize);
    return contractSquares(this.weight.cast(input.dtype), input);
  }

  /** The options as text. */
  protected override describe(): string {
    return `${this.blocks} blocks, ${this.inSize} -> ${this.outSize}`;
  }
}

/** W_c (x_c ⊗ x_c) for weights `[blocks, out size, size²]` and `[batch, blocks · size, …]`. */
export function contractSquares(weight: Tensor, input: Tensor): Tensor {
  const [blocks, outSize, squares] = weight.shape, size = Math.round(Math.sqrt(squares));
  const [batch, , positions] = sizesOf(input);
  const left = input.reshape([batch, blocks, size, 1, positions]);
  const right = input.reshape([batch, blocks, 1, size, positions]);
  const products = left.mul(right);
  const shape = [batch, blocks * outSize, ...input.shape.slice(2)];
  if (positions !== 1) return weight.matmul(products.reshape([batch, blocks, squares, positions])).reshape(shape);
  const rows = products.reshape([batch, blocks, squares]).permute([1, 0, 2]);
  return rows.matmul(weight.transpose(1, 2)).permute([1, 0, 2]).reshape(shape);
}

/** Batch, channels, and positions of `[batch, channels, …spatial]`. */
function sizesOf(x: Tensor): readonly [number, number, number] {
  const [batch, channels, ...spatial] = x.shape;
  return [batch, channels, spatial.reduce((a, b) => a * b, 1)];
}
