/**
 * Random tensors from a counter-based generator (Philox4x32-10): element i of draw d is a function of the seed, d and i alone,
 * so numbers do not depend on the backend, on threads, or on the order in which a kernel computes them.
 */

import type { Backend } from "./backend.ts";
import { allocateTensor } from "./core.ts";
import { generate, type TensorOptions } from "./creation.ts";
import { type DType, isFloat } from "./dtype.ts";
import { ArgumentError, DTypeError } from "./errors.ts";
import * as E from "./expr.ts";
import type { Distribution, Expr } from "./expr.ts";
import { elementCount, type Shape, validateShape } from "./layout.ts";
import { currentBackend } from "./registry.ts";
import { joinScalars, stepNotes } from "./step_notes.ts";
import type { Tensor } from "./tensor.ts";
import { reshape, slice } from "./views.ts";

/** All that determines the random numbers to come. */
export interface RandomState {
  /** The seed. */
  readonly seed: number;
  /** Number of draws so far (one for each random tensor). */
  readonly draws: number;
}

const WORD = 2 ** 32;

let state: RandomState = { seed: 0, draws: 0 };

function requireCount(op: string, name: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 0) return;
  throw new ArgumentError({ op, expected: `${name} as an integer from 0 to 2^53 − 1`, actual: String(value) });
}

function setState(next: RandomState): void {
  state = next;
  stepNotes?.again(() => state = next);
}

/**
 * Starts the generator anew. The same seed gives the same numbers on every backend and machine. Before the first call it is 0.
 *
 * @example
 * ```ts
 * import { rand, seed, useBackend } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("reference");
 * seed(7);
 * const first = await rand([3]).data();
 * seed(7);
 * assertEquals(await rand([3]).data(), first);
 * ```
 */
export function seed(value: number): void {
  requireCount("seed", "a seed", value);
  setState({ seed: value, draws: 0 });
}

/** The generator's state, for checkpoints. */
export function getRandomState(): RandomState {
  return state;
}

/** Continues from a state of {@linkcode getRandomState}. */
export function setRandomState(next: RandomState): void {
  requireCount("setRandomState", "a seed", next.seed);
  requireCount("setRandomState", "draws", next.draws);
  setState({ seed: next.seed, draws: next.draws });
}

/**
 * A new draw for random nodes in a fused computation (dropout, noise): four int32 numbers, two words of the key and two of the
 * counter. Pass them to `map` as `integers` and make the node with {@linkcode randomNode}; the derivative repeats the same numbers.
 *
 * @example
 * ```ts
 * import { expr, map, nextDraw, ones, randomNode, seed, useBackend } from "@escnn/escnn";
 * import { assert } from "@std/assert";
 *
 * await useBackend("reference");
 * seed(1);
 * const noisy = map([ones([4])], (x, k0, k1, d0, d1) => {
 *   return expr.mul(x, randomNode("uniform", "float32", [k0, k1, d0, d1]));
 * }, { integers: nextDraw() });
 * assert((await noisy.data()).every((x) => x < 1));
 * ```
 */
export function nextDraw(): number[] {
  const { seed: value, draws } = state;
  state = { seed: value, draws: draws + 1 };
  const words = [value % WORD | 0, Math.floor(value / WORD) | 0, draws % WORD | 0, Math.floor(draws / WORD) | 0];
  stepNotes?.changing(words, nextDraw);
  return words;
}

/** The random number of an element in the draw `words` (four int32 nodes, see {@linkcode nextDraw}), by its row-major position. */
export function randomNode(distribution: Distribution, dtype: DType, words: readonly [Expr, Expr, Expr, Expr]): Expr {
  const [keyLow, keyHigh, drawLow, drawHigh] = words;
  return E.random(distribution, dtype, [keyLow, keyHigh, E.index("linear"), drawLow, drawHigh]);
}

function scalarWords(first: number): [Expr, Expr, Expr, Expr] {
  const word = (i: number): Expr => E.scalar(first + i, "int32");
  return [word(0), word(1), word(2), word(3)];
}

function floatType(op: string, options: TensorOptions): DType {
  const dtype = options.dtype ?? "float32";
  if (!isFloat(dtype)) throw new DTypeError({ op, expected: "float32 or float64", actual: dtype });
  return dtype;
}

function draw(op: string, shape: Shape, expression: Expr, scalars: readonly number[], options: TensorOptions): Tensor {
  validateShape(shape, op);
  // The element's position is one 32-bit word of the counter.
  if (elementCount(shape) > WORD) {
    throw new ArgumentError({ op, expected: "at most 2^32 elements", actual: String(elementCount(shape)) });
  }
  return generate(op, shape, expression, joinScalars(nextDraw(), scalars), options);
}

/** Uniform numbers in [0, 1), multiples of 2⁻²⁴ (float32) or 2⁻⁵³ (float64). */
export function rand(shape: Shape, options: TensorOptions = {}): Tensor {
  const dtype = floatType("rand", options);
  return draw("rand", shape, randomNode("uniform", dtype, scalarWords(0)), [], options);
}

/** Standard normal numbers. */
export function randn(shape: Shape, options: TensorOptions = {}): Tensor {
  const dtype = floatType("randn", options);
  return draw("randn", shape, randomNode("normal", dtype, scalarWords(0)), [], options);
}

/** int32 numbers from `low` (included) to `high` (excluded), each equally likely to one part in 2²¹. */
export function randint(low: number, high: number, shape: Shape, options: TensorOptions = {}): Tensor {
  if (low !== (low | 0) || !Number.isInteger(high) || high <= low || high > 2 ** 31) {
    throw new ArgumentError({
      op: "randint",
      expected: "int32 bounds with low < high",
      actual: `${low} and ${high}`,
    });
  }
  const uniform = randomNode("uniform", "float64", scalarWords(0));
  const span = E.unary("floor", E.mul(uniform, E.scalar(4, "float64")));
  const value = E.cast(E.add(span, E.scalar(5, "float64")), "int32");
  return draw("randint", shape, E.cast(value, options.dtype ?? "int32"), [high - low, low], options);
}

/** Elements of one draw of {@linkcode randomMask} that kernels compute side by side. */
const MASK_GROUP = 4;

/**
 * A bool tensor that is true with probability `p` (0 < p ≤ 1) to one part in 2³², which draws a quarter of the blocks of the generator that `bernoulli`
 * draws: with q the quarter of the number of elements, rounded up to a multiple of four, element i is word ⌊i / q⌋ of block i mod q.
 *
 * @throws ArgumentError for another probability or more than 2³² elements.
 */
export function randomMask(
  p: number,
  shape: Shape,
  { backend = currentBackend() }: { readonly backend?: Backend } = {},
): Tensor {
  const op = "randomMask";
  if (!(p > 0 && p <= 1)) {
    throw new ArgumentError({ op, expected: "a probability above 0, at most 1", actual: String(p) });
  }
  validateShape(shape, op);
  const count = elementCount(shape);
  if (count > WORD) throw new ArgumentError({ op, expected: "at most 2^32 elements", actual: String(count) });
  const blocks = Math.ceil(count / (4 * MASK_GROUP)) * MASK_GROUP;
  using all = allocateTensor(backend, [4 * blocks], "bool");
  const [keyLow, keyHigh, drawLow, drawHigh] = scalarWords(0);
  const words = [keyLow, keyHigh, E.index("linear"), drawLow, drawHigh] as const;
  // As many int32 values are at most this as p · 2³².
  const threshold = Math.max(Math.round(p * WORD) - 1, 0) - WORD / 2;
  const scalars = joinScalars(nextDraw(), [threshold]);
  if (count > 0) {
    backend.map({
      expressions: [0, 1, 2, 3].map((word) => {
        return E.le(E.random("bits", "int32", words, word), E.scalar(4, "int32"));
      }),
      shape: [blocks],
      inputs: [],
      scalars,
      outputs: [0, 1, 2, 3].map((word) => ({
        buffer: all.buffer,
        dtype: "bool",
        shape: [blocks],
        strides: [1],
        offset: word * blocks,
      })),
    });
  }
  using elements = slice(all, 0, 0, count);
  return reshape(elements, shape);
}

/** 1 with probability `p`, else 0; float32 by default. */
export function bernoulli(p: number, shape: Shape, options: TensorOptions = {}): Tensor {
  if (!(p >= 0 && p <= 1)) {
    throw new ArgumentError({ op: "bernoulli", expected: "a probability from 0 to 1", actual: String(p) });
  }
  const hit = E.lt(randomNode("uniform", "float64", scalarWords(0)), E.scalar(4, "float64"));
  return draw("bernoulli", shape, E.cast(hit, options.dtype ?? "float32"), [p], options);
}
