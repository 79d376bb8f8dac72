// Workers that somebody waits for: they keep the process alive while they are held, import modules, and tell when they have ended.
// covers: src/runtime/server.ts, src/runtime/node.ts, src/runtime/browser.ts, src/runtime/worker_prelude.ts

import { assert, assertEquals } from "@std/assert";
import { BrowserRuntime } from "../../src/runtime/browser.ts";
import { runtime, type RuntimeWorker, type WorkerOptions } from "../../src/runtime/mod.ts";
import { threadWorkerSource, webWorkerSource } from "../../src/runtime/worker_prelude.ts";
import { test, testRuntime } from "../support/test.ts";

/** A held worker, and its next message or error. */
function started(source: string, options: WorkerOptions = {}): { worker: RuntimeWorker; next: Promise<unknown> } {
  let worker: RuntimeWorker | undefined;
  const next = new Promise<unknown>((resolve) => {
    worker = runtime.spawnWorker(source, { ...options, onMessage: resolve, onError: resolve });
  });
  assert(worker !== undefined);
  worker.hold(true);
  return { worker, next };
}

test("a worker that is held keeps the process alive until its message, and onExit tells its end", async () => {
  assertEquals(runtime.hasWorkers, true);
  let ends = 0;
  const source = `port.listen((message) => setTimeout(() => port.post(message * 2), 50));`;
  const { worker, next } = started(source, { onExit: () => ends++ });
  worker.post(21);
  assertEquals(await next, 42);
  worker.hold(false);
  worker.hold(true);
  assertEquals(ends, 0);
  await worker.terminate();
  assertEquals(ends, 1);
});

test("a worker moves buffers to the main thread", async () => {
  const source = `const bytes = new Uint8Array([1, 2, 3]);
    port.post(bytes, [bytes.buffer]);
    port.listen(() => {});`;
  const { worker, next } = started(source);
  assertEquals(await next, new Uint8Array([1, 2, 3]));
  await worker.terminate();
});

test(`port.load imports TypeScript that imports the library in a worker in ${testRuntime}`, async () => {
  const url = new URL("./library_module.ts", import.meta.url).href;
  const source = `port.load(data).then((module) => port.post(module.default()), (error) => port.post(error.message));
    port.listen(() => {});`;
  const { worker, next } = started(source, { data: url, loadsTypeScript: true });
  assertEquals(await next, new Float32Array([2, 4, 1, 3]));
  await worker.terminate();
});

test("threadWorkerSource lets a loader register before the first import, webWorkerSource imports at once", () => {
  assert(threadWorkerSource("").includes("load: (url) => Promise.resolve().then(() => import(url))"));
  const loader = `import("tsx/esm/api").then((module) => void module.register()).then(() => import(url))`;
  assert(threadWorkerSource("", "tsx/esm/api").includes(loader));
  assert(webWorkerSource("").includes("load: (url) => import(url)"));
});

test.runIf(testRuntime !== "node", "BrowserRuntime: workers import modules", "Node has no Web Workers", async () => {
  const browser = new BrowserRuntime();
  assertEquals(browser.hasWorkers, true);
  const source = `port.load(data).then((module) => port.post(module.default));`;
  let worker: RuntimeWorker | undefined;
  const message = await new Promise((resolve) => {
    worker = browser.spawnWorker(source, { data: "data:text/javascript,export default 7;", onMessage: resolve });
    worker.hold(true);
  });
  assertEquals(message, 7);
  await worker?.terminate();
});
