// Compiled kernels on disk: what is read back, and what is never trusted.

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  decodeEntry,
  encodeEntry,
  KernelCache,
  type KernelKey,
} from "../../../../backends/cuda/kernels/kernel_cache.ts";
import { ArgumentError } from "../../../../src/tensor/errors.ts";
import { runtime } from "../../../../src/runtime/mod.ts";
import { temporaryDirectory } from "../../../support/files.ts";
import { test } from "../../../support/test.ts";

const KEY: KernelKey = { compiler: "13.0", architecture: "sm_90", options: ["--fmad=false"], source: "kernel ü" };
const CODE = Uint8Array.from({ length: 100 }, (_, i) => i);

test("decodeEntry gives back the code of the same compiler, architecture, options and source alone", () => {
  const entry = encodeEntry(KEY, CODE);
  assertEquals(decodeEntry(KEY, entry), CODE);
  const others: Partial<KernelKey>[] = [
    { compiler: "12.9" },
    { architecture: "sm_80" },
    { options: ["--fmad=true"] },
    { options: ["--fmad=false", ""] },
    { source: "kernel u" },
  ];
  for (const other of others) assertEquals(decodeEntry({ ...KEY, ...other }, entry), undefined);
});

test("decodeEntry refuses an entry with any byte changed, cut off or added", () => {
  const entry = encodeEntry(KEY, CODE);
  for (let i = 0; i < entry.length; i++) {
    const damaged = Uint8Array.from(entry);
    damaged[i] ^= 0x10;
    assertEquals(decodeEntry(KEY, damaged), undefined, `byte ${i}`);
    assertEquals(decodeEntry(KEY, entry.subarray(0, i)), undefined, `cut at ${i}`);
  }
  assertEquals(decodeEntry(KEY, Uint8Array.of(...entry, 0)), undefined);
});

test("KernelCache keeps code in one file of its folder, for other processes too", async () => {
  await using folder = await temporaryDirectory();
  const path = `${folder.path}/deep/cuda`;
  const cache = new KernelCache(path);
  assertEquals(cache.read(KEY), undefined);
  cache.write(KEY, CODE);
  assertEquals(cache.read(KEY), CODE);
  assertEquals(new KernelCache(path).read(KEY), CODE);
  assertEquals(cache.read({ ...KEY, source: "another" }), undefined);
  assertEquals(cache.status, path);
  assertEquals((await runtime.listDirectory(path)).map((name) => name.replace(/^[0-9a-f]{32}/, "")), [".kernel"]);
});

test("KernelCache replaces an entry that is damaged", async () => {
  await using folder = await temporaryDirectory();
  const cache = new KernelCache(folder.path);
  cache.write(KEY, CODE);
  const [name] = await runtime.listDirectory(folder.path);
  for (const garbage of [new Uint8Array(), Uint8Array.of(1, 2, 3), encodeEntry({ ...KEY, source: "foreign" }, CODE)]) {
    await runtime.writeFile(`${folder.path}/${name}`, garbage);
    assertEquals(cache.read(KEY), undefined);
    cache.write(KEY, CODE);
    assertEquals(cache.read(KEY), CODE);
  }
});

test("KernelCache works without a folder and says why there is none", async () => {
  const off = new KernelCache("off");
  off.write(KEY, CODE);
  assertEquals(off.read(KEY), undefined);
  assertEquals(off.status, "none (switched off)");
  await using folder = await temporaryDirectory();
  // A file stands where the folder would be: nobody, not even root, can write there.
  await runtime.writeFile(`${folder.path}/file`, Uint8Array.of(1));
  const broken = new KernelCache(`${folder.path}/file`);
  broken.write(KEY, CODE);
  assertEquals(broken.read(KEY), undefined);
  assertStringIncludes(broken.status, "cannot be written");
  assert((await runtime.listDirectory(folder.path)).length === 1);
});

/** The entries of a folder by their sources, which are numbers. */
async function kept(path: string, cache: KernelCache, count: number): Promise<number[]> {
  const found = Array.from({ length: count }, (_, i) => i).filter((i) =>
    cache.read({ ...KEY, source: `${i}` }) !== undefined
  );
  assertEquals((await runtime.listDirectory(path)).filter((name) => name.endsWith(".kernel")).length, found.length);
  return found;
}

test("KernelCache stays below its limit: what was not used for longest goes first, and what was left by others", async () => {
  await using folder = await temporaryDirectory();
  const { path } = folder;
  const entryBytes = encodeEntry({ ...KEY, source: "0" }, CODE).length;
  const fs = process.getBuiltinModule("node:fs");
  const hours = (file: string, ago: number): void => {
    const time = new Date(Date.now() - 3_600_000 * ago);
    fs.utimesSync(`${path}/${file}`, time, time);
  };
  const fileOf = async (before: readonly string[]): Promise<string> =>
    (await runtime.listDirectory(path)).find((name) => !before.includes(name))!;
  const large = new KernelCache(path, 100 * entryBytes);
  for (let i = 0; i < 6; i++) {
    const before = await runtime.listDirectory(path);
    large.write({ ...KEY, source: `${i}` }, CODE);
    hours(await fileOf(before), 20 - i);
  }
  // Reading entry 0 makes it the youngest.
  assertEquals(large.read({ ...KEY, source: "0" }), CODE);
  for (const [name, ago] of [["a.kernel.7.1.tmp", 30], ["b.kernel.7.2.tmp", 1], ["foreign.txt", 1000]] as const) {
    await runtime.writeFile(`${path}/${name}`, new Uint8Array(10 * entryBytes));
    hours(name, ago);
  }
  const small = new KernelCache(path, 4.5 * entryBytes);
  small.write({ ...KEY, source: "6" }, CODE);
  assertEquals(await kept(path, small, 7), [0, 4, 5, 6]);
  assertEquals(new Set(await runtime.listDirectory(path)).has("foreign.txt"), true);
  assertEquals((await runtime.listDirectory(path)).filter((name) => name.endsWith(".tmp")), ["b.kernel.7.2.tmp"]);
  // No process writes more than a share of the limit before it looks again.
  for (let i = 7; i < 30; i++) small.write({ ...KEY, source: `${i}` }, CODE);
  const rest = await kept(path, small, 30);
  assert(rest.length >= 3 && rest.length <= 5 && rest.includes(29), rest.join());
  assertThrows(() => new KernelCache(path, NaN), ArgumentError, "ESCNN_CUDA_CACHE_LIMIT: expected a number of bytes");
  new KernelCache(path, 0).write({ ...KEY, source: "none" }, CODE);
  assertEquals(await kept(path, small, 30), []);
});
