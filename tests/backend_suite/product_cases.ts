// Random matrix products and convolutions with their gradients. The tolerance of each element comes from the same
// operation on the operands' magnitudes, computed by the oracle in float64: Σ|a|·|b| times the error of a sum of so many
// terms.

import type { Backend, ConvolutionCall, View } from "../../src/tensor/backend.ts";
import {
  type ConvolutionGeometry,
  convolutionGeometry,
  type ConvolutionOptions,
} from "../../src/tensor/conv_geometry.ts";
import type { FloatDType, TypedArray } from "../../src/tensor/dtype.ts";
import { contiguousLayout, elementCount, formatShape, type Shape } from "../../src/tensor/layout.ts";
import { type Acceptance, type Case, within } from "./case.ts";
import { ulpOf } from "./bounds.ts";
import { drawOperand, type Fill, type Operand, smallerSizes } from "./operand.ts";
import type { Draw } from "./random.ts";
import { sumError } from "./reduction_bounds.ts";

/** Runs an operation of the oracle on magnitudes in float64 and gives the elements of operand `output`. */
export function magnitudes(
  oracle: Backend,
  shapes: readonly Shape[],
  logical: readonly TypedArray[],
  output: number,
  run: (views: readonly View[]) => void,
): Float64Array {
  const views = shapes.map((shape): View => ({
    ...contiguousLayout(shape),
    buffer: oracle.allocate(elementCount(shape) * 8),
    dtype: "float64",
  }));
  try {
    views.forEach((view, i) => oracle.write(view, Float64Array.from(logical[i], Math.abs)));
    run(views);
    return oracle.readSync(views[output]) as Float64Array;
  } finally {
    for (const { buffer } of views) oracle.free(buffer);
  }
}

/** Acceptance of sums of `terms` products whose magnitudes add up to `size`. */
export function acceptSums(dtype: FloatDType, expected: TypedArray, size: Float64Array, terms: number): Acceptance {
  const error = sumError(dtype, terms + 2, true);
  return within(expected, (i) => error * size[i] + ulpOf(dtype, expected[i]));
}

interface Matmul {
  readonly primitive: string;
  readonly batch: readonly number[];
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly alpha: number;
  readonly beta: number;
  readonly operands: readonly Operand[];
}

/** A matrix product from its parameters. */
export function matmul(p: Matmul): Case {
  const { batch, m, n, k, alpha, beta } = p;
  const shapes = [[...batch, m, k], [...batch, k, n], [...batch, m, n]];
  const dtype = p.operands[2].dtype as FloatDType;
  return {
    primitive: p.primitive,
    operands: p.operands,
    shapes,
    outputs: [2],
    run: (backend, [a, b, output]) => backend.matmul({ a, b, output, alpha, beta }),
    accept: (logical, [expected], oracle) => {
      const size = magnitudes(
        oracle,
        shapes,
        logical,
        2,
        ([a, b, output]) => oracle.matmul({ a, b, output, alpha: Math.abs(alpha), beta: Math.abs(beta) }),
      );
      return [acceptSums(dtype, expected, size, k)];
    },
    withOperands: (operands) => matmul({ ...p, operands }),
    simpler: () => simplerMatmuls(p),
    describe: () => `matmul batch ${formatShape(batch)}, m ${m}, n ${n}, k ${k}, alpha ${alpha}, beta ${beta}`,
  };
}

function* simplerMatmuls(p: Matmul): Iterable<Case> {
  if (p.alpha !== 1) yield matmul({ ...p, alpha: 1 });
  if (p.beta !== 0) yield matmul({ ...p, beta: 0 });
  for (let axis = 0; axis < p.batch.length; axis++) {
    for (const size of smallerSizes(p.batch[axis])) {
      yield matmul({ ...p, batch: p.batch.map((other, i) => i === axis ? size : other) });
    }
  }
  for (const m of smallerSizes(p.m)) yield matmul({ ...p, m });
  for (const n of smallerSizes(p.n)) yield matmul({ ...p, n });
  for (const k of smallerSizes(p.k)) yield matmul({ ...p, k });
}

const drawFloat = (draw: Draw): FloatDType => draw.chance(0.75) ? "float32" : "float64";

function drawMatrixSize(draw: Draw, largest: number): number {
  const kind = draw.weighted({ zero: 2, one: 12, small: 46, any: 40 });
  return { zero: 0, one: 1, small: draw.integer(2, 9), any: draw.integer(1, largest) }[kind];
}

/** A random matrix product. */
export function drawMatmul(draw: Draw, primitive: string): Case {
  const dtype = drawFloat(draw);
  const batchRank = Number(draw.weighted({ "0": 55, "1": 30, "2": 12, "3": 3 }));
  const batch = Array.from({ length: batchRank }, () => draw.chance(0.04) ? 0 : draw.integer(1, 4));
  const count = Math.max(1, elementCount(batch));
  const largest = draw.chance(0.03) ? 140 : count > 4 ? 12 : 34;
  const m = drawMatrixSize(draw, largest);
  const n = drawMatrixSize(draw, largest);
  const k = draw.chance(0.05) ? draw.integer(100, 500) : drawMatrixSize(draw, largest);
  const rank = batch.length + 2;
  const fill = (): Fill => draw.weighted({ normal: 75, small: 20, wide: 5 });
  const a = drawOperand(draw, dtype, rank, fill(), true);
  const b = drawOperand(draw, dtype, rank, fill(), true);
  const beta = draw.chance(0.6) ? 0 : draw.pick([1, 1, -0.5, 2.25]);
  const output = drawOperand(draw, dtype, rank, beta === 0 ? "nan" : fill());
  const alpha = draw.chance(0.6) ? 1 : draw.pick([-1, 0.5, -2.75, 1e-3, 0]);
  return matmul({ primitive, batch, m, n, k, alpha, beta, operands: [a, b, output] });
}

/** The three operations of a convolution, and which operand each writes. */
const CONVOLUTIONS = {
  convolution: { result: 2 },
  convolutionInputGradient: { result: 0 },
  convolutionWeightGradient: { result: 1 },
} as const;

type ConvolutionMethod = keyof typeof CONVOLUTIONS;

interface Convolution {
  readonly method: ConvolutionMethod;
  readonly input: Shape;
  readonly weight: Shape;
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly padding: readonly (readonly [number, number])[];
  readonly groups: number;
  readonly operands: readonly Operand[];
}

function optionsOf({ stride, dilation, padding, groups }: Convolution): ConvolutionOptions {
  return { stride, dilation, padding, groups };
}

/** The greatest number of products that one element of the result sums. */
function longestSum(method: ConvolutionMethod, geometry: ConvolutionGeometry): number {
  const taps = elementCount(geometry.kernelSize);
  switch (method) {
    case "convolution":
      return geometry.inChannels / geometry.groups * taps;
    case "convolutionInputGradient":
      return geometry.outChannels / geometry.groups * taps;
    case "convolutionWeightGradient":
      return geometry.batch * elementCount(geometry.outputSize);
  }
}

function call(method: ConvolutionMethod, backend: Backend, argument: ConvolutionCall): void {
  switch (method) {
    case "convolution":
      return backend.convolution(argument);
    case "convolutionInputGradient":
      return backend.convolutionInputGradient(argument);
    case "convolutionWeightGradient":
      return backend.convolutionWeightGradient(argument);
  }
}

/** A convolution or gradient from its parameters; throws where they do not fit. */
export function convolution(p: Convolution): Case {
  const geometry = convolutionGeometry(p.input, p.weight, optionsOf(p));
  const shapes = [p.input, p.weight, [geometry.batch, geometry.outChannels, ...geometry.outputSize]];
  const { result } = CONVOLUTIONS[p.method];
  const dtype = p.operands[result].dtype as FloatDType;
  const run = (backend: Backend, [input, weight, output]: readonly View[]): void =>
    call(p.method, backend, { geometry, input, weight, output });
  return {
    primitive: p.method,
    operands: p.operands,
    shapes,
    outputs: [result],
    run,
    accept: (logical, [expected], oracle) => {
      const size = magnitudes(oracle, shapes, logical, result, (views) => run(oracle, views));
      return [acceptSums(dtype, expected, size, longestSum(p.method, geometry))];
    },
    withOperands: (operands) => convolution({ ...p, operands }),
    simpler: () => simplerConvolutions(p),
    describe: () =>
      `${p.method} input ${formatShape(p.input)}, filter ${formatShape(p.weight)}, ${JSON.stringify(optionsOf(p))}`,
  };
}

function* simplerConvolutions(p: Convolution): Iterable<Case> {
  const replaced = <T>(list: readonly T[], at: number, value: T): T[] => list.map((old, i) => i === at ? value : old);
  const attempts: Convolution[] = [];
  for (const batch of smallerSizes(p.input[0])) attempts.push({ ...p, input: replaced(p.input, 0, batch) });
  if (p.groups > 1) {
    const input = replaced(p.input, 1, p.weight[1]);
    attempts.push({ ...p, groups: 1, input, weight: replaced(p.weight, 0, p.weight[0] / p.groups) });
  }
  for (const each of smallerSizes(p.weight[1])) {
    attempts.push({ ...p, input: replaced(p.input, 1, each * p.groups), weight: replaced(p.weight, 1, each) });
  }
  for (const each of smallerSizes(p.weight[0] / p.groups)) {
    attempts.push({ ...p, weight: replaced(p.weight, 0, each * p.groups) });
  }
  for (let axis = 0; axis < p.stride.length; axis++) {
    if (p.stride[axis] > 1) attempts.push({ ...p, stride: replaced(p.stride, axis, 1) });
    if (p.dilation[axis] > 1) attempts.push({ ...p, dilation: replaced(p.dilation, axis, 1) });
    const [before, after] = p.padding[axis];
    if (before > 0) attempts.push({ ...p, padding: replaced(p.padding, axis, [0, after]) });
    if (after > 0) attempts.push({ ...p, padding: replaced(p.padding, axis, [before, 0]) });
    for (const size of smallerSizes(p.weight[axis + 2])) {
      attempts.push({ ...p, weight: replaced(p.weight, axis + 2, size) });
    }
    for (const size of smallerSizes(p.input[axis + 2])) {
      attempts.push({ ...p, input: replaced(p.input, axis + 2, size) });
    }
  }
  for (const attempt of attempts) {
    let one: Case;
    try {
      one = convolution(attempt);
    } catch {
      continue;
    }
    yield one;
  }
}

function drawPadding(draw: Draw, reach: number): readonly [number, number] {
  if (draw.chance(0.35)) return [0, 0];
  const most = Math.min(reach, 4);
  const before = draw.integer(0, most);
  return [before, draw.chance(0.7) ? before : draw.integer(0, most)];
}

/** A random convolution or one of its gradients. */
export function drawConvolution(draw: Draw, method: ConvolutionMethod): Case {
  const axes = draw.weighted({ "1": 25, "2": 50, "3": 25 });
  const rank = Number(axes);
  const kind = draw.weighted({ plain: 55, grouped: 20, depthwise: 15, pointwise: 10 });
  const groups = kind === "grouped" || kind === "depthwise" ? draw.integer(2, kind === "grouped" ? 3 : 6) : 1;
  // Some beyond the widths of vectors and tiles.
  const drawChannels = (): number =>
    draw.integer(1, { few: 5, some: 19, many: 40 }[draw.weighted({ few: 86, some: 11, many: 3 })]);
  const inPerGroup = kind === "depthwise" ? 1 : drawChannels();
  const outPerGroup = kind === "depthwise" ? draw.integer(1, 2) : drawChannels();
  const batch = draw.chance(0.02) ? 0 : draw.integer(1, draw.chance(0.05) ? 9 : 3);
  const largestKernel = [7, 5, 3][rank - 1];
  const largestInput = [40, 12, 6][rank - 1];
  const list = <T>(make: () => T): T[] => Array.from({ length: rank }, make);
  const kernel = list(() => kind === "pointwise" ? 1 : draw.integer(1, largestKernel));
  const dilation = list(() => draw.chance(0.2) ? draw.integer(2, 3) : 1);
  const stride = list(() => draw.chance(0.25) ? draw.integer(2, 3) : 1);
  const padding = kernel.map((size, axis) =>
    kind === "pointwise" && draw.chance(0.8) ? [0, 0] as const : drawPadding(draw, dilation[axis] * (size - 1) + 1)
  );
  const size = kernel.map((taps, axis) => {
    const needed = dilation[axis] * (taps - 1) + 1 - padding[axis][0] - padding[axis][1];
    // At times the input is smaller than the filter, held by its padding alone.
    const least = draw.chance(0.15) ? Math.max(1, needed) : Math.max(1, needed, taps);
    if (axis === rank - 1 && draw.chance(0.06)) return draw.integer(least, least + 70);
    return draw.chance(0.15) ? least : draw.integer(least, Math.max(least, largestInput));
  });
  const dtype = drawFloat(draw);
  const { result } = CONVOLUTIONS[method];
  const operands = [0, 1, 2].map((i) =>
    drawOperand(draw, dtype, rank + 2, i === result ? "nan" : draw.weighted({ normal: 75, small: 25 }), i !== result)
  );
  return convolution({
    method,
    input: [batch, groups * inPerGroup, ...size],
    weight: [groups * outPerGroup, inPerGroup, ...kernel],
    stride,
    dilation,
    padding,
    groups,
    operands,
  });
}
