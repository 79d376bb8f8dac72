// covers: backends/cpu/allocator.ts
// The allocator against a fake memory: no WebAssembly, so that placement, merging and growth can be checked exactly.

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { ALIGNMENT, type Allocation, Allocator, type AllocatorMemory } from "../../../backends/cpu/allocator.ts";
import { test } from "../../support/test.ts";

class FakeMemory implements AllocatorMemory {
  byteLength: number;
  readonly limit: number;
  grown = 0;

  constructor(byteLength: number, limit: number) {
    this.byteLength = byteLength;
    this.limit = limit;
  }

  grow(byteLength: number): boolean {
    if (byteLength > this.limit) return false;
    this.byteLength = byteLength;
    this.grown++;
    return true;
  }
}

function must(allocation: Allocation | undefined): Allocation {
  assert(allocation !== undefined, "expected an allocation");
  return allocation;
}

/** mulberry32: a small generator with a seed. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

test("Allocator rounds sizes up to 64 bytes and never gives the offset 0", () => {
  const allocator = new Allocator(new FakeMemory(4096, 4096));
  const sizes = [0, 1, 63, 64, 65, 1000];
  assertEquals(sizes.map((bytes) => must(allocator.allocate(bytes)).bytes), [64, 64, 64, 64, 128, 1024]);
  assertEquals(allocator.usedBytes, 64 * 4 + 128 + 1024);
  assertEquals(allocator.usedBlocks, 6);
  assertEquals(must(new Allocator(new FakeMemory(4096, 4096)).allocate(1)).pointer, ALIGNMENT);
});

test("Allocator gives a freed piece to the next request of its size", () => {
  const allocator = new Allocator(new FakeMemory(1 << 20, 1 << 20));
  const pieces = [5000, 100_000, 5000].map((bytes) => must(allocator.allocate(bytes)));
  allocator.free(pieces[1].pointer);
  assertEquals(must(allocator.allocate(100_000)).pointer, pieces[1].pointer);
});

test("Allocator merges free neighbours in every order of freeing", () => {
  for (const order of [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]) {
    const allocator = new Allocator(new FakeMemory(64 + 3 * 1024, 64 + 3 * 1024));
    const pieces = [1024, 1024, 1024].map((bytes) => must(allocator.allocate(bytes)));
    assertEquals(allocator.allocate(1), undefined);
    for (const index of order) assert(allocator.free(pieces[index].pointer));
    assertEquals(must(allocator.allocate(3 * 1024)).pointer, 64, `order ${order}`);
  }
});

test("Allocator.free refuses what it has not given, and a second free", () => {
  const allocator = new Allocator(new FakeMemory(4096, 4096));
  const { pointer } = must(allocator.allocate(10));
  assertEquals(allocator.free(pointer + 64), false);
  assertEquals(allocator.free(pointer), true);
  assertEquals(allocator.free(pointer), false);
  assertEquals(allocator.usedBytes, 0);
});

test("Allocator grows the memory up to its limit, uses the free tail, and changes nothing when it cannot", () => {
  const memory = new FakeMemory(1024, 64 + 4096);
  const allocator = new Allocator(memory);
  assertEquals(must(allocator.allocate(4096)), { pointer: 64, bytes: 4096 });
  assertEquals(memory.byteLength, 64 + 4096);
  assertEquals(allocator.allocate(64), undefined);
  assertEquals(allocator.usedBytes, 4096);
  assert(allocator.free(64));
  assertEquals(allocator.allocate(4160), undefined);
  assertEquals(must(allocator.allocate(4096)).pointer, 64);
});

test("Allocator grows geometrically: 10,000 small pieces need fewer than 40 growths", () => {
  const memory = new FakeMemory(1024, 2 ** 32);
  const allocator = new Allocator(memory);
  for (let i = 0; i < 10_000; i++) must(allocator.allocate(640));
  assert(memory.grown < 40, `${memory.grown} growths`);
});

test("Allocator serves requests up to 4 GiB less the first 64 bytes", () => {
  const allocator = new Allocator(new FakeMemory(65_536, 2 ** 32));
  const { pointer } = must(allocator.allocate(2 ** 32 - 64));
  assertEquals(pointer, 64);
  assertEquals(allocator.allocate(1), undefined);
  allocator.free(pointer);
  assertEquals(must(allocator.allocate(1)).pointer, 64);
});

test("Allocator keeps pieces apart and returns to one free block over 20,000 random steps", () => {
  const memory = new FakeMemory(65_536, 2 ** 30);
  const allocator = new Allocator(memory);
  const next = random(7);
  const live: Allocation[] = [];
  let most = 0;
  for (let step = 0; step < 20_000; step++) {
    if (live.length > 0 && next() < 0.48) {
      const [piece] = live.splice(Math.floor(next() * live.length), 1);
      assert(allocator.free(piece.pointer));
    } else {
      const bytes = Math.floor(2 ** (next() * 18));
      const piece = must(allocator.allocate(bytes));
      assertEquals(piece.pointer % ALIGNMENT, 0);
      assert(piece.bytes >= bytes && piece.bytes < bytes + ALIGNMENT || bytes === 0);
      live.push(piece);
      most = Math.max(most, allocator.usedBytes);
    }
    if (step % 500 === 0) {
      const sorted = [...live].sort((a, b) => a.pointer - b.pointer);
      for (let i = 1; i < sorted.length; i++) {
        assert(sorted[i - 1].pointer + sorted[i - 1].bytes <= sorted[i].pointer, "pieces overlap");
      }
      assertEquals(allocator.usedBytes, live.reduce((sum, piece) => sum + piece.bytes, 0));
    }
  }
  assert(memory.byteLength < 2.5 * most, `${memory.byteLength} bytes of memory for at most ${most} in use`);
  const size = memory.byteLength;
  for (const piece of live) allocator.free(piece.pointer);
  assertEquals(must(allocator.allocate(size - ALIGNMENT)).pointer, ALIGNMENT);
  assertEquals(memory.byteLength, size);
});

test("Allocator does not fragment under a training loop whose last batch is smaller", () => {
  const memory = new FakeMemory(65_536, 2 ** 32);
  const allocator = new Allocator(memory);
  const step = (batch: number) => {
    const layers = [80, 128, 128, 192].map((channels) => must(allocator.allocate(batch * channels * 841 * 4)));
    const gradients = layers.map(({ bytes }) => must(allocator.allocate(bytes)));
    for (const { pointer } of [...gradients.reverse(), ...layers]) allocator.free(pointer);
  };
  step(64);
  step(64);
  const size = memory.byteLength;
  for (let epoch = 0; epoch < 20; epoch++) {
    for (let i = 0; i < 10; i++) step(64);
    step(17);
  }
  assertEquals(memory.byteLength, size);
  assertNotEquals(size, 65_536);
});
