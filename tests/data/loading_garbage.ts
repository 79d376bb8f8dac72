// A script for loading_test.ts, run with the garbage collector exposed: a loader that nobody holds any more ends its workers.

import { BatchLoader } from "../../src/data/mod.ts";
import { runtime } from "../../src/runtime/mod.ts";

const globals = globalThis as unknown as { gc?: () => void; Bun?: { gc(force: boolean): void } };
const collect = (): void => globals.Bun === undefined ? globals.gc?.() : globals.Bun.gc(true);
const spawn = runtime.spawnWorker;
let ended = 0;
runtime.spawnWorker = (source, options = {}) => spawn.call(runtime, source, { ...options, onExit: () => void ended++ });

async function useOnce(): Promise<void> {
  const dataset = { length: 4, height: 2, width: 2, pixels: new Uint8Array(16), labels: new Uint8Array(4) };
  const loader = new BatchLoader(dataset, { batchSize: 1, workers: 1 });
  for await (const batch of loader.epoch(0)) if (batch.size !== 1) throw new Error("a batch of another size");
}

await useOnce();
console.log(ended);
for (let i = 0; i < 200 && ended === 0; i++) {
  collect();
  await new Promise((resolve) => setTimeout(resolve, 20));
}
console.log(ended);
