/**
 * Convolution by a plan (see `src/tensor/steerable_plan.ts`) and its two gradients in the reference backend. The plan is a sum of
 * products input · weight · constant; each operation lists these through the planes of one sample and group.
 */

import type { SteerableConvolutionCall } from "../../src/tensor/backend.ts";
import type { ConvolutionGeometry } from "../../src/tensor/conv_geometry.ts";
import type { SteerablePlan } from "../../src/tensor/steerable_plan.ts";
import type { Operand } from "./buffer.ts";

/** For each output position and tap the input position that they meet: [outputs, taps], −1 outside. */
function meetings(geometry: ConvolutionGeometry): Int32Array {
  const { inputSize, outputSize, kernelSize, stride, dilation, padBefore } = geometry;
  const count = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);
  const outputs = count(outputSize), taps = count(kernelSize);
  const list = new Int32Array(outputs * taps);
  for (let p = 0; p < outputs; p++) {
    for (let t = 0; t < taps; t++) {
      let position = 0, restP = p, restT = t, scale = 1, inside = true;
      for (let axis = inputSize.length - 1; axis >= 0; axis--) {
        const o = restP % outputSize[axis], k = restT % kernelSize[axis];
        restP = Math.floor(restP / outputSize[axis]);
        restT = Math.floor(restT / kernelSize[axis]);
        const at = o * stride[axis] + k * dilation[axis] - padBefore[axis];
        if (at < 0 || at >= inputSize[axis]) inside = false;
        position += at * scale;
        scale *= inputSize[axis];
      }
      list[p * taps + t] = inside ? position : -1;
    }
  }
  return list;
}

/** The sizes that all loops need. */
class Sizes {
  readonly plan: SteerablePlan;
  readonly geometry: ConvolutionGeometry;
  readonly meet: Int32Array;
  readonly pixels: number;
  readonly inputPixels: number;
  readonly taps: number;

  constructor({ plan, geometry }: SteerableConvolutionCall) {
    this.plan = plan;
    this.geometry = geometry;
    this.meet = meetings(geometry);
    this.pixels = geometry.outputSize.reduce((a, b) => a * b, 1);
    this.inputPixels = geometry.inputSize.reduce((a, b) => a * b, 1);
    this.taps = geometry.kernelSize.reduce((a, b) => a * b, 1);
  }

  /** The first element of a channel of a sample and group in the input and in the output. */
  inputStart(sample: number, group: number, channel: number): number {
    const { plan, geometry } = this;
    return ((sample * geometry.groups + group) * plan.inChannels + channel) * this.inputPixels;
  }

  outputStart(sample: number, group: number, channel: number): number {
    const { plan, geometry } = this;
    return ((sample * geometry.groups + group) * plan.outChannels + channel) * this.pixels;
  }
}

/** Visits every plane of a group: the input channel of its copy, its coefficients' start, and its weights' column. */
function visitPlanes(
  plan: SteerablePlan,
  visit: (plane: {
    readonly channel: number;
    readonly inSize: number;
    readonly coefficients: Float64Array;
    readonly path: number;
    readonly output: number;
    readonly column: number;
  }) => void,
): void {
  const columns = plan.outputs.map(() => 0);
  for (const { size, channels, parts } of plan.inputs) {
    for (const channel of channels) {
      for (const { output, paths, coefficients } of parts) {
        for (let path = 0; path < paths; path++) {
          visit({ channel, inSize: size, coefficients, path, output, column: columns[output]++ });
        }
      }
    }
  }
}

/** The functions of all channels of a group: [channels, functions, pixels]. */
function project(sizes: Sizes, input: Operand, sample: number, group: number): Float64Array {
  const { plan, meet, pixels, taps } = sizes;
  const { functionCount, functions, inChannels } = plan;
  const planes = new Float64Array(inChannels * functionCount * pixels);
  for (let c = 0; c < inChannels; c++) {
    const start = sizes.inputStart(sample, group, c);
    for (let f = 0; f < functionCount; f++) {
      for (let p = 0; p < pixels; p++) {
        let sum = 0;
        for (let t = 0; t < taps; t++) {
          const at = meet[p * taps + t];
          if (at >= 0) sum += input.elements[input.positions[start + at]] * functions[f * taps + t];
        }
        planes[(c * functionCount + f) * pixels + p] = sum;
      }
    }
  }
  return planes;
}

/** Visits all (plane component, function of a channel) with a coefficient other than 0. */
function visitTerms(
  plan: SteerablePlan,
  visit: (output: number, column: number, component: number, source: number, coefficient: number) => void,
): void {
  const F = plan.functionCount;
  visitPlanes(plan, ({ channel, inSize, coefficients, path, output, column }) => {
    const outSize = plan.outputs[output].size;
    for (let i = 0; i < outSize; i++) {
      for (let j = 0; j < inSize; j++) {
        for (let f = 0; f < F; f++) {
          const value = coefficients[((path * outSize + i) * inSize + j) * F + f];
          if (value !== 0) visit(output, column, i, (channel + j) * F + f, value);
        }
      }
    }
  });
}

/** See `Backend.steerableConvolution`. */
export function steerableConvolution(
  call: SteerableConvolutionCall,
  input: Operand,
  weight: Operand,
  output: Operand,
): void {
  const sizes = new Sizes(call), { plan, pixels } = sizes, { batch, groups } = call.geometry;
  const sums = new Float64Array(output.positions.length);
  for (let sample = 0; sample < batch; sample++) {
    for (let group = 0; group < groups; group++) {
      const planes = project(sizes, input, sample, group);
      visitTerms(plan, (o, column, component, source, coefficient) => {
        plan.outputs[o].channels.forEach((channel, row) => {
          const at = group * plan.weightCount + plan.offsets[o] + row * plan.columns[o] + column;
          const factor = coefficient * weight.elements[weight.positions[at]];
          const target = sizes.outputStart(sample, group, channel + component);
          for (let p = 0; p < pixels; p++) sums[target + p] += factor * planes[source * pixels + p];
        });
      });
    }
  }
  store(sums, output);
}

/** See `Backend.steerableConvolutionInputGradient`. */
export function steerableConvolutionInputGradient(
  call: SteerableConvolutionCall,
  input: Operand,
  weight: Operand,
  output: Operand,
): void {
  const sizes = new Sizes(call), { plan, pixels, taps, meet } = sizes, { batch, groups } = call.geometry;
  const F = plan.functionCount;
  const sums = new Float64Array(input.positions.length);
  for (let sample = 0; sample < batch; sample++) {
    for (let group = 0; group < groups; group++) {
      const planes = new Float64Array(plan.inChannels * F * pixels);
      visitTerms(plan, (o, column, component, source, coefficient) => {
        plan.outputs[o].channels.forEach((channel, row) => {
          const at = group * plan.weightCount + plan.offsets[o] + row * plan.columns[o] + column;
          const factor = coefficient * weight.elements[weight.positions[at]];
          const from = sizes.outputStart(sample, group, channel + component);
          for (let p = 0; p < pixels; p++) {
            planes[source * pixels + p] += factor * output.elements[output.positions[from + p]];
          }
        });
      });
      for (let c = 0; c < plan.inChannels; c++) {
        const start = sizes.inputStart(sample, group, c);
        for (let f = 0; f < F; f++) {
          for (let p = 0; p < pixels; p++) {
            for (let t = 0; t < taps; t++) {
              const at = meet[p * taps + t];
              if (at >= 0) sums[start + at] += planes[(c * F + f) * pixels + p] * plan.functions[f * taps + t];
            }
          }
        }
      }
    }
  }
  store(sums, input);
}

/** See `Backend.steerableConvolutionWeightGradient`. */
export function steerableConvolutionWeightGradient(
  call: SteerableConvolutionCall,
  input: Operand,
  weight: Operand,
  output: Operand,
): void {
  const sizes = new Sizes(call), { plan, pixels } = sizes, { batch, groups } = call.geometry;
  const sums = new Float64Array(weight.positions.length);
  for (let sample = 0; sample < batch; sample++) {
    for (let group = 0; group < groups; group++) {
      const planes = project(sizes, input, sample, group);
      visitTerms(plan, (o, column, component, source, coefficient) => {
        plan.outputs[o].channels.forEach((channel, row) => {
          const at = group * plan.weightCount + plan.offsets[o] + row * plan.columns[o] + column;
          const from = sizes.outputStart(sample, group, channel + component);
          let sum = 0;
          for (let p = 0; p < pixels; p++) {
            sum += planes[source * pixels + p] * output.elements[output.positions[from + p]];
          }
          sums[at] += coefficient * sum;
        });
      });
    }
  }
  store(sums, weight);
}

function store(sums: Float64Array, target: Operand): void {
  for (let i = 0; i < sums.length; i++) target.elements[target.positions[i]] = sums[i];
}
