// covers: backends/cuda/host_memory.ts, backends/cuda/kernel_arguments.ts
// Transfers on a driver that copies only when it is waited for, as a device may: uploads keep what was given to them, downloads wait,
// pinned memory stays within its limit, and a failed step leaves nothing behind.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { HostBlock } from "../../../backends/cuda/host_memory.ts";
import { KernelArguments } from "../../../backends/cuda/kernel_arguments.ts";
import { Staging, type StagingDriver } from "../../../backends/cuda/staging.ts";
import { loadFfi } from "../../../ffi/mod.ts";
import { ArgumentError, OutOfMemoryError } from "../../../src/tensor/errors.ts";
import { test } from "../../support/test.ts";

const STREAM = 7;

/** A device whose stream runs at the last moment. */
class LazyDriver implements StagingDriver {
  readonly device: Uint8Array;
  readonly pinned = new Map<number, Uint8Array>();
  readonly events = new Map<number, number>();
  readonly queue: (() => void)[] = [];
  pinnedLimit = Infinity;
  eventWaits = 0;
  failCopies = false;
  failEvents = false;
  #done = 0;
  #next = 1 << 20;

  constructor(bytes: number) {
    this.device = new Uint8Array(bytes);
  }

  get pinnedBytes(): number {
    return [...this.pinned.values()].reduce((sum, { length }) => sum + length, 0);
  }

  bytes(address: number, length: number): Uint8Array {
    for (const [start, memory] of this.pinned) {
      if (address >= start && address + length <= start + memory.length) {
        return memory.subarray(address - start, address - start + length);
      }
    }
    throw new Error(`no pinned memory at ${address}`);
  }

  tryAllocateHost(bytes: number): number | undefined {
    if (this.pinnedBytes + bytes > this.pinnedLimit) return undefined;
    const address = this.#next;
    this.#next += bytes;
    this.pinned.set(address, new Uint8Array(bytes));
    return address;
  }

  freeHost(address: number): void {
    assert(this.pinned.delete(address));
  }

  copyToDevice(target: number, source: number, bytes: number): void {
    if (this.failCopies) throw new Error("copy failed");
    this.queue.push(() => this.device.set(this.bytes(source, bytes), target));
  }

  copyToHost(target: number, source: number, bytes: number): void {
    if (this.failCopies) throw new Error("copy failed");
    this.queue.push(() => this.bytes(target, bytes).set(this.device.subarray(source, source + bytes)));
  }

  createEvent(): number {
    if (this.failEvents) throw new Error("no event");
    const event = this.#next++;
    this.events.set(event, -1);
    return event;
  }

  recordEvent(event: number): void {
    assert(this.events.has(event));
    this.events.set(event, this.#done + this.queue.length);
  }

  synchronizeEvent(event: number): void {
    this.eventWaits++;
    while (this.#done < (this.events.get(event) ?? 0)) this.#step();
  }

  destroyEvent(event: number): void {
    assert(this.events.delete(event));
  }

  synchronizeStream(stream: number): void {
    assertEquals(stream, STREAM);
    while (this.queue.length > 0) this.#step();
  }

  #step(): void {
    this.queue.shift()?.();
    this.#done++;
  }
}

function start(bytes: number): { driver: LazyDriver; staging: Staging } {
  const driver = new LazyDriver(bytes);
  return { driver, staging: new Staging(driver, STREAM, { viewBytes: (at, length) => driver.bytes(at, length) }) };
}

function ramp(length: number, start: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (start + 31 * i) % 251);
}

test("upload takes a copy at once: the source may change before the device has read it", () => {
  const { driver, staging } = start(1000);
  const source = ramp(1000, 3);
  const expected = source.slice();
  staging.upload(0, source);
  source.fill(0);
  assertEquals(driver.queue.length, 1, "nothing has waited");
  const result = new Uint8Array(1000);
  staging.download(result, 0);
  assertEquals(result, expected);
});

test("uploads of one size use the same pinned block only after the stream was waited for", () => {
  const { driver, staging } = start(300);
  staging.upload(0, ramp(100, 1));
  staging.upload(100, ramp(100, 2));
  assertEquals(driver.pinned.size, 2);
  staging.synchronize();
  staging.upload(200, ramp(100, 3));
  assertEquals(driver.pinned.size, 2);
  const result = new Uint8Array(300);
  staging.download(result, 0);
  assertEquals(result, Uint8Array.from([...ramp(100, 1), ...ramp(100, 2), ...ramp(100, 3)]));
});

test("pinned memory stays below 64 MiB: then an upload waits for the oldest one", () => {
  const size = 4 << 20;
  const { driver, staging } = start(20 * size);
  for (let i = 0; i < 20; i++) staging.upload(i * size, new Uint8Array(size).fill(i + 1));
  assertEquals(staging.pinnedBytes, 64 << 20);
  assertEquals(driver.eventWaits, 4);
  const result = new Uint8Array(20 * size);
  staging.download(result, 0);
  for (let i = 0; i < 20; i++) {
    assertEquals([result[i * size], result[(i + 1) * size - 1]], [i + 1, i + 1]);
  }
});

test("long transfers go in parts of 4 MiB and arrive whole", () => {
  const length = (9 << 20) + 12_345;
  const { driver, staging } = start(length);
  const source = new Uint8Array(length);
  for (let i = 0; i < length; i++) source[i] = i % 253;
  staging.upload(0, source);
  assertEquals(driver.queue.length, 3);
  const result = new Uint8Array(length);
  staging.download(result, 0);
  let wrong = 0;
  for (let i = 0; i < length; i++) if (result[i] !== source[i]) wrong++;
  assertEquals(wrong, 0);
});

test("with little pinned memory another block is given back for the one that is needed", () => {
  const { driver, staging } = start(1 << 20);
  driver.pinnedLimit = 1 << 16;
  staging.upload(0, ramp(1 << 16, 5));
  staging.upload(1 << 16, ramp(1 << 14, 6));
  assertEquals(driver.pinnedBytes <= 1 << 16, true);
  const result = new Uint8Array((1 << 16) + (1 << 14));
  staging.download(result.subarray(0, 1 << 16), 0);
  staging.download(result.subarray(1 << 16), 1 << 16);
  assertEquals(result.subarray(0, 1 << 16), ramp(1 << 16, 5));
  assertEquals(result.subarray(1 << 16), ramp(1 << 14, 6));
  assertThrows(() => staging.upload(0, new Uint8Array(1 << 17)), OutOfMemoryError, "pinned host memory");
});

test("a failed transfer leaves its block for the next one, and a failed event no memory", () => {
  const { driver, staging } = start(1000);
  driver.failEvents = true;
  assertThrows(() => staging.upload(0, ramp(10, 0)), Error, "no event");
  assertEquals(driver.pinned.size, 0);
  driver.failEvents = false;
  driver.failCopies = true;
  assertThrows(() => staging.upload(0, ramp(10, 0)), Error, "copy failed");
  assertThrows(() => staging.download(new Uint8Array(10), 0), Error, "copy failed");
  driver.failCopies = false;
  staging.upload(0, ramp(10, 9));
  const result = new Uint8Array(10);
  staging.download(result, 0);
  assertEquals(result, ramp(10, 9));
  assertEquals(driver.pinned.size, 2);
  staging.dispose((step) => step());
  assertEquals([driver.pinned.size, driver.events.size], [0, 0]);
});

test("a download that fails half-way leaves its block to the copy that is under way", () => {
  const length = 5 << 20;
  const { driver, staging } = start(2 * length);
  driver.device.fill(7);
  // Room for the first part alone.
  driver.pinnedLimit = 4 << 20;
  assertThrows(() => staging.download(new Uint8Array(length), 0), OutOfMemoryError, "pinned host memory");
  assertEquals(driver.queue.length, 1, "a copy into the first part's block");
  const source = ramp(4 << 20, 1);
  staging.upload(length, source);
  const result = new Uint8Array(4 << 20);
  staging.download(result, length);
  assert(result.every((byte, i) => byte === source[i]), "not what the copy under way brought");
});

test("HostBlock has an address at which native code sees its bytes", () => {
  using block = HostBlock.text("höst");
  assertEquals(loadFfi().readCString(block.address), "höst");
  assertEquals(block.readText(), "höst");
  using numbers = new HostBlock(16);
  numbers.writeAddress(8, 0x7f12_3456_789a);
  assertEquals(numbers.readAddress(8), 0x7f12_3456_789a);
  assertEquals(loadFfi().viewBytes(numbers.address + 8, 8)[0], 0x9a);
});

test("KernelArguments writes each argument at a multiple of 8 and points at it", () => {
  const args = new KernelArguments();
  args.pointer(0x7f00_0000_1234).i32(-5).f32(1.5).f64(-2.25).i64(-(2 ** 40)).i32s([1, -2, 3]).u32(2 ** 32 - 1);
  assertEquals(args.count, 7);
  const { viewBytes } = loadFfi();
  const view = (address: number, length: number) => {
    const bytes = viewBytes(address, length);
    return new DataView(bytes.buffer, bytes.byteOffset, length);
  };
  const at = (i: number) => Number(view(args.address + 8 * i, 8).getBigUint64(0, true));
  for (let i = 0; i < 7; i++) assertEquals((at(i) - args.address) % 8, 0);
  assertEquals(view(at(0), 8).getBigUint64(0, true), 0x7f00_0000_1234n);
  assertEquals(view(at(1), 4).getInt32(0, true), -5);
  assertEquals(view(at(2), 4).getFloat32(0, true), 1.5);
  assertEquals(view(at(3), 8).getFloat64(0, true), -2.25);
  assertEquals(view(at(4), 8).getBigInt64(0, true), -(2n ** 40n));
  assertEquals([0, 4, 8].map((offset) => view(at(5), 12).getInt32(offset, true)), [1, -2, 3]);
  assertEquals(view(at(6), 4).getUint32(0, true), 2 ** 32 - 1);
  assertEquals(args.clear().count, 0);
  assertThrows(() => args.i32s(new Array(2000).fill(0)), ArgumentError, "4096 bytes");
});
