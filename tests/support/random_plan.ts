// Random plans of steerable convolutions for tests: several inputs and outputs, channels in no order, some that nobody uses.

import { type SteerablePlan, steerablePlan } from "../../src/tensor/steerable_plan.ts";

/** A generator of numbers in [-1, 1) that is the same everywhere. */
export function numbers(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

/** `parity[f]` 1 or −1: function f is even or odd along each axis in turn; without it functions have no symmetry. */
export interface RandomPlanOptions {
  /** Sizes of the grid. */
  readonly kernelSize: readonly number[];
  /** How many functions. Default 5. */
  readonly functionCount?: number;
  /** Whether functions are even or odd along each axis. Default true. */
  readonly symmetric?: boolean;
  /** Copies of each input and output. Default 3. */
  readonly copies?: number;
  /** A seed. Default 1. */
  readonly seed?: number;
}

/** Inputs of sizes 2, 1, 3 and outputs of sizes 1, 2; nine tenths of the coefficients of the third input are 0. */
export function randomPlan(options: RandomPlanOptions): SteerablePlan {
  const { kernelSize, functionCount = 5, symmetric = true, copies = 3, seed = 1 } = options;
  const next = numbers(seed);
  const taps = kernelSize.reduce((a, b) => a * b, 1);
  const functions = new Float64Array(functionCount * taps);
  for (let f = 0; f < functionCount; f++) {
    for (let t = 0; t < taps; t++) functions[f * taps + t] = next();
    if (!symmetric) continue;
    let stride = 1;
    for (let axis = kernelSize.length - 1; axis >= 0; axis--) {
      const size = kernelSize[axis], sign = (f >> axis) % 2 === 0 ? 1 : -1;
      for (let t = 0; t < taps; t++) {
        const at = Math.floor(t / stride) % size;
        const mirrored = t + (size - 1 - 2 * at) * stride;
        if (mirrored > t) functions[f * taps + mirrored] = sign * functions[f * taps + t];
        else if (mirrored === t && sign < 0) functions[f * taps + t] = 0;
      }
      stride *= size;
    }
  }
  const outputs = [
    { size: 1, channels: Int32Array.from({ length: copies }, (_, i) => 2 + 3 * i) },
    { size: 2, channels: Int32Array.from({ length: copies }, (_, i) => 3 * (copies - 1 - i)) },
  ];
  const sizes = [2, 1, 3], step = 7;
  const inputs = sizes.map((size, kind) => ({
    size,
    channels: Int32Array.from({ length: copies }, (_, i) => step * i + [1, 3, 4][kind]),
    parts: outputs.flatMap((output, o) => {
      if (kind === 1 && o === 1) return [];
      const paths = 1 + ((kind + o) % 3);
      const coefficients = new Float64Array(paths * output.size * size * functionCount);
      for (let i = 0; i < coefficients.length; i++) {
        const value = next();
        coefficients[i] = kind < 2 || Math.abs(value) > 0.9 ? value : 0;
      }
      return [{ output: o, paths, coefficients }];
    }),
  }));
  return steerablePlan({
    functions,
    kernelSize,
    inChannels: step * copies,
    outChannels: 3 * copies + 1,
    inputs,
    outputs,
  });
}
