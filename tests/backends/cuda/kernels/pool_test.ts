// Pooling kernels on the emulator.
// covers: backends/cuda/kernels/pool_source.ts

import { assertEquals, assertThrows } from "@std/assert";
import { createBackend as createReference } from "../../../../backends/reference/mod.ts";
import { createPool } from "../../../../backends/cuda/kernels/pool.ts";
import { poolOperands, poolSource } from "../../../../backends/cuda/kernels/pool_source.ts";
import { DTypeError } from "../../../../src/tensor/errors.ts";
import { poolGeometry } from "../../../../src/tensor/pool_geometry.ts";
import { runCases } from "../../../backend_suite.ts";
import { test } from "../../../support/test.ts";
import { noEmulator, startDevice } from "./device.ts";

const reason = noEmulator ?? "";
const onEmulator = (name: string, fn: () => Promise<void>) => test.runIf(noEmulator === undefined, name, reason, fn);

test("poolSource has indices in max-pooling alone", () => {
  assertEquals(poolOperands("max_pool"), 3);
  assertEquals(poolOperands("average_pool"), 2);
  assertEquals(poolSource("max_pool", "float32", false).includes("int* indices"), true);
  assertEquals(poolSource("average_pool_gradient", "float64", false).includes("indices"), false);
});

onEmulator("pooling in 32 and 64 bits agrees with the reference", async () => {
  using device = await startDevice();
  const oracle = await createReference({});
  for (const wide of [false, true]) {
    const backend = device.backend(createPool(device.system, () => wide));
    for (const primitive of ["maxPool", "averagePool", "averagePoolGradient"] as const) {
      await runCases(primitive, Array.from({ length: 40 }, (_, i) => i), 23, backend, oracle);
    }
  }
});

onEmulator("maxPool takes the first NaN, else the first greatest element", async () => {
  using device = await startDevice();
  const input = device.upload(Float32Array.of(1, 3, 3, 2, NaN, 5, NaN, 7, -1, -2, -3, -4), [1, 1, 12]);
  const output = device.upload(new Float32Array(3), [1, 1, 3]);
  const indices = device.upload(new Int32Array(3), [1, 1, 3]);
  device.operations.maxPool({ geometry: poolGeometry([1, 1, 12], 4), input, output, indices });
  assertEquals([...device.read(output)], [3, NaN, -1]);
  assertEquals([...device.read(indices)], [1, 4, 8]);
  const integers = device.upload(new Int32Array(12), [1, 1, 12]);
  assertThrows(
    () => device.operations.averagePool({ geometry: poolGeometry([1, 1, 12], 4), input: integers, output }),
    DTypeError,
    "int32",
  );
});
