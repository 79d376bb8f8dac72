// A script for runtime_test.ts: its worker parks in Atomics.wait for ever, and the process must end all the same.

import { runtime } from "../../src/runtime/mod.ts";

const cells = new Int32Array(new SharedArrayBuffer(8));
runtime.spawnWorker(
  `const cells = new Int32Array(data);
   Atomics.store(cells, 0, 1);
   Atomics.notify(cells, 0);
   Atomics.wait(cells, 1, 0);`,
  { data: cells.buffer },
);
Atomics.wait(cells, 0, 0, 10_000);
console.log(Atomics.load(cells, 0) === 1 ? "main ends" : "the worker did not start");
