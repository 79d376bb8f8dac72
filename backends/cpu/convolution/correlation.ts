/**
 * A convolution's forward pass and both its gradients as one problem: the strided correlation
 *
 *     out[b, o, p] = Σ in[b, c, start + p · stride + t · step] · weight[o, c, t]      (zero outside the input)
 *
 * over three axes (depth, vertical, horizontal; missing ones have size 1). The input gradient is a correlation of the
 * output gradient whose step is negative; with a stride it falls into one such problem for each residue of the input's
 * position, because only every stride-th tap meets it. The weight gradient sums the same products over b and p instead.
 */

import type { ConvolutionCall, View } from "../../../src/tensor/backend.ts";
import type { ConvolutionGeometry } from "../../../src/tensor/conv_geometry.ts";
import type { FloatDType } from "../../../src/tensor/dtype.ts";

/** One axis of a correlation. */
export interface CorrelationAxis {
  /** Number of output positions. */
  readonly outputs: number;
  /** Number of input positions. */
  readonly inputs: number;
  /** Number of taps; may be 0. */
  readonly taps: number;
  /** Input position that output 0 and tap 0 meet. */
  readonly start: number;
  /** Input positions from one output to the next, positive. */
  readonly stride: number;
  /** Input positions from one tap to the next. */
  readonly step: number;
}

/** Where an operand lies: element `(outer…, z, y, x)`, strides in elements. */
export interface Placement {
  /** Address of its first element, in bytes. */
  readonly pointer: number;
  /** Stride of the sample (of the output channel within its group, for the filter). */
  readonly outer: number;
  /** Stride of the group. */
  readonly group: number;
  /** Stride of the channel within its group. */
  readonly channel: number;
  /** Strides of depth, vertical and horizontal position (tap). */
  readonly space: readonly [number, number, number];
}

/** The problem. */
export interface Correlation {
  /** The element type. */
  readonly dtype: FloatDType;
  /** Samples. */
  readonly batch: number;
  /** Groups of channels. */
  readonly groups: number;
  /** Channels summed over, in each group. */
  readonly inChannels: number;
  /** Channels of the result, in each group. */
  readonly outChannels: number;
  /** Depth, vertical, horizontal. */
  readonly axes: readonly [CorrelationAxis, CorrelationAxis, CorrelationAxis];
  /** `in`. */
  readonly input: Placement;
  /** `weight`. */
  readonly weight: Placement;
  /** `out`. */
  readonly output: Placement;
}

/** The address at which a view's element (0, 0, …) lies. */
export type PointerOf = (view: View) => number;

/** Three entries: `fill` in front where there are fewer axes. */
function threeAxes(list: readonly number[], fill: number): [number, number, number] {
  const padded = [...new Array<number>(3 - list.length).fill(fill), ...list];
  return [padded[0], padded[1], padded[2]];
}

/** A view `[batch, channels, …]` with its channels divided into groups. */
function placeChannels(view: View, groups: number, pointerOf: PointerOf): Placement {
  const { shape, strides } = view;
  return {
    pointer: pointerOf(view),
    outer: strides[0],
    group: strides[1] * (shape[1] / groups),
    channel: strides[1],
    space: threeAxes(strides.slice(2), 0),
  };
}

/** A filter `[out, in / groups, …]` with the channels of one side as `outer`, of the other as `channel`. */
function placeFilter(view: View, groups: number, transposed: boolean, pointerOf: PointerOf): Placement {
  const { shape, strides } = view;
  return {
    pointer: pointerOf(view),
    outer: strides[transposed ? 1 : 0],
    group: strides[0] * (shape[0] / groups),
    channel: strides[transposed ? 0 : 1],
    space: threeAxes(strides.slice(2), 0),
  };
}

function floatDType(view: View): FloatDType {
  return view.dtype === "float64" ? "float64" : "float32";
}

function forwardAxes(geometry: ConvolutionGeometry): [CorrelationAxis, CorrelationAxis, CorrelationAxis] {
  const outputs = threeAxes(geometry.outputSize, 1);
  const inputs = threeAxes(geometry.inputSize, 1);
  const taps = threeAxes(geometry.kernelSize, 1);
  const pad = threeAxes(geometry.padBefore, 0);
  const stride = threeAxes(geometry.stride, 1);
  const step = threeAxes(geometry.dilation, 1);
  const axis = (i: number): CorrelationAxis => ({
    outputs: outputs[i],
    inputs: inputs[i],
    taps: taps[i],
    start: -pad[i],
    stride: stride[i],
    step: step[i],
  });
  return [axis(0), axis(1), axis(2)];
}

/** The forward pass; also the products that the weight gradient sums. */
export function forwardCorrelation(call: ConvolutionCall, pointerOf: PointerOf): Correlation {
  const { geometry, input, weight, output } = call;
  const { batch, groups } = geometry;
  return {
    dtype: floatDType(output),
    batch,
    groups,
    inChannels: geometry.inChannels / groups,
    outChannels: geometry.outChannels / groups,
    axes: forwardAxes(geometry),
    input: placeChannels(input, groups, pointerOf),
    weight: placeFilter(weight, groups, false, pointerOf),
    output: placeChannels(output, groups, pointerOf),
  };
}

/** One residue of an axis in the input gradient: the axis of its problem, and where in input and filter it begins. */
interface Phase {
  readonly axis: CorrelationAxis;
  readonly firstInput: number;
  readonly firstTap: number;
  readonly tapStep: number;
}

function greatestCommonDivisor(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}

/**
 * Input position i meets output p by tap t where p · stride = i + pad − t · dilation. For i = residue + stride · j the taps
 * are those with t · dilation ≡ residue + pad (mod stride), an arithmetic progression, and p = j + a constant for each.
 */
export function gradientPhases(axis: CorrelationAxis): Phase[] {
  const { stride, step: dilation, start, taps, inputs, outputs } = axis;
  const divisor = greatestCommonDivisor(stride, dilation);
  const tapStep = stride / divisor;
  const phases: Phase[] = [];
  for (let residue = 0; residue < Math.min(stride, inputs); residue++) {
    let firstTap = 0;
    while (firstTap < tapStep && (residue - start - firstTap * dilation) % stride !== 0) firstTap++;
    const meets = firstTap < tapStep && firstTap < taps;
    phases.push({
      firstInput: residue,
      firstTap: meets ? firstTap : 0,
      tapStep,
      axis: {
        outputs: Math.ceil((inputs - residue) / stride),
        inputs: outputs,
        taps: meets ? Math.ceil((taps - firstTap) / tapStep) : 0,
        start: meets ? (residue - start - firstTap * dilation) / stride : 0,
        stride: 1,
        step: -dilation / divisor,
      },
    });
  }
  return phases;
}

/** The input gradient: problems whose outputs together are the call's `input`, each element once. */
export function inputGradientCorrelations(call: ConvolutionCall, pointerOf: PointerOf): Correlation[] {
  const { geometry, input, weight, output } = call;
  const { batch, groups } = geometry;
  const dtype = floatDType(input);
  const bytes = dtype === "float32" ? 4 : 8;
  const source = placeChannels(output, groups, pointerOf);
  const filter = placeFilter(weight, groups, true, pointerOf);
  const target = placeChannels(input, groups, pointerOf);
  const strides = threeAxes(geometry.stride, 1);
  const [depth, vertical, horizontal] = forwardAxes(geometry).map(gradientPhases);
  const problems: Correlation[] = [];
  for (const z of depth) {
    for (const y of vertical) {
      for (const x of horizontal) {
        const phases = [z, y, x];
        const shift = (place: Placement, first: (phase: Phase) => number) =>
          place.pointer + bytes * phases.reduce((sum, phase, i) => sum + first(phase) * place.space[i], 0);
        const scale = (place: Placement, factor: (phase: Phase, i: number) => number): [number, number, number] => [
          place.space[0] * factor(z, 0),
          place.space[1] * factor(y, 1),
          place.space[2] * factor(x, 2),
        ];
        problems.push({
          dtype,
          batch,
          groups,
          inChannels: geometry.outChannels / groups,
          outChannels: geometry.inChannels / groups,
          axes: [z.axis, y.axis, x.axis],
          input: source,
          weight: {
            ...filter,
            pointer: shift(filter, (phase) => phase.firstTap),
            space: scale(filter, (phase) => phase.tapStep),
          },
          output: {
            ...target,
            pointer: shift(target, (phase) => phase.firstInput),
            space: scale(target, (_, i) => strides[i]),
          },
        });
      }
    }
  }
  return problems;
}
