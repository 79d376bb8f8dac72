// Compiled kernels on disk: what is read back, and what is never trusted.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  decodeEntry,
  encodeEntry,
  KernelCache,
  type KernelKey,
} from "../../../../backends/cuda/kernels/kernel_cache.ts";
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
