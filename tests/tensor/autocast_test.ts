// Mixed precision: which products are told that they may round, in every pass and context, on a backend that notes what it is told.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { createBackend } from "../../backends/reference/mod.ts";
import { autocast } from "../../src/tensor/autocast.ts";
import type { Backend, MatmulCall } from "../../src/tensor/backend.ts";
import { ArgumentError } from "../../src/tensor/errors.ts";
import {
  convolution,
  convolutionTransposed,
  grad,
  noGrad,
  ones,
  registerBackend,
  scope,
  useBackend,
} from "../../src/tensor/mod.ts";
import { test } from "../support/test.ts";

const told: string[] = [];
const PRODUCTS = ["matmul", "convolution", "convolutionInputGradient", "convolutionWeightGradient"] as const;

registerBackend("listening", async (options) => {
  const backend: Backend = await createBackend(options);
  for (const name of PRODUCTS) {
    const method = backend[name].bind(backend) as (call: unknown) => void;
    Object.assign(backend, {
      [name]: (call: MatmulCall) => {
        told.push(`${name} ${call.precision}`);
        method(call);
      },
    });
  }
  return backend;
});

function during<R>(run: () => R): { result: R; calls: string[] } {
  told.length = 0;
  const result = run();
  return { result, calls: [...told] };
}

test("autocast reaches products and their derivatives, wherever these run", async () => {
  await useBackend("listening");
  const [a, b] = [ones([2, 3]).requireGrad(), ones([3, 2]).requireGrad()];
  const { result, calls } = during(() => autocast("bfloat16", () => a.matmul(b)));
  assertEquals(calls, ["matmul bfloat16"]);
  assertEquals(during(() => result.sum().backward()).calls, ["matmul bfloat16", "matmul bfloat16"]);
  assertEquals(await a.grad!.data(), new Float32Array([2, 2, 2, 2, 2, 2]));
  const outside = a.matmul(b);
  assertEquals(during(() => autocast("float16", () => outside.sum().backward())).calls, [
    "matmul undefined",
    "matmul undefined",
  ]);
});

test("autocast reaches convolutions in every direction, and second derivatives", async () => {
  await useBackend("listening");
  const [x, w] = [ones([1, 2, 4, 4]).requireGrad(), ones([3, 2, 3, 3]).requireGrad()];
  const { result, calls } = during(() =>
    autocast("float16", () => convolutionTransposed(convolution(x, w), w.detach()).square().sum())
  );
  assertEquals(calls, ["convolution float16", "convolutionInputGradient float16"]);
  const first = during(() => grad([result], [x, w], { createGraph: true }));
  assert(first.calls.length >= 3 && first.calls.every((call) => call.endsWith(" float16")), first.calls.join());
  const second = during(() => first.result[0]!.sum().backward());
  assert(second.calls.length >= 3 && second.calls.every((call) => call.endsWith(" float16")), second.calls.join());
});

test("autocast holds in scopes, without gradients and in asynchronous code, and ends with its function", async () => {
  await useBackend("listening");
  const [a, b] = [ones([2, 2]), ones([2, 2])];
  const product = (): string => during(() => a.matmul(b)).calls[0];
  assertEquals(product(), "matmul undefined");
  await autocast("bfloat16", async () => {
    assertEquals(product(), "matmul bfloat16");
    assertEquals(scope(() => product()), "matmul bfloat16");
    assertEquals(noGrad(product), "matmul bfloat16");
    assertEquals(autocast("float32", product), "matmul undefined");
    {
      using _ = scope();
      assertEquals(product(), "matmul bfloat16");
    }
    await Promise.resolve();
    assertEquals(product(), "matmul bfloat16");
  });
  assertEquals(product(), "matmul undefined");
});

test("autocast refuses other types", () => {
  assertThrows(() => autocast("int8" as "float16", () => 1), ArgumentError, '"float16", "bfloat16" or "float32"');
});
