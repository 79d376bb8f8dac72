// Selection along an axis on the emulator.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { createBackend as createReference } from "../../../../backends/reference/mod.ts";
import { createGather, gatherSource } from "../../../../backends/cuda/kernels/gather.ts";
import { runCases } from "../../../backend_suite.ts";
import { test } from "../../../support/test.ts";
import { noEmulator, startDevice } from "./device.ts";

test("gatherSource moves elements as integers of their size", () => {
  assertStringIncludes(gatherSource(8, 2, false), "unsigned long long* y");
  assertStringIncludes(gatherSource(1, 2, true), "struct Numbers { long long v[");
});

test.runIf(
  noEmulator === undefined,
  "gather in 32 and 64 bits agrees with the reference",
  noEmulator ?? "",
  async () => {
    using device = await startDevice();
    const oracle = await createReference({});
    for (const wide of [false, true]) {
      const backend = device.backend({ gather: createGather(device.system, () => wide) });
      await runCases("gather", Array.from({ length: 40 }, (_, i) => i), 17, backend, oracle);
    }
  },
);

test.runIf(
  noEmulator === undefined,
  "gather with one index for each row reads where it says",
  noEmulator ?? "",
  async () => {
    using device = await startDevice();
    const input = device.upload(Float64Array.of(1, 2, 3, 4, 5, 6), [2, 3]);
    const indices = device.upload(Int32Array.of(2, 0), [2, 1]);
    const output = device.upload(new Float64Array(2), [2, 1]);
    device.operations.gather({ input, indices, axis: 1, output });
    assertEquals([...device.read(output)], [3, 4]);
  },
);
