// Tests of what the browser adapter does, run outside a browser: the parts without a document behave the same here.
// covers: src/runtime/browser.ts

import { assertEquals, assertGreaterOrEqual, assertRejects, assertThrows } from "@std/assert";
import { BrowserRuntime } from "../../src/runtime/browser.ts";
import { FileError, RuntimeUnsupportedError } from "../../src/runtime/mod.ts";
import { webWorkerSource } from "../../src/runtime/worker_prelude.ts";
import { test } from "../support/test.ts";

const browser = new BrowserRuntime();

test("BrowserRuntime has no environment, no arguments and no files", async () => {
  assertEquals(browser.env("PATH"), undefined);
  assertEquals(browser.args, []);
  assertGreaterOrEqual(browser.cores(), 1);
  assertThrows(() => browser.readFileSync("x"), RuntimeUnsupportedError, "use await readFile");
  const error = await assertRejects(() => browser.writeFile("x", new Uint8Array(1)), RuntimeUnsupportedError);
  assertEquals(error.op, "writeFile");
  assertEquals(error.message.startsWith('writeFile does not exist in the runtime "browser"'), true);
  await assertRejects(() => browser.listDirectory("x"), RuntimeUnsupportedError);
  await assertRejects(() => browser.makeDirectory("x"), RuntimeUnsupportedError);
  await assertRejects(() => browser.removeFile("x"), RuntimeUnsupportedError);
});

test("BrowserRuntime.readFile fetches an address", async () => {
  assertEquals(await browser.readFile("data:application/octet-stream;base64,AQID"), new Uint8Array([1, 2, 3]));
  await assertRejects(() => browser.readFile("nonsense:x"), FileError, "cannot be fetched");
  assertEquals(await browser.exists("nonsense:x"), false);
});

test("BrowserRuntime has no shared memory without cross-origin isolation", () => {
  assertEquals(browser.hasSharedMemory, (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated === true);
});

test("webWorkerSource starts the body with the first message and gives it the later ones", () => {
  const listeners: { fn: (event: { data: unknown }) => void; once: boolean }[] = [];
  const posted: unknown[] = [];
  const self = {
    addEventListener: (_: string, fn: (event: { data: unknown }) => void, options?: { once?: boolean }) =>
      listeners.push({ fn, once: options?.once === true }),
    postMessage: (message: unknown) => posted.push(message),
  };
  const send = (data: unknown) => {
    for (const listener of listeners.splice(0)) {
      listener.fn({ data });
      if (!listener.once) listeners.push(listener);
    }
  };
  const source = webWorkerSource("port.listen((message) => port.post(message + data));");
  new Function("self", source)(self);
  send(100);
  send(1);
  send(2);
  assertEquals(posted, [101, 102]);
});

test("BrowserRuntime.spawnWorker says what to do when a page's policy refuses the worker", async () => {
  const own = Object.getOwnPropertyDescriptor(globalThis, "Worker");
  class RefusedWorker extends EventTarget {
    postMessage(): void {
      // A refused worker fires a plain event, without a message.
      queueMicrotask(() => this.dispatchEvent(new Event("error", { cancelable: true })));
    }
    terminate(): void {}
  }
  Object.defineProperty(globalThis, "Worker", { value: RefusedWorker, configurable: true, writable: true });
  try {
    const error = await new Promise<Error>((resolve) => void browser.spawnWorker("", { onError: resolve }));
    assertEquals(
      error.message,
      "the browser did not start it: does the page's Content-Security-Policy lack worker-src blob: ?",
    );
  } finally {
    if (own === undefined) Reflect.deleteProperty(globalThis, "Worker");
    else Object.defineProperty(globalThis, "Worker", own);
  }
});
