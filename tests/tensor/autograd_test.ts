// The backward pass: accumulation, graphs that are used once, chosen inputs, higher orders, and what is refused.

import { assert, assertEquals, assertFalse, assertStrictEquals, assertThrows } from "@std/assert";
import { assertClose } from "../support/close.ts";
import { test } from "../support/test.ts";
import { float64, int32, values } from "./support.ts";
import { backward, grad } from "../../src/tensor/autograd.ts";
import { noGrad } from "../../src/tensor/context.ts";
import { full, tensor, zeros } from "../../src/tensor/creation.ts";
import { ArgumentError, DTypeError, GradientError, ShapeError } from "../../src/tensor/errors.ts";
import * as E from "../../src/tensor/expr.ts";
import { mapInPlace } from "../../src/tensor/map.ts";
import { scope } from "../../src/tensor/scope.ts";

test("backward adds to the gradients of all leaves, over several calls", () => {
  using _ = scope();
  const x = tensor([1, 2]).requireGrad();
  const y = tensor([3, 4]).requireGrad();
  x.mul(y).sum().backward();
  assertEquals([values(x.grad!), values(y.grad!)], [[3, 4], [1, 2]]);
  const before = x.grad;
  x.mul(10).sum().backward();
  assertEquals(values(x.grad!), [13, 14]);
  assertStrictEquals(x.grad, before);
  x.clearGrad();
  assertEquals(x.grad, undefined);
});

test("backward takes the gradient of an output of any shape", () => {
  using _ = scope();
  const x = tensor([1, 2, 3]).requireGrad();
  const g = tensor([1, 0, -1]);
  x.square().backward(g);
  assertEquals(values(x.grad!), [2, 0, -6]);
  assertEquals(values(g), [1, 0, -1]);
  assertThrows(() => x.square().backward(), GradientError, "one element");
  assertThrows(() => x.square().backward(tensor([1])), ShapeError, "[3]");
  assertThrows(() => x.square().backward(float64([3])), DTypeError, "float32");
});

test("gradients do not share memory with each other or with what the user gave", () => {
  using _ = scope();
  const x = tensor([1, 2]).requireGrad();
  const y = tensor([3, 4]).requireGrad();
  const g = tensor([1, 1]);
  x.add(y).backward(g);
  mapInPlace([x.grad!], [], [], ([a]) => [E.mul(a, 100)]);
  assertEquals([values(x.grad!), values(y.grad!), values(g)], [[100, 100], [1, 1], [1, 1]]);
  const z = tensor([5, 6]).requireGrad();
  z.sum().backward();
  assertEquals([values(z.grad!), z.grad!.strides], [[1, 1], [1]]);
});

test("a second backward through a freed graph is refused, unless the graph was retained", () => {
  using _ = scope();
  const x = tensor([2]).requireGrad();
  const y = x.square();
  const z = y.mul(3).sum();
  z.backward(undefined, { retainGraph: true });
  z.backward();
  assertEquals(values(x.grad!), [24]);
  assertThrows(() => z.backward(), GradientError, "freed graph of");
  assertThrows(() => y.sum().backward(), GradientError, "retainGraph");
});

test("backward refuses tensors without history", () => {
  using _ = scope();
  const x = tensor([2]).requireGrad();
  assertThrows(() => tensor([1]).backward(), GradientError, "requireGrad()");
  assertThrows(() => noGrad(() => x.square()).backward(), GradientError);
  assertThrows(() => x.detach().sum().backward(), GradientError);
  assertThrows(() => x.gt(0).sum().backward(), GradientError, "differentiable");
  x.backward();
  assertEquals(values(x.grad!), [1]);
});

test("backward refuses values that were changed in place after they were used", () => {
  using _ = scope();
  const x = tensor([2]).requireGrad();
  const w = tensor([3], { name: "w" }).requireGrad();
  const loss = x.mul(w).sum();
  noGrad(() => mapInPlace([w], [], [], ([a]) => [E.add(a, 1)]));
  assertThrows(() => loss.backward(), GradientError, 'tensor "w" [1] float32, which was changed in place');
});

test("grad gives derivatives of leaves and intermediate results and leaves grad alone", () => {
  using _ = scope();
  const x = tensor([2]).requireGrad();
  const y = x.square();
  const z = y.mul(y).mul(x);
  const [dx, dy] = grad([z.sum()], [x, y]);
  // z = y² x: ∂z/∂y = 2 y x, ∂z/∂x in all = 2 y x · 2 x + y².
  assertEquals([values(dx), values(dy)], [[80], [16]]);
  assertEquals(x.grad, undefined);
  assertFalse(dx.requiresGrad);
});

test("grad of several outputs weights them with gradOutputs", () => {
  using _ = scope();
  const x = tensor([2, 3]).requireGrad();
  const [g] = grad([x.square(), x.sum()], [x], { gradOutputs: [tensor([1, 10]), undefined] });
  assertEquals(values(g), [5, 61]);
  assertThrows(() => grad([x.sum()], [x], { gradOutputs: [undefined, undefined] }), ArgumentError, "at most 1");
});

test("grad refuses inputs that do not matter, or gives zeros", () => {
  using _ = scope();
  const x = tensor([2]).requireGrad();
  const other = zeros([2, 2], { name: "other" }).requireGrad();
  assertThrows(() => grad([x.square()], [other]), GradientError, 'tensor "other" [2, 2]');
  assertThrows(() => grad([x.square()], [tensor([1])]), GradientError, "allowUnused");
  const [a, b] = grad([x.square()], [x, other], { allowUnused: true });
  assertEquals([values(a), values(b)], [[4], [0, 0, 0, 0]]);
});

test("grad stops at an intermediate result and leaves the graph before it usable", () => {
  using _ = scope();
  const x = tensor([3]).requireGrad();
  const y = x.square();
  const [dy] = grad([y.mul(5).sum()], [y]);
  assertEquals(values(dy), [5]);
  y.backward(dy);
  assertEquals(values(x.grad!), [30]);
});

test("createGraph gives derivatives of any order: sin four times", () => {
  using _ = scope();
  const x = float64([3]).requireGrad();
  let y = x.sin();
  for (let order = 0; order < 4; order++) [y] = grad([y.sum()], [x], { createGraph: true });
  assertClose(values(y), values(x.sin()), { absolute: 1e-14 });
});

test("forces from energies: the loss of a gradient trains the weight", () => {
  using _ = scope();
  const weight = full([1], 0.5, { dtype: "float64" }).requireGrad();
  const position = float64([4]).requireGrad();
  const energy = position.square().mul(weight).sum();
  const [force] = grad([energy], [position], { createGraph: true });
  // force = 2 w x, loss = Σ 4 w² x², ∂loss/∂w = Σ 8 w x².
  force.square().sum().backward();
  const expected = values(position).reduce((sum, x) => sum + 8 * 0.5 * x * x, 0);
  assertClose(values(weight.grad!), [expected], { relative: 1e-14 });
});

test("backward with createGraph makes gradients that can be differentiated", () => {
  using _ = scope();
  const x = float64([1]).requireGrad();
  backward(x.pow(3).sum(), undefined, { createGraph: true });
  const first = x.grad!;
  assert(first.requiresGrad);
  const [second] = grad([first.sum()], [x]);
  assertClose(values(second), values(x.mul(6)), { relative: 1e-14 });
});

test("operations without recording keep no graph", () => {
  using _ = scope();
  const x = tensor([1, 2]).requireGrad();
  assertFalse(noGrad(() => x.mul(2)).requiresGrad);
  assertFalse(x.cast("int32").requiresGrad);
  assertFalse(x.round().requiresGrad);
  assertFalse(x.detach().requiresGrad);
  assert(x.mul(2).requiresGrad);
  assertThrows(() => int32([1]).requireGrad(), DTypeError);
});

test("a chain of 20,000 operations neither overflows the stack in backward nor when it is dropped", () => {
  using _ = scope();
  const x = tensor([1]).requireGrad();
  const build = () =>
    scope(() => {
      let y = x.mul(1.0001);
      for (let i = 0; i < 20_000; i++) y = y.mul(1);
      return y.sum();
    });
  build().backward();
  assertClose(values(x.grad!), [1.0001], { relative: 1e-6 });
  build().dispose();
});

test("an unused branch costs nothing and a shared one is visited once", () => {
  using _ = scope();
  const x = tensor([2]).requireGrad();
  const shared = x.square();
  const unused = shared.exp();
  shared.mul(shared).add(shared).sum().backward();
  assertEquals(values(x.grad!), [4 * 8 + 4]);
  assertEquals(unused.shape, [1]);
});

test("requireGrad(false) freezes a leaf and drops its gradient; later graphs leave it out, and results are refused", () => {
  using _ = scope();
  const x = tensor([1, 2]).requireGrad(), y = tensor([3, 4]).requireGrad();
  const before = x.mul(y).sum();
  x.mul(y).sum().backward();
  x.requireGrad(false);
  assertEquals([x.requiresGrad, x.grad], [false, undefined]);
  y.clearGrad();
  x.mul(y).sum().backward();
  assertEquals([x.grad, values(y.grad!)], [undefined, [1, 2]]);
  before.backward(); // recorded while x was a leaf
  assertEquals(values(y.grad!), [2, 4]);
  assertEquals(x.requireGrad(false).requireGrad().requiresGrad, true);
  assertThrows(() => x.mul(2).requireGrad(false), GradientError, "the result of");
});
