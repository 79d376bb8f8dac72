// covers: backends/cpu/executor.ts, backends/cpu/worker_source.ts, backends/cpu/job_layout.ts, backends/cpu/context.ts
// covers: backends/cpu/kernel_table.ts, backends/cpu/command_batch.ts
// The executor with small kernels: every element exactly once, order within a task, per-thread arguments, errors on any
// thread, growth of the heap between jobs, and workers that come late.

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import type { Kernel, Task } from "../../../backends/cpu/context.ts";
import { ThreadExecutor } from "../../../backends/cpu/executor.ts";
import { WebAssemblyHeap } from "../../../backends/cpu/heap.ts";
import { ModuleBuilder } from "../../../backends/cpu/wasm/assembler.ts";
import { runtime } from "../../../src/runtime/mod.ts";
import { ArgumentError, BackendError, DisposedError } from "../../../src/tensor/errors.ts";
import { test } from "../../support/test.ts";

/**
 * `count(params, begin, end)`: adds 1 to the int32 elements [begin, end) of the array whose offset is at params;
 * `affine(p, a, b)`: *p = *p · a + b; `trap(params, begin, end)`: traps where begin > 0; `crash(p)`: always traps;
 * `mark(p, thread)`: adds 1 to the int32 at p + 4 · thread;
 * `sum16(p, a, …, o)`: stores the sum of 15 numbers as float64.
 */
function moduleBytes(shared: boolean): Uint8Array {
  const module = new ModuleBuilder({ shared });
  const count = module.function(["i32", "i32", "i32"], [], "count");
  {
    const [params, begin, end] = count.params;
    const place = count.local("i32");
    count.forSteps(begin, end, 1, () => {
      count.get(params).mem("i32.load").get(begin).i32(2).op("i32.shl").op("i32.add").tee(place);
      count.get(place).mem("i32.load").i32(1).op("i32.add").mem("i32.store");
    });
  }
  const affine = module.function(["i32", "i32", "i32"], [], "affine");
  {
    const [p, a, b] = affine.params;
    affine.get(p).get(p).mem("i32.load").get(a).op("i32.mul").get(b).op("i32.add").mem("i32.store");
  }
  const trap = module.function(["i32", "i32", "i32"], [], "trap");
  trap.get(trap.params[1]).if(() => trap.op("unreachable"));
  module.function(["i32"], [], "crash").op("unreachable");
  const mark = module.function(["i32", "i32"], [], "mark");
  {
    const [p, thread] = mark.params;
    const place = mark.local("i32");
    mark.get(p).get(thread).i32(2).op("i32.shl").op("i32.add").tee(place);
    mark.get(place).mem("i32.load").i32(1).op("i32.add").mem("i32.store");
  }
  const sum = module.function(["i32", ...new Array<"f64">(15).fill("f64")], [], "sum16");
  sum.get(sum.params[0]).get(sum.params[1]);
  for (let i = 2; i < 16; i++) sum.get(sum.params[i]).op("f64.add");
  sum.mem("f64.store");
  return module.toBytes();
}

const NAMES = ["count", "affine", "trap", "crash", "mark", "sum16"] as const;

interface Bed {
  heap: WebAssemblyHeap;
  executor: ThreadExecutor;
  kernels: Record<typeof NAMES[number], Kernel>;
}

function bed(threads: number): Bed {
  const heap = new WebAssemblyHeap({ shared: threads > 1 });
  const executor = new ThreadExecutor(heap, { threads, startAfter: 0 });
  const kernels = executor.register(moduleBytes(heap.shared), NAMES);
  return { heap, executor, kernels: Object.fromEntries(kernels.map((k) => [k.name, k])) as Bed["kernels"] };
}

/** Starts the workers and waits until all take part. */
async function ready({ executor, heap, kernels }: Bed): Promise<void> {
  const scratch = heap.reserve(64);
  heap.i32()[scratch / 4] = scratch + 32;
  const deadline = performance.now() + 20_000;
  while (executor.readyWorkers < executor.threads - 1) {
    assert(performance.now() < deadline, "workers did not start in 20 s");
    executor.parallelRange(kernels.count, scratch, 2, 1);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  heap.release(scratch);
}

function countRange(bed: Bed, total: number, grain: number, align?: number): Int32Array {
  const { heap, executor, kernels } = bed;
  const array = heap.allocate(total * 4);
  const params = heap.allocate(4);
  heap.i32().fill(0, array.pointer / 4, array.pointer / 4 + total);
  heap.i32()[params.pointer / 4] = array.pointer;
  executor.parallelRange(kernels.count, params.pointer, total, grain, align);
  const result = heap.i32().slice(array.pointer / 4, array.pointer / 4 + total);
  heap.free(array);
  heap.free(params);
  return result;
}

for (const threads of [1, 2, 3]) {
  test(`parallelRange visits every element once on ${threads} threads, for any total, grain and alignment`, async () => {
    const it = bed(threads);
    if (threads > 1) await ready(it);
    for (const total of [0, 1, 2, 7, 64, 1000, 65_537]) {
      for (const grain of [1, 10, 1000]) {
        for (const align of [undefined, 1, 4, 16]) {
          const counts = countRange(it, total, grain, align);
          assert(counts.every((count) => count === 1), `total ${total}, grain ${grain}, align ${align}`);
        }
      }
    }
    it.executor.dispose();
  });

  test(`run keeps the order of calls within each task on ${threads} threads`, async () => {
    const it = bed(threads);
    if (threads > 1) await ready(it);
    const { heap, executor, kernels } = it;
    const cells = heap.allocate(4 * 500);
    const tasks: Task[] = [];
    for (let i = 0; i < 500; i++) {
      const p = cells.pointer + 4 * i;
      heap.i32()[p / 4] = 1;
      tasks.push({ calls: [[i, 1], [3, -2], [2, i]].map(([a, b]) => ({ kernel: kernels.affine, args: [p, a, b] })) });
    }
    executor.run(tasks);
    for (let i = 0; i < 500; i++) assertEquals(heap.i32()[cells.pointer / 4 + i], ((i + 1) * 3 - 2) * 2 + i);
    executor.dispose();
  });
}

test("beginTask, push and flush run 100,000 tasks, more than one job can have", async () => {
  const it = bed(2);
  await ready(it);
  const { heap, executor, kernels } = it;
  const cells = heap.allocate(4 * 100_000);
  const view = () => heap.i32().subarray(cells.pointer / 4, cells.pointer / 4 + 100_000);
  view().fill(0);
  for (let i = 0; i < 100_000; i++) {
    executor.beginTask();
    executor.push(kernels.affine, cells.pointer + 4 * i, 1, i);
  }
  executor.flush();
  assert(view().every((value, i) => value === i));
  executor.flush();
  executor.dispose();
});

test("A kernel gets up to 16 arguments of any size and sign, integers and floats, on both threads", async () => {
  const it = bed(2);
  await ready(it);
  const { heap, executor, kernels } = it;
  const cells = heap.allocate(8 * 64);
  const terms = Array.from({ length: 15 }, (_, i) => (i % 2 === 0 ? -1 : 1) * (i + 0.25) * 10 ** i);
  const expected = terms.reduce((sum, term) => sum + term, 0);
  executor.run(Array.from({ length: 64 }, (_, i) => ({
    calls: [{ kernel: kernels.sum16, args: [cells.pointer + 8 * i, ...terms] }],
  })));
  for (let i = 0; i < 64; i++) assertEquals(heap.f64()[cells.pointer / 8 + i], expected);
  executor.dispose();
});

test("pushPerThread adds the running thread's share to the marked arguments, and both threads work", async () => {
  const it = bed(2);
  await ready(it);
  const { heap, executor, kernels } = it;
  const size = 200_000;
  const array = heap.allocate(8 * size);
  const areas = heap.allocate(2 * 64);
  const params = heap.allocate(2 * 64);
  heap.i32().fill(0, array.pointer / 4, array.pointer / 4 + 2 * size);
  heap.i32().fill(0, areas.pointer / 4, areas.pointer / 4 + 32);
  heap.i32()[params.pointer / 4] = array.pointer;
  heap.i32()[params.pointer / 4 + 16] = array.pointer + 4 * size;
  let tasks = 0;
  // On a machine with other work the worker may not get a processor for some time.
  while (tasks < 40 || (heap.i32()[areas.pointer / 4 + 1] === 0 && tasks < 20_000)) {
    for (let i = 0; i < 40; i++) {
      executor.beginTask();
      executor.pushPerThread(kernels.mark, 0b10, 1, areas.pointer, 0);
      executor.pushPerThread(kernels.mark, 0b1, 64, areas.pointer, 3);
      executor.pushPerThread(kernels.count, 0b1, 64, params.pointer, 0, size);
    }
    executor.flush();
    tasks += 40;
  }
  const i32 = heap.i32();
  const byIndex = [i32[areas.pointer / 4], i32[areas.pointer / 4 + 1]];
  const byArea = [i32[areas.pointer / 4 + 3], i32[areas.pointer / 4 + 16 + 3]];
  assertEquals(byIndex[0] + byIndex[1], tasks);
  assertEquals(byArea, byIndex);
  assert(byIndex[1] > 0, "the worker took no task");
  for (const thread of [0, 1]) {
    const part = i32.slice(array.pointer / 4 + thread * size, array.pointer / 4 + (thread + 1) * size);
    assert(part.every((count) => count === byIndex[thread]), `thread ${thread}`);
  }
  executor.dispose();
});

test("An error in a kernel on a worker is thrown to the caller, names the worker, and the next job runs", async () => {
  const it = bed(2);
  await ready(it);
  const { heap, executor, kernels } = it;
  const cell = heap.allocate(64);
  let onWorker = 0;
  const deadline = performance.now() + 20_000;
  while (onWorker === 0 && performance.now() < deadline) {
    // The caller takes the first task, which keeps it busy, so that a worker meets the one that crashes.
    heap.i32()[cell.pointer / 4] = cell.pointer;
    const error = assertThrows(() =>
      executor.run([
        { calls: Array.from({ length: 2000 }, () => ({ kernel: kernels.affine, args: [cell.pointer + 8, 1, 1] })) },
        { calls: [{ kernel: kernels.crash, args: [0] }] },
      ])
    );
    if (error instanceof BackendError) {
      onWorker++;
      assertStringIncludes(error.message, "cpu worker 1");
      assertStringIncludes(error.message.toLowerCase(), "unreachable");
    }
  }
  assert(onWorker > 0, "the worker never took the failing task");
  assert(countRange(it, 10_000, 10).every((count) => count === 1));
  executor.dispose();
});

test("An error in a kernel on the caller is thrown after all tasks have ended, on one thread and on two", async () => {
  for (const threads of [1, 2]) {
    const it = bed(threads);
    if (threads > 1) await ready(it);
    assertThrows(() => it.executor.run([{ calls: [{ kernel: it.kernels.crash, args: [0] }] }]));
    if (threads > 1) assertThrows(() => it.executor.parallelRange(it.kernels.trap, 0, 100, 1));
    assert(countRange(it, 10_000, 10).every((count) => count === 1));
    it.executor.dispose();
  }
});

test("Workers see memory that the heap gained, and modules that were registered, after they had started", async () => {
  const it = bed(2);
  await ready(it);
  const { heap, executor } = it;
  for (let round = 0; round < 20; round++) {
    const before = heap.reservedBytes;
    heap.allocate(heap.reservedBytes < 2 ** 28 ? before : 2 ** 20);
    const late = executor.register(moduleBytes(true), NAMES);
    const kernels = Object.fromEntries(late.map((kernel) => [kernel.name, kernel])) as Bed["kernels"];
    const counts = countRange({ heap, executor, kernels }, 100_000, 100);
    assert(counts.every((count) => count === 1), `round ${round}`);
  }
  executor.dispose();
});

test("10,000 jobs in a row with pauses of up to 200 µs between them lose no piece and wake parked workers", async () => {
  const it = bed(2);
  await ready(it);
  const { heap, executor, kernels } = it;
  const total = 256;
  const array = heap.allocate(total * 4);
  const params = heap.allocate(4);
  heap.i32().fill(0, array.pointer / 4, array.pointer / 4 + total);
  heap.i32()[params.pointer / 4] = array.pointer;
  for (let job = 0; job < 10_000; job++) {
    executor.parallelRange(kernels.count, params.pointer, total, 16);
    if (job % 50 === 0) {
      const until = performance.now() + (job % 200) / 1000;
      while (performance.now() < until);
    }
  }
  const counts = heap.i32().slice(array.pointer / 4, array.pointer / 4 + total);
  assert(counts.every((count) => count === 10_000), `${Math.min(...counts)} to ${Math.max(...counts)}`);
  executor.dispose();
});

test("abandon forgets tasks that were not flushed", async () => {
  const it = bed(2);
  await ready(it);
  const { heap, executor, kernels } = it;
  const cell = heap.allocate(64);
  heap.i32()[cell.pointer / 4] = 7;
  executor.beginTask();
  executor.push(kernels.affine, cell.pointer, 0, 0);
  executor.abandon();
  executor.beginTask();
  executor.push(kernels.affine, cell.pointer, 2, 1);
  executor.flush();
  assertEquals(heap.i32()[cell.pointer / 4], 15);
  executor.dispose();
});

test("A worker that cannot start leaves its work to the caller, and workerError says why", async () => {
  const heap = new WebAssemblyHeap({ shared: true });
  const native = { source: 'const openNative = () => { throw new Error("no such library"); };', library: {}, base: 0 };
  const executor = new ThreadExecutor(heap, { threads: 2, native, startAfter: 0 });
  const registered = executor.register(moduleBytes(true), NAMES);
  const kernels = Object.fromEntries(registered.map((kernel) => [kernel.name, kernel])) as Bed["kernels"];
  const it = { heap, executor, kernels };
  const deadline = performance.now() + 20_000;
  while (executor.workerError === undefined) {
    assert(performance.now() < deadline, "no error in 20 s");
    assert(countRange(it, 1000, 10).every((count) => count === 1));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assertStringIncludes(executor.workerError, "no such library");
  assertEquals(executor.readyWorkers, 0);
  assert(countRange(it, 1000, 10).every((count) => count === 1));
  executor.dispose();
});

test("A runtime that refuses to start a worker leaves the work to the caller, and it is said once", () => {
  const heap = new WebAssemblyHeap({ shared: true });
  const executor = new ThreadExecutor(heap, { threads: 3, startAfter: 0 });
  const registered = executor.register(moduleBytes(true), NAMES);
  const kernels = Object.fromEntries(registered.map((kernel) => [kernel.name, kernel])) as Bed["kernels"];
  const { warn } = console;
  const said: string[] = [];
  console.warn = (text: string) => said.push(text);
  runtime.spawnWorker = () => {
    throw new Error("no workers here");
  };
  try {
    for (let i = 0; i < 3; i++) assert(countRange({ heap, executor, kernels }, 1000, 10).every((count) => count === 1));
  } finally {
    console.warn = warn;
    Reflect.deleteProperty(runtime, "spawnWorker");
  }
  assertEquals(executor.workerError, "no workers here");
  assertEquals(said, ["cpu backend: a worker failed, and the other threads do its work: no workers here"]);
  executor.dispose();
});

test("Jobs run on the caller until 20 ms of work have passed and workers are ready", async () => {
  const heap = new WebAssemblyHeap({ shared: true });
  const executor = new ThreadExecutor(heap, { threads: 2, startAfter: 20 });
  const registered = executor.register(moduleBytes(true), NAMES);
  const kernels = Object.fromEntries(registered.map((kernel) => [kernel.name, kernel])) as Bed["kernels"];
  const it = { heap, executor, kernels };
  assert(countRange(it, 1000, 10).every((count) => count === 1));
  await new Promise((resolve) => setTimeout(resolve, 300));
  assertEquals(executor.readyWorkers, 0);
  const deadline = performance.now() + 20_000;
  while (executor.readyWorkers === 0) {
    assert(performance.now() < deadline, "no worker in 20 s");
    assert(countRange(it, 1_000_000, 10).every((count) => count === 1));
  }
  executor.dispose();
});

test("register refuses a missing export, more threads than one an unshared heap, dispose further work", () => {
  const it = bed(2);
  assertThrows(() => it.executor.register(moduleBytes(true), ["absent"]), ArgumentError, '"absent"');
  assertThrows(
    () => new ThreadExecutor(new WebAssemblyHeap({ shared: false }), { threads: 2 }),
    ArgumentError,
    "a shared heap",
  );
  assertThrows(() => it.executor.push(it.kernels.crash, 0), BackendError, "beginTask()");
  it.executor.dispose();
  it.executor.dispose();
  assertThrows(() => it.executor.parallelRange(it.kernels.count, 0, 100, 1), DisposedError, "disposed");
  assertThrows(() => it.executor.register(moduleBytes(true), ["count"]), DisposedError, "disposed");
});
