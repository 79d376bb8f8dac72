/**
 * Iteration spaces of generated kernels: axes ordered and merged so that memory is walked in order, sizes and strides as numbers given at
 * each launch, and the code that turns a thread's position into coordinates and offsets. One source serves all shapes of a rank.
 */

import { coalesce, elementCount, type Shape } from "../../../src/tensor/layout.ts";

/** Loops, outermost first, and the strides of the operands over them, in elements. */
export interface Loops {
  /** Sizes; none for a single position. */
  readonly sizes: readonly number[];
  /** For each operand its stride in each loop. */
  readonly strides: readonly (readonly number[])[];
}

/**
 * The loops over some axes of an iteration space: ordered by decreasing stride of the operands (the first one decides, the next ones
 * where it does not move), neighbours merged where all operands allow it.
 */
export function planLoops(shape: Shape, axes: readonly number[], operands: readonly (readonly number[])[]): Loops {
  const moving = axes.filter((axis) => shape[axis] !== 1);
  moving.sort((a, b) => {
    for (const strides of operands) {
      const difference = Math.abs(strides[b]) - Math.abs(strides[a]);
      if (difference !== 0) return difference;
    }
    return a - b;
  });
  const merged = coalesce(
    moving.map((axis) => shape[axis]),
    operands.map((strides) => moving.map((axis) => strides[axis])),
  );
  return { sizes: merged.shape, strides: merged.strides };
}

/** The positions of some loops together. */
export function positionsOf(loops: Loops): number {
  return elementCount(loops.sizes);
}

/** Decides whether positions and offsets in some loops have 64 bits. */
export type WidthRule = (loops: readonly Loops[]) => boolean;

/** Whether positions or offsets need 64 bits. */
export function isWide(loops: readonly Loops[]): boolean {
  let count = 1;
  const reach = loops[0].strides.map(() => 0);
  for (const { sizes, strides } of loops) {
    count *= elementCount(sizes);
    strides.forEach((list, operand) =>
      list.forEach((stride, axis) => reach[operand] += Math.abs(stride) * (sizes[axis] - 1))
    );
  }
  // Positions may run over the end by the threads of a block, offsets of groups of blocks.
  return count >= 2 ** 31 - 2 ** 20 || reach.some((offset) => offset >= 2 ** 31);
}

/** The multiplier and shift with which `escnn_divide` divides by `divisor`. */
export function divisionBy(divisor: number): readonly [multiplier: number, shift: number] {
  let shift = 0;
  while (2 ** shift < divisor) shift++;
  const multiplier = (2n ** 32n * (2n ** BigInt(shift) - BigInt(divisor))) / BigInt(divisor) + 1n;
  return [Number(BigInt.asIntN(32, multiplier)), shift];
}

/** The code of a loop nest whose sizes and strides stand in a structure of integers. */
export class LoopCode {
  readonly #rank: number;
  readonly #first: number;
  readonly #numbers: string;
  readonly #wide: boolean;

  /**
   * @param rank Loops.
   * @param first Where its numbers begin in the structure.
   * @param wide Whether positions have 64 bits.
   * @param numbers The structure's name.
   */
  constructor(rank: number, first: number, wide: boolean, numbers = "n") {
    this.#rank = rank;
    this.#first = first;
    this.#wide = wide;
    this.#numbers = numbers;
  }

  /** How many numbers a nest of a rank with so many operands has. */
  static count(rank: number, operands: number, wide: boolean): number {
    return Math.max(0, rank - 1) * (wide ? 1 : 3) + operands * rank;
  }

  /** The numbers of a nest: divisors of all loops but the outermost, then the operands' strides. */
  static numbers({ sizes, strides }: Loops, wide: boolean): number[] {
    const numbers: number[] = [];
    for (const size of sizes.slice(1)) numbers.push(size, ...(wide ? [] : divisionBy(Math.max(1, size))));
    for (const list of strides) numbers.push(...list);
    return numbers;
  }

  /** Statements that set `name0`, `name1`, … to the coordinates of a position. */
  coordinates(position: string, name: string): string[] {
    const type = this.#wide ? "long long" : "int";
    if (this.#rank === 0) return [];
    if (this.#rank === 1) return [`const ${type} ${name}0 = ${position};`];
    const lines: string[] = [];
    let rest = position;
    for (let axis = this.#rank - 1; axis > 0; axis--) {
      const at = this.#first + (axis - 1) * (this.#wide ? 1 : 3);
      const quotient = axis === 1 ? `${name}0` : `${name}q${axis}`;
      const size = this.#number(at);
      const divided = this.#wide
        ? `${rest} / ${size}`
        : `escnn_divide(${rest}, ${this.#number(at + 1)}, ${this.#number(at + 2)})`;
      lines.push(`const ${type} ${quotient} = ${divided};`);
      lines.push(`const ${type} ${name}${axis} = ${rest} - ${quotient} * ${size};`);
      rest = quotient;
    }
    return lines;
  }

  /** The offset of an operand at the coordinates of that name. */
  offset(operand: number, name: string): string {
    if (this.#rank === 0) return "0";
    const strides = this.#first + (this.#rank - 1) * (this.#wide ? 1 : 3) + operand * this.#rank;
    return Array.from({ length: this.#rank }, (_, axis) => `${name}${axis} * ${this.#number(strides + axis)}`).join(
      " + ",
    );
  }

  #number(at: number): string {
    return `${this.#numbers}.v[${at}]`;
  }
}
