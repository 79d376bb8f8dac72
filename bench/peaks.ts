/**
 * What this run's machine can do, measured in the process that runs a benchmark: sgemm on one thread and on all, through
 * OpenBLAS and in WebAssembly, and the bandwidth of memory. Every benchmark prints these beside its figures, because a figure
 * means little without the ceiling of its run.
 *
 * Run alone: `deno run -A bench/peaks.ts`.
 */

import type { CpuContext, Kernel } from "../backends/cpu/context.ts";
import { type CpuSystem, createContext } from "../backends/cpu/create_context.ts";
import { Gemm, type Product } from "../backends/cpu/gemm/gemm.ts";
import { ModuleBuilder } from "../backends/cpu/wasm/assembler.ts";

/** Figures on one thread and on all threads. */
export interface OneAndAll {
  /** On the calling thread. */
  readonly one: number;
  /** On all threads. */
  readonly all: number;
}

/** The ceilings of a run. */
export interface Peaks {
  /** Threads of "all". */
  readonly threads: number;
  /** What OpenBLAS it is, or why there is none. */
  readonly openblas: string;
  /** sgemm of 1024 × 1024 matrices through OpenBLAS in GFLOP/s; `undefined` without OpenBLAS. */
  readonly sgemm: OneAndAll | undefined;
  /** The same product in WebAssembly in GFLOP/s. */
  readonly webAssembly: OneAndAll;
  /** `memory.copy` of 64 MiB, bytes read and written, in GB/s. */
  readonly copy: OneAndAll;
  /** a = b + 3 · c over three arrays of 64 MiB in WebAssembly SIMD, bytes read and written, in GB/s. */
  readonly triad: OneAndAll;
}

const SIZE = 1024;
const ARRAY_BYTES = 64 << 20;
const ROUNDS = 7;

/** The median of `ROUNDS` runs in milliseconds, after one that does not count. */
function medianTime(run: () => void): number {
  run();
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    run();
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[ROUNDS >> 1];
}

/** Starts the workers and waits for them. */
export async function startWorkers({ executor }: CpuSystem): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (executor.readyWorkers < executor.threads - 1 && performance.now() < deadline) {
    executor.beginTask();
    executor.flush();
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** `copy(params, begin, end)` and `triad(params, begin, end)` over blocks of 64 bytes; params holds the three addresses. */
function bandwidthModule(shared: boolean): Uint8Array {
  const module = new ModuleBuilder({ shared });
  const copy = module.function(["i32", "i32", "i32"], [], "copy");
  {
    const [params, begin, end] = copy.params;
    for (const offset of [0, 4]) copy.get(params).mem("i32.load", offset).get(begin).i32(6).op("i32.shl").op("i32.add");
    copy.get(end).get(begin).op("i32.sub").i32(6).op("i32.shl").memoryCopy();
  }
  const triad = module.function(["i32", "i32", "i32"], [], "triad");
  {
    const [params, begin, end] = triad.params;
    const addresses = triad.locals("i32", 3);
    const factor = triad.local("v128");
    triad.f32(3).op("f32x4.splat").set(factor);
    addresses.forEach((address, i) => {
      triad.get(params).mem("i32.load", 4 * i).get(begin).i32(6).op("i32.shl").op("i32.add").set(address);
    });
    const [a, b, c] = addresses;
    triad.forSteps(begin, end, 1, () => {
      for (const offset of [0, 16, 32, 48]) {
        triad.get(a).get(b).mem("v128.load", offset).get(c).mem("v128.load", offset).get(factor);
        triad.op("f32x4.mul").op("f32x4.add").mem("v128.store", offset);
      }
      for (const address of addresses) triad.add(address, 64);
    });
  }
  return module.toBytes();
}

function square(a: number, b: number, c: number, rows: number): Product {
  const p = { alpha: 1, beta: 0, k: SIZE, n: SIZE, m: rows, a, b, c };
  return { ...p, aRow: SIZE, aColumn: 1, bRow: SIZE, bColumn: 1, cRow: SIZE, cColumn: 1 };
}

/** GFLOP/s of the square product, whole on the caller and by rows on all threads. */
function gemmPeak(context: CpuContext, a: number, b: number, c: number): OneAndAll {
  const gemm = new Gemm(context);
  const { executor } = context;
  const stride = Math.ceil(Gemm.workspaceBytes / 64) * 64;
  const workspace = context.scratch(stride * executor.threads);
  const rate = (parts: number): number => {
    const rows = SIZE / parts;
    const time = medianTime(() => {
      for (let part = 0; part < parts; part++) {
        executor.beginTask();
        const shift = part * rows * SIZE * 4;
        gemm.push(executor, "float32", square(a + shift, b, c + shift, rows), workspace, 0, stride);
      }
      executor.flush();
    });
    return 2 * SIZE ** 3 / time / 1e6;
  };
  return { one: rate(1), all: executor.threads === 1 ? rate(1) : rate(executor.threads > 8 ? 32 : 8) };
}

/** Measures the ceilings on a context, whose workers must have been started. */
function measure(context: CpuSystem): Omit<Peaks, "sgemm" | "webAssembly"> & { gemm: OneAndAll } {
  const { heap, executor } = context;
  const arrays = [0, 1, 2].map(() => heap.allocate(ARRAY_BYTES));
  heap.f32().fill(0.5, arrays[0].pointer / 4, arrays[0].pointer / 4 + ARRAY_BYTES / 4);
  for (const array of arrays.slice(1)) {
    heap.u8().copyWithin(array.pointer, arrays[0].pointer, arrays[0].pointer + ARRAY_BYTES);
  }
  const params = heap.allocate(64);
  heap.i32().set(arrays.map(({ pointer }) => pointer), params.pointer / 4);
  const [copy, triad] = executor.register(bandwidthModule(heap.shared), ["copy", "triad"]);
  const blocks = ARRAY_BYTES / 64;
  const bandwidth = (kernel: Kernel, count: number): OneAndAll => {
    const one = medianTime(() => kernel.invoke(params.pointer, 0, blocks));
    const all = medianTime(() => executor.parallelRange(kernel, params.pointer, blocks, 1024));
    return { one: count * ARRAY_BYTES / one / 1e6, all: count * ARRAY_BYTES / all / 1e6 };
  };
  const result = { copy: bandwidth(copy, 2), triad: bandwidth(triad, 3) };
  const [a, b, c] = arrays.map(({ pointer }) => pointer);
  const gemm = gemmPeak(context, a, b, c);
  for (const buffer of [...arrays, params]) heap.free(buffer);
  const { search } = context;
  return {
    threads: executor.threads,
    openblas: search.opened === undefined ? search.reason : search.opened.description,
    gemm,
    ...result,
  };
}

let measured: Promise<Peaks> | undefined;

/** The ceilings of this process, measured once. */
export function peaks(): Promise<Peaks> {
  return measured ??= (async () => {
    const native = createContext({ startAfter: 0 });
    await startWorkers(native);
    const first = measure(native);
    native.dispose();
    if (native.blas === undefined) {
      const { gemm, ...rest } = first;
      return { ...rest, sgemm: undefined, webAssembly: gemm };
    }
    const portable = createContext({ startAfter: 0, openblas: "off" });
    await startWorkers(portable);
    const [a, b, c] = [0, 1, 2].map(() => portable.heap.allocate(SIZE * SIZE * 4).pointer);
    portable.heap.f32().fill(0.5, a / 4, a / 4 + 2 * SIZE * SIZE);
    const webAssembly = gemmPeak(portable, a, b, c);
    portable.dispose();
    const { gemm, ...rest } = first;
    return { ...rest, sgemm: gemm, webAssembly };
  })();
}

/** The ceilings as two lines of text. */
export function peaksText(p: Peaks): string {
  const pair = ({ one, all }: OneAndAll) => `${one.toFixed(1)} / ${all.toFixed(1)}`;
  return [
    `peaks (1 / ${p.threads} threads): sgemm ${p.sgemm === undefined ? "-" : pair(p.sgemm)} GFLOP/s (${p.openblas}), ` +
    `WebAssembly ${pair(p.webAssembly)} GFLOP/s`,
    `memory (1 / ${p.threads} threads): copy ${pair(p.copy)} GB/s, triad ${pair(p.triad)} GB/s`,
  ].join("\n");
}

if (import.meta.main) console.log(peaksText(await peaks()));
