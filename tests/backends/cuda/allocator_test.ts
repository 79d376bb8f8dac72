// The caching allocator on a driver that only counts: size classes, reuse, giving back under pressure, what a recording keeps,
// and the checks of views.

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { CudaAllocator, type MemoryDriver, sizeClass } from "../../../backends/cuda/allocator.ts";
import { BackendMismatchError, DisposedError, OutOfMemoryError, ShapeError } from "../../../src/tensor/errors.ts";
import { test } from "../../support/test.ts";

const MIB = 1 << 20;

/** A device of `total` bytes that hands out addresses and takes them back. */
class CountingDriver implements MemoryDriver {
  readonly live = new Map<number, number>();
  readonly total: number;
  synchronizations = 0;
  #next = 1 << 24;

  constructor(total: number) {
    this.total = total;
  }

  get used(): number {
    return [...this.live.values()].reduce((a, b) => a + b, 0);
  }

  tryAllocate(bytes: number): number | undefined {
    if (this.used + bytes > this.total) return undefined;
    const pointer = this.#next;
    this.#next += bytes + 4096;
    this.live.set(pointer, bytes);
    return pointer;
  }

  free(pointer: number): void {
    assert(this.live.delete(pointer), `freed ${pointer} twice`);
  }

  memoryInfo(): { free: number; total: number } {
    return { free: this.total - this.used, total: this.total };
  }

  synchronizeStream(): void {
    this.synchronizations++;
  }
}

test("sizeClass rounds up by at most a quarter, to multiples of 512, and keeps classes", () => {
  for (const bytes of [1, 511, 512, 513, 4000, 65_536, 65_537, 1_000_000, 123_456_789]) {
    const size = sizeClass(bytes);
    assert(size >= bytes && size % 512 === 0, `${bytes} → ${size}`);
    assert(size <= Math.max(512, bytes * 1.25 + 512), `${bytes} → ${size}`);
    assertEquals(sizeClass(size), size);
  }
  assertEquals([1, 512, 513, 2048, 2049, 5000].map(sizeClass), [512, 512, 1024, 2048, 2560, 5120]);
});

test("CudaAllocator cuts small blocks from one slab and uses freed ones again", () => {
  const driver = new CountingDriver(64 * MIB);
  const allocator = new CudaAllocator(driver, 0);
  const buffers = Array.from({ length: 100 }, () => allocator.allocate(1000));
  assertEquals(driver.live.size, 1);
  assertEquals(new Set(buffers.map(({ pointer }) => pointer)).size, 100);
  assert(buffers.every(({ pointer }) => pointer % 256 === 0));
  const { pointer } = buffers[7];
  allocator.free(buffers[7]);
  assertEquals(allocator.allocate(900).pointer, pointer);
  assertEquals(allocator.memory(), {
    liveBytes: 99 * 1000 + 900,
    liveBuffers: 100,
    peakBytes: 100_000,
    reservedBytes: 2 * MIB,
  });
});

test("CudaAllocator gives cached memory back when the device is full, and only then waits", () => {
  const driver = new CountingDriver(32 * MIB);
  const allocator = new CudaAllocator(driver, 0);
  const first = allocator.allocate(20 * MIB);
  allocator.free(first);
  assertEquals(driver.live.size, 1);
  assertEquals(driver.synchronizations, 0);
  const second = allocator.allocate(28 * MIB);
  assertEquals([driver.live.size, driver.synchronizations], [1, 1]);
  const error = assertThrows(() => allocator.allocate(8 * MIB), OutOfMemoryError);
  assertStringIncludes(error.message, `${8 * MIB} free bytes`);
  assertStringIncludes(error.message, `${4 * MIB} free of ${32 * MIB}`);
  assertEquals(allocator.memory().liveBuffers, 1);
  allocator.free(second);
  assertEquals(allocator.allocate(8 * MIB).bytes, 8 * MIB);
});

test("CudaAllocator keeps a slab of which one block is in use", () => {
  const driver = new CountingDriver(32 * MIB);
  const allocator = new CudaAllocator(driver, 0);
  const kept = allocator.allocate(100);
  allocator.free(allocator.allocate(200));
  assertEquals(allocator.trim(), 0);
  allocator.free(kept);
  assertEquals(allocator.trim(), 2 * MIB);
  assertEquals(driver.live.size, 0);
});

test("CudaAllocator stops at its limit and says so", () => {
  const allocator = new CudaAllocator(new CountingDriver(64 * MIB), 0, 10 * MIB);
  allocator.allocate(8 * MIB);
  assertThrows(() => allocator.allocate(4 * MIB), OutOfMemoryError, `of a limit of ${10 * MIB}`);
});

test("CudaAllocator keeps what a recording used from others until it is released", () => {
  const driver = new CountingDriver(64 * MIB);
  const allocator = new CudaAllocator(driver, 0);
  const before = allocator.allocate(MIB);
  allocator.startReservation();
  const temporary = allocator.allocate(MIB);
  allocator.free(temporary);
  assertEquals(allocator.allocate(MIB).pointer, temporary.pointer, "within the recording blocks are used again");
  const result = allocator.allocate(MIB);
  allocator.free(before);
  const reservation = allocator.endReservation();
  const reserved = [before.pointer, temporary.pointer, result.pointer];
  const others = [allocator.allocate(MIB), allocator.allocate(MIB)];
  for (const { pointer } of others) assert(!reserved.includes(pointer));
  allocator.free(result);
  assert(!reserved.includes(allocator.allocate(MIB).pointer), "a result that is freed stays with the recording");
  assertEquals(allocator.trim(), 0);
  reservation.release();
  const taken = [allocator.allocate(MIB).pointer, allocator.allocate(MIB).pointer].sort((a, b) => a - b);
  assertEquals(taken, [before.pointer, result.pointer].sort((a, b) => a - b));
  reservation.release();
});

test("CudaAllocator gives everything back when it is disposed, in use or not", () => {
  const driver = new CountingDriver(64 * MIB);
  const allocator = new CudaAllocator(driver, 0);
  allocator.allocate(100);
  allocator.allocate(5 * MIB);
  allocator.free(allocator.allocate(3 * MIB));
  allocator.allocateInternal(MIB);
  assertEquals(allocator.memory().liveBuffers, 2);
  allocator.dispose((step) => step());
  assertEquals(driver.live.size, 0);
  assertEquals(allocator.memory().liveBytes, 0);
});

test("checkView takes views inside their buffer only, of this device and alive", () => {
  const allocator = new CudaAllocator(new CountingDriver(64 * MIB), 0);
  const buffer = allocator.allocate(24);
  const view = { buffer, dtype: "float32", shape: [2, 3], strides: [3, 1], offset: 0 } as const;
  allocator.checkView(view, "test");
  allocator.checkView({ ...view, shape: [2, 0], offset: 99 }, "test");
  allocator.checkView({ ...view, strides: [-3, 1], offset: 3 }, "test");
  assertThrows(() => allocator.checkView({ ...view, offset: 1 }, "test"), ShapeError, "float32 elements 1 to 6");
  assertThrows(() => allocator.checkView({ ...view, strides: [-3, 1] }, "test"), ShapeError, "elements -3 to 2");
  const other = new CudaAllocator(new CountingDriver(64 * MIB), 0).allocate(24);
  assertThrows(
    () => allocator.checkView({ ...view, buffer: other }, "add"),
    BackendMismatchError,
    "another cuda backend",
  );
  assertThrows(() => allocator.free({ bytes: 24 }), BackendMismatchError, "another backend");
  allocator.free(buffer);
  assertThrows(() => allocator.checkView(view, "test"), DisposedError, "freed");
  assertThrows(() => allocator.free(buffer), DisposedError, "freed");
});

test("an empty buffer takes no memory", () => {
  const driver = new CountingDriver(64 * MIB);
  const allocator = new CudaAllocator(driver, 0);
  const buffer = allocator.allocate(0);
  assertEquals([driver.live.size, allocator.memory().liveBuffers], [0, 1]);
  allocator.free(buffer);
  assertEquals(allocator.memory().liveBuffers, 0);
});
