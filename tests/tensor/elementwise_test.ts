// Elementwise operations: values, promotion, numbers beside tensors, and what is refused.
// covers: src/tensor/map.ts, src/tensor/fused.ts, src/tensor/fused_plan.ts

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { assertClose } from "../support/close.ts";
import { test } from "../support/test.ts";
import { float64, int32, values } from "./support.ts";
import { noGrad } from "../../src/tensor/context.ts";
import { ones, tensor, zeros } from "../../src/tensor/creation.ts";
import { binaryOperation, where } from "../../src/tensor/elementwise.ts";
import { ArgumentError, DTypeError, GradientError, ShapeError } from "../../src/tensor/errors.ts";
import * as E from "../../src/tensor/expr.ts";
import { fusedPlan } from "../../src/tensor/fused_plan.ts";
import { assign, map, mapInPlace, mapMany } from "../../src/tensor/map.ts";
import { scope } from "../../src/tensor/scope.ts";

test("arithmetic on float32 tensors broadcasts", () => {
  using _ = scope();
  const a = tensor([[1, 2], [3, 4]]);
  const b = tensor([10, 20]);
  assertEquals(values(a.add(b)), [11, 22, 13, 24]);
  assertEquals(values(a.sub(b)), [-9, -18, -7, -16]);
  assertEquals(values(a.mul(b)), [10, 40, 30, 80]);
  assertEquals(values(b.div(a)), [10, 10, Math.fround(10 / 3), 5]);
  assertEquals(values(a.pow(2)), [1, 4, 9, 16]);
  assertEquals(values(tensor([-3, 3]).mod(2)), [1, 1]);
  assertEquals(values(a.minimum(2)), [1, 2, 2, 2]);
  assertEquals(values(a.maximum(tensor([2, 3]))), [2, 3, 3, 4]);
  assertClose(values(tensor([1, -1]).atan2(tensor([-1, 0]))), [3 * Math.PI / 4, -Math.PI / 2], { relative: 1e-7 });
  assertEquals(values(binaryOperation("sub", 1, a)), [0, -1, -2, -3]);
  assertThrows(() => a.add(tensor([1, 2, 3])), ShapeError, "[2, 2] and [3]");
  assertThrows(() => binaryOperation("add", 1, 2), ArgumentError, "at least one tensor");
});

test("unary operations have the values of their names", () => {
  using _ = scope();
  const x = tensor(Float64Array.of(-1.5, 0, 0.5, 2));
  assertEquals(values(x.neg()), [1.5, -0, -0.5, -2]);
  assertEquals(values(x.abs()), [1.5, 0, 0.5, 2]);
  assertEquals(values(x.sign()), [-1, 0, 1, 1]);
  assertEquals(values(x.floor()), [-2, 0, 0, 2]);
  assertEquals(values(x.ceil()), [-1, 0, 1, 2]);
  assertEquals(values(x.round()), [-2, 0, 0, 2]);
  assertEquals(values(x.trunc()), [-1, 0, 0, 2]);
  assertEquals(values(x.relu()), [0, 0, 0.5, 2]);
  assertEquals(values(x.square()), [2.25, 0, 0.25, 4]);
  assertEquals(values(x.reciprocal()), [1 / -1.5, Infinity, 2, 0.5]);
  assertEquals(values(x.clamp(-1, 1)), [-1, 0, 0.5, 1]);
  assertEquals(values(tensor([1, 0], { dtype: "bool" }).not()), [0, 1]);
  const functions = {
    exp: Math.exp,
    expm1: Math.expm1,
    sin: Math.sin,
    cos: Math.cos,
    tanh: Math.tanh,
    sigmoid: (v: number) => 1 / (1 + Math.exp(-v)),
  };
  for (const [name, fn] of Object.entries(functions)) {
    assertClose(values(x[name as keyof typeof functions]()), values(x).map(fn), { relative: 1e-14, absolute: 1e-16 });
  }
  const y = x.abs().add(0.25);
  assertClose(values(y.sqrt()), values(y).map(Math.sqrt), { relative: 1e-15 });
  assertClose(values(y.log()), values(y).map(Math.log), { relative: 1e-14 });
  assertClose(values(y.log1p()), values(y).map(Math.log1p), { relative: 1e-14 });
});

test("NaN passes through relu, clamp, minimum and maximum", () => {
  using _ = scope();
  const x = tensor([NaN]);
  assertEquals(values(x.relu()), [NaN]);
  assertEquals(values(x.clamp(0, 1)), [NaN]);
  assertEquals(values(x.minimum(1)), [NaN]);
  assertEquals(values(tensor([1]).maximum(x)), [NaN]);
});

test("types promote: bool, int32, float32, float64; division and functions of integers give float32", () => {
  using _ = scope();
  const b = tensor([1, 0], { dtype: "bool" });
  const i = int32([5, -2]);
  const f = tensor([0.5, 2]);
  const d = float64([2]);
  assertEquals(b.add(b).dtype, "int32");
  assertEquals([b.mul(i).dtype, i.add(f).dtype, f.add(d).dtype, b.mul(f).dtype], [
    "int32",
    "float32",
    "float64",
    "float32",
  ]);
  assertEquals(values(b.add(b)), [2, 0]);
  assertEquals([i.div(2).dtype, values(i.div(2))], ["float32", [2.5, -1]]);
  assertEquals(i.div(i).dtype, "float32");
  assertEquals([i.exp().dtype, i.abs().dtype, values(i.abs())], ["float32", "int32", [5, 2]]);
  assertEquals(values(i.add(3)), [8, 1]);
  assertThrows(() => i.add(0.5), DTypeError, 'cast("float32")');
  assertThrows(() => i.mul(2 ** 31), DTypeError, "int32 number");
});

test("logic works on bools and bits, and refuses floats", () => {
  using _ = scope();
  const a = tensor([1, 1, 0], { dtype: "bool" });
  const b = tensor([1, 0, 0], { dtype: "bool" });
  assertEquals([values(a.and(b)), values(a.or(b)), values(a.xor(b))], [[1, 0, 0], [1, 1, 0], [0, 1, 0]]);
  assertEquals(values(int32([12]).and(int32([10]))), [8]);
  assertThrows(() => tensor([1]).and(tensor([1])), DTypeError, "int32 or bool");
  assertThrows(() => tensor([1]).not(), DTypeError, "a bool tensor");
});

test("comparisons give bools, also of mixed types and numbers", () => {
  using _ = scope();
  const a = tensor([1, 2, NaN]);
  assertEquals([a.eq(2).dtype, values(a.eq(2)), values(a.ne(2))], ["bool", [0, 1, 0], [1, 0, 1]]);
  assertEquals([values(a.lt(2)), values(a.le(2))], [[1, 0, 0], [1, 1, 0]]);
  assertEquals([values(a.gt(1.5)), values(a.ge(int32([1, 3, 0])))], [[0, 1, 0], [1, 0, 0]]);
  assertEquals(values(tensor([1, 0], { dtype: "bool" }).eq(0)), [0, 1]);
});

test("cast converts: truncation, saturation, truth", () => {
  using _ = scope();
  const x = tensor([1.9, -1.9, NaN, 1e20]);
  assertEquals(values(x.cast("int32")), [1, -1, 0, 2147483647]);
  assertEquals(values(x.cast("bool")), [1, 1, 1, 1]);
  assertEquals(x.cast("float32").buffer, x.buffer);
});

test("where chooses between tensors and numbers", () => {
  using _ = scope();
  const c = tensor([1, 0], { dtype: "bool" });
  assertEquals(values(where(c, tensor([1, 2]), -1)), [1, -1]);
  assertEquals(values(where(c, 3, 4)), [3, 4]);
  assertEquals(where(c, int32([1, 2]), tensor([0.5, 0.5])).dtype, "float32");
  assertThrows(() => where(tensor([1]), 1, 2), DTypeError, "a bool condition");
  assertThrows(() => where(c, int32([1, 2]), 0.5), DTypeError);
});

test("clamp refuses a minimum above its maximum", () => {
  using _ = scope();
  assertThrows(() => tensor([1]).clamp(2, 1), ArgumentError, "min ≤ max");
});

test("empty tensors and scalars work, with gradients", () => {
  using _ = scope();
  const empty = zeros([0, 3]).requireGrad();
  const y = empty.mul(2).add(tensor([1, 2, 3]));
  assertEquals(y.shape, [0, 3]);
  y.sum().backward();
  assertEquals(empty.grad!.shape, [0, 3]);
  const row = tensor([1, 2, 3]).requireGrad();
  zeros([0, 3]).mul(row).sum().backward();
  assertEquals(values(row.grad!), [0, 0, 0]);
  const scalar = tensor(3).requireGrad();
  scalar.mul(scalar).backward();
  assertEquals(values(scalar.grad!), [6]);
});

test("map runs several results and scalars in one kernel", () => {
  using _ = scope();
  const [sum, product] = mapMany([tensor([1, 2]), tensor([3, 4])], (a, b, s) => [E.add(a, b), E.mul(E.mul(a, b), s)], {
    scalars: [10],
  });
  assertEquals([values(sum), values(product)], [[4, 6], [30, 80]]);
  assertThrows(() => map([], () => E.constant(1, "float32")), ArgumentError, "at least one input");
  assertThrows(() => map([tensor([1]), float64([1])], (a, b) => E.add(a, b)), DTypeError, "cast()");
});

test("mapInPlace changes all targets in one pass", () => {
  using _ = scope();
  const p = tensor([1, 2]);
  const m = tensor([0, 0]);
  mapInPlace([p, m], [tensor([10])], [0.5], ([x, y], [g], [s]) => [E.sub(x, E.mul(s, g)), E.add(y, g)]);
  assertEquals([values(p), values(m)], [[-4, -3], [10, 10]]);
});

test("mapInPlace refuses what it cannot do, and changes nothing", () => {
  using _ = scope();
  const p = tensor([1, 2]).requireGrad();
  assertThrows(() => mapInPlace([p], [], [], ([x]) => [E.neg(x)]), GradientError, "noGrad");
  noGrad(() => mapInPlace([p], [], [], ([x]) => [E.neg(x)]));
  assertEquals(values(p), [-1, -2]);
  assertThrows(() => mapInPlace([ones([1]).expand([2])], [], [], ([x]) => [x]), ShapeError, "contiguous()");
  assertThrows(() => mapInPlace([ones([2]), ones([3])], [], [], (x) => x), ShapeError, "targets of one shape");
  assertThrows(() => mapInPlace([ones([2])], [], [], ([x]) => [E.gt(x, 0)]), DTypeError, "type float32 for target 0");
  assertThrows(() => mapInPlace([ones([2])], [], [], () => []), ArgumentError, "1 expressions");
});

test("mapInPlace refuses targets and inputs that overlap", () => {
  using _ = scope();
  const x = tensor([1, 2]);
  assertThrows(() => mapInPlace([x], [x.flip(0)], [], ([a], [b]) => [E.add(a, b)]), ArgumentError, "clone()");
  assertThrows(() => mapInPlace([x, x], [], [], (list) => list), ArgumentError, "share no memory");
  mapInPlace([x], [x], [], ([a], [b]) => [E.add(a, b)]);
  assertEquals(values(x), [2, 4]);
  assertThrows(() => assign(x, x.flip(0)), ArgumentError);
});

test("assign replaces elements from arrays and tensors", () => {
  using _ = scope();
  const p = zeros([2, 2]);
  assign(p, Float64Array.of(1, 2, 3, 4));
  assertEquals(values(p), [1, 2, 3, 4]);
  assign(p.select(0, 1), tensor([7, 8]));
  assertEquals(values(p), [1, 2, 7, 8]);
  assertThrows(() => assign(p, Float32Array.of(1)), ShapeError, "4 elements");
  assertThrows(() => assign(p, zeros([4])), ShapeError);
});

test("fusedPlan gives equal computations one plan and one derivative", () => {
  const build = () => fusedPlan([E.mul(E.input(0, "float32"), E.input(1, "float32"))], ["float32", "float32"]);
  assertStrictEquals(build(), build());
  const { targets, operands, plan } = build().gradient(0b01, 0b1);
  assertEquals([targets, operands], [[0], [1, 2]]);
  assertEquals(plan.expressions.map(E.formatExpr), ["mul(x1, x0)"]);
  assertEquals(fusedPlan([E.unary("floor", E.input(0, "float32"))], ["float32"]).differentiable, 0);
});
