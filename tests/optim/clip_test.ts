// covers: src/optim/clip.ts

import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { clipGradientNorm, clipGradientValue } from "../../src/optim/mod.ts";
import { ArgumentError } from "../../src/tensor/errors.ts";
import { tensor, useBackend } from "../../src/tensor/mod.ts";
import { assertClose } from "../support/close.ts";
import { test } from "../support/test.ts";

function withGradients() {
  const a = tensor(new Float64Array([1, 2])).requireGrad();
  const b = tensor(new Float64Array([3])).requireGrad();
  a.mul(tensor(new Float64Array([3, 0]))).sum().add(b.mul(-4).sum()).backward();
  return [a, b];
}

test("clipGradientNorm scales all gradients to a common norm and returns the norm before", async () => {
  await useBackend("reference");
  const [a, b] = withGradients();
  const norm = clipGradientNorm([a, b], 1);
  assertAlmostEquals(await norm!.item(), 5, 1e-12);
  assertClose(await a.grad!.data(), [0.6, 0], { absolute: 1e-6 });
  assertClose(await b.grad!.data(), [-0.8], { absolute: 1e-6 });
});

test("clipGradientNorm leaves small gradients alone and passes over parameters without any", async () => {
  await useBackend("reference");
  const [a, b] = withGradients();
  const idle = tensor([1]).requireGrad();
  clipGradientNorm([a, idle, b], 10);
  assertEquals([...await a.grad!.data(), ...await b.grad!.data()], [3, 0, -4]);
  assertEquals(clipGradientNorm([idle], 1), undefined);
});

test("clipGradientValue limits each element", async () => {
  await useBackend("reference");
  const [a, b] = withGradients();
  clipGradientValue([a, b], 2);
  assertEquals([...await a.grad!.data(), ...await b.grad!.data()], [2, 0, -2]);
  assertThrows(() => clipGradientValue([a], -1), ArgumentError, "maximum");
});
