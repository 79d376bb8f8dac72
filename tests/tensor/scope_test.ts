// Scopes: what they dispose, what they keep, and that concurrent ones do not mix.
// covers: src/tensor/context.ts

import { assert, assertEquals, assertFalse, assertRejects, assertThrows } from "@std/assert";
import { test } from "../support/test.ts";
import { values } from "./support.ts";
import { enableGrad, isGradEnabled, noGrad } from "../../src/tensor/context.ts";
import { parameter, tensor } from "../../src/tensor/creation.ts";
import { memory } from "../../src/tensor/memory.ts";
import { keep, release, scope } from "../../src/tensor/scope.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

const pause = () => new Promise<void>((resolve) => setTimeout(resolve, 1));

test("scope disposes what was made in it but for kept tensors, which move to the parent", () => {
  let inner: Tensor;
  let kept: Tensor;
  {
    using _outer = scope();
    {
      using _inner = scope();
      inner = tensor([1]);
      kept = keep(inner.add(1));
    }
    assert(inner.isDisposed);
    assertEquals(values(kept), [2]);
  }
  assert(kept.isDisposed);
});

test("keep in the outermost scope takes a tensor out of all scopes", () => {
  const kept = (() => {
    using _ = scope();
    return tensor([3]).keep();
  })();
  assertEquals(values(kept), [3]);
  kept.dispose();
});

test("release takes a tensor out of all scopes at once", () => {
  let free: Tensor;
  {
    using _outer = scope();
    {
      using _inner = scope();
      free = release(tensor([1]));
    }
  }
  assertFalse(free.isDisposed);
  free.dispose();
});

test("scope(fn) returns the tensors of its result, in arrays, maps, objects and properties", () => {
  class Holder {
    constructor(readonly tensor: Tensor) {}
  }
  using _ = scope();
  let lost: Tensor | undefined;
  const result = scope(() => {
    lost = tensor([0]);
    return {
      single: tensor([1]),
      list: [tensor([2])],
      map: new Map([["a", tensor([3])]]),
      holder: new Holder(tensor([4])),
    };
  });
  assert(lost!.isDisposed);
  assertEquals(values(result.single), [1]);
  assertEquals(values(result.list[0]), [2]);
  assertEquals(values(result.map.get("a")!), [3]);
  assertEquals(values(result.holder.tensor), [4]);
});

test("scope(fn) disposes everything when fn throws", async () => {
  let made: Tensor | undefined;
  assertThrows(
    () =>
      scope(() => {
        made = tensor([1]);
        throw new Error("stop");
      }),
    Error,
    "stop",
  );
  assert(made!.isDisposed);
  await assertRejects(
    () =>
      scope(async () => {
        made = tensor([1]);
        await pause();
        throw new Error("stop later");
      }),
    Error,
    "stop later",
  );
  assert(made!.isDisposed);
});

test("scope does not dispose parameters and gradients made in it", () => {
  let weight: Tensor;
  {
    using _ = scope();
    weight = parameter([1, 2]);
    weight.mul(weight).sum().backward();
  }
  assertEquals(values(weight), [1, 2]);
  assertEquals(values(weight.grad!), [2, 4]);
  weight.dispose();
});

test("await scope(async …) keeps concurrent steps apart", async () => {
  const step = (value: number) =>
    scope(async () => {
      const made: Tensor[] = [];
      for (let i = 0; i < 5; i++) {
        made.push(tensor([value]).add(i));
        await pause();
      }
      assertFalse(made.some((x) => x.isDisposed));
      return { sum: made.reduce((a, b) => a.add(b)), first: made[0] };
    });
  const results = await Promise.all([step(10), step(20), step(30)]);
  assertEquals(results.map(({ sum }) => values(sum)[0]), [60, 110, 160]);
  for (const { sum, first } of results) {
    sum.dispose();
    first.dispose();
  }
});

test("using scope() in a loop with await disposes each round's tensors, also those made after the await", async () => {
  const before = memory().reference.liveTensors;
  const sums: number[] = [];
  for (let i = 0; i < 3; i++) {
    using current = scope();
    const x = tensor([i]);
    await pause();
    const y = x.add(tensor([10]));
    sums.push(await y.item());
    await Promise.all([pause(), x.data()]);
    y.mul(2);
    assertEquals(current.size, 4);
  }
  assertEquals(sums, [10, 11, 12]);
  assertEquals(memory().reference.liveTensors, before);
  const outside = tensor([1]);
  assertEquals(outside.owner, undefined);
  outside.dispose();
});

test("a tensor made in a scope that has ended belongs to the scope around it", async () => {
  using outer = scope();
  let later: Promise<Tensor> | undefined;
  scope(() => {
    later = pause().then(() => tensor([5]));
  });
  const made = await later!;
  assertFalse(made.isDisposed);
  assertEquals(outer.size, 1);
});

test("noGrad and enableGrad hold in asynchronous code and nest", async () => {
  assert(isGradEnabled());
  await noGrad(async () => {
    await pause();
    assertFalse(isGradEnabled());
    enableGrad(() => assert(isGradEnabled()));
    assertFalse(isGradEnabled());
  });
  assert(isGradEnabled());
});

test("a scope inside noGrad records nothing", () => {
  const weight = tensor([1]).requireGrad();
  noGrad(() => {
    using _ = scope();
    assertFalse(weight.mul(2).requiresGrad);
  });
  weight.dispose();
});
