// Tests of the runtime adapter of whichever runtime runs them: Deno, Bun and Node all run this file.
// covers: src/runtime/mod.ts, src/runtime/server.ts, src/runtime/deno.ts, src/runtime/bun.ts, src/runtime/node.ts
// covers: src/runtime/builtins.ts, src/runtime/types.ts, src/runtime/errors.ts, src/runtime/worker_prelude.ts

import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { builtinModule, isPermitted } from "../../src/runtime/builtins.ts";
import { FileError, runtime, RuntimePermissionError } from "../../src/runtime/mod.ts";
import { temporaryDirectory } from "../support/files.ts";
import { execute } from "../support/process.ts";
import { test, testRuntime } from "../support/test.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

test("runtime.name is the runtime that runs the tests", () => {
  assertEquals(runtime.name, testRuntime);
  assertMatch(runtime.version, /^\d+\.\d+/);
  assertMatch(runtime.platform, /^(linux|darwin|windows|android|freebsd)$/);
  assertMatch(runtime.arch, /^\w+$/);
  assert(runtime.canWaitOnMainThread && runtime.hasSharedMemory);
});

test("runtime.env reads the environment and gives undefined for what is not set", () => {
  assertEquals(typeof runtime.env("PATH"), "string");
  assertEquals(runtime.env("ESCNN_TEST_SURELY_NOT_SET"), undefined);
});

test("runtime.cores is a positive integer", () => {
  assertGreaterOrEqual(runtime.cores(), 1);
  assert(Number.isInteger(runtime.cores()));
});

test("runtime.args and isTerminal have their types", () => {
  assert(Array.isArray(runtime.args));
  assertEquals(typeof runtime.isTerminal, "boolean");
});

test("writeFile, readFile, readFileSync, exists, listDirectory and removeFile agree", async () => {
  const directory = await temporaryDirectory();
  try {
    const nested = `${directory.path}/a/b`;
    await runtime.makeDirectory(nested);
    await runtime.makeDirectory(nested);
    assertEquals(await runtime.exists(`${nested}/x.bin`), false);
    await runtime.writeFile(`${nested}/x.bin`, encode("one"));
    await runtime.writeFile(`${nested}/x.bin`, encode("two, longer"));
    await runtime.writeFile(`${nested}/B.bin`, new Uint8Array(0));
    assertEquals(await runtime.exists(`${nested}/x.bin`), true);
    assertEquals(await runtime.exists(nested), true);
    const bytes = await runtime.readFile(`${nested}/x.bin`);
    assertEquals(decode(bytes), "two, longer");
    assertEquals(bytes.byteLength, bytes.buffer.byteLength);
    assertEquals(Object.getPrototypeOf(bytes), Uint8Array.prototype);
    assertEquals(runtime.readFileSync(`${nested}/x.bin`), bytes);
    assertEquals((await runtime.readFile(`${nested}/B.bin`)).length, 0);
    assertEquals(await runtime.listDirectory(nested), ["B.bin", "x.bin"]);
    await runtime.removeFile(`${nested}/x.bin`);
    await runtime.removeFile(`${nested}/x.bin`);
    assertEquals(await runtime.listDirectory(nested), ["B.bin"]);
  } finally {
    await directory.remove();
  }
});

test("writeFile that fails leaves the old file and no temporary file", async () => {
  const directory = await temporaryDirectory();
  try {
    // A folder in the file's place makes the final rename fail.
    await runtime.makeDirectory(`${directory.path}/target/inside`);
    const error = await assertRejects(() => runtime.writeFile(`${directory.path}/target`, encode("x")), FileError);
    assertEquals(error.op, "writeFile");
    assertEquals(error.subject, `${directory.path}/target`);
    assertEquals(await runtime.listDirectory(directory.path), ["target"]);
    assertEquals(await runtime.listDirectory(`${directory.path}/target`), ["inside"]);
  } finally {
    await directory.remove();
  }
});

test("readFile of a missing file names the path and the code ENOENT", async () => {
  const path = "/nonexistent-escnn/file.bin";
  const error = await assertRejects(() => runtime.readFile(path), FileError, `"${path}" does not exist`);
  assertEquals(error.code, "ENOENT");
  assertStringIncludes(error.message, "check the path");
  assertThrows(() => runtime.readFileSync(path), FileError, "readFileSync");
  await assertRejects(() => runtime.listDirectory(path), FileError, "does not exist");
  await assertRejects(() => runtime.writeFile(path, encode("x")), FileError, "does not exist");
});

test("spawnWorker runs plain source with port and data, and shares memory both ways", async () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 2, shared: true });
  const cells = new Int32Array(memory.buffer);
  const source = `
    const cells = new Int32Array(data.memory.buffer);
    port.listen((message) => {
      cells[1] = message.add + cells[0];
      port.post({ sum: cells[1], shared: data.memory.buffer instanceof SharedArrayBuffer });
    });
    port.post("ready");`;
  const messages: unknown[] = [];
  let wake = () => {};
  const next = async (count: number) => {
    // The worker is unreferenced, so a timer has to keep the process alive meanwhile.
    const keep = setInterval(() => {}, 1000);
    while (messages.length < count) await new Promise<void>((resolve) => wake = resolve);
    clearInterval(keep);
  };
  const worker = runtime.spawnWorker(source, {
    data: { memory },
    onMessage: (message) => {
      messages.push(message);
      wake();
    },
  });
  await next(1);
  assertEquals(messages[0], "ready");
  cells[0] = 40;
  worker.post({ add: 2 });
  await next(2);
  assertEquals(messages[1], { sum: 42, shared: true });
  assertEquals(cells[1], 42);
  await worker.terminate();
});

test("spawnWorker reports an error that the source throws", async () => {
  const keep = setInterval(() => {}, 1000);
  const error = await new Promise<Error>((resolve) => {
    runtime.spawnWorker(`throw new RangeError("from the worker");`, { onError: resolve });
  });
  clearInterval(keep);
  assertInstanceOf(error, Error);
  assertStringIncludes(error.message, "from the worker");
});

test("spawnWorker does not keep the process alive, even when the worker waits for ever", async () => {
  const { code, stdout, seconds } = await execute("tests/runtime/parked_worker.ts", []);
  assertEquals(stdout.trim(), "main ends");
  assertEquals(code, 0);
  assert(seconds < 20, `took ${seconds} s`);
});

test("asyncLocalStorage tells concurrent asynchronous contexts apart", async () => {
  const storage = runtime.asyncLocalStorage<number>();
  assertEquals(storage.get(), undefined);
  assertEquals(storage.tracksAsync, true);
  const step = (value: number) =>
    storage.run(value, async () => {
      const before = storage.get();
      await new Promise((resolve) => setTimeout(resolve, 4 - value));
      const leave = storage.enter(value * 10);
      await Promise.resolve();
      const inside = storage.get();
      leave();
      leave();
      return [before, inside, storage.get()];
    });
  assertEquals(await Promise.all([1, 2, 3].map(step)), [[1, 10, 1], [2, 20, 2], [3, 30, 3]]);
  assertEquals(storage.get(), undefined);
});

test("builtinModule gives undefined for a module that does not exist", () => {
  assertEquals(builtinModule("node:no-such-module"), undefined);
  assert(builtinModule("node:fs") !== undefined);
});

if (testRuntime === "deno") {
  test("runtime without permissions neither prompts nor hangs, and errors name the flag", async () => {
    const { code, stdout, stderr } = await execute("tests/runtime/no_permission.ts", []);
    assertEquals(stderr.includes("requests"), false, stderr);
    assertEquals(JSON.parse(stdout), {
      env: null,
      exists: false,
      read: ["RuntimePermissionError", "--allow-read"],
      write: ["RuntimePermissionError", "--allow-write"],
      cores: true,
    });
    assertEquals(code, 0);
  });

  test("isPermitted sees the permissions of this process", () => {
    assertEquals(isPermitted({ name: "ffi" }), true);
  });

  test("RuntimePermissionError says which flag is missing", () => {
    const error = new RuntimePermissionError("--allow-read", { op: "readFile", subject: "x.bin" });
    assertEquals(error.message, "readFile of x.bin is not permitted: run with --allow-read");
    assertEquals(error.flag, "--allow-read");
  });
}
