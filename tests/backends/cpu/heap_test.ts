// covers: backends/cpu/heap.ts
// The heap over a real WebAssembly memory: views, growth, accounting and errors.

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { MAXIMUM_PAGES, PAGE_BYTES, WebAssemblyHeap } from "../../../backends/cpu/heap.ts";
import {
  ArgumentError,
  BackendError,
  BackendMismatchError,
  DisposedError,
  OutOfMemoryError,
} from "../../../src/tensor/errors.ts";
import { test } from "../../support/test.ts";

for (const shared of [false, true]) {
  const kind = shared ? "shared" : "unshared";

  test(`WebAssemblyHeap (${kind}) keeps contents and renews its views when it grows`, () => {
    const heap = new WebAssemblyHeap({ shared });
    const first = heap.allocate(4000);
    heap.f32().fill(1.5, first.pointer / 4, first.pointer / 4 + 1000);
    const before = heap.reservedBytes;
    const second = heap.allocate(50_000_000);
    assert(heap.reservedBytes > before);
    for (const view of [heap.u8(), heap.i32(), heap.f32(), heap.f64()]) {
      assertEquals(view.byteLength, heap.reservedBytes);
      assertEquals(view.buffer instanceof ArrayBuffer, !shared);
    }
    assertEquals(heap.f32()[first.pointer / 4 + 999], 1.5);
    heap.f64()[(second.pointer + 50_000_000) / 8 - 1] = 2.5;
    assertEquals(heap.f64()[(second.pointer + 50_000_000) / 8 - 1], 2.5);
  });
}

test("WebAssemblyHeap counts live bytes, buffers and the peak by what was asked for", () => {
  const heap = new WebAssemblyHeap({ shared: false });
  const a = heap.allocate(100);
  const b = heap.allocate(0);
  const c = heap.allocate(1000);
  assertEquals([heap.liveBytes, heap.liveBuffers, heap.peakBytes], [1100, 3, 1100]);
  heap.free(c);
  heap.free(b);
  assertEquals([heap.liveBytes, heap.liveBuffers, heap.peakBytes], [100, 1, 1100]);
  heap.release(heap.reserve(5000));
  heap.free(a);
  assertEquals([heap.liveBytes, heap.liveBuffers, heap.peakBytes], [0, 0, 1100]);
});

test("WebAssemblyHeap gives all of its 4 GiB but the first and the last 64 bytes on demand", () => {
  const heap = new WebAssemblyHeap({ shared: true });
  const whole = heap.allocate(MAXIMUM_PAGES * PAGE_BYTES - 128);
  assertEquals(heap.reservedBytes, 2 ** 32);
  heap.u8()[2 ** 32 - 1] = 7;
  assertEquals(heap.u8()[2 ** 32 - 1], 7);
  heap.free(whole);
});

/** Runs `fn` in an engine that has no room for memories of more than `pages`. */
function withRoomFor(pages: number, fn: () => void): void {
  const { Memory } = WebAssembly;
  const small = class extends Memory {
    constructor(descriptor: WebAssembly.MemoryDescriptor) {
      if (descriptor.maximum! > pages) throw new RangeError("could not allocate memory");
      super(descriptor);
    }
  };
  Object.defineProperty(WebAssembly, "Memory", { value: small, configurable: true, writable: true });
  try {
    fn();
  } finally {
    Object.defineProperty(WebAssembly, "Memory", { value: Memory, configurable: true, writable: true });
  }
}

for (const shared of [false, true]) {
  test(`WebAssemblyHeap takes what the engine has room for, and says so when it is full, shared: ${shared}`, () => {
    withRoomFor(20_000, () => {
      const heap = new WebAssemblyHeap({ shared });
      assertEquals([heap.maximumPages, heap.limit], [16_384, 2 ** 30]);
      assertEquals(new WebAssemblyHeap({ shared, limit: 1 << 20 }).limit, 1 << 20);
      const error = assertThrows(() => heap.allocate(2 ** 30), OutOfMemoryError);
      assertStringIncludes(error.message, "of at most 1 GiB (1073741824 bytes). Use smaller batches");
    });
    withRoomFor(4095, () => {
      const error = assertThrows(() => new WebAssemblyHeap({ shared }), BackendError);
      assertStringIncludes(error.message, "with room for 4096 pages or more, got could not allocate memory");
    });
  });
}

test("OutOfMemoryError names the request, the live bytes, the limit and ESCNN_HEAP_LIMIT", () => {
  const heap = new WebAssemblyHeap({ shared: false, limit: 4 << 20 });
  const live = heap.allocate(1 << 20);
  const error = assertThrows(() => heap.allocate(4 << 20), OutOfMemoryError);
  assertStringIncludes(error.message, "4 MiB (4194304 bytes)");
  assertStringIncludes(error.message, "1 MiB (1048576 bytes) live in 1 buffers");
  assertStringIncludes(error.message, "ESCNN_HEAP_LIMIT");
  assertEquals([heap.liveBytes, heap.liveBuffers], [1 << 20, 1]);
  heap.free(live);
  heap.free(heap.allocate(3 << 20));
});

test("WebAssemblyHeap refuses sizes that are not whole numbers, and limits outside 1 MiB to 4 GiB", () => {
  const heap = new WebAssemblyHeap({ shared: false });
  for (const bytes of [-1, 1.5, NaN, Infinity]) assertThrows(() => heap.allocate(bytes), ArgumentError, String(bytes));
  for (const limit of [0, 1000, 2 ** 33, NaN]) {
    assertThrows(() => new WebAssemblyHeap({ shared: false, limit }), ArgumentError, "ESCNN_HEAP_LIMIT");
  }
});

test("WebAssemblyHeap refuses freed buffers and those of others", () => {
  const heap = new WebAssemblyHeap({ shared: false });
  const other = new WebAssemblyHeap({ shared: false });
  const buffer = heap.allocate(10);
  assertEquals(heap.own(buffer, "read"), buffer);
  assertThrows(() => other.own(buffer, "read"), BackendMismatchError, "another cpu backend");
  assertThrows(() => heap.own({ bytes: 10 }, "read"), BackendMismatchError, "another backend");
  heap.free(buffer);
  assertThrows(() => heap.free(buffer), DisposedError, "freed");
  assertThrows(() => heap.own(buffer, "read"), DisposedError, "freed");
});
