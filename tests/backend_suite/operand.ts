// Operands of cases: how their elements are arranged in a buffer (order of axes, steps, gaps, reversal, broadcasting,
// room before and after) and what values they hold. Both adapt to any shape, so that shrinking a shape keeps them.

// The same bits in every engine, so that a seed means the same cases.
import { exp } from "../../src/math/functions.ts";
import { createTypedArray, type DType, isFloat, roundTo, type TypedArray } from "../../src/tensor/dtype.ts";
import { elementCount, formatShape, type Layout, type Shape } from "../../src/tensor/layout.ts";
import { Draw } from "./random.ts";

/** How a shape lies in its buffer. Arrays have one entry for each axis. */
export interface Arrangement {
  /** The axes from the outermost in memory to the innermost. */
  readonly order: readonly number[];
  /** Distance between neighbours in units of what the axes inside take, 2 or 3 for a slice with a step. */
  readonly step: readonly number[];
  /** Elements left free after each run of the axis. */
  readonly gap: readonly number[];
  /** Whether the axis runs backwards. */
  readonly reversed: readonly boolean[];
  /** Whether all elements along the axis are one. */
  readonly broadcast: readonly boolean[];
  /** Free elements before the first. */
  readonly lead: number;
  /** Free elements after the last. */
  readonly tail: number;
}

/** What values an operand holds. */
export type Fill = "count" | "normal" | "wide" | "small" | "special" | "near one" | "nan" | {
  readonly indices: number;
};

/** All about an operand but its shape. */
export interface Operand {
  readonly dtype: DType;
  readonly arrangement: Arrangement;
  readonly fill: Fill;
  /** Seed of its values. */
  readonly seed: number;
  /** How many values of the seed's sequence are left out before the first. Default 0. */
  readonly skip?: number;
}

/** The row-major arrangement without gaps. */
export function plain(rank: number): Arrangement {
  return {
    order: Array.from({ length: rank }, (_, axis) => axis),
    step: new Array<number>(rank).fill(1),
    gap: new Array<number>(rank).fill(0),
    reversed: new Array<boolean>(rank).fill(false),
    broadcast: new Array<boolean>(rank).fill(false),
    lead: 0,
    tail: 0,
  };
}

/** A random arrangement; half of them plain. */
export function drawArrangement(draw: Draw, rank: number, broadcasting = false): Arrangement {
  const base = plain(rank);
  if (draw.chance(0.45)) return base;
  return {
    order: draw.chance(0.4) ? draw.shuffled(base.order) : base.order,
    step: base.step.map(() => draw.chance(0.12) ? draw.integer(2, 3) : 1),
    gap: base.gap.map(() => draw.chance(0.15) ? draw.integer(1, 5) : 0),
    reversed: base.reversed.map(() => draw.chance(0.1)),
    broadcast: base.broadcast.map(() => broadcasting && draw.chance(0.3)),
    lead: draw.chance(0.4) ? draw.integer(1, 9) : 0,
    tail: draw.chance(0.4) ? draw.integer(1, 9) : 0,
  };
}

/** The arrangement without one axis. */
export function dropAxis(arrangement: Arrangement, axis: number): Arrangement {
  const keep = <T>(list: readonly T[]): T[] => list.filter((_, i) => i !== axis);
  return {
    ...arrangement,
    order: arrangement.order.filter((a) => a !== axis).map((a) => a > axis ? a - 1 : a),
    step: keep(arrangement.step),
    gap: keep(arrangement.gap),
    reversed: keep(arrangement.reversed),
    broadcast: keep(arrangement.broadcast),
  };
}

/** Where a shape's elements lie under an arrangement, and the buffer's length in elements. */
export function arrange(shape: Shape, arrangement: Arrangement): { layout: Layout; length: number } {
  const strides = new Array<number>(shape.length).fill(0);
  let offset = arrangement.lead;
  let taken = 1;
  for (const axis of [...arrangement.order].reverse()) {
    if (arrangement.broadcast[axis]) continue;
    const size = Math.max(1, shape[axis]);
    const stride = taken * arrangement.step[axis];
    strides[axis] = arrangement.reversed[axis] ? -stride : stride;
    if (arrangement.reversed[axis]) offset += (size - 1) * stride;
    taken = size * stride + arrangement.gap[axis];
  }
  const length = elementCount(shape) === 0 ? 0 : taken;
  return { layout: { shape, strides, offset }, length: arrangement.lead + length + arrangement.tail };
}

const FLOAT_SPECIALS: readonly number[] = [
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  1.5,
  2.5,
  -2.5,
  Infinity,
  -Infinity,
  NaN,
  1e-45,
  -1e-40,
  1.1754943508222875e-38,
  3.4028234663852886e38,
  -3.4028234663852886e38,
  1e30,
  -1e-30,
  8388609,
  2147483648,
  -2147483904,
  4294967296,
  88.5,
  -87.5,
  -103.5,
  9999,
];

const INT_SPECIALS: readonly number[] = [0, 1, -1, 2, -2, 3, 7, 0x7fffffff, -0x80000000, -0x7fffffff, 65536, 46341];

/** `count` values of a fill. */
export function values(operand: Operand, count: number): TypedArray {
  const { dtype, fill, seed, skip = 0 } = operand;
  const result = createTypedArray(dtype, count);
  const draw = new Draw("values", seed);
  for (let i = 0; i < skip; i++) value(draw, dtype, fill, i);
  for (let i = 0; i < count; i++) result[i] = value(draw, dtype, fill, skip + i);
  return result;
}

function value(draw: Draw, dtype: DType, fill: Fill, i: number): number {
  if (typeof fill === "object") return fill.indices === 0 ? 0 : draw.integer(0, fill.indices - 1);
  if (dtype === "bool") return draw.integer(0, 1);
  if (!isFloat(dtype)) {
    switch (fill) {
      case "count":
        return i + 1;
      case "special":
        return draw.pick(INT_SPECIALS);
      case "wide":
        return draw.bits();
      default:
        return draw.integer(-12, 12);
    }
  }
  switch (fill) {
    case "count":
      return i + 1;
    case "normal":
      return roundTo(dtype, draw.bell());
    case "wide":
      return roundTo(dtype, draw.bell() * exp((draw.unit() * 12 - 6) * Math.LN10));
    case "small":
      return draw.integer(-4, 4);
    case "special":
      return draw.pick(FLOAT_SPECIALS);
    case "near one":
      return roundTo(dtype, exp((draw.unit() * 2 - 1) * Math.LN2) * (draw.chance(0.3) ? -1 : 1));
    case "nan":
      return NaN;
  }
}

/** A random fill for elementwise computations. */
export function drawFill(draw: Draw): Fill {
  return draw.weighted({ normal: 60, wide: 15, small: 10, special: 15 });
}

/** A random operand. */
export function drawOperand(draw: Draw, dtype: DType, rank: number, fill: Fill, broadcasting = false): Operand {
  return { dtype, arrangement: drawArrangement(draw, rank, broadcasting), fill, seed: draw.integer(0, 999_999) };
}

/** Simpler operands than this one, the simplest first. */
export function simplerOperands(operand: Operand): Operand[] {
  const { arrangement } = operand;
  const rank = arrangement.order.length;
  const base = plain(rank);
  const result: Operand[] = [];
  const changed = (next: Arrangement): void => {
    if (JSON.stringify(next) !== JSON.stringify(arrangement)) result.push({ ...operand, arrangement: next });
  };
  changed(base);
  changed({ ...arrangement, lead: 0, tail: 0 });
  changed({ ...arrangement, order: base.order });
  changed({ ...arrangement, step: base.step });
  changed({ ...arrangement, gap: base.gap });
  changed({ ...arrangement, reversed: base.reversed });
  changed({ ...arrangement, broadcast: base.broadcast });
  const order: Fill[] = ["count", "small", "normal"];
  if (typeof operand.fill === "string" && operand.fill !== "nan") {
    const at = order.indexOf(operand.fill);
    for (const fill of at < 0 ? order : order.slice(0, at)) result.push({ ...operand, fill });
  }
  return result;
}

/** An operand as text. */
export function describeOperand(operand: Operand, shape: Shape): string {
  const { layout, length } = arrange(shape, operand.arrangement);
  const fill = typeof operand.fill === "string" ? operand.fill : `indices below ${operand.fill.indices}`;
  return `${operand.dtype} ${formatShape(shape)} strides ${formatShape(layout.strides)} offset ${layout.offset} in ` +
    `${length} elements, values "${fill}" seed ${operand.seed}${operand.skip ? ` from number ${operand.skip}` : ""}`;
}

const SIZES: readonly number[] = [2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 15, 16, 17, 23, 31, 32, 33, 47, 63, 64, 65, 127, 129];

/** How many elements a case may have: mostly few, sometimes enough to be split over threads. */
export function drawBudget(draw: Draw): number {
  const size = draw.weighted({ small: 640, medium: 330, large: 20, huge: 10 });
  return { small: 200, medium: 1500, large: 6000, huge: 40000 }[size];
}

/** A random shape of at most `budget` elements: sizes 0, 1, small, odd, around powers of two; few axes fill the budget. */
export function drawShape(draw: Draw, budget: number, minimumRank = 0, maximumRank = 6): number[] {
  const rank = draw.integer(minimumRank, maximumRank);
  const shape: number[] = [];
  let rest = budget;
  for (let axis = 0; axis < rank; axis++) {
    const kind = draw.weighted({ zero: 1, one: 14, listed: 55, any: 15, full: rank < 3 ? 15 : 2 });
    let size = 1;
    if (kind === "zero") size = 0;
    else if (kind === "listed") size = draw.pick(SIZES);
    else if (kind === "any") size = draw.integer(1, 40);
    else if (kind === "full") size = draw.integer(Math.max(1, rest - 9), rest);
    size = Math.min(size, rest);
    shape.push(size);
    if (size > 0) rest = Math.max(1, Math.floor(rest / size));
  }
  return draw.shuffled(shape);
}

/** Sizes to try in the place of one, the simplest first. */
export function smallerSizes(size: number): number[] {
  const list = [1, Math.floor(size / 2), size - 1].filter((s) => s < size && s >= 1);
  return [...new Set(list)];
}
