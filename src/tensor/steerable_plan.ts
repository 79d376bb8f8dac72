/**
 * What a convolution computes whose filters are combinations of few scalar functions on the grid (steerable CNNs, Weiler & Cesa 2019;
 * Wigner-Eckart for steerable kernels, Lang & Weiler 2021): correlate each channel with the functions, contract them to planes,
 * multiply the planes by the weights. Part of the contract of backends, like `conv_geometry.ts`.
 */

import type { ConvolutionGeometry } from "./conv_geometry.ts";
import { ArgumentError } from "./errors.ts";

/** The planes that the copies of one kind of input make for one output. */
export interface PlanePart {
  /** The position of the output in {@linkcode SteerablePlan.outputs}. */
  readonly output: number;
  /** The number of paths: columns of the output's weight matrix for each copy. */
  readonly paths: number;
  /** [paths, output size, input size, functions]. */
  readonly coefficients: Float64Array;
}

/** Channels that are treated alike, such as all copies of one irrep. */
export interface PlanInput {
  /** Channels of a copy. */
  readonly size: number;
  /** The first channel of each copy, within the group's channels. */
  readonly channels: Int32Array;
  /** The planes for each output that they reach, outputs ascending. */
  readonly parts: readonly PlanePart[];
}

/** Output channels that one matrix of weights makes, such as all copies of one irrep. */
export interface PlanOutput {
  /** Channels of a copy. */
  readonly size: number;
  /** The first channel of each copy, within the group's channels: one row of the matrix each. */
  readonly channels: Int32Array;
}

/**
 * A bilinear map from an input and weights to an output, for each group of channels:
 *
 *     P[c, f, p] = Σ_t x[c, p · stride + t · dilation − padding] · functions[f, t]
 *     T[o, (n, k), i, p] = Σ_{j, f} coefficients[k, i, j, f] · P[channels(n) + j, f, p]     for all inputs' copies n and paths k
 *     y[channels(o, a) + i, p] = Σ_{(n, k)} weights_o[a, (n, k)] · T[o, (n, k), i, p]
 *
 * The columns (n, k) of an output's matrix run over the inputs in order, their copies, and the paths of the part. The flat
 * weights of a group are the row-major matrices of all outputs in order. Output channels that no output names are 0.
 */
export interface SteerablePlan {
  /** [functionCount, …kernelSize]. */
  readonly functions: Float64Array;
  /** The number of functions. */
  readonly functionCount: number;
  /** Sizes of the grid that the functions live on. */
  readonly kernelSize: readonly number[];
  /** Channels of the input in each group. */
  readonly inChannels: number;
  /** Channels of the output in each group. */
  readonly outChannels: number;
  /** Weights of each group. */
  readonly weightCount: number;
  /** Kinds of input. */
  readonly inputs: readonly PlanInput[];
  /** Matrices of weights. */
  readonly outputs: readonly PlanOutput[];
  /** Columns of each output's matrix. */
  readonly columns: readonly number[];
  /** Where each output's matrix begins among the weights of a group. */
  readonly offsets: readonly number[];
}

/** What {@linkcode steerablePlan} is told. */
export type SteerablePlanParts = Omit<SteerablePlan, "functionCount" | "weightCount" | "columns" | "offsets">;

function fail(expected: string, actual: unknown): never {
  throw new ArgumentError({ op: "steerablePlan", expected, actual: String(actual) });
}

function checkChannels(channels: Int32Array, size: number, limit: number): void {
  for (const channel of channels) {
    if (channel < 0 || channel + size > limit) fail(`first channels from 0 to ${limit - size}`, channel);
  }
}

/**
 * Completes and checks a plan.
 *
 * @throws ArgumentError where sizes or channels do not fit together.
 */
export function steerablePlan(parts: SteerablePlanParts): SteerablePlan {
  const { functions, kernelSize, inChannels, outChannels, inputs, outputs } = parts;
  const taps = kernelSize.reduce((count, size) => count * size, 1);
  const functionCount = functions.length / taps;
  if (!Number.isInteger(functionCount)) fail(`functions on ${taps} taps`, functions.length);
  const columns = outputs.map(() => 0);
  for (const { size, channels } of outputs) checkChannels(channels, size, outChannels);
  for (const { size, channels, parts: planes } of inputs) {
    checkChannels(channels, size, inChannels);
    planes.forEach(({ output, paths, coefficients }, i) => {
      if (!(output < outputs.length) || (i > 0 && planes[i - 1].output >= output)) {
        fail("outputs that exist, ascending", output);
      }
      const expected = paths * outputs[output].size * size * functionCount;
      if (coefficients.length !== expected) fail(`${expected} coefficients`, coefficients.length);
      columns[output] += channels.length * paths;
    });
  }
  const offsets: number[] = [];
  let weightCount = 0;
  outputs.forEach(({ channels }, o) => {
    offsets.push(weightCount);
    weightCount += channels.length * columns[o];
  });
  return { ...parts, functionCount, weightCount, columns, offsets };
}

/** Multiply-adds of one pass over all samples: projection (without use of parity), contraction, product. */
export interface SteerableWork {
  /** Of the functions with the channels. */
  readonly projection: number;
  /** Of planes from functions. */
  readonly contraction: number;
  /** Of the weights with the planes. */
  readonly product: number;
  /** Planes of one group. */
  readonly planes: number;
  /** Values that are read and folded along rows: with steps, of more rows for each row of the output. */
  readonly folded: number;
  /** Elements of the output that the product writes. */
  readonly outputs: number;
}

/** What the parts of a convolution cost on a device, each beside a multiply-add of a large matrix product. */
export interface SteerableCosts {
  /** A multiply-add of the dense convolution. */
  readonly dense: number;
  /** A value that the dense convolution copies for a tap along a row: one for each channel, tap of a row and output position. */
  readonly denseCopy: number;
  /** An element of the output of the dense convolution. */
  readonly denseOutput: number;
  /** A multiply-add of the projection. */
  readonly projection: number;
  /** A value read and folded along its row before the projection: {@linkcode SteerableWork.folded}. */
  readonly fold: number;
  /** A term of the contraction. */
  readonly contraction: number;
  /** An element of a plane, written and read again by the product. */
  readonly plane: number;
  /** An element of the output of the product. */
  readonly output: number;
  /** A multiply-add of the changes of basis of input and output. */
  readonly basisChange: number;
  /** An element of a feature map that a change of basis writes and the next step reads. */
  readonly pass: number;
  /** A multiply-add of a product with a single row of weights. */
  readonly thinProduct: number;
  /** Rows of weights from which a product runs at full speed. */
  readonly fullRows: number;
}

/** Counts the work of a plan on a geometry. */
export function steerableWork(plan: SteerablePlan, geometry: ConvolutionGeometry): SteerableWork {
  const pixels = geometry.outputSize.reduce((count, size) => count * size, geometry.batch * geometry.groups);
  let projection = 0, contraction = 0, product = 0, planes = 0, channelCount = 0, outputs = 0;
  const nonZero = (values: Float64Array): number => values.reduce((count, value) => value === 0 ? count : count + 1, 0);
  const perChannel = nonZero(plan.functions);
  for (const { size, channels, parts } of plan.inputs) {
    projection += channels.length * size * perChannel;
    channelCount += channels.length * size;
    for (const { output, paths, coefficients } of parts) {
      contraction += channels.length * nonZero(coefficients);
      const made = channels.length * paths * plan.outputs[output].size;
      planes += made;
      product += made * plan.outputs[output].channels.length;
    }
  }
  for (const { size, channels } of plan.outputs) outputs += size * channels.length;
  const { kernelSize, stride } = geometry, last = kernelSize.length - 1;
  // Rows that no output before has met, for each row of outputs.
  const rows = kernelSize.reduce(
    (count, taps, axis) => axis === last ? count : count * Math.min(taps, stride[axis]),
    1,
  );
  return {
    projection: projection * pixels,
    contraction: contraction * pixels,
    product: product * pixels,
    planes,
    folded: channelCount * kernelSize[last] * rows * pixels,
    outputs: outputs * pixels,
  };
}
