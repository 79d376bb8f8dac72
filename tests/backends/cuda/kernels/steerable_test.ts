// Convolution by a plan: tables, the division of blocks, and on the emulator all three operations against the reference, whole and in chunks.
// covers: backends/cuda/kernels/steerable_source.ts, backends/cuda/kernels/steerable_tables.ts,
// backends/cuda/kernels/steerable_device.ts

import { assert, assertEquals, assertThrows } from "@std/assert";
import { createBackend as createReference } from "../../../../backends/reference/mod.ts";
import { createSteerable, type SteerableOperations } from "../../../../backends/cuda/kernels/steerable.ts";
import type { CudaContext } from "../../../../backends/cuda/context.ts";
import { Emulator } from "../../../../backends/cuda/emulator/control.ts";
import { planesBlock, SteerableKernels, TableStore } from "../../../../backends/cuda/kernels/steerable_device.ts";
import {
  STEERABLE_NUMBERS,
  steerableNumbers,
  tapBytes,
  tapTile,
} from "../../../../backends/cuda/kernels/steerable_source.ts";
import { rowRuns, steerableTables } from "../../../../backends/cuda/kernels/steerable_tables.ts";
import type { Backend, SteerableConvolutionCall, View } from "../../../../src/tensor/backend.ts";
import { type ConvolutionGeometry, convolutionGeometry } from "../../../../src/tensor/conv_geometry.ts";
import { BackendError } from "../../../../src/tensor/errors.ts";
import { contiguousStrides } from "../../../../src/tensor/layout.ts";
import { type SteerablePlan, steerablePlan } from "../../../../src/tensor/steerable_plan.ts";
import { numbers, randomPlan } from "../../../support/random_plan.ts";
import { test } from "../../../support/test.ts";
import { noEmulator, startDevice, type TestDevice } from "./device.ts";

test("rowRuns covers every row once with channels equally far apart", () => {
  assertEquals(rowRuns(Int32Array.of(0, 3, 6, 9)), [{ row: 0, rowStep: 1, channel: 0, channelStep: 3, count: 4 }]);
  assertEquals(rowRuns(Int32Array.of(0, 5, 8, 13, 16, 21)).map(({ rowStep, count }) => [rowStep, count]), [[2, 3], [
    2,
    3,
  ]]);
  for (const channels of [[], [4], [9, 6, 3], [0, 2, 10, 12, 20, 22, 1, 31]]) {
    const seen = new Map<number, number>();
    for (const { row, rowStep, channel, channelStep, count } of rowRuns(Int32Array.from(channels))) {
      for (let i = 0; i < count; i++) seen.set(row + i * rowStep, channel + i * channelStep);
    }
    assertEquals([...seen].sort(([a], [b]) => a - b), channels.map((channel, row) => [row, channel]));
  }
});

test("steerableTables gives the same coefficients forward and back", () => {
  const plan = randomPlan({ kernelSize: [3, 3] });
  const { bytes, inputs, planes, planeStarts, hasEmptyOutputs, isPartition } = steerableTables(plan, "float64");
  assertEquals(planes, plan.columns.reduce((sum, count, o) => sum + count * plan.outputs[o].size, 0));
  assertEquals(planeStarts[1], plan.columns[0]);
  assertEquals([hasEmptyOutputs, isPartition], [true, false]);
  const ints = (at: number, count: number) => [...new Int32Array(bytes.buffer, at, count)];
  const floats = (at: number, count: number) => [...new Float64Array(bytes.buffer, at, count)];
  for (const { forward, back, size } of inputs) {
    const starts = ints(forward.starts, 3 * forward.rows + 1);
    const count = starts[forward.rows];
    const there = new Set<string>();
    for (let row = 0; row < forward.rows; row++) {
      for (let e = starts[row]; e < starts[row + 1]; e++) {
        const plane = starts[forward.rows + 1 + row];
        there.add(`${ints(forward.sources, count)[e]} ${plane} ${floats(forward.coefficients, count)[e]}`);
      }
    }
    assertEquals(back.rows, size * plan.functionCount);
    const backStarts = ints(back.starts, back.rows + 1);
    assertEquals(backStarts[back.rows], count);
    for (let row = 0; row < back.rows; row++) {
      for (let e = backStarts[row]; e < backStarts[row + 1]; e++) {
        assert(there.has(`${row} ${ints(back.sources, count)[e]} ${floats(back.coefficients, count)[e]}`));
      }
    }
  }
});

test("planesBlock fits the functions' values into shared memory", () => {
  assertEquals(planesBlock(1, 6, 4, 0), { threads: 128, each: 4, sharedBytes: 1 * 6 * 4 * 4 * 128 });
  // What a block may ask for serves two positions of a thread; without it there is one.
  assertEquals(planesBlock(4, 19, 4, 2 ** 17), { threads: 128, each: 2, sharedBytes: 4 * 19 * 4 * 2 * 128 });
  assertEquals(planesBlock(4, 19, 4, 0), { threads: 128, each: 1, sharedBytes: 4 * 19 * 4 * 128 });
  for (const size of [1, 3, 7, 13]) {
    for (const functionCount of [1, 6, 11, 19, 35, 125]) {
      for (const bytes of [4, 8]) {
        for (const limit of [48, 99, 163]) {
          const { threads, each, sharedBytes } = planesBlock(size, functionCount, bytes, limit * 1024);
          assertEquals(sharedBytes, size * functionCount * bytes * threads * each);
          assert(sharedBytes + tapBytes(functionCount, bytes) <= limit * 1024);
          assert(threads >= 1);
        }
      }
    }
  }
});

test("tapTile leaves static shared memory far below what the compiler takes, whatever the functions", () => {
  assertEquals([tapTile(19, 4), tapTile(46, 8), tapTile(100, 4), tapTile(125, 8)], [64, 64, 64, 16]);
  for (const functionCount of [1, 19, 95, 189, 343, 2000]) {
    for (const bytes of [4, 8]) {
      const exact = tapTile(functionCount, bytes) * (functionCount * bytes + 12);
      assertEquals(tapBytes(functionCount, bytes), Math.ceil(exact / 16) * 16);
      assert(tapBytes(functionCount, bytes) <= 26 * 1024);
    }
  }
});

test("A kernel is allowed no more shared memory than the device has beside its static part", () => {
  const allowed: number[] = [];
  const device = { maxOptInSharedBytesPerBlock: 99 * 1024 };
  const driver = { allowSharedBytes: (_: number, bytes: number) => allowed.push(bytes) };
  const kernels = new SteerableKernels({ device, driver } as unknown as CudaContext);
  const kernel = (handle: number) => ({ name: "planes_kernel", handle });
  kernels.allow(kernel(1), 8 * 1024, 40 * 1024);
  kernels.allow(kernel(2), 40 * 1024, 33 * 1024);
  kernels.allow(kernel(3), 30 * 1024, 20 * 1024);
  kernels.allow(kernel(4), 79 * 1024, 20 * 1024);
  assertEquals(allowed.map((bytes) => bytes / 1024), [66, 68, 79]);
});

test("Tables that cannot be brought to the device leave no memory there", () => {
  const held = new Set<object>();
  const allocator = {
    allocateInternal: (bytes: number) => {
      const buffer = { bytes, pointer: 512 };
      held.add(buffer);
      return buffer;
    },
    freeInternal: (buffer: object) => assert(held.delete(buffer)),
  };
  let refused = true;
  const store = new TableStore({ allocator } as unknown as CudaContext, () => {
    if (refused) throw new BackendError({ op: "upload", expected: "no recording", actual: "one" });
  });
  const plan = randomPlan({ kernelSize: [3] });
  assertThrows(() => store.of(plan, "float32"), BackendError, "no recording");
  assertEquals(held.size, 0);
  refused = false;
  assertEquals(store.of(plan, "float32").buffer, store.of(plan, "float32").buffer);
  assertEquals(held.size, 1);
});

test("steerableNumbers stand in the order of their names", () => {
  const values = Object.fromEntries(STEERABLE_NUMBERS.map((name, i) => [name, i])) as Parameters<
    typeof steerableNumbers
  >[0];
  assertEquals(steerableNumbers(values), STEERABLE_NUMBERS.map((_, i) => i));
  const some = steerableNumbers({ pixels: 7 }, steerableNumbers({ positions: 5, pixels: 6 }));
  assertEquals(some.slice(0, 3), [5, 7, 0]);
});

const METHODS = [
  ["steerableConvolution", "output"],
  ["steerableConvolutionInputGradient", "input"],
  ["steerableConvolutionWeightGradient", "weight"],
] as const;

interface Problem {
  readonly plan: SteerablePlan;
  readonly geometry: ConvolutionGeometry;
}

function problem(
  plan: SteerablePlan,
  inputSize: readonly number[],
  options: Parameters<typeof convolutionGeometry>[2] & { readonly batch?: number } = {},
): Problem {
  const groups = options.groups ?? 1;
  const input = [options.batch ?? 2, groups * plan.inChannels, ...inputSize];
  const filter = [groups * plan.outChannels, plan.inChannels, ...plan.kernelSize];
  return { plan, geometry: convolutionGeometry(input, filter, options) };
}

function upload(backend: Backend, data: Float32Array | Float64Array, shape: readonly number[]): View {
  const dtype = data instanceof Float32Array ? "float32" : "float64";
  const buffer = backend.allocate(data.byteLength);
  const view: View = { buffer, dtype, shape, strides: contiguousStrides(shape), offset: 0 };
  backend.write(view, data);
  return view;
}

/** Holds the three operations against the reference. */
async function check(
  device: TestDevice,
  operations: SteerableOperations,
  { plan, geometry }: Problem,
  dtype: "float32" | "float64" = "float32",
): Promise<void> {
  const next = numbers(7);
  const shapes = {
    input: [geometry.batch, geometry.inChannels, ...geometry.inputSize],
    weight: [geometry.groups * plan.weightCount],
    output: [geometry.batch, geometry.outChannels, ...geometry.outputSize],
  };
  const random = (shape: readonly number[]) => {
    const list = Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, next);
    return dtype === "float32" ? Float32Array.from(list) : list;
  };
  const data = { input: random(shapes.input), weight: random(shapes.weight), output: random(shapes.output) };
  const oracle = await createReference({});
  for (const [method, result] of METHODS) {
    const [actual, expected] = [device.backend(operations), oracle].map((backend) => {
      const views = {
        input: upload(backend, data.input, shapes.input),
        weight: upload(backend, data.weight, shapes.weight),
        output: upload(backend, data.output, shapes.output),
      };
      const call: SteerableConvolutionCall = { plan, geometry, ...views };
      backend[method]!(call);
      return backend.readSync(views[result]);
    });
    const size = Math.max(...Array.from(expected, Math.abs));
    const bound = (dtype === "float32" ? 2e-6 : 4e-15) * size;
    for (let i = 0; i < expected.length; i++) {
      assert(Math.abs(actual[i] - expected[i]) <= bound, `${method} [${i}]: ${actual[i]} for ${expected[i]}`);
    }
  }
}

const reason = noEmulator ?? "";
const onEmulator = (name: string, fn: () => Promise<void>) => test.runIf(noEmulator === undefined, name, reason, fn);

/** The operations of a device, with planes of so many bytes at a time. */
function operationsOf({ system, operations }: TestDevice, chunkBytes?: number): SteerableOperations {
  const { matmul, map, mapReduce } = operations;
  const copy = (target: number, bytes: Uint8Array): void => system.staging.upload(target, bytes);
  return createSteerable({ context: system, matmul, map, mapReduce, upload: copy, chunkBytes });
}

onEmulator("convolution by a plan agrees with the reference in 1 to 3 dimensions", async () => {
  using device = await startDevice();
  const operations = operationsOf(device);
  await check(device, operations, problem(randomPlan({ kernelSize: [5] }), [11], { stride: 2, padding: 2 }));
  await check(
    device,
    operations,
    problem(randomPlan({ kernelSize: [3, 5] }), [6, 9], { padding: [1, [2, 1]], groups: 2 }),
  );
  const deep = randomPlan({ kernelSize: [3, 3, 3], functionCount: 7 });
  await check(device, operations, problem(deep, [5, 4, 5], { stride: [1, 2, 1], padding: 1, dilation: [2, 1, 1] }));
  // Rows of the gradient by the input in groups of four, of which some are cut off.
  await check(device, operations, problem(deep, [4, 7, 5], { padding: [2, 1, 2], dilation: [2, 1, 2] }));
  await check(device, operations, problem(randomPlan({ kernelSize: [3, 3] }), [5, 5], { padding: 1 }), "float64");
});

onEmulator("convolution by a plan works through samples in chunks, with more taps than a tile", async () => {
  using device = await startDevice();
  // One sample at a time, and a last chunk that is smaller than the others.
  const small = problem(randomPlan({ kernelSize: [9, 9] }), [9, 10], { padding: 4, batch: 5 });
  await check(device, operationsOf(device, 1), small);
  await check(device, operationsOf(device, 100_000), small);
});

onEmulator("convolution by a plan adds where copies share channels, and gives zeros where nothing leads", async () => {
  using device = await startDevice();
  const next = numbers(3);
  const random = (count: number) => Float64Array.from({ length: count }, next);
  const plan = steerablePlan({
    functions: random(2 * 9),
    kernelSize: [3, 3],
    inChannels: 4,
    outChannels: 5,
    inputs: [
      {
        size: 2,
        channels: Int32Array.of(0, 1, 1),
        parts: [{ output: 0, paths: 2, coefficients: random(2 * 1 * 2 * 2) }],
      },
      { size: 1, channels: Int32Array.of(1), parts: [{ output: 0, paths: 1, coefficients: random(1 * 1 * 1 * 2) }] },
      { size: 1, channels: Int32Array.of(0), parts: [] },
    ],
    outputs: [
      { size: 1, channels: Int32Array.of(4, 0) },
      { size: 2, channels: Int32Array.of(1) },
      { size: 1, channels: new Int32Array() },
    ],
  });
  await check(device, operationsOf(device), problem(plan, [4, 5], { padding: 1 }));
});

onEmulator("convolution by a plan of very many functions takes fewer taps and threads at a time", async () => {
  using device = await startDevice();
  const plan = randomPlan({ kernelSize: [5, 5], functionCount: 125 });
  await check(device, operationsOf(device), problem(plan, [5, 4], { padding: 2 }), "float64");
});

onEmulator(
  "A recording holds the plans that it uses, and refuses to bring a new plan's tables to the device",
  async () => {
    using device = await startDevice();
    const { recorder } = device.system;
    const next = numbers(5);
    const plans = Array.from({ length: 3 }, () => randomPlan({ kernelSize: [3] }));
    const { geometry } = problem(plans[0], [6], { padding: 1 });
    const view = (shape: readonly number[]) =>
      device.upload(Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, next), shape);
    const input = view([geometry.batch, geometry.inChannels, 6]);
    const weight = view([plans[0].weightCount]);
    const output = view([geometry.batch, geometry.outChannels, 6]);
    const run = (plan: SteerablePlan) =>
      device.operations.steerableConvolution({ plan, geometry, input, weight, output });
    const held: object[] = [];
    const hold = recorder.hold.bind(recorder);
    recorder.hold = (object) => {
      held.push(object);
      hold(object);
    };
    const recording = recorder.record(() => run(plans[0]));
    const expected = device.read(output);
    recording.run();
    assertEquals(device.read(output), expected);
    assertEquals(held, [plans[0], plans[0]]);
    recording.dispose();
    let times = 0;
    assertThrows(
      () => recorder.record(() => run(plans[1 + times++])),
      BackendError,
      "a new plan, which needs the host",
    );
    run(plans[2]);
  },
);

onEmulator(
  "convolution by a plan asks for more shared memory where its functions are many, and not again",
  async () => {
    using device = await startDevice();
    const plan = randomPlan({ kernelSize: [5, 5], functionCount: 24 });
    const operations = operationsOf(device);
    device.emulator.reset();
    await check(device, operations, problem(plan, [6, 7], { padding: 2 }));
    // For copies of two channels and for those of three, in the forward pass; the gradient by the weights has it already.
    assertEquals(device.emulator.calls("cuFuncSetAttribute"), 2);
  },
);

for (const [major, minor, kibibytes] of [[7, 5, 64], [8, 6, 99]] as const) {
  onEmulator(
    `convolution by a plan has enough in the ${kibibytes} KiB of shared memory that sm_${major}${minor} gives a block`,
    async () => {
      const emulator = await Emulator.start();
      emulator.set("computeMajor", major);
      emulator.set("computeMinor", minor);
      using device = await startDevice();
      assertEquals(device.system.device.maxOptInSharedBytesPerBlock, kibibytes * 1024);
      const operations = operationsOf(device);
      const many = randomPlan({ kernelSize: [5, 5], functionCount: 24 });
      await check(device, operations, problem(many, [6, 7], { padding: 2 }));
      const more = randomPlan({ kernelSize: [3, 3], functionCount: 125 });
      await check(device, operations, problem(more, [4, 4], { padding: 1 }), "float64");
      assert(emulator.calls("cuFuncSetAttribute") > 0);
      emulator.reset();
    },
  );
}
