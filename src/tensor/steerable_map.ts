/**
 * A convolution by a plan together with the elementwise computation behind it, as one call of a backend: a bias, a scale and a
 * non-linearity, or the changes of basis around one, meet each part of the result while that is still in a cache. Part of the contract of
 * backends.
 */

import type { Backend, DeviceBuffer, MapCall, SteerableConvolutionCall, View } from "./backend.ts";
import { BYTES_PER_ELEMENT } from "./dtype.ts";
import { ShapeError } from "./errors.ts";
import { elementCount, formatShape, isContiguous } from "./layout.ts";

/**
 * `outputs[j] = expressions[j](inputs…, scalars…)` where inputs in the buffer of `result` are elements of the convolution's result, which
 * itself is not kept. The computation is local in samples and positions: its shape is `[batch, …, positions]`, and every input in `result`
 * goes along the first axis from sample to sample, along the last from position to position, along others by whole channels. Outputs
 * share no memory with `input` and `weight`.
 */
export interface SteerableMapCall extends Omit<SteerableConvolutionCall, "output">, MapCall {
  /** The convolution's result, `[batch, channels, …outputSize]` in row-major order from element 0. Its buffer is only a name. */
  readonly result: View;
}

/** Positions of a sample's channel in the result. */
function positionsOf({ geometry }: SteerableMapCall): number {
  return elementCount(geometry.outputSize);
}

/**
 * Throws ShapeError unless a call is local as {@linkcode SteerableMapCall} says.
 */
export function checkSteerableMap(call: SteerableMapCall): void {
  const { shape, inputs, result, geometry } = call, op = "steerableConvolutionMap";
  const positions = positionsOf(call), { batch, outChannels } = geometry, last = shape.length - 1;
  if (!isContiguous(result) || result.offset !== 0 || elementCount(result.shape) !== batch * outChannels * positions) {
    throw new ShapeError({
      op,
      expected: `a row-major result of ${batch} samples, ${outChannels} channels and ${positions} positions`,
      actual: `${formatShape(result.shape)} with strides ${formatShape(result.strides)}`,
    });
  }
  if (shape.length < 2 || shape[0] !== batch || shape[last] !== positions) {
    throw new ShapeError({
      op,
      expected: `a computation of shape [${batch}, …, ${positions}]`,
      actual: formatShape(shape),
    });
  }
  for (const { buffer, strides, offset } of inputs) {
    if (buffer !== result.buffer) continue;
    const local = (batch === 1 || strides[0] === outChannels * positions) &&
      (positions === 1 || strides[last] === 1) && offset % positions === 0 && offset < outChannels * positions &&
      strides.every((stride, axis) => axis === 0 || axis === last || stride % positions === 0);
    if (local) continue;
    throw new ShapeError({
      op,
      expected: `inputs in the result with strides [${outChannels * positions}, multiples of ${positions}, 1]`,
      actual: `${formatShape(strides)} from element ${offset}`,
    });
  }
}

/** The elementwise part of a call on a result that lies in memory. */
export function mapOf(call: SteerableMapCall, memory: DeviceBuffer): MapCall {
  const { expressions, shape, inputs, scalars, outputs, result } = call;
  const placed = inputs.map((view): View => view.buffer === result.buffer ? { ...view, buffer: memory } : view);
  return { expressions, shape, inputs: placed, scalars, outputs };
}

/** The call by the backend's other methods, with the result in memory of its own meanwhile. What a backend's method is measured by. */
export function composeSteerableMap(backend: Backend, call: SteerableMapCall): void {
  const { geometry, plan, input, weight, precision, result } = call;
  const memory = backend.allocate(elementCount(result.shape) * BYTES_PER_ELEMENT[result.dtype]);
  try {
    const { shape, strides, offset, dtype } = result;
    const output: View = { buffer: memory, shape, strides, offset, dtype };
    backend.steerableConvolution!({ geometry, plan, input, weight, precision, output });
    backend.map(mapOf(call, memory));
  } finally {
    backend.free(memory);
  }
}
