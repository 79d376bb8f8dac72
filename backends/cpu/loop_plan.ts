/**
 * Turns an iteration space into the loops of a generated kernel: axes reordered so that memory is walked in order, merged
 * where all operands allow it, and the access of each operand along the innermost loop classified. Also the block of
 * parameters that such a kernel reads its sizes, pointers and strides from.
 */

import { coalesce, type Shape } from "../../src/tensor/layout.ts";

/** How an operand moves along the innermost loop. */
export type Access = "contiguous" | "broadcast" | "strided";

/** An operand of a loop nest: its strides over the axes, in units (bytes, or index values). */
export interface StridedOperand {
  /** Strides over the axes of the iteration space. */
  readonly strides: readonly number[];
  /** Units of one element: neighbours that far apart are contiguous. */
  readonly unit: number;
}

/** Loops, outermost first, and the strides of the operands over them. */
export interface Loops {
  /** Sizes. */
  readonly sizes: readonly number[];
  /** For each operand its stride in each loop. */
  readonly strides: readonly (readonly number[])[];
}

/**
 * The loops over some axes of an iteration space: ordered by decreasing stride of the operands (the first one decides, the
 * next ones where it does not move), neighbours merged where possible.
 *
 * @param priority The operands in the order in which they decide. Default: as they come.
 */
export function planLoops(
  shape: Shape,
  axes: readonly number[],
  operands: readonly StridedOperand[],
  priority: readonly StridedOperand[] = operands,
): Loops {
  const moving = axes.filter((axis) => shape[axis] !== 1);
  const isOrdered = (a: number, b: number): number => {
    for (const { strides } of priority) {
      const difference = Math.abs(strides[b]) - Math.abs(strides[a]);
      if (difference !== 0) return difference;
    }
    return a - b;
  };
  if (moving.length > 1) moving.sort(isOrdered);
  const merged = coalesce(
    moving.map((axis) => shape[axis]),
    operands.map(({ strides }) => moving.map((axis) => strides[axis])),
  );
  return { sizes: merged.shape, strides: merged.strides };
}

/** The access of an operand with this innermost stride. */
export function accessOf(stride: number, unit: number): Access {
  return stride === 0 ? "broadcast" : stride === unit ? "contiguous" : "strided";
}

/** Where a kernel finds things in its block of parameters, in bytes. */
export class ParameterLayout {
  /** Loops around the innermost one that the range of the call covers. */
  readonly outer: number;
  /** Loops that run inside for each element of the range (reductions). */
  readonly nest: number;
  /** Number of operands. */
  readonly operands: number;

  /** A layout for so many loops and operands. */
  constructor(outer: number, nest: number, operands: number) {
    this.outer = outer;
    this.nest = nest;
    this.operands = operands;
  }

  /** Size of the innermost loop. */
  readonly innerSize = 0;

  /** Size of an outer loop. */
  outerSize(loop: number): number {
    return 4 * (1 + loop);
  }

  /** Size of a loop of the nest. */
  nestSize(loop: number): number {
    return 4 * (1 + this.outer + loop);
  }

  /** Address (or first index value) of an operand. */
  base(operand: number): number {
    const head = 1 + this.outer + this.nest;
    return 4 * (head + operand * (2 + 2 * this.outer + this.nest));
  }

  /** Stride of an operand in the innermost loop. */
  innerStride(operand: number): number {
    return this.base(operand) + 4;
  }

  /** Stride of an operand in an outer loop. */
  outerStride(operand: number, loop: number): number {
    return this.base(operand) + 4 * (2 + 2 * loop);
  }

  /** What moves an operand to the next round of an outer loop, from the last rounds of the outer loops inside it. */
  outerStep(operand: number, loop: number): number {
    return this.outerStride(operand, loop) + 4;
  }

  /** What moves an operand to the next round of a loop of the nest, after the loops inside it have run. */
  nestStep(operand: number, loop: number): number {
    return this.base(operand) + 4 * (2 + 2 * this.outer + loop);
  }

  /** Value of a scalar: 8 bytes each. */
  scalar(index: number): number {
    return 8 * Math.ceil(this.base(this.operands) / 8) + 8 * index;
  }

  /** Bytes of a block with so many scalars. */
  size(scalars: number): number {
    return this.scalar(scalars);
  }

  /** Fills in sizes and strides; addresses stay 0. `inner` is the innermost loop, absent where it is a single element. */
  template(
    outer: Loops,
    nest: Loops,
    inner: { readonly size: number; readonly strides: readonly number[] },
    scalars: number,
  ): Int32Array {
    const words = new Int32Array(this.size(scalars) / 4);
    words[this.innerSize / 4] = inner.size;
    outer.sizes.forEach((size, loop) => words[this.outerSize(loop) / 4] = size);
    nest.sizes.forEach((size, loop) => words[this.nestSize(loop) / 4] = size);
    for (let operand = 0; operand < this.operands; operand++) {
      words[this.innerStride(operand) / 4] = inner.strides[operand];
      let inside = 0;
      for (let loop = this.outer - 1; loop >= 0; loop--) {
        const stride = outer.strides[operand][loop];
        words[this.outerStride(operand, loop) / 4] = stride;
        words[this.outerStep(operand, loop) / 4] = stride - inside;
        inside += (outer.sizes[loop] - 1) * stride;
      }
      for (let loop = 0; loop < this.nest; loop++) {
        const walked = loop + 1 < this.nest ? nest.sizes[loop + 1] * nest.strides[operand][loop + 1] : 0;
        words[this.nestStep(operand, loop) / 4] = nest.strides[operand][loop] - walked;
      }
    }
    return words;
  }
}
