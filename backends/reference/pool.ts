/**
 * Pooling of the reference backend: every window's elements are listed in row-major order and folded. Elements in the
 * padding never win a maximum and count as zeros in an average.
 */

import type { PoolGeometry } from "../../src/tensor/pool_geometry.ts";
import { elementCount } from "../../src/tensor/layout.ts";
import type { Operand } from "./buffer.ts";

/** One window: the row-major positions of its elements in the plane, and the divisor of its average. */
interface Window {
  readonly elements: readonly number[];
  readonly divisor: number;
}

/** The part of a window along one axis: positions inside the input, and how many lie in the padded input. */
function alongAxis(geometry: PoolGeometry, axis: number, output: number): { inside: number[]; padded: number } {
  const size = geometry.inputSize[axis];
  const pad = geometry.padding[axis];
  const inside: number[] = [];
  let padded = 0;
  for (let tap = 0; tap < geometry.windowSize[axis]; tap++) {
    const i = output * geometry.stride[axis] + tap * geometry.dilation[axis] - pad;
    if (i < size + pad) padded++;
    if (i >= 0 && i < size) inside.push(i);
  }
  return { inside, padded };
}

/** The windows of one plane, row-major over the outputs. */
function planeWindows(geometry: PoolGeometry): Window[] {
  let windows: Window[] = [{ elements: [0], divisor: 1 }];
  geometry.outputSize.forEach((outputs, axis) => {
    const parts = Array.from({ length: outputs }, (_, output) => alongAxis(geometry, axis, output));
    windows = windows.flatMap((outer) =>
      parts.map(({ inside, padded }) => ({
        elements: outer.elements.flatMap((row) => inside.map((i) => row * geometry.inputSize[axis] + i)),
        divisor: outer.divisor * padded,
      }))
    );
  });
  return windows;
}

/** Visits each window of each plane: `visit(plane's first element, output's number, window)`. */
function visitWindows(geometry: PoolGeometry, visit: (base: number, output: number, window: Window) => void): void {
  const windows = planeWindows(geometry);
  const planeSize = elementCount(geometry.inputSize);
  for (let plane = 0; plane < geometry.batch * geometry.channels; plane++) {
    windows.forEach((window, i) => visit(plane * planeSize, plane * windows.length + i, window));
  }
}

/** See `Backend.maxPool`. A window that dilation leads past the whole input gives −∞ at position 0. */
export function maxPool(geometry: PoolGeometry, input: Operand, output: Operand, indices: Operand): void {
  visitWindows(geometry, (base, at, { elements }) => {
    let best = -Infinity;
    let where = elements.length > 0 ? elements[0] : 0;
    for (const element of elements) {
      const value = input.elements[input.positions[base + element]];
      if (value > best || value !== value) {
        best = value;
        where = element;
      }
      if (best !== best) break;
    }
    output.elements[output.positions[at]] = best;
    indices.elements[indices.positions[at]] = where;
  });
}

/** See `Backend.averagePool`. */
export function averagePool(geometry: PoolGeometry, input: Operand, output: Operand): void {
  visitWindows(geometry, (base, at, { elements, divisor }) => {
    let sum = 0;
    for (const element of elements) sum += input.elements[input.positions[base + element]];
    output.elements[output.positions[at]] = sum / divisor;
  });
}

/** See `Backend.averagePoolGradient`. */
export function averagePoolGradient(geometry: PoolGeometry, input: Operand, output: Operand): void {
  const sums = new Float64Array(input.positions.length);
  visitWindows(geometry, (base, at, { elements, divisor }) => {
    const share = output.elements[output.positions[at]] / divisor;
    for (const element of elements) sums[base + element] += share;
  });
  for (let i = 0; i < sums.length; i++) input.elements[input.positions[i]] = sums[i];
}
