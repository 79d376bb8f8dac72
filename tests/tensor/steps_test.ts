// Two thousand training steps of a small network on the cpu backend hold memory flat.

import { assert, assertEquals, assertLess } from "@std/assert";
import { test } from "../support/test.ts";
import { noGrad } from "../../src/tensor/context.ts";
import { convolution } from "../../src/tensor/conv.ts";
import { parameter, zeros } from "../../src/tensor/creation.ts";
import * as E from "../../src/tensor/expr.ts";
import { nonFiniteFlag } from "../../src/tensor/finite.ts";
import { mapInPlace } from "../../src/tensor/map.ts";
import { matmul } from "../../src/tensor/matmul.ts";
import { memory } from "../../src/tensor/memory.ts";
import { maxPool } from "../../src/tensor/pool.ts";
import { rand, randn, seed } from "../../src/tensor/random.ts";
import { useBackend } from "../../src/tensor/registry.ts";
import { scope } from "../../src/tensor/scope.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

test("2,000 training steps: live bytes and tensor count after step 100 and step 2,000 are equal", async () => {
  await useBackend("cpu", { threads: 1 });
  seed(1);
  const parameters = scope(() => [
    parameter(randn([4, 1, 3, 3]).mul(0.3)),
    parameter(zeros([4])),
    parameter(randn([16, 1]).mul(0.3)),
  ]);
  const momenta = parameters.map((p) => zeros(p.shape));
  const [kernel, bias, weight] = parameters;

  // The network learns the mean of its input.
  const forward = (x: Tensor): Tensor => {
    const features = convolution(x, kernel, { bias, padding: 1 });
    const normalized = features.sub(features.mean([0, 2, 3], true)).tanh();
    return matmul(maxPool(normalized.add(features.relu()), 2).flatten(1), weight).squeeze(1);
  };
  const step = (): Promise<number> =>
    scope(async () => {
      const x = rand([8, 1, 4, 4]);
      const loss = forward(x).sub(x.mean([1, 2, 3])).square().mean();
      loss.backward();
      noGrad(() =>
        parameters.forEach((p, i) => {
          mapInPlace([p, momenta[i]], [p.grad!], [0.05, 0.9], ([value, m], [g], [rate, decay]) => {
            const next = E.add(E.mul(m, decay), g);
            return [E.sub(value, E.mul(rate, next)), next];
          });
          p.clearGrad();
        })
      );
      const [value, flag] = await Promise.all([loss.item(), nonFiniteFlag([loss]).item()]);
      assertEquals(flag, 0);
      return value;
    });
  const live = () => {
    const { liveBytes, liveBuffers, liveTensors } = memory().cpu;
    return { liveBytes, liveBuffers, liveTensors };
  };
  let first = 0;
  let last = 0;
  for (let i = 0; i < 100; i++) first += await step();
  const early = live();
  for (let i = 100; i < 2000; i++) {
    const loss = await step();
    if (i >= 1900) last += loss;
  }
  assertEquals(live(), early);
  assert(last > 0);
  assertLess(last, 0.2 * first);
});
