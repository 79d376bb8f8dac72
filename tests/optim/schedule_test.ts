// covers: src/optim/schedule.ts

import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import {
  applySchedule,
  cosineSchedule,
  exponentialSchedule,
  oneCycleSchedule,
  SGD,
  stepSchedule,
} from "../../src/optim/mod.ts";
import { ArgumentError } from "../../src/tensor/errors.ts";
import { tensor, useBackend } from "../../src/tensor/mod.ts";
import { assertClose } from "../support/close.ts";
import { test } from "../support/test.ts";

test("stepSchedule multiplies after every interval", () => {
  const schedule = stepSchedule(1, 3, { factor: 0.5 });
  assertEquals([0, 2, 3, 5, 6].map(schedule), [1, 1, 0.5, 0.5, 0.25]);
});

test("exponentialSchedule multiplies at every step", () => {
  assertClose([0, 1, 2].map(exponentialSchedule(2, 0.9)), [2, 1.8, 1.62], { absolute: 1e-15 });
});

test("cosineSchedule falls by half a cosine and stays at its minimum", () => {
  assertClose([0, 5, 10, 99].map(cosineSchedule(1, 10, { minimum: 0.2 })), [1, 0.6, 0.2, 0.2], { absolute: 1e-15 });
});

test("oneCycleSchedule rises from maximum / 25 to maximum at 30 % and ends at 1e-4 of the start", () => {
  // The turning points of PyTorch's OneCycleLR for 100 steps: step 29 is the peak, step 99 the last.
  const schedule = oneCycleSchedule(0.5, 100);
  assertAlmostEquals(schedule(0), 0.02, 1e-15);
  assertAlmostEquals(schedule(14.5), 0.26, 1e-15);
  assertAlmostEquals(schedule(29), 0.5, 1e-15);
  assertAlmostEquals(schedule(64), (0.5 + 2e-6) / 2, 1e-12);
  assertAlmostEquals(schedule(99), 2e-6, 1e-15);
});

test("applySchedule sets the rate of the optimizer's next step", async () => {
  await useBackend("reference");
  const w = tensor([1]).requireGrad();
  const optimizer = new SGD([w]);
  assertEquals(applySchedule(optimizer, stepSchedule(0.5, 1, { factor: 0.5 })), 0.5);
  w.sum().backward();
  optimizer.step();
  assertEquals(applySchedule(optimizer, stepSchedule(0.5, 1, { factor: 0.5 })), 0.25);
  assertEquals(optimizer.learningRate, 0.25);
});

test("schedules refuse impossible options", () => {
  assertThrows(() => stepSchedule(1, 0), ArgumentError, "interval as a positive number, got 0");
  assertThrows(() => cosineSchedule(1, -1), ArgumentError, "steps");
  assertThrows(() => exponentialSchedule(1, 0), ArgumentError, "factor");
  assertThrows(() => oneCycleSchedule(1, 10, { warmup: 1 }), ArgumentError, "warmup between 0 and 1, got 1");
});
