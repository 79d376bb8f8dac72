// Addition at indices: the choice of the method, and on the emulator every method against the reference, with the same bits in any order of
// threads.
// covers: backends/cuda/kernels/scatter_source.ts

import { assert, assertEquals } from "@std/assert";
import { createBackend as createReference } from "../../../../backends/reference/mod.ts";
import { createScatterAdd, type ScatterMethod, scatterMethod } from "../../../../backends/cuda/kernels/scatter.ts";
import { scratchView } from "../../../../backends/cuda/kernels/bind.ts";
import type { ScatterAddCall } from "../../../../src/tensor/backend.ts";
import { runCases } from "../../../backend_suite.ts";
import { test } from "../../../support/test.ts";
import { noEmulator, startDevice, type TestDevice } from "./device.ts";

/** A call without memory; indices are shared by lines when `shared`. */
function call(shape: readonly number[], axis: number, targets: number, shared: boolean): ScatterAddCall {
  const indices = scratchView(0, "int32", shape);
  return {
    source: scratchView(0, "float32", shape),
    indices: shared ? { ...indices, strides: shape.map((_, other) => other === axis ? 1 : 0) } : indices,
    axis,
    output: scratchView(0, "float32", shape.map((size, other) => other === axis ? targets : size)),
  };
}

test("scatterMethod sorts long shared indices, owns targets along the fastest axis, else walks lines", () => {
  assertEquals(scatterMethod(call([100_000, 64], 0, 5000, true)), "sort");
  assertEquals(scatterMethod(call([100_000], 0, 5000, false)), "sort");
  assertEquals(scatterMethod(call([64, 32, 196], 2, 784, false)), "owners");
  assertEquals(scatterMethod(call([16, 300, 4096], 1, 200, true)), "lines");
  assertEquals(scatterMethod(call([100_000, 4], 1, 3, false)), "lines");
  // More ranges of targets than a grid has blocks along y.
  assertEquals(scatterMethod(call([100], 0, 65535 * 4096, true)), "owners");
  assertEquals(scatterMethod(call([100], 0, 65535 * 4096 + 1, true)), "lines");
});

const reason = noEmulator ?? "";
const onEmulator = (name: string, fn: () => Promise<void>) => test.runIf(noEmulator === undefined, name, reason, fn);

/** The method where it can be used: the sort needs shared indices. */
function forced(method: ScatterMethod): (call: ScatterAddCall) => ScatterMethod {
  return ({ source: { shape }, indices: { strides }, axis }) => {
    const isShared = shape.every((size, other) => other === axis || size < 2 || strides[other] === 0);
    return method === "sort" && !isShared ? "lines" : method;
  };
}

for (const method of ["lines", "owners", "sort"] as const) {
  onEmulator(`scatterAdd by ${method} agrees with the reference in 32 and 64 bits`, async () => {
    using device = await startDevice();
    const oracle = await createReference({});
    for (const wide of [false, true]) {
      const scatterAdd = createScatterAdd(device.system, forced(method), () => wide);
      await runCases("scatterAdd", Array.from({ length: 30 }, (_, i) => i), 19, device.backend({ scatterAdd }), oracle);
    }
  });
}

/** Adds `sources` numbers in each of `lines` to `targets`; indices are shared. */
function scatter(
  device: TestDevice,
  sources: number,
  lines: number,
  targets: number,
  method?: ScatterMethod,
): Float32Array {
  const data = Float32Array.from({ length: sources * lines }, (_, i) => Math.sin(i));
  const indices = device.upload(Int32Array.from({ length: sources }, (_, i) => Math.imul(i, 40503) % 65536 % targets));
  const output = device.upload(new Float32Array(targets * lines).fill(0.5), [targets, lines]);
  createScatterAdd(device.system, method === undefined ? scatterMethod : forced(method))({
    source: device.upload(data, [sources, lines]),
    indices: { ...indices, shape: [sources, lines], strides: [1, 0] },
    axis: 0,
    output,
  });
  return device.read(output) as Float32Array;
}

onEmulator(
  "scatterAdd of long shared indices sums every segment, in the same bits in any order of threads",
  async () => {
    using device = await startDevice();
    // More blocks than one in the sort, more digits than one, segments of no source, of some and of very many.
    for (const [sources, lines, targets] of [[3000, 3, 700], [3000, 5, 2], [2500, 1, 70_000]]) {
      const sums = scatter(device, sources, lines, targets);
      const exact = new Float64Array(targets * lines).fill(0.5);
      for (let i = 0; i < sources; i++) {
        const target = Math.imul(i, 40503) % 65536 % targets;
        for (let line = 0; line < lines; line++) {
          exact[target * lines + line] += Math.fround(Math.sin(i * lines + line));
        }
      }
      sums.forEach((sum, i) => assert(Math.abs(sum - exact[i]) < 1e-4, `${i}: ${sum} for ${exact[i]}`));
      device.emulator.set("reverse", 1);
      assertEquals(scatter(device, sources, lines, targets), sums);
      device.emulator.reset();
    }
  },
);

onEmulator("scatterAdd by owners and by lines adds in the order of the axis, as a loop does", async () => {
  using device = await startDevice();
  const sources = 600, lines = 2, targets = 5;
  const expected = new Float32Array(targets * lines).fill(0.5);
  for (let i = 0; i < sources; i++) {
    const target = Math.imul(i, 40503) % 65536 % targets;
    for (let line = 0; line < lines; line++) expected[target * lines + line] += Math.fround(Math.sin(i * lines + line));
  }
  for (const method of ["owners", "lines"] as const) {
    assertEquals(scatter(device, sources, lines, targets, method), expected);
  }
});
