/**
 * Convolution and its two gradients in the reference backend. All three sum over the same products: each output element
 * meets each tap of each channel of its group once. One loop lists these triples, the operations differ in which member
 * of a triple receives the product of the other two.
 */

import type { ConvolutionGeometry } from "../../src/tensor/conv_geometry.ts";
import type { Operand } from "./buffer.ts";

/** Row-major positions of an element of the input, of the filter and of the output that belong together. */
type Visit = (input: number, weight: number, output: number) => void;

/** `list` with `fill` in front, up to three entries: 1D and 2D are 3D with leading axes of size 1. */
function threeAxes(list: readonly number[], fill: number): number[] {
  return [...new Array<number>(3 - list.length).fill(fill), ...list];
}

/** Positions along one axis: for each output the taps that meet the input, as `[output, tap, input]`. */
function meetings(
  output: number,
  taps: number,
  input: number,
  stride: number,
  dilation: number,
  pad: number,
): [number, number, number][] {
  const list: [number, number, number][] = [];
  for (let o = 0; o < output; o++) {
    for (let tap = 0; tap < taps; tap++) {
      const i = o * stride + tap * dilation - pad;
      if (i >= 0 && i < input) list.push([o, tap, i]);
    }
  }
  return list;
}

/** Visits all triples of elements that a convolution multiplies. */
function visitProducts(geometry: ConvolutionGeometry, visit: Visit): void {
  const { batch, groups } = geometry;
  const inPerGroup = geometry.inChannels / groups;
  const outPerGroup = geometry.outChannels / groups;
  const [inputDepth, inputHeight, inputWidth] = threeAxes(geometry.inputSize, 1);
  const [kernelDepth, kernelHeight, kernelWidth] = threeAxes(geometry.kernelSize, 1);
  const [outputDepth, outputHeight, outputWidth] = threeAxes(geometry.outputSize, 1);
  const [strideD, strideH, strideW] = threeAxes(geometry.stride, 1);
  const [dilationD, dilationH, dilationW] = threeAxes(geometry.dilation, 1);
  const [padD, padH, padW] = threeAxes(geometry.padBefore, 0);
  const depth = meetings(outputDepth, kernelDepth, inputDepth, strideD, dilationD, padD);
  const height = meetings(outputHeight, kernelHeight, inputHeight, strideH, dilationH, padH);
  const width = meetings(outputWidth, kernelWidth, inputWidth, strideW, dilationW, padW);
  for (let sample = 0; sample < batch; sample++) {
    for (let out = 0; out < geometry.outChannels; out++) {
      const group = Math.floor(out / outPerGroup);
      const outPlane = (sample * geometry.outChannels + out) * outputDepth;
      for (let channel = 0; channel < inPerGroup; channel++) {
        const inPlane = (sample * geometry.inChannels + group * inPerGroup + channel) * inputDepth;
        const weightPlane = (out * inPerGroup + channel) * kernelDepth;
        for (const [outZ, tapZ, inZ] of depth) {
          for (const [outY, tapY, inY] of height) {
            const inRow = ((inPlane + inZ) * inputHeight + inY) * inputWidth;
            const weightRow = ((weightPlane + tapZ) * kernelHeight + tapY) * kernelWidth;
            const outRow = ((outPlane + outZ) * outputHeight + outY) * outputWidth;
            for (const [outX, tapX, inX] of width) visit(inRow + inX, weightRow + tapX, outRow + outX);
          }
        }
      }
    }
  }
}

/** Writes float64 sums into a view. */
function store(sums: Float64Array, target: Operand): void {
  for (let i = 0; i < sums.length; i++) target.elements[target.positions[i]] = sums[i];
}

/** See `Backend.convolution`. */
export function convolution(geometry: ConvolutionGeometry, input: Operand, weight: Operand, output: Operand): void {
  const sums = new Float64Array(output.positions.length);
  visitProducts(geometry, (i, w, o) => {
    sums[o] += input.elements[input.positions[i]] * weight.elements[weight.positions[w]];
  });
  store(sums, output);
}

/** See `Backend.convolutionInputGradient`. */
export function convolutionInputGradient(
  geometry: ConvolutionGeometry,
  input: Operand,
  weight: Operand,
  output: Operand,
): void {
  const sums = new Float64Array(input.positions.length);
  visitProducts(geometry, (i, w, o) => {
    sums[i] += output.elements[output.positions[o]] * weight.elements[weight.positions[w]];
  });
  store(sums, input);
}

/** See `Backend.convolutionWeightGradient`. */
export function convolutionWeightGradient(
  geometry: ConvolutionGeometry,
  input: Operand,
  weight: Operand,
  output: Operand,
): void {
  const sums = new Float64Array(weight.positions.length);
  visitProducts(geometry, (i, w, o) => {
    sums[w] += input.elements[input.positions[i]] * output.elements[output.positions[o]];
  });
  store(sums, weight);
}
