/**
 * Columns of a matrix in another order, as few strided copies where the order is regular (all fields of a representation by component, all
 * copies of an irrep), else by index. Its derivative is the way back, which writes every number once.
 */

import type { View } from "../../tensor/backend.ts";
import { allocateTensor, needsGrad, record } from "../../tensor/core.ts";
import * as E from "../../tensor/expr.ts";
import { concatenate, noGrad, type Tensor, zeros } from "../../tensor/mod.ts";
import { localScope } from "../../tensor/scope.ts";
import { Constant, selectAt } from "../plain/persistent.ts";

/** Above this number of copies an index for each column costs less. */
const MOST_COPIES = 12;

/** What a number costs that moves by index, and the start of a copied row, beside a number that is copied. */
const INDEX_COST = 4, ROW_COST = 6;

/** Columns that are equally spaced along each of several nested loops, on both sides. */
interface Run {
  readonly starts: readonly [number, number];
  readonly counts: readonly number[];
  /** Steps of the loops on both sides. */
  readonly steps: readonly [readonly number[], readonly number[]];
}

/** Where columns come from and go to; columns that come from nowhere are 0. */
export class Rearrangement {
  readonly #sizes: readonly [number, number];
  readonly #runs: readonly Run[];
  /** For each side the column on the other side, the size of the other side where there is none; `undefined` where copies are used. */
  readonly #orders: readonly [Constant, Constant] | undefined;
  readonly #covers: readonly [boolean, boolean];

  private constructor(sources: Int32Array, size: number, breaks: readonly number[]) {
    const targets = new Int32Array(size).fill(sources.length);
    let places = 0;
    for (let target = 0; target < sources.length; target++) {
      if (sources[target] < 0) continue;
      targets[sources[target]] = target;
      places++;
    }
    const from = new Int32Array(places), to = new Int32Array(places);
    for (let target = 0, i = 0; target < sources.length; target++) {
      if (sources[target] < 0) continue;
      from[i] = sources[target];
      to[i++] = target;
    }
    this.#sizes = [size, sources.length];
    this.#covers = [places === size, places === sources.length];
    const whole = findRuns(from, to, []), parted = findRuns(from, to, breaks);
    this.#runs = parted.length < whole.length ? parted : whole;
    if (this.#runs.length > MOST_COPIES) {
      const origins = sources.map((source) => source < 0 ? size : source);
      this.#orders = [new Constant(targets, [size]), new Constant(origins, [origins.length])];
    }
  }

  /**
   * The order in which column i comes from column `sources[i]` of `size` ones, each of which is used at most once; from nowhere where
   * that is negative. `undefined` where all stay in their places. At `breaks` a regularity may end: columns there are tried as first
   * ones of a copy.
   */
  static of(sources: Int32Array, size: number, breaks: readonly number[] = []): Rearrangement | undefined {
    const same = sources.length === size && sources.every((source, target) => source === target);
    return same ? undefined : new Rearrangement(sources, size, breaks);
  }

  /** What a number takes on its way, beside one that is copied in a long row. */
  get cost(): number {
    if (this.#orders !== undefined) return INDEX_COST;
    let sum = 0, total = 0;
    for (const { counts } of this.#runs) {
      const count = counts.reduce((product, length) => product * length, 1);
      total += count;
      sum += count * (1 + ROW_COST / (counts[counts.length - 1] ?? 1));
    }
    return total === 0 ? 0 : sum / total;
  }

  /** `x` `[rows, size]` in the new order. */
  apply(x: Tensor): Tensor {
    return this.#move(x, 1);
  }

  /** The adjoint: every column of `x` where it came from, 0 elsewhere. */
  undo(x: Tensor): Tensor {
    return this.#move(x, 0);
  }

  /** To a side of the arrangement. */
  #move(x: Tensor, side: 0 | 1): Tensor {
    const result = this.#orders === undefined
      ? this.#copy(x, side)
      : noGrad(() => localScope(() => this.#select(x, side)));
    if (needsGrad([x])) {
      record("rearrange", [x], [result], [], ([gradient]) => [this.#move(gradient!, side === 1 ? 0 : 1)]);
    }
    return result;
  }

  #select(x: Tensor, side: 0 | 1): Tensor {
    const { dtype, backend, shape: [rows] } = x;
    const padded = this.#covers[side] ? x : concatenate([x, zeros([rows, 1], { dtype, backend })], 1);
    return selectAt(padded, 1, this.#orders![side]);
  }

  #copy(x: Tensor, side: 0 | 1): Tensor {
    const { dtype, backend, shape: [rows] } = x;
    const shape = [rows, this.#sizes[side]];
    const result = allocateTensor(backend, shape, dtype);
    if (!this.#covers[side] && result.size > 0) {
      backend.map({ expressions: [E.constant(0, dtype)], shape, inputs: [], scalars: [], outputs: [result] });
    }
    for (const run of result.size > 0 ? this.#runs : []) {
      backend.copy(columnsOf(x, run, side === 1 ? 0 : 1), columnsOf(result, run, side));
    }
    return result;
  }
}

/** The columns of a run on a side. */
function columnsOf(x: Tensor, { starts, counts, steps }: Run, side: 0 | 1): View {
  const [row, column] = x.strides;
  return {
    shape: [x.shape[0], ...counts],
    strides: [row, ...steps[side].map((step) => step * column)],
    offset: x.offset + starts[side] * column,
    buffer: x.buffer,
    dtype: x.dtype,
  };
}

/**
 * Pairs of positions as nested loops with constant steps, taken greedily; none goes on past a target where a break is. Gives up soon after
 * there are too many.
 */
function findRuns(from: Int32Array, to: Int32Array, breaks: readonly number[]): Run[] {
  const runs: Run[] = [], ends = new Set(breaks);
  let end = 0;
  for (let first = 0; first < from.length && runs.length <= MOST_COPIES;) {
    if (end <= first) { for (end = first + 1; end < to.length && !ends.has(to[end]);) end++; }
    const counts: number[] = [], inner: number[] = [], outer: number[] = [];
    let length = 1;
    for (;;) {
      const next = first + length;
      if (next >= end) break;
      const step = from[next] - from[first], jump = to[next] - to[first];
      let count = 1;
      // Views step forward.
      while (
        step > 0 && first + (count + 1) * length <= end && repeats(from, first, length, count, step) &&
        repeats(to, first, length, count, jump)
      ) count++;
      if (count === 1) break;
      counts.unshift(count);
      inner.unshift(step);
      outer.unshift(jump);
      length *= count;
    }
    runs.push({ starts: [from[first], to[first]], counts, steps: [inner, outer] });
    first += length;
  }
  return runs;
}

/** Whether the first `length` positions return as the `count`-th ones, `count · step` further. */
function repeats(list: Int32Array, first: number, length: number, count: number, step: number): boolean {
  const start = first + count * length;
  for (let i = 0; i < length; i++) if (list[start + i] !== list[first + i] + count * step) return false;
  return true;
}
