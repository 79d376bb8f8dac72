// Loading on other threads in each runtime: the same batches to the last bit, nothing left running, errors where they belong.
// covers: src/data/batch_kernel.ts, src/data/loader.ts, src/data/worker_pool.ts, src/data/prefetch.ts,
// src/data/module_loader.ts, src/data/worker_loader.ts, src/data/errors.ts

import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import {
  type ArrayDataset,
  type Batch,
  BatchLoader,
  type BatchOptions,
  type EpochLoader,
  LoaderError,
} from "../../src/data/mod.ts";
import { loadInWorker } from "../../src/data/mod.ts";
import { WorkerPool } from "../../src/data/worker_pool.ts";
import { BrowserRuntime } from "../../src/runtime/browser.ts";
import { runtime, type RuntimeWorker, type WorkerOptions } from "../../src/runtime/mod.ts";
import { ArgumentError, DisposedError } from "../../src/tensor/errors.ts";
import type { Params, RotatedBatch } from "../data/rotating_source.ts";
import { execute } from "../support/process.ts";
import { test, testRuntime } from "../support/test.ts";

const COUNT = 23;
const dataset = {
  length: COUNT,
  height: 8,
  width: 7,
  pixels: Uint8Array.from({ length: COUNT * 56 }, (_, i) => (i * 97 + (i >> 3)) % 256),
  labels: Uint8Array.from({ length: COUNT }, (_, i) => i),
};

const augmented: BatchOptions = {
  batchSize: 5,
  shuffle: true,
  seed: 11,
  padTo: [9, 9],
  rotation: [-Math.PI, Math.PI],
  translation: [-1.5, 1.5],
  normalize: { mean: 0.1307, deviation: 0.3081 },
};

/** Copies of the batches of two epochs. */
async function twoEpochs(loader: BatchLoader): Promise<Batch[]> {
  const list: Batch[] = [];
  for (const epoch of [0, 1]) {
    for await (const batch of loader.epoch(epoch)) list.push({ ...batch, images: batch.images.slice() });
  }
  return list;
}

/** The same numbers to the last bit. */
function assertSameBits(got: readonly Batch[], expected: readonly Batch[]): void {
  assertEquals(
    got.map(({ size, shape, labels }) => ({ size, shape, labels })),
    expected.map(
      ({ size, shape, labels }) => ({ size, shape, labels }),
    ),
  );
  const bits = ({ images }: Batch): Int32Array => new Int32Array(images.slice().buffer);
  assertEquals(got.map(bits), expected.map(bits));
}

/** Counts workers that were started and that have ended while `fn` runs. */
async function countingWorkers(fn: (alive: () => number, started: () => number) => Promise<void>): Promise<void> {
  const spawn = runtime.spawnWorker;
  let [starts, ends] = [0, 0];
  runtime.spawnWorker = (source: string, options: WorkerOptions = {}): RuntimeWorker => {
    starts++;
    const onExit = (): void => {
      ends++;
      options.onExit?.();
    };
    return spawn.call(runtime, source, { ...options, onExit });
  };
  try {
    await fn(() => starts - ends, () => starts);
  } finally {
    runtime.spawnWorker = spawn;
  }
}

/** Runs `fn` with properties of the runtime changed. */
async function withRuntime(changes: { [name: string]: unknown }, fn: () => Promise<void>): Promise<void> {
  const before = Object.keys(changes).map((name) => [name, Object.getOwnPropertyDescriptor(runtime, name)] as const);
  for (const [name, value] of Object.entries(changes)) {
    Object.defineProperty(runtime, name, { value, configurable: true, writable: true });
  }
  try {
    await fn();
  } finally {
    for (const [name, descriptor] of before) {
      if (descriptor === undefined) Reflect.deleteProperty(runtime, name);
      else Object.defineProperty(runtime, name, descriptor);
    }
  }
}

for (
  const [name, options] of Object.entries<BatchOptions>({
    "shuffled, padded, rotated, moved and normalized": augmented,
    "shifted alone": { batchSize: 5, translation: [-2, 2], seed: 2 ** 40 + 3 },
    "padded alone, the last batch dropped": { batchSize: 4, padTo: [10, 7], dropLast: true, limit: 21 },
  })
) {
  test(`BatchLoader: batches ${name} have the same bits with and without workers in ${testRuntime}`, async () => {
    const expected = await twoEpochs(new BatchLoader(dataset, options));
    assert(new Set(expected[0].images).size > 50);
    for (
      const more of [{ workers: 1 }, { workers: 2, prefetch: 3 }, { workers: 1, reuse: true, prefetch: 1 }, {
        reuse: true,
      }]
    ) {
      await using loader = new BatchLoader(dataset, { ...options, ...more });
      assertEquals(loader.threads, more.workers ?? 0);
      assertSameBits(await twoEpochs(loader), expected);
    }
  });
}

/** Colour images with label maps beyond 255, volumes of floats with float maps, and vectors of targets. */
const others: { [name: string]: ArrayDataset } = {
  "interleaved colours with label maps": {
    ...dataset,
    channels: 4,
    layout: "channelsLast",
    pixels: Uint8ClampedArray.from({ length: COUNT * 224 }, (_, i) => (i * 97 + (i >> 3)) % 256),
    labels: Uint16Array.from({ length: COUNT * 56 }, (_, i) => (i * 31) % 1000),
    labelShape: [8, 7],
  },
  "volumes of floats with float maps": {
    ...dataset,
    depth: 2,
    height: 4,
    pixels: Float32Array.from({ length: COUNT * 56 }, (_, i) => Math.sin(i)),
    labels: Float32Array.from({ length: COUNT * 112 }, (_, i) => Math.cos(i)),
    labelShape: [2, 2, 4, 7],
  },
  "grey images with vectors": { ...dataset, labels: new Float32Array(COUNT * 3).map((_, i) => i / 2), labelShape: [3] },
};

for (const [name, other] of Object.entries(others)) {
  test(`BatchLoader: batches of ${name} have the same bits with and without workers in ${testRuntime}`, async () => {
    const options: BatchOptions = { ...augmented, flip: "both", outsideLabel: -1, channels: other.channels && 3 };
    const digest = async (more: BatchOptions): Promise<unknown[]> => {
      await using loader = new BatchLoader(other, { ...options, ...more });
      assertEquals(loader.threads, more.workers ?? 0);
      const list: unknown[] = [];
      for await (const { images, labels, shape, labelShape } of loader.epoch(1)) {
        list.push([new Int32Array(images.slice().buffer), labels.slice(), [...shape], labelShape]);
      }
      return list;
    };
    const expected = await digest({});
    for (const more of [{ workers: 1 }, { workers: 2, reuse: true, prefetch: 2 }, { reuse: true }]) {
      assertEquals(await digest(more), expected);
    }
    await withRuntime({ hasSharedMemory: false }, async () => assertEquals(await digest({ workers: 1 }), expected));
  });
}

test("BatchLoader with workers resumes in the middle of an epoch, and runs two epochs at the same time", async () => {
  const expected = await twoEpochs(new BatchLoader(dataset, augmented));
  await using loader = new BatchLoader(dataset, { ...augmented, workers: 2 });
  const [a, b] = [loader.epoch(0, 3), loader.epoch(1)];
  const got = [(await b.next()).value, (await a.next()).value, (await b.next()).value, (await a.next()).value];
  assertSameBits(got as Batch[], [expected[5], expected[3], expected[6], expected[4]]);
  // The end of one leaves the other alone.
  await b.return();
  assertEquals((await a.next()).done, true);
});

for (const workers of [0, 1]) {
  test(`BatchLoader with ${workers} workers keeps its batches, or empties the last one where memory is used again`, async () => {
    await using keeping = new BatchLoader(dataset, { ...augmented, workers });
    const kept: Batch[] = [], copies: Batch[] = [];
    for await (const batch of keeping.epoch(0)) {
      kept.push(batch);
      copies.push({ ...batch, images: batch.images.slice() });
    }
    assertSameBits(kept, copies);
    await using reusing = new BatchLoader(dataset, { ...augmented, workers, reuse: true, prefetch: 1 });
    const lengths: number[][] = [];
    const used: Batch[] = [];
    for await (const batch of reusing.epoch(0)) {
      used.push(batch);
      lengths.push(used.map(({ images }) => images.length));
    }
    assertEquals(lengths, [[405], [0, 405], [0, 0, 405], [0, 0, 0, 405], [0, 0, 0, 0, 243]]);
    // The last batch stays.
    assertEquals(used[4].images.length, 243);
  });
}

test("BatchLoader: break, an exception in the loop and dispose leave no live worker, the end of an epoch keeps them", async () => {
  await countingWorkers(async (alive, started) => {
    const loader = new BatchLoader(dataset, { ...augmented, batchSize: 2, workers: 2 });
    assertEquals(started(), 0);
    for await (const _ of loader.epoch(0)) assertEquals(alive(), 2);
    for await (const _ of loader.epoch(1)) assertEquals(started(), 2);
    for await (const _ of loader.epoch(2)) break;
    assertEquals(alive(), 0);
    await assertRejects(
      async () => {
        for await (const _ of loader.epoch(2)) throw new RangeError("of the loop");
      },
      RangeError,
      "of the loop",
    );
    assertEquals([alive(), started()], [0, 4]);
    const expected = await twoEpochs(new BatchLoader(dataset, { ...augmented, batchSize: 2 }));
    assertSameBits(await twoEpochs(loader), expected);
    assertEquals([alive(), started()], [2, 6]);
    await loader.dispose();
    assertEquals(alive(), 0);
    await assertRejects(() => loader.epoch(0).next(), DisposedError, "disposed");
    await loader.dispose();
  });
});

test("BatchLoader disposed of while a loop waits ends the loop with a LoaderError", async () => {
  const loader = new BatchLoader(dataset, { ...augmented, batchSize: 1, workers: 1 });
  const epoch = loader.epoch(0);
  await epoch.next();
  await loader.dispose();
  const rest = async (): Promise<void> => {
    while (!(await epoch.next()).done);
  };
  await assertRejects(rest, Error, "BatchLoader");
  assertEquals(await epoch.next(), { done: true, value: undefined });
});

for (const mode of ["whole", "break", "throw", "abandon", "module", "module break", "module throw"]) {
  test(`loaders with workers let the process end by itself: ${mode}`, async () => {
    // Deno's workers need no permission, but to import a module.
    const flags = testRuntime === "deno" && mode.startsWith("module") ? ["--allow-read"] : [];
    const { code, stdout, stderr, seconds } = await execute("tests/data/loading_exit.ts", [mode], { flags });
    const lines: { [mode: string]: string[] } = {
      whole: ["32"],
      break: ["2"],
      throw: ["of the loop", "1"],
      abandon: ["1"],
      module: ["18"],
      "module break": ["2"],
      "module throw": ["of the loop", "1"],
    };
    assertEquals(stdout.trim().split("\n"), lines[mode], stderr);
    assertEquals(code, 0, stderr);
    assert(seconds < 30, `took ${seconds} s`);
  });
}

test("BatchLoader that is garbage ends its workers", async () => {
  const flags = { deno: ["--v8-flags=--expose-gc"], node: ["--expose-gc"], bun: [] }[testRuntime];
  const { code, stdout, stderr } = await execute("tests/data/loading_garbage.ts", [], { flags });
  assertEquals([code, stdout.trim().split("\n")], [0, ["0", "1"]], stderr);
});

test("BatchLoader without threads prepares the same batches on the main thread and says so", async () => {
  const expected = await twoEpochs(new BatchLoader(dataset, augmented));
  await withRuntime({ hasWorkers: false }, async () => {
    const loader = new BatchLoader(dataset, { ...augmented, workers: 1 });
    assertEquals(loader.threads, 0);
    assertSameBits(await twoEpochs(loader), expected);
  });
});

test("BatchLoader without shared memory gives its workers copies of the images", async () => {
  const expected = await twoEpochs(new BatchLoader(dataset, augmented));
  await withRuntime({ hasSharedMemory: false }, async () => {
    await using loader = new BatchLoader(dataset, { ...augmented, workers: 2, reuse: true });
    assertSameBits(await twoEpochs(loader), expected);
  });
});

test.runIf(
  testRuntime !== "node",
  "BatchLoader gives the same batches by a browser's workers",
  "Node has no Web Workers",
  async () => {
    const browser = new BrowserRuntime();
    assert(browser.hasWorkers);
    const expected = await twoEpochs(new BatchLoader(dataset, augmented));
    await withRuntime({ hasSharedMemory: false, spawnWorker: browser.spawnWorker.bind(browser) }, async () => {
      await using loader = new BatchLoader(dataset, { ...augmented, workers: 1, reuse: true });
      assertSameBits(await twoEpochs(loader), expected);
    });
  },
);

test("BatchLoader refuses impossible numbers of workers and datasets that do not fit their sizes", () => {
  const refuse = (options: BatchOptions, text: string): void => {
    assertThrows(() => new BatchLoader(dataset, options), ArgumentError, text);
  };
  refuse({ workers: -1 }, "workers as an integer of at least 0, got -1");
  refuse({ workers: 1.5 }, "workers as an integer of at least 0, got 1.5");
  refuse({ workers: 3, prefetch: 2 }, "at most prefetch = 2 workers, got 3");
  assertEquals(new BatchLoader(dataset, { workers: 3 }).threads, 3);
  assertThrows(
    () => new BatchLoader({ ...dataset, length: 22 }),
    ArgumentError,
    "22 images of 8 × 7 pixels with a label each, got 1288 pixels and 23 labels",
  );
});

const failures = `
  const handle = (job) => {
    if (job === "throw") throw new RangeError("bad job");
    if (job === "clone") return { result: () => {}, transfer: [] };
    if (job === "exit") process.exit(3);
    if (job === "crash") setTimeout(() => { throw new TypeError("outside a job"); }, 0);
    return job === "crash" ? new Promise(() => {}) : { result: [job, data], transfer: [] };
  };`;

test("WorkerPool: a job that throws or answers with a function rejects with the cause, and the pool goes on", async () => {
  const pool = new WorkerPool<string, unknown>({ op: "test", source: failures, threads: 1, data: 5 });
  const error = await assertRejects(
    () => pool.run("throw"),
    LoaderError,
    "test: expected a batch, got RangeError: bad job",
  );
  assertInstanceOf(error.cause, Error);
  assertEquals([error.cause.name, error.cause.message], ["RangeError", "bad job"]);
  await assertRejects(() => pool.run("clone"), LoaderError, "DataCloneError");
  assertEquals(await pool.run("fine"), ["fine", 5]);
  assertEquals(pool.liveThreads, 1);
  await pool.stop();
  assertEquals(pool.liveThreads, 0);
});

for (const [job, text] of [["exit", "its end"], ["crash", "outside a job"]]) {
  test(`WorkerPool: a thread that dies (${job}) rejects what is under way, and the next job starts new threads`, async () => {
    await countingWorkers(async (alive, started) => {
      const pool = new WorkerPool<string, unknown>({ op: "test", source: failures, threads: 2, data: 5 });
      const all = await Promise.allSettled([pool.run("fine"), pool.run(job), pool.run("throw"), pool.run("fine")]);
      assertEquals(all[1].status, "rejected");
      const { reason } = all[1] as PromiseRejectedResult;
      assertInstanceOf(reason, LoaderError);
      assert(reason.message.includes(text), reason.message);
      assertEquals(pool.liveThreads, 0);
      assertEquals(await pool.run("again"), ["again", 5]);
      assertEquals(started(), 4);
      await pool.stop();
      assertEquals(alive(), 0);
    });
  });
}

test("WorkerPool: a source that cannot start rejects with its error", async () => {
  const pool = new WorkerPool<string, unknown>({ op: "test", source: "this is no program", threads: 1, data: 0 });
  await assertRejects(() => pool.run("fine"), LoaderError, "test: expected a worker that prepares batches");
  assertEquals(pool.liveThreads, 0);
});

const address = new URL("../data/rotating_source.ts", import.meta.url);

async function all(loader: EpochLoader<RotatedBatch>, epoch: number, first = 0): Promise<RotatedBatch[]> {
  const list: RotatedBatch[] = [];
  for await (const batch of loader.epoch(epoch, first)) list.push(batch);
  return list;
}

const open = (params: Params, workers = 1): Promise<EpochLoader<RotatedBatch>> =>
  loadInWorker<RotatedBatch, Params>(address, { params, workers });

test(`loadInWorker gives the same batches of a TypeScript module with and without workers in ${testRuntime}`, async () => {
  await using onMain = await open({ length: 6, seed: 3 }, 0);
  const expected = [await all(onMain, 0), await all(onMain, 1)];
  assertEquals([onMain.threads, onMain.length], [0, 6]);
  assertEquals(expected[1].map(({ name }) => name), ["1/0", "1/1", "1/2", "1/3", "1/4", "1/5"]);
  assert(new Set(expected[0][0].image).size > 50);
  for (const workers of [1, 2]) {
    await using loader = await open({ length: 6, seed: 3 }, workers);
    assertEquals([loader.threads, loader.length], [workers, 6]);
    assertEquals([await all(loader, 0), await all(loader, 1)], expected);
    for await (const _ of loader.epoch(0)) break;
    assertEquals(await all(loader, 1, 4), expected[1].slice(4));
  }
});

for (const workers of [0, 1]) {
  test(`loadInWorker with ${workers} workers: errors of the module are thrown in the loop with their cause`, async () => {
    await using loader = await open({ length: 6, seed: 3, fails: 2 }, workers);
    const names: string[] = [];
    const error = await assertRejects(
      async () => {
        for await (const { name } of loader.epoch(0)) names.push(name);
      },
      LoaderError,
      "RangeError: image 2 is damaged",
    );
    assertEquals(names, ["0/0", "0/1"]);
    assertEquals((error.cause as Error).name, "RangeError");
    const start = { length: 6, seed: 3 };
    await assertRejects(() => open({ ...start, start: "throws" }, workers), LoaderError, "TypeError: no such data");
    await assertRejects(() => open({ ...start, start: "length" }, workers), LoaderError, "at least 0 as the length");
    const missing = new URL("../data/no_such_source.ts", import.meta.url);
    await assertRejects(() => loadInWorker(missing, { workers }), LoaderError, "no_such_source.ts");
    const empty = "data:text/javascript,export default 3;";
    await assertRejects(() => loadInWorker(empty, { workers }), LoaderError, "a function as the default export");
    await loader.dispose();
    await assertRejects(() => loader.epoch(0).next(), DisposedError, "disposed");
  });
}

test("loadInWorker: a module that ends its thread ends the loop", async () => {
  await using loader = await open({ length: 6, seed: 3, exits: 1 });
  await assertRejects(() => all(loader, 0), LoaderError, "a worker that prepares batches, got its end");
});

test("loadInWorker refuses options out of range and relative addresses", async () => {
  await assertRejects(() => loadInWorker(address, { workers: -1 }), ArgumentError, "workers as an integer");
  await assertRejects(() => loadInWorker(address, { workers: 2, prefetch: 1 }), ArgumentError, "at most prefetch = 1");
  await assertRejects(() => loadInWorker("./data.ts"), ArgumentError, 'new URL("./data.ts", import.meta.url)');
});
