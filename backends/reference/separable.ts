/** Separable filters and their adjoint in the reference backend: tap by tap, axis for axis, in float64. */

import type { SeparableFilterCall } from "../../src/tensor/separable_filter.ts";
import type { Operand } from "./buffer.ts";

/** Three entries, `fill` in front. */
function threeAxes<T>(list: readonly T[], fill: T): T[] {
  return [...new Array<T>(3 - list.length).fill(fill), ...list];
}

/** Calls `visit` with an output, an input that it meets, and the weight between them, as positions in whole views. */
function forEachPair(
  { geometry, profiles }: SeparableFilterCall,
  visit: (output: number, input: number, weight: number) => void,
): void {
  const inputs = threeAxes(geometry.inputSize, 1), outputs = threeAxes(geometry.outputSize, 1);
  const stride = threeAxes(geometry.stride, 1), padding = threeAxes(geometry.padBefore, 0);
  const taps = threeAxes(profiles, Float64Array.of(1));
  /** The inputs that an output meets along an axis. */
  const along = (axis: number, output: number) =>
    [...taps[axis]].map((weight, tap) => ({ position: output * stride[axis] + tap - padding[axis], weight }))
      .filter(({ position }) => position >= 0 && position < inputs[axis]);
  let output = 0;
  for (let plane = 0; plane < geometry.batch * geometry.inChannels; plane++) {
    for (let z = 0; z < outputs[0]; z++) {
      for (let y = 0; y < outputs[1]; y++) {
        for (let x = 0; x < outputs[2]; x++, output++) {
          for (const a of along(0, z)) {
            for (const b of along(1, y)) {
              for (const c of along(2, x)) {
                const input = ((plane * inputs[0] + a.position) * inputs[1] + b.position) * inputs[2] + c.position;
                visit(output, input, a.weight * b.weight * c.weight);
              }
            }
          }
        }
      }
    }
  }
}

/** See `Backend.separableFilter`. */
export function separableFilter(call: SeparableFilterCall, input: Operand, output: Operand): void {
  const sums = new Float64Array(output.positions.length);
  forEachPair(call, (to, from, weight) => sums[to] += weight * input.elements[input.positions[from]]);
  sums.forEach((value, i) => output.elements[output.positions[i]] = value);
}

/** See `Backend.separableFilterAdjoint`. */
export function separableFilterAdjoint(call: SeparableFilterCall, input: Operand, output: Operand): void {
  const sums = new Float64Array(input.positions.length);
  forEachPair(call, (from, to, weight) => sums[to] += weight * output.elements[output.positions[from]]);
  sums.forEach((value, i) => input.elements[input.positions[i]] = value);
}
