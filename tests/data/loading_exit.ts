// A script for loading_test.ts: it uses loaders with workers in one way, without disposing of them, and must end by itself.

import { BatchLoader, loadInWorker } from "../../src/data/mod.ts";

const mode = process.argv[2];
const dataset = {
  length: 64,
  height: 9,
  width: 9,
  pixels: new Uint8Array(64 * 81).fill(7),
  labels: new Uint8Array(64),
};
const loader = new BatchLoader(dataset, { batchSize: 4, workers: 2, rotation: [0, 6] });
const address = new URL("./rotating_source.ts", import.meta.url);
const own = mode.startsWith("module") ? await loadInWorker(address, { params: { length: 9, seed: 1 } }) : loader;
let count = 0;
try {
  for (const epoch of [0, 1]) {
    const batches = own.epoch(epoch);
    if (mode === "abandon") {
      await batches.next();
      count++;
      break;
    }
    for await (const _ of batches) {
      count++;
      if (mode.endsWith("break")) break;
      if (mode.endsWith("throw")) throw new Error("of the loop");
    }
  }
} catch (error) {
  console.log((error as Error).message);
}
console.log(count);
