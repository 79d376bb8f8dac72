// The program that the browser tests run in a page or a worker of it: a user's calls of the library, whose results are plain values. The
// test makes the same calls in Deno and compares. `checks` are run one after the other; an error is a result too.

import {
  Adam,
  backendInfo,
  BatchLoader,
  compile,
  crossEntropy,
  currentBackend,
  FieldType,
  GeometricTensor,
  GroupPooling,
  gspaces,
  InnerBatchNorm,
  loadCheckpoint,
  loadInWorker,
  memory,
  noGrad,
  plain,
  R2Conv,
  rand,
  randint,
  randn,
  ReLU,
  runtime,
  saveCheckpoint,
  scope,
  seed,
  SequentialModule,
  tensor,
  useBackend,
} from "@escnn/escnn";
import { encodeCheckpoint } from "../../src/io/checkpoint.ts";

/** What a check gives: anything that JSON can hold. */
export type Result = unknown;

/** Results by check, and milliseconds by `"CHECK ms"`. An error is `{ error: "Name: message" }`. */
export type Results = { readonly [check: string]: Result };

/** 32 bits that stand for the bits of an array. */
function digest(values: ArrayBufferView): number {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** A small network on grey images and its plain head. */
function network(): { body: SequentialModule; head: plain.Linear; grey: FieldType } {
  const space = gspaces.rot2dOnR2(8);
  const grey = new FieldType(space, space.trivialRepr), fields = new FieldType(space, space.regularRepr, 4);
  const body = new SequentialModule(
    new R2Conv(grey, fields, 5, { padding: 2 }),
    new InnerBatchNorm(fields),
    new ReLU(fields),
    new R2Conv(fields, fields, 5),
    new ReLU(fields),
    new GroupPooling(fields),
  );
  return { body, head: new plain.Linear(4, 2), grey };
}

const dataset = {
  length: 23,
  height: 8,
  width: 7,
  pixels: Uint8Array.from({ length: 23 * 56 }, (_, i) => (i * 97 + (i >> 3)) % 256),
  labels: Uint8Array.from({ length: 23 }, (_, i) => i),
};

async function batchDigests(workers: number): Promise<{ threads: number; digests: number[] }> {
  await using loader = new BatchLoader(dataset, {
    batchSize: 5,
    shuffle: true,
    seed: 11,
    padTo: [9, 9],
    rotation: [-Math.PI, Math.PI],
    translation: [-1.5, 1.5],
    workers,
  });
  const digests: number[] = [];
  for await (const batch of loader.epoch(1)) digests.push(digest(batch.images), digest(batch.labels));
  return { threads: loader.threads, digests };
}

/** The checks by name, in the order in which they run; the first one starts the backend. */
export const checks: { readonly [name: string]: () => Promise<Result> } = {
  async snippet() {
    await useBackend("auto");
    seed(0);
    const space = gspaces.rot2dOnR2(8);
    const rgb = new FieldType(space, space.trivialRepr, 3), fields = new FieldType(space, space.regularRepr, 10);
    const convolution = new R2Conv(rgb, fields, 5);
    const image = new GeometricTensor(randn([16, 3, 32, 32]), rgb);
    const features = new ReLU(fields).forward(convolution.forward(image));
    const sum = await features.tensor.sum().item(), norm = await features.tensor.norm().item();
    return { shape: features.shape, sum, norm };
  },

  async random() {
    seed(7);
    const uniform = await rand([1001]).data(), normal = await randn([1001]).data();
    const integers = await randint(-5, 1000, [1001]).data();
    const normal64 = await randn([1001], { dtype: "float64" }).data();
    return [uniform, normal, integers, normal64].map(digest);
  },

  async training() {
    seed(0);
    const { body, head, grey } = network();
    const optimizer = new Adam([...body.parameters(), ...head.parameters()], { learningRate: 5e-2 });
    const losses: number[] = [];
    for (let step = 0; step < 12; step++) {
      using _ = scope();
      optimizer.zeroGrad();
      const labels = randint(0, 2, [32]);
      const images = randn([32, 1, 13, 13]).mul(labels.cast("float32").add(1).reshape([32, 1, 1, 1]));
      const loss = crossEntropy(
        head.forward(body.forward(new GeometricTensor(images, grey)).tensor.mean([2, 3])),
        labels,
      );
      loss.backward();
      optimizer.step();
      losses.push(await loss.item());
    }
    return losses;
  },

  /** Work enough for the workers to start, with pauses in which they can, then large operations beside a growing memory. */
  async threads() {
    const sums: number[] = [];
    const grown: number[] = [];
    const fact = (name: string): unknown => currentBackend().info().details[name];
    const ready = (): number => Number(fact("workersReady"));
    const wanted = Number(fact("threads")) - 1;
    const limit = performance.now() + 20_000;
    const load = (): void => {
      using _ = scope();
      randn([512, 512]).matmul(randn([512, 512])).exp().sum();
    };
    while (ready() < wanted && fact("workerError") === undefined && performance.now() < limit) {
      load();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    for (const size of [64, 300, 700, 1500]) {
      using _ = scope();
      seed(size);
      const a = randn([size, size]), b = randn([size, size]);
      sums.push(await a.matmul(b).tanh().square().sum().item());
      grown.push(memory().cpu.reservedBytes ?? 0);
    }
    return { ready: ready(), wanted, cores: runtime.cores(), sums, grown: grown.at(-1)! > grown[0] };
  },

  /** Two asynchronous scopes of which the first one ends first. */
  async concurrentScopes() {
    const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
    const long = scope(async () => {
      await pause(30);
      return tensor([1]);
    });
    const short = scope(async () => {
      await pause(60);
      return tensor([2]);
    });
    const outcomes = await Promise.allSettled([long, short]);
    return outcomes.map((outcome) =>
      outcome.status === "fulfilled" ? outcome.status : `${outcome.reason.name}: ${outcome.reason.message}`
    );
  },

  async sequentialScopes() {
    const before = memory().cpu.liveTensors;
    const result = await scope(async () => {
      const x = tensor([1, 2, 3]);
      await Promise.resolve();
      using _ = scope();
      return x.mul(x).sum().keep();
    });
    const value = await result.item(), after = memory().cpu.liveTensors;
    result.dispose();
    return { value, more: after - before };
  },

  /** Bytes and back, directly and as what a browser has of files: an address. */
  async checkpoint() {
    seed(0);
    const { body, head } = network();
    const optimizer = new Adam([...body.parameters(), ...head.parameters()]);
    const bytes = await encodeCheckpoint({ model: body, optimizer }, { epochs: 2 });
    // Only browsers read addresses.
    const address = runtime.name === "browser" ? URL.createObjectURL(new Blob([bytes])) : bytes;
    const x = randn([2, 1, 13, 13]);
    const run = async (model: SequentialModule): Promise<number> =>
      digest(await model.forward(new GeometricTensor(x, model.inType)).tensor.data());
    const features = [await run(body)];
    const values: unknown[] = [];
    for (const source of [bytes, address]) {
      const other = network();
      const parts = {
        model: other.body,
        optimizer: new Adam([...other.body.parameters(), ...other.head.parameters()]),
      };
      values.push(await loadCheckpoint(source, parts));
      features.push(await run(other.body));
    }
    return { bytes: digest(bytes), values, features: new Set(features).size };
  },

  save: async () => await saveCheckpoint("model.safetensors", { model: network().body }),

  async exported() {
    seed(0);
    const { body, grey } = network();
    const layers = body.eval().export({ foldBatchNorm: true });
    const x = randn([4, 1, 13, 13]);
    const [a, b] = noGrad(() => [body.forward(new GeometricTensor(x, grey)).tensor, layers.forward(x)]);
    using compiled = await compile(layers, [4, 1, 13, 13]);
    const difference = async (c: typeof a): Promise<number> => await c.sub(a).abs().max().item();
    return {
      exported: await difference(b),
      compiled: await difference(compiled.run(x)),
      scale: await a.abs().max().item(),
    };
  },

  loading: async () => [await batchDigests(0), await batchDigests(1), await batchDigests(2)],

  async moduleLoading() {
    const url = new URL("./rotating_source.js", import.meta.url);
    const loader = await loadInWorker<{ index: number }, { scale: number }>(url, { params: { scale: 3 } });
    const batches: unknown[] = [];
    for await (const batch of loader.epoch(2)) batches.push(batch);
    await loader.dispose();
    return { threads: loader.threads, batches };
  },

  async info() {
    await Promise.resolve();
    const { details } = currentBackend().info();
    return {
      text: backendInfo(),
      details,
      runtime: runtime.name,
      cores: runtime.cores(),
      canWait: runtime.canWaitOnMainThread,
      shared: runtime.hasSharedMemory,
      isolated: (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated,
    };
  },
};

/** Runs all checks, or those that are named. */
export async function runChecks(names: readonly string[] = Object.keys(checks)): Promise<Results> {
  const results: { [name: string]: Result } = {};
  for (const name of names) {
    const start = performance.now();
    try {
      results[name] = await checks[name]();
    } catch (error) {
      results[name] = { error: error instanceof Error ? `${error.name}: ${error.message}` : String(error) };
    }
    results[`${name} ms`] = performance.now() - start;
  }
  return results;
}
