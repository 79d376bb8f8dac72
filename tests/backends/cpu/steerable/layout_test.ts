// The division of convolutions by a plan: tiles cover the output, chunks the units, runs the rows.

import { assert, assertEquals } from "@std/assert";
import { rowRuns, steerableLayout } from "../../../../backends/cpu/steerable/layout.ts";
import { convolutionGeometry } from "../../../../src/tensor/conv_geometry.ts";
import { randomPlan } from "../../../support/random_plan.ts";
import { test } from "../../../support/test.ts";

test("rowRuns finds one run of equal distances, or as many as the pattern repeats", () => {
  assertEquals(rowRuns(Int32Array.of(2, 10, 18)), [{ row: 0, rowStep: 1, channel: 2, channelStep: 8, count: 3 }]);
  const pairs = rowRuns(Int32Array.of(1, 3, 11, 13, 21, 23));
  assertEquals(pairs, [
    { row: 0, rowStep: 2, channel: 1, channelStep: 10, count: 3 },
    { row: 1, rowStep: 2, channel: 3, channelStep: 10, count: 3 },
  ]);
  assertEquals(rowRuns(Int32Array.of(5, 3, 1)).length, 3);
  assertEquals(rowRuns(new Int32Array(0)), []);
});

test("tiles of a layout cover all output positions once, in order", () => {
  for (
    const [kernelSize, size] of [[[3], [1000]], [[3, 3], [40, 29]], [[3, 3, 3], [17, 17, 17]], [[3, 3, 3], [5, 60, 60]]]
  ) {
    const plan = randomPlan({ kernelSize });
    const geometry = convolutionGeometry([1, plan.inChannels, ...size], [
      plan.outChannels,
      plan.inChannels,
      ...kernelSize,
    ], {
      padding: 1,
    });
    const { tiles, pixels, planeStride } = steerableLayout(plan, geometry, "float32", 64);
    let next = 0;
    for (const tile of tiles) {
      assertEquals(tile.start, next);
      assert(tile.pixels + 4 <= planeStride);
      next += tile.pixels;
    }
    assertEquals(next, pixels);
  }
});

test("chunks of a layout cover the columns of all outputs once, in order, and stay within the cache", () => {
  const plan = randomPlan({ kernelSize: [5, 5], copies: 200 });
  const geometry = convolutionGeometry([1, plan.inChannels, 29, 29], [plan.outChannels, plan.inChannels, 5, 5]);
  const layout = steerableLayout(plan, geometry, "float32", 64);
  assert(layout.chunks.length > 2);
  const columns = plan.outputs.map(() => 0);
  for (const { outputs } of layout.chunks) {
    for (const { output, column, columns: count, first } of outputs) {
      assertEquals([column, first], [columns[output], column === 0]);
      columns[output] += count;
    }
  }
  assertEquals(columns, plan.columns);
  assert(layout.threadBytes < 1024 * 1024);
  assertEquals(layout.empty.includes(plan.outChannels - 1), true);
  const uses = new Array<number>(plan.inChannels).fill(0);
  for (const { first, count } of [...layout.unused, ...layout.chunks.flatMap(({ channels }) => channels)]) {
    for (let i = 0; i < count; i++) uses[first + i]++;
  }
  assertEquals(layout.disjoint, true);
  assertEquals(uses, uses.map(() => 1));
});

test("chunks of the gradient of many rows of weights are wide", () => {
  const plan = randomPlan({ kernelSize: [5, 5], copies: 200 });
  const geometry = convolutionGeometry([1, plan.inChannels, 29, 29], [plan.outChannels, plan.inChannels, 5, 5]);
  const count = (ofWeights: boolean) => steerableLayout(plan, geometry, "float32", 64, ofWeights).chunks.length;
  assert(count(true) <= Math.ceil(count(false) / 3));
});
