// covers: backends/cpu/fourier/forward.ts, backends/cpu/fourier/weight_gradient.ts, backends/cpu/fourier/kernels.ts, backends/cpu/fourier/tile_kernel.ts, backends/cpu/fourier/output_kernel.ts, backends/cpu/fourier/filter_kernels.ts, backends/cpu/fourier/emit.ts
// Convolution and its gradients in Fourier tiles, with every size of transform: against the reference, against the direct form's
// accuracy, on any number of threads, and with values that are not finite.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { createBackend } from "../../../../backends/cpu/mod.ts";
import { createContext } from "../../../../backends/cpu/create_context.ts";
import { forwardCorrelation, inputGradientCorrelations } from "../../../../backends/cpu/convolution/correlation.ts";
import { correlate } from "../../../../backends/cpu/convolution/forward.ts";
import { ConvolutionKernels } from "../../../../backends/cpu/convolution/kernels.ts";
import { createConvolution } from "../../../../backends/cpu/convolution/mod.ts";
import { correlateWeights } from "../../../../backends/cpu/convolution/weight_gradient.ts";
import { chooseTiling, TRANSFORM_SIZES } from "../../../../backends/cpu/fourier/choice.ts";
import { correlateTiles } from "../../../../backends/cpu/fourier/forward.ts";
import { FourierKernels } from "../../../../backends/cpu/fourier/kernels.ts";
import { tilePlanes } from "../../../../backends/cpu/fourier/layout.ts";
import { planeProblem, planeSizes } from "../../../../backends/cpu/fourier/problem.ts";
import { correlateTileWeights } from "../../../../backends/cpu/fourier/weight_gradient.ts";
import { Gemm } from "../../../../backends/cpu/gemm/gemm.ts";
import { findOpenblas } from "../../../../backends/cpu/openblas.ts";
import { createBackend as createReference } from "../../../../backends/reference/mod.ts";
import { runtime } from "../../../../src/runtime/mod.ts";
import type { Backend, ConvolutionCall, View } from "../../../../src/tensor/backend.ts";
import { convolutionGeometry, type ConvolutionOptions } from "../../../../src/tensor/conv_geometry.ts";
import { convolution, grad, scope, tensor } from "../../../../src/tensor/mod.ts";
import { ArgumentError } from "../../../../src/tensor/errors.ts";
import { contiguousStrides, elementCount } from "../../../../src/tensor/layout.ts";
import { assertClose } from "../../../support/close.ts";
import { test } from "../../../support/test.ts";

interface Shape {
  readonly input: readonly number[];
  readonly weight: readonly number[];
  readonly options: ConvolutionOptions;
}

const SHAPES: readonly Shape[] = [
  { input: [2, 6, 29, 29], weight: [7, 6, 5, 5], options: { padding: 2 } },
  { input: [5, 4, 9, 7], weight: [9, 4, 3, 3], options: { padding: 1 } },
  { input: [2, 10, 33, 14], weight: [12, 5, 7, 7], options: { groups: 2, padding: [[3, 0], [1, 4]] } },
  { input: [1, 17, 6, 40], weight: [8, 17, 2, 2], options: { padding: 9 } },
  { input: [3, 5, 5, 5], weight: [4, 5, 5, 5], options: {} },
];

const OPERATIONS = ["output", "input", "weight"] as const;
type Operand = (typeof OPERATIONS)[number];

/** Numbers in [-1, 1) from a seed. */
function noise(length: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

type Operands = { [K in Operand]: Float32Array };

function operands({ input, weight, options }: Shape): Operands {
  const geometry = convolutionGeometry(input, weight, options);
  const output = [geometry.batch, geometry.outChannels, ...geometry.outputSize];
  return {
    input: noise(elementCount(input), 1),
    weight: noise(elementCount(weight), 2),
    output: noise(elementCount(output), 3),
  };
}

/** Computes one operand from the others on a context: directly, or with transforms of `n` points and blocks of few tiles. */
class Device {
  readonly context: ReturnType<typeof createContext>;
  readonly kernels: ConvolutionKernels;
  readonly tiles: FourierKernels;

  constructor(openblas: string, threads: number) {
    this.context = createContext({ openblas, threads, grainScale: 0, startAfter: 0 });
    this.kernels = new ConvolutionKernels(this.context, new Gemm(this.context));
    this.tiles = new FourierKernels(this.kernels);
  }

  /**
   * @param n Points of a transform; `undefined` computes directly.
   * @param gap Elements that lie unused behind each row of every operand, and rows behind each plane.
   */
  compute(shape: Shape, result: Operand, given: Operands, n: number | undefined, gap = 0): Float32Array {
    const geometry = convolutionGeometry(shape.input, shape.weight, shape.options);
    const { heap } = this.context;
    const place = (key: Operand, dims: readonly number[]): View & { buffer: { pointer: number } } => {
      const [outer, channels, rows, columns] = dims;
      const spread = [outer, channels, rows + gap, columns + gap];
      const buffer = heap.allocate(4 * elementCount(spread));
      const view = { buffer, dtype: "float32" as const, shape: dims, strides: contiguousStrides(spread), offset: 0 };
      const f32 = heap.f32();
      f32.fill(NaN, buffer.pointer / 4, buffer.pointer / 4 + elementCount(spread));
      if (key !== result) forElements(view, (at, i) => f32[buffer.pointer / 4 + at] = given[key][i]);
      return view;
    };
    const views = {
      input: place("input", shape.input),
      weight: place("weight", shape.weight),
      output: place("output", [geometry.batch, geometry.outChannels, ...geometry.outputSize]),
    };
    const call: ConvolutionCall = { geometry, ...views };
    const pointerOf = (view: View) => (view as View & { buffer: { pointer: number } }).buffer.pointer;
    const problem = result === "input"
      ? inputGradientCorrelations(call, pointerOf)[0]
      : forwardCorrelation(call, pointerOf);
    if (n === undefined) {
      (result === "weight" ? correlateWeights : correlate)(this.kernels, problem);
    } else {
      const plane = planeProblem(problem);
      assert(plane !== undefined);
      (result === "weight" ? correlateTileWeights : correlateTiles)(this.tiles, plane, tilePlanes(plane, n, 12));
    }
    const found = new Float32Array(given[result].length);
    const f32 = heap.f32(), start = views[result].buffer.pointer / 4;
    let written = 0;
    forElements(views[result], (at, i) => {
      found[i] = f32[start + at];
      f32[start + at] = NaN;
    });
    const end = start + views[result].buffer.bytes / 4;
    for (let i = start; i < end; i++) if (!Number.isNaN(f32[i])) written++;
    assertEquals(written, 0, "elements outside the result are not written");
    for (const key of OPERATIONS) heap.free(views[key].buffer);
    return found;
  }
}

/** Calls `visit` with the place and the number of each element of a view with four axes. */
function forElements({ shape, strides }: View, visit: (at: number, index: number) => void): void {
  let index = 0;
  for (let a = 0; a < shape[0]; a++) {
    for (let b = 0; b < shape[1]; b++) {
      for (let c = 0; c < shape[2]; c++) {
        for (let d = 0; d < shape[3]; d++) {
          visit(a * strides[0] + b * strides[1] + c * strides[2] + d * strides[3], index++);
        }
      }
    }
  }
}

async function reference(shape: Shape, given: Operands): Promise<Operands> {
  const backend = await createReference({});
  const geometry = convolutionGeometry(shape.input, shape.weight, shape.options);
  const result = (key: Operand): Float32Array => {
    const place = (name: Operand, dims: readonly number[]): View => {
      const buffer = backend.allocate(8 * given[name].length);
      const view = { buffer, dtype: "float64" as const, shape: dims, strides: contiguousStrides(dims), offset: 0 };
      backend.write(view, Float64Array.from(given[name]));
      return view;
    };
    const call = {
      geometry,
      input: place("input", shape.input),
      weight: place("weight", shape.weight),
      output: place("output", [geometry.batch, geometry.outChannels, ...geometry.outputSize]),
    };
    if (key === "output") backend.convolution(call);
    else if (key === "input") backend.convolutionInputGradient(call);
    else backend.convolutionWeightGradient(call);
    return Float32Array.from(backend.readSync!(call[key]));
  };
  return { input: result("input"), weight: result("weight"), output: result("output") };
}

const hasBlas = findOpenblas("auto", 1).opened !== undefined;

for (const openblas of ["off", "auto"]) {
  const name =
    `convolution in tiles and its gradients agree with the reference to 2e-6 of the largest (openblas ${openblas})`;
  test.runIf(openblas === "off" || hasBlas, name, "OpenBLAS is not installed", async () => {
    const device = new Device(openblas, Math.min(2, runtime.cores()));
    for (const shape of SHAPES) {
      const given = operands(shape);
      const expected = await reference(shape, given);
      for (const n of TRANSFORM_SIZES) {
        for (const key of OPERATIONS) {
          const largest = expected[key].reduce((most, value) => Math.max(most, Math.abs(value)), 0);
          const found = device.compute(shape, key, given, n);
          assertClose(found, expected[key], { absolute: 2e-6 * largest, message: `${key}, ${shape.weight}, n = ${n}` });
        }
      }
    }
    device.context.dispose();
  });
}

test("convolution in tiles and its gradients agree with the reference in 60 random shapes with gaps between rows", async () => {
  const device = new Device("off", 1);
  let state = 20_261_124;
  const draw = (least: number, most: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return least + Math.floor((state / 2 ** 32) * (most - least + 1));
  };
  for (let number = 0; number < 60; number++) {
    const taps = draw(2, 7), groups = draw(1, 2);
    const sides = () => [draw(0, 2 * taps), draw(0, taps)] as const;
    const padding = [sides(), sides()];
    const size = padding.map(([before, after]) => Math.max(1, taps - before - after) + draw(0, 24));
    const shape: Shape = {
      input: [draw(1, 4), groups * draw(4, 9), ...size],
      weight: [groups * draw(4, 9), 0, taps, taps],
      options: { padding, groups },
    };
    const weight = [shape.weight[0], shape.input[1] / groups, taps, taps];
    const whole = { ...shape, weight };
    const given = operands(whole), expected = await reference(whole, given);
    const n = TRANSFORM_SIZES.filter((points) => points > taps)[draw(0, taps < 7 ? 3 : 2)] ?? 16;
    for (const key of OPERATIONS) {
      const largest = expected[key].reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      assertClose(device.compute(whole, key, given, n, draw(0, 3)), expected[key], {
        absolute: 2e-6 * largest,
        message: `${key}, case ${number}, ${JSON.stringify(whole)}, n = ${n}`,
      });
    }
  }
  device.context.dispose();
});

test("convolution in tiles is as accurate as the direct form: the largest error is at most twice as large", async () => {
  const device = new Device("off", 1);
  for (const taps of [3, 5, 7]) {
    const shape = {
      input: [2, 32, 20, 20],
      weight: [8, 32, taps, taps],
      options: { padding: Math.floor(taps / 2) },
    };
    const given = operands(shape), expected = await reference(shape, given);
    const error = (key: Operand, n: number | undefined) =>
      device.compute(shape, key, given, n).reduce((most, v, i) => Math.max(most, Math.abs(v - expected[key][i])), 0);
    for (const key of OPERATIONS) {
      const direct = error(key, undefined);
      for (const n of TRANSFORM_SIZES.filter((size) => size > taps + 1)) {
        const tiles = error(key, n);
        assert(tiles <= 2 * direct, `${key}, ${taps} taps, n = ${n}: ${tiles}, direct ${direct}`);
      }
    }
  }
  device.context.dispose();
});

test.runIf(
  runtime.cores() > 1,
  "convolution in tiles is the same to the bit on one and two threads",
  "one core",
  () => {
    const one = new Device("off", 1), two = new Device("off", 2);
    for (const shape of SHAPES.slice(0, 3)) {
      const given = operands(shape);
      for (const key of OPERATIONS) {
        assertEquals(two.compute(shape, key, given, 10), one.compute(shape, key, given, 10));
      }
    }
    one.context.dispose();
    two.context.dispose();
  },
);

test("NaN and infinity reach at least the outputs that they reach in a direct convolution, and stay in their tiles", () => {
  const device = new Device("off", 1);
  const shape = { input: [1, 4, 24, 24], weight: [5, 4, 5, 5], options: { padding: 2 } };
  for (const bad of [NaN, Infinity]) {
    const given = operands(shape);
    given.input[24 * 24 * 2 + 24 * 9 + 9] = bad;
    const direct = device.compute(shape, "output", given, undefined);
    for (const n of TRANSFORM_SIZES) {
      const tiles = device.compute(shape, "output", given, n);
      let finite = 0;
      direct.forEach((value, i) => {
        if (!Number.isFinite(value)) assert(!Number.isFinite(tiles[i]), `n = ${n}, output ${i}`);
        if (Number.isFinite(tiles[i])) finite++;
      });
      const step = n - 4, reached = (Math.floor(11 / step) - Math.floor(7 / step) + 1) * step;
      assert(finite >= 5 * (24 * 24 - reached * reached), `n = ${n}: ${finite}`);
    }
  }
  device.context.dispose();
});

test("the option convolution decides how convolutions are computed, and a wrong one is an error", () => {
  const shape = SHAPES[0], given = operands(shape);
  const device = new Device("off", 1);
  const outputs = (["direct", "fourier", "auto"] as const).map((convolution) => {
    const context = createContext({ openblas: "off", threads: 1, convolution });
    const { convolution: run } = createConvolution(context, new Gemm(context));
    const geometry = convolutionGeometry(shape.input, shape.weight, shape.options);
    const place = (data: Float32Array, dims: readonly number[]): View & { buffer: { pointer: number } } => {
      const buffer = context.heap.allocate(4 * data.length);
      context.heap.f32().set(data, buffer.pointer / 4);
      return { buffer, dtype: "float32", shape: dims, strides: contiguousStrides(dims), offset: 0 };
    };
    const output = place(given.output, [geometry.batch, geometry.outChannels, ...geometry.outputSize]);
    run({ geometry, input: place(given.input, shape.input), weight: place(given.weight, shape.weight), output });
    const at = output.buffer.pointer / 4;
    const found = context.heap.f32().slice(at, at + given.output.length);
    context.dispose();
    return found;
  });
  assertEquals(outputs[0], device.compute(shape, "output", given, undefined));
  assertClose(outputs[1], outputs[0], { absolute: 2e-5 });
  assert(outputs[1].some((value, i) => value !== outputs[0][i]));
  assertClose(outputs[2], outputs[0], { absolute: 2e-5 });
  device.context.dispose();
  const wrong = { openblas: "off", convolution: "winograd" as "direct" };
  const error = assertThrows(() => createContext(wrong), ArgumentError);
  assert(error.message.includes('"winograd"') && error.message.includes('"fourier"'), error.message);
});

test("many channels are computed in parts of the outputs, forward and both gradients", async () => {
  const tiles = await createBackend({ openblas: "off", heapLimit: 32 << 20, convolution: "fourier" });
  const direct = await createBackend({ openblas: "off", convolution: "direct" });
  const run = async (backend: Backend): Promise<number[][]> => {
    using _ = scope();
    const place = (shape: number[], seed: number) =>
      tensor(noise(elementCount(shape), seed), { backend, requiresGrad: true }).reshape(shape);
    const x = place([2, 24, 11, 9], 1), weight = place([230, 12, 5, 5], 2);
    const y = convolution(x, weight, { padding: 2, groups: 2 });
    const gradients = grad([y], [x, weight], { gradOutputs: [place([2, 230, 11, 9], 3).detach()] });
    return await Promise.all([y, ...gradients].map(async (result) => Array.from(await result.data())));
  };
  // 115 channels do not fit into a 64th of the heap at once.
  const sizes = planeSizes(convolutionGeometry([2, 24, 11, 9], [230, 12, 5, 5], { padding: 2, groups: 2 }), "float32")!;
  const { outChannels } = chooseTiling(sizes, {
    method: "fourier",
    forWeights: false,
    native: false,
    limit: 32 << 20,
  })!;
  assert(outChannels < 115);
  const [found, expected] = [await run(tiles), await run(direct)];
  found.forEach((values, i) => assertClose(values, expected[i], { absolute: [1e-4, 1e-4, 1e-4][i] }));
  tiles.dispose();
  direct.dispose();
});
