// Copies between views on the emulator: which way they go, and that all elements arrive.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { createBackend as createReference } from "../../../../backends/reference/mod.ts";
import { createCopy, transposeSource } from "../../../../backends/cuda/kernels/copy.ts";
import { createMap } from "../../../../backends/cuda/kernels/map.ts";
import type { View } from "../../../../src/tensor/backend.ts";
import { contiguousStrides } from "../../../../src/tensor/layout.ts";
import { runCases } from "../../../backend_suite.ts";
import { test } from "../../../support/test.ts";
import { noEmulator, startDevice } from "./device.ts";

const reason = noEmulator ?? "";
const onEmulator = (name: string, fn: () => Promise<void>) => test.runIf(noEmulator === undefined, name, reason, fn);

test("transposeSource moves elements as integers of their size", () => {
  assertStringIncludes(transposeSource(1, 0, false), "__shared__ unsigned char tile[32][33];");
  assertStringIncludes(transposeSource(8, 2, true), "struct Numbers { long long v[");
});

onEmulator("copy in 32 and 64 bits agrees with the reference", async () => {
  using device = await startDevice();
  const oracle = await createReference({});
  for (const wide of [false, true]) {
    const copy = createCopy(device.system, createMap(device.system, () => wide), () => wide);
    await runCases("copy", Array.from({ length: 25 }, (_, i) => i), 29, device.backend({ copy }), oracle);
  }
});

onEmulator("copy moves dense memory by the driver, else by one kernel", async () => {
  using device = await startDevice();
  const { emulator, operations } = device;
  const source = device.upload(Float32Array.from({ length: 6 }, (_, i) => i), [2, 3]);
  const target = device.upload(new Float32Array(6), [2, 3]);
  emulator.reset();
  operations.copy(source, target);
  assertEquals([emulator.calls("cuMemcpyDtoDAsync_v2"), emulator.calls("cuLaunchKernel")], [1, 0]);
  assertEquals([...device.read(target)], [0, 1, 2, 3, 4, 5]);
  operations.copy({ ...source, shape: [3, 2], strides: [1, 3] }, { ...target, shape: [3, 2], strides: [2, 1] });
  assertEquals([emulator.calls("cuMemcpyDtoDAsync_v2"), emulator.calls("cuLaunchKernel")], [1, 1]);
  assertEquals([...device.read(target)], [0, 3, 1, 4, 2, 5]);
});

/** The permuted elements of a row-major array. */
function permuted(data: ArrayLike<number>, shape: readonly number[], order: readonly number[]): number[] {
  const strides = contiguousStrides(shape);
  let positions = [0];
  for (const axis of order) {
    positions = positions.flatMap((at) => Array.from({ length: shape[axis] }, (_, i) => at + i * strides[axis]));
  }
  return positions.map((at) => data[at]);
}

/** Shapes, orders of their axes, and whether the copy goes through tiles. */
const TRANSPOSITIONS: readonly [readonly number[], readonly number[], boolean][] = [
  [[32, 64], [1, 0], true],
  [[33, 50], [1, 0], true],
  [[3, 17, 2, 35], [3, 0, 2, 1], true],
  [[2, 40, 3, 17], [0, 2, 3, 1], true],
  // Three channels are too few for a tile.
  [[2, 3, 40, 17], [0, 2, 3, 1], false],
];

onEmulator("copy transposes tiles whole and cut off, among other axes, of every size of element", async () => {
  using device = await startDevice();
  for (const wide of [false, true]) {
    let maps = 0;
    const map = createMap(device.system, () => wide);
    const copy = createCopy(device.system, (call) => {
      maps++;
      map(call);
    }, () => wide);
    for (const [shape, order, tiled] of TRANSPOSITIONS) {
      const strides = contiguousStrides(shape);
      const numbers = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i % 251);
      for (
        const data of [
          Float32Array.from(numbers),
          Float64Array.from(numbers),
          Uint8Array.from(numbers, (i) => i % 2),
        ]
      ) {
        const source = device.upload(data, shape);
        const target = device.upload(data.map(() => 0), order.map((axis) => shape[axis]));
        const view: View = { ...source, shape: target.shape, strides: order.map((axis) => strides[axis]) };
        maps = 0;
        copy(view, target);
        assertEquals(maps, tiled ? 0 : 1);
        assertEquals([...device.read(target)], permuted(data, shape, order));
      }
    }
  }
});
