/**
 * The figures that `deno task bench:track` follows from commit to commit: few of each kind of work, in less than three minutes. All are
 * rates, so that more is better; the best of several rounds counts, because other programs only ever make it slower.
 */

import { compile, randn, runtime, seed, useBackend } from "@escnn/escnn";
import { createBackend } from "../backends/cpu/mod.ts";
import type { Backend, View } from "../src/tensor/backend.ts";
import { convolutionFlops, convolutionGeometry } from "../src/tensor/conv_geometry.ts";
import { BYTES_PER_ELEMENT, createTypedArray, type DType } from "../src/tensor/dtype.ts";
import * as E from "../src/tensor/expr.ts";
import { contiguousStrides, elementCount } from "../src/tensor/layout.ts";
import { Training, type WorkName, WORKS } from "./networks/works.ts";
import { type Peaks, peaks } from "./peaks.ts";

/** A rate in a unit. */
export interface Rate {
  /** How much in a second. */
  readonly rate: number;
  /** Of what. */
  readonly unit: string;
}

/** What is measured under a name; nothing that is slow happens before `measure`. */
interface Work {
  readonly name: string;
  readonly measure: () => Promise<Rate>;
}

const ROUNDS = 5;

/** Milliseconds of the fastest of several rounds of at least 20 ms, after two that do not count. */
async function fastest(run: () => unknown, rounds = ROUNDS): Promise<number> {
  const once = async (repeats: number): Promise<number> => {
    const start = performance.now();
    for (let i = 0; i < repeats; i++) {
      const result = run();
      if (result instanceof Promise) await result;
    }
    return (performance.now() - start) / repeats;
  };
  await once(1);
  // The engine's better code and the workers come in between.
  await new Promise((resolve) => setTimeout(resolve, 20));
  const repeats = Math.max(1, Math.ceil(20 / await once(1)));
  let best = Infinity;
  for (let round = 0; round < rounds; round++) best = Math.min(best, await once(repeats));
  return best;
}

let started: Promise<Backend> | undefined;

/** A backend with all its workers. */
function device(): Promise<Backend> {
  return started ??= (async () => {
    const backend = await createBackend({ startAfter: 0 });
    const work = () =>
      backend.map({ expressions: [E.constant(0, "float32")], shape, inputs: [], scalars: [], outputs });
    const shape = [1 << 20], outputs = [view(backend, "float32", shape)];
    const deadline = performance.now() + 5000;
    const ready = () => Number(backend.info().details.workersReady) >= Number(backend.info().details.threads) - 1;
    while (!ready() && performance.now() < deadline) {
      work();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    backend.free(outputs[0].buffer);
    return backend;
  })();
}

function view(backend: Backend, dtype: DType, shape: readonly number[], strides?: readonly number[]): View {
  const count = strides === undefined ? elementCount(shape) : elementCount(shape.filter((_, i) => strides[i] !== 0));
  const data = createTypedArray(dtype, count);
  for (let i = 0; i < count; i++) data[i] = ((i * 7919) % 997) / 997 - 0.5;
  const buffer = backend.allocate(count * BYTES_PER_ELEMENT[dtype]);
  backend.write({ buffer, dtype, shape: [count], strides: [1], offset: 0 }, data);
  return { buffer, dtype, shape, strides: strides ?? contiguousStrides(shape), offset: 0 };
}

const PASSES = [
  ["forward", "convolution"],
  ["input", "convolutionInputGradient"],
  ["weight", "convolutionWeightGradient"],
] as const;

/** A plain convolution in its three directions: batch, channels, filter, image. */
function convolutions(batch: number, channels: number, kernel: readonly number[], size: readonly number[]): Work[] {
  const input = [batch, channels, ...size], weight = [channels, channels, ...kernel];
  const geometry = convolutionGeometry(input, weight, { padding: kernel[0] >> 1 });
  return PASSES.map(([pass, method]) => ({
    name: `convolution ${channels}→${channels}, k ${kernel.join("×")}, ${size.join("×")}, batch ${batch}/${pass}`,
    measure: async () => {
      const backend = await device();
      const [x, w] = [input, weight].map((shape) => view(backend, "float32", shape));
      const call = { geometry, input: x, weight: w, output: view(backend, "float32", input) };
      const time = await fastest(() => backend[method](call));
      for (const { buffer } of [x, w, call.output]) backend.free(buffer);
      return { rate: convolutionFlops(geometry) / time / 1e6, unit: "GFLOP/s" };
    },
  }));
}

const x = E.input(0, "float32"), y = E.input(1, "float32");

/** Elementwise work in bytes moved. */
function elementwise(
  name: string,
  shape: readonly number[],
  expression: E.Expr,
  strides: readonly (readonly number[] | undefined)[] = [undefined],
  reduced?: readonly number[],
): Work {
  return {
    name: `${reduced === undefined ? "map" : "mapReduce"} ${name} [${shape.join(", ")}]`,
    measure: async () => {
      const backend = await device();
      const inputs = strides.map((one) => view(backend, "float32", shape, one));
      const kept = shape.map((size, axis) => reduced?.includes(axis) ? 1 : size);
      const outputs = [view(backend, "float32", kept)];
      const call = { expressions: [expression], shape, inputs, scalars: [2, 1], outputs };
      const time = await fastest(() =>
        reduced === undefined ? backend.map(call) : backend.mapReduce({ ...call, reductions: ["sum"], axes: reduced })
      );
      const bytes = [...inputs, ...outputs].reduce((sum, { buffer }) => sum + buffer.bytes, 0);
      for (const { buffer } of [...inputs, ...outputs]) backend.free(buffer);
      return { rate: bytes / time / 1e6, unit: "GB/s" };
    },
  };
}

/** Training steps of the benchmarks' networks, and passes of the compiled ones. */
function networks(): Work[] {
  const training = (name: WorkName): Work => ({
    name: `${name}/train-step`,
    measure: async () => {
      seed(0);
      const work = new Training(WORKS[name]);
      const time = await fastest(() => work.step(), 4);
      work.network.dispose();
      return { rate: 1000 / time, unit: "steps/s" };
    },
  });
  const inference = (name: WorkName): Work => ({
    name: `${name}/inference`,
    measure: async () => {
      seed(0);
      const work = WORKS[name], network = work.create().eval();
      using compiled = await compile(network, work.inputShape);
      using input = randn(work.inputShape);
      const time = await fastest(() => compiled.run(input), 4);
      network.dispose();
      return { rate: 1000 / time, unit: "passes/s" };
    },
  });
  const start = async (measure: () => Promise<Rate>): Promise<Rate> => {
    await useBackend("cpu");
    return await measure();
  };
  return [
    ...(["readme-conv", "tutorial-c8", "se3", "wrn", "octa", "point"] as const).map(training),
    ...(["tutorial-c8", "se3"] as const).map(inference),
  ].map(({ name, measure }) => ({ name, measure: () => start(measure) }));
}

const ROOT = decodeURIComponent(new URL("../", import.meta.url).pathname);

async function output(command: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args,
    cwd: ROOT,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`${command} ${args.join(" ")} failed: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}

/** What a fresh process needs to build the kernels of a layer, imports excluded. */
function construction(name: string): Work {
  return {
    name: `construct ${name}`,
    measure: async () => {
      let best = Infinity;
      for (let round = 0; round < 3; round++) {
        const text = await output(Deno.execPath(), "run", "-A", "--no-check", "bench/kernel_bench.ts", name);
        best = Math.min(best, (JSON.parse(text) as { readonly milliseconds: number }).milliseconds);
      }
      return { rate: 1000 / best, unit: "1/s" };
    },
  };
}

/** From the start of a process to the output of the README's snippet. */
function startup(name: string, command: string, ...args: string[]): Work {
  return {
    name: `startup/${name}`,
    measure: async () => {
      let best = Infinity;
      for (let round = 0; round < ROUNDS; round++) {
        const start = performance.now();
        await output(command, ...args, "examples/snippet.ts");
        best = Math.min(best, performance.now() - start);
      }
      return { rate: 1000 / best, unit: "1/s" };
    },
  };
}

/** Figures that are measured with the peaks. */
function ofPeaks(name: string, unit: string, pick: (p: Peaks) => number): Work {
  return { name, measure: async () => ({ rate: pick(await peaks()), unit }) };
}

/** All figures. */
export const SUITE: readonly Work[] = [
  ofPeaks("gemm WebAssembly/1 thread", "GFLOP/s", ({ webAssembly }) => webAssembly.one),
  ofPeaks("gemm WebAssembly/all threads", "GFLOP/s", ({ webAssembly }) => webAssembly.all),
  ...convolutions(64, 64, [5, 5], [29, 29]),
  ...convolutions(16, 64, [3, 3], [48, 48]),
  ...convolutions(2, 48, [5, 5, 5], [17, 17, 17]),
  elementwise("a·x + b", [16], E.add(E.mul(x, E.scalar(0, "float32")), E.scalar(1, "float32"))),
  elementwise("a·x + b", [100_000], E.add(E.mul(x, E.scalar(0, "float32")), E.scalar(1, "float32"))),
  elementwise("bias of a channel, ReLU", [64, 80, 841], E.maximum(E.add(x, y), 0), [undefined, [0, 1, 0]]),
  elementwise("tanh", [100_000], E.unary("tanh", x)),
  elementwise("sum over a channel", [64, 80, 841], x, [undefined], [0, 2]),
  ...networks(),
  construction("C8 regular 8 to 8, k = 5"),
  construction("octahedral regular 2 to 2, k = 5"),
  construction("SO(3) band-limited regular (L = 3), k = 5"),
  startup("deno", Deno.execPath(), "run", "-A", "--no-check"),
  startup("bun", `${ROOT}node_modules/.bin/bun`),
  startup("node", `${ROOT}node_modules/.bin/tsx`),
];

/** The processor and its number of cores. */
export function processor(): string {
  const { process } = globalThis as unknown as { process: { getBuiltinModule(name: string): unknown } };
  const os = process.getBuiltinModule("node:os") as { cpus(): { model: string }[] };
  return `${os.cpus()[0]?.model.trim() ?? "unknown"}, ${runtime.cores()} cores`;
}
