// covers: backends/cpu/loop_plan.ts

import { assertEquals } from "@std/assert";
import { accessOf, ParameterLayout, planLoops } from "../../../backends/cpu/loop_plan.ts";
import { test } from "../../support/test.ts";

test("planLoops orders axes by the first operand's strides and merges what is contiguous for all", () => {
  const output = { strides: [4, 12, 48], unit: 4 };
  const other = { strides: [4, 12, 48], unit: 4 };
  assertEquals(planLoops([3, 4, 5], [0, 1, 2], [output, other]), { sizes: [60], strides: [[4], [4]] });
  const row = { strides: [4, 0, 0], unit: 4 };
  assertEquals(planLoops([3, 4, 5], [0, 1, 2], [output, row]), { sizes: [20, 3], strides: [[12, 4], [0, 4]] });
});

test("planLoops drops axes of size 1 and lets later operands decide between axes that the first does not move along", () => {
  const still = { strides: [0, 0, 0], unit: 4 };
  const moving = { strides: [4, 8, 40], unit: 4 };
  assertEquals(planLoops([2, 1, 3], [0, 1, 2], [still, moving]), { sizes: [3, 2], strides: [[0, 0], [40, 4]] });
  assertEquals(planLoops([1, 1], [0, 1], [still]), { sizes: [], strides: [[]] });
});

test("planLoops takes the order from the priority when it differs from the operands", () => {
  const a = { strides: [8, 4], unit: 4 };
  const b = { strides: [4, 12], unit: 4 };
  assertEquals(planLoops([3, 2], [0, 1], [a, b], [b, a]), { sizes: [2, 3], strides: [[4, 8], [12, 4]] });
});

test("accessOf tells contiguous, broadcast and strided operands apart", () => {
  assertEquals([accessOf(4, 4), accessOf(0, 4), accessOf(-4, 4), accessOf(8, 4)], [
    "contiguous",
    "broadcast",
    "strided",
    "strided",
  ]);
});

test("ParameterLayout.template steps from the last round of inner loops to the next of an outer one", () => {
  const layout = new ParameterLayout(2, 1, 1);
  const words = layout.template(
    { sizes: [3, 4], strides: [[1000, 100]] },
    { sizes: [6], strides: [[10]] },
    { size: 5, strides: [4] },
    2,
  );
  assertEquals(words[layout.innerSize / 4], 5);
  assertEquals([words[layout.outerSize(0) / 4], words[layout.outerSize(1) / 4], words[layout.nestSize(0) / 4]], [
    3,
    4,
    6,
  ]);
  assertEquals(words[layout.innerStride(0) / 4], 4);
  assertEquals(words[layout.outerStride(0, 0) / 4], 1000);
  assertEquals(words[layout.outerStep(0, 0) / 4], 1000 - 3 * 100);
  assertEquals(words[layout.outerStep(0, 1) / 4], 100);
  assertEquals(words[layout.nestStep(0, 0) / 4], 10);
  assertEquals(layout.scalar(0) % 8, 0);
  assertEquals(words.byteLength, layout.scalar(2));
});
