/**
 * Which correlations tiles can compute, in the form in which they do: two axes, every position and tap next to the last, a
 * square filter. The input gradient's backward steps become forward ones by reading the filter from its other end.
 */

import type { ConvolutionGeometry } from "../../../src/tensor/conv_geometry.ts";
import type { FloatDType } from "../../../src/tensor/dtype.ts";
import type { Correlation, Placement } from "../convolution/correlation.ts";

/** Sizes of a correlation of planes with a square filter, stride and step 1. */
export interface PlaneSizes {
  /** Samples. */
  readonly batch: number;
  /** Groups of channels. */
  readonly groups: number;
  /** Channels summed over, in each group. */
  readonly inChannels: number;
  /** Channels of the result, in each group. */
  readonly outChannels: number;
  /** Taps along each axis. */
  readonly taps: number;
  /** Rows and columns of the output. */
  readonly outputs: readonly [number, number];
}

/** A correlation of planes with a square filter, stride and step 1. */
export interface PlaneProblem extends PlaneSizes {
  /** Rows and columns of the input. */
  readonly inputs: readonly [number, number];
  /** Row and column of the input that output 0 and tap 0 meet. */
  readonly start: readonly [number, number];
  /** `in`, with columns next to each other. */
  readonly input: Placement;
  /** `weight`; strides of taps may be negative. */
  readonly weight: Placement;
  /** `out`, with columns next to each other. */
  readonly output: Placement;
}

/** Fewer channels than this are not worth the transforms. */
const LEAST_CHANNELS = 4;

/** The sizes of a convolution's forward pass, `undefined` where tiles do not apply. */
export function planeSizes(geometry: ConvolutionGeometry, dtype: FloatDType): PlaneSizes | undefined {
  const { batch, groups, inputSize, kernelSize, outputSize, stride, dilation } = geometry;
  const inChannels = geometry.inChannels / groups, outChannels = geometry.outChannels / groups;
  if (dtype !== "float32" || Math.min(inChannels, outChannels) < LEAST_CHANNELS) return undefined;
  if (inputSize.length !== 2 || kernelSize[0] !== kernelSize[1] || kernelSize[0] < 2) return undefined;
  if (stride.some((step) => step !== 1) || dilation.some((step) => step !== 1)) return undefined;
  return { batch, groups, inChannels, outChannels, taps: kernelSize[0], outputs: [outputSize[0], outputSize[1]] };
}

/** The problem for tiles, `undefined` where they do not apply. */
export function planeProblem(problem: Correlation): PlaneProblem | undefined {
  const { dtype, batch, groups, inChannels, outChannels, axes, input, weight, output } = problem;
  const [depth, rows, columns] = axes;
  if (dtype !== "float32" || Math.min(inChannels, outChannels) < LEAST_CHANNELS) return undefined;
  if (depth.taps !== 1 || depth.inputs !== 1 || depth.outputs !== 1 || depth.start !== 0) return undefined;
  if (rows.taps !== columns.taps || rows.taps < 2) return undefined;
  for (const { stride, step, inputs, outputs } of [rows, columns]) {
    if (stride !== 1 || Math.abs(step) !== 1 || inputs === 0 || outputs === 0) return undefined;
  }
  if (input.space[2] !== 1 || output.space[2] !== 1) return undefined;
  const space: [number, number, number] = [0, weight.space[1], weight.space[2]];
  const start: [number, number] = [rows.start, columns.start];
  let pointer = weight.pointer;
  [rows, columns].forEach(({ step, taps }, i) => {
    if (step === 1) return;
    pointer += 4 * (taps - 1) * weight.space[i + 1];
    space[i + 1] = -weight.space[i + 1];
    start[i] -= taps - 1;
  });
  return {
    batch,
    groups,
    inChannels,
    outChannels,
    taps: rows.taps,
    inputs: [rows.inputs, columns.inputs],
    outputs: [rows.outputs, columns.outputs],
    start,
    input,
    weight: { ...weight, pointer, space },
    output,
  };
}

/** A problem as one for each `channels` output channels. */
export function outputParts(problem: PlaneProblem, channels: number): PlaneProblem[] {
  const { outChannels, weight, output } = problem;
  if (channels >= outChannels) return [problem];
  return Array.from({ length: Math.ceil(outChannels / channels) }, (_, part) => {
    const first = part * channels;
    return {
      ...problem,
      outChannels: Math.min(channels, outChannels - first),
      weight: { ...weight, pointer: weight.pointer + 4 * first * weight.outer },
      output: { ...output, pointer: output.pointer + 4 * first * output.channel },
    };
  });
}
