// Derivatives of every primitive, first and second order, against central differences in float64 on the reference backend.

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { test } from "../support/test.ts";
import { float64, int32, positive } from "./support.ts";
import { convolution, convolutionTransposed } from "../../src/tensor/conv.ts";
import { einsum } from "../../src/tensor/einsum.ts";
import { where } from "../../src/tensor/elementwise.ts";
import { DTypeError } from "../../src/tensor/errors.ts";
import * as E from "../../src/tensor/expr.ts";
import { gather, indexSelect, scatterAdd } from "../../src/tensor/gather.ts";
import { gradcheck, GradcheckError, type TensorFunction } from "../../src/tensor/gradcheck.ts";
import { concatenate, split, stack } from "../../src/tensor/join.ts";
import { map, mapMany } from "../../src/tensor/map.ts";
import { matmul } from "../../src/tensor/matmul.ts";
import { pad } from "../../src/tensor/pad.ts";
import { adaptiveAveragePool, adaptiveMaxPool, averagePool, maxPool } from "../../src/tensor/pool.ts";
import { nextDraw, randomNode, seed } from "../../src/tensor/random.ts";
import { reduce, reduceMany } from "../../src/tensor/reductions.ts";
import { scope } from "../../src/tensor/scope.ts";
import { logSoftmax, logSumExp, softmax } from "../../src/tensor/softmax.ts";
import { ones, tensor } from "../../src/tensor/creation.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { upsample } from "../../src/tensor/upsample.ts";

/** Cases by name: a function and the inputs at which it is smooth. */
const cases: { readonly [name: string]: readonly [TensorFunction, () => Tensor[]] } = {
  "add with broadcasting": [(a, b) => a.add(b), () => [float64([2, 3]), float64([3], 1)]],
  "add of a tensor to itself": [(a) => a.add(a), () => [float64([3])]],
  "sub with broadcasting on both sides": [(a, b) => a.sub(b), () => [float64([2, 1]), float64([1, 3], 1)]],
  "mul with leading broadcast axes": [(a, b) => a.mul(b), () => [float64([3]), float64([2, 2, 3], 1)]],
  "div": [(a, b) => a.div(b), () => [float64([2, 3]), positive([2, 3], 1)]],
  "mod": [(a, b) => a.mod(b), () => [float64([4]), positive([4], 1)]],
  "pow of two tensors": [(a, b) => a.pow(b), () => [positive([4]), float64([4], 1)]],
  "pow with a number": [(a) => a.pow(3.5), () => [positive([4])]],
  "pow with 2 at zero": [(a) => a.pow(2), () => [tensor(Float64Array.of(0, -1, 2))]],
  "minimum": [(a, b) => a.minimum(b), () => [float64([6]), float64([6], 1)]],
  "maximum": [(a, b) => a.maximum(b), () => [float64([6]), float64([6], 1)]],
  "atan2": [(a, b) => a.atan2(b), () => [float64([6]), float64([6], 1)]],
  "arithmetic with numbers": [(a) => a.mul(0.3).add(7).sub(0.1).div(3).neg(), () => [float64([3])]],
  "abs": [(a) => a.abs(), () => [float64([5])]],
  "sqrt": [(a) => a.sqrt(), () => [positive([5])]],
  "exp": [(a) => a.exp(), () => [float64([5])]],
  "expm1": [(a) => a.expm1(), () => [float64([5])]],
  "log": [(a) => a.log(), () => [positive([5])]],
  "log1p": [(a) => a.log1p(), () => [positive([5])]],
  "sin": [(a) => a.sin(), () => [float64([5])]],
  "cos": [(a) => a.cos(), () => [float64([5])]],
  "tanh": [(a) => a.tanh(), () => [float64([5])]],
  "sigmoid": [(a) => a.sigmoid(), () => [float64([5])]],
  "relu": [(a) => a.relu(), () => [float64([6])]],
  "square": [(a) => a.square(), () => [float64([5])]],
  "reciprocal": [(a) => a.reciprocal(), () => [positive([5])]],
  "clamp": [(a) => a.clamp(-0.7, 0.9), () => [float64([8])]],
  "where": [(a, b) => where(a.gt(0), a.square(), b), () => [float64([6]), float64([1], 1)]],
  "map with select and a shared subtree": [
    (a, b) =>
      map([a, b], (x, y, s) => {
        const shared = E.exp(E.mul(x, y));
        return E.select(E.gt(x, 0), E.mul(shared, s), E.div(shared, E.add(E.square(y), 1)));
      }, { scalars: [1.7] }),
    () => [float64([2, 3]), float64([3], 1)],
  ],
  "map with positions": [
    (a) => map([a], (x) => E.mul(E.square(x), E.cast(E.add(E.index(0), E.index("linear")), "float64"))),
    () => [float64([2, 3])],
  ],
  "mapMany with two results": [
    (a, b) => mapMany([a, b], (x, y) => [E.mul(x, y), E.tanh(E.add(x, y))]),
    () => [float64([2, 2]), float64([2, 1], 1)],
  ],
  "map with random numbers, the same in both passes": [
    (a) => {
      seed(5);
      return map([a], (x, k0, k1, d0, d1) => E.mul(E.square(x), randomNode("uniform", "float64", [k0, k1, d0, d1])), {
        integers: nextDraw(),
      });
    },
    () => [float64([4])],
  ],
  "sum over all axes": [(a) => a.square().sum(), () => [float64([2, 3])]],
  "sum over an axis": [(a) => a.square().sum(1), () => [float64([2, 3, 2])]],
  "sum with kept axes": [(a) => a.square().sum([0, 2], true), () => [float64([2, 3, 2])]],
  "mean": [(a) => a.exp().mean(0), () => [float64([3, 2])]],
  "max": [(a) => a.square().max(1), () => [float64([2, 4])]],
  "max of a fused expression": [
    (a, b) => reduce([a, b], "max", 1, (x, y) => E.mul(x, E.exp(y))),
    () => [float64([2, 4]), float64([1, 4], 1)],
  ],
  "min with kept axes": [(a) => a.sin().min(0, true), () => [float64([4, 2])]],
  "prod": [(a) => a.prod(1), () => [float64([2, 5])]],
  "prod over several axes": [(a) => a.prod([0, 2]), () => [float64([2, 2, 3])]],
  "prod with one zero": [(a) => a.prod(), () => [tensor(Float64Array.of(2, 0, -1.5, 3))]],
  "prod with two zeros": [(a) => a.prod(), () => [tensor(Float64Array.of(0, 2, 0, 3))]],
  "prod of a fused expression": [
    (a, b) => reduce([a, b], "prod", 0, (x, y) => E.add(x, y)),
    () => [float64([3, 2]), float64([2], 1)],
  ],
  "variance": [(a) => a.variance(1), () => [float64([2, 4])]],
  "variance, biased, kept": [(a) => a.variance([0, 1], { unbiased: false, keepDims: true }), () => [float64([2, 3])]],
  "norm": [(a) => a.norm(1), () => [float64([2, 3])]],
  "reduceMany of sum and max": [
    (a, b) => reduceMany([a, b], ["sum", "max"], 1, (x, y) => [E.mul(x, y), E.sub(x, y)]),
    () => [float64([2, 3]), float64([1, 3], 1)],
  ],
  "reshape": [(a) => a.square().reshape([3, -1]), () => [float64([2, 3])]],
  "reshape of a permuted tensor": [(a) => a.transpose(0, 1).reshape([6]).square(), () => [float64([2, 3])]],
  "flatten": [(a) => a.square().flatten(1), () => [float64([2, 3, 2])]],
  "permute": [(a) => a.square().permute([2, 0, 1]), () => [float64([2, 3, 2])]],
  "expand": [(a) => a.square().expand([2, 3, 4]), () => [float64([3, 1])]],
  "slice with steps": [(a) => a.square().slice(1, -1, 0, -2), () => [float64([2, 5])]],
  "select": [(a) => a.square().select(1, -2), () => [float64([2, 3])]],
  "squeeze and unsqueeze": [(a) => a.square().squeeze(1).unsqueeze(-1), () => [float64([2, 1, 3])]],
  "flip": [(a) => a.square().flip([0, 1]), () => [float64([2, 3])]],
  "clone and contiguous": [(a) => a.square().transpose(0, 1).contiguous().clone(), () => [float64([2, 3])]],
  "cast to float32 and back": [(a) => a.cast("float64").mul(2), () => [float64([3])]],
  "concatenate": [(a, b) => concatenate([a, b.square(), a], 1), () => [float64([2, 1]), float64([2, 3], 1)]],
  "stack": [(a, b) => stack([a, b], 1).square(), () => [float64([2, 2]), float64([2, 2], 1)]],
  "split": [(a) => split(a.square(), [1, 3], 0), () => [float64([4, 2])]],
  "matmul": [(a, b) => matmul(a, b), () => [float64([2, 3]), float64([3, 2], 1)]],
  "matmul with broadcast batches": [(a, b) => matmul(a, b), () => [float64([2, 1, 2, 3]), float64([2, 3, 1], 1)]],
  "matmul of a stack with a matrix": [(a, b) => matmul(a, b), () => [float64([2, 2, 3]), float64([3, 2], 1)]],
  "matmul with vectors": [(a, b) => matmul(a, b), () => [float64([3]), float64([3], 1)]],
  "matmul with transposed views": [
    (a, b) => matmul(a.transpose(0, 1), b.transpose(0, 1)),
    () => [float64([3, 2]), float64([2, 3], 1)],
  ],
  "einsum": [
    (a, b) => einsum("bij,kj->bik", a, b),
    () => [float64([2, 2, 3]), float64([2, 3], 1)],
  ],
  "einsum of three with a free letter": [
    (a, b, c) => einsum("ij,jk,kl->il", a, b, c),
    () => [float64([2, 2]), float64([2, 3], 1), float64([3, 1], 2)],
  ],
  "einsum with a diagonal": [(a) => einsum("iij->j", a), () => [float64([2, 2, 3])]],
  "convolution in 1D with stride, padding and bias": [
    (x, w, b) => convolution(x, w, { stride: 2, padding: 1, bias: b }),
    () => [float64([2, 2, 5]), float64([3, 2, 3], 1), float64([3], 2)],
  ],
  "convolution in 2D with groups and dilation": [
    (x, w) => convolution(x, w, { groups: 2, dilation: [1, 2], padding: [[0, 1], [2, 0]] }),
    () => [float64([1, 2, 3, 4]), float64([2, 1, 2, 2], 1)],
  ],
  "convolution in 3D": [
    (x, w) => convolution(x, w),
    () => [float64([1, 1, 2, 3, 2]), float64([1, 1, 2, 2, 2], 1)],
  ],
  "convolution whose stride leaves a rest": [
    (x, w) => convolution(x, w, { stride: 3 }),
    () => [float64([1, 1, 6]), float64([1, 1, 2], 1)],
  ],
  "convolutionTransposed with stride, outputPadding and bias": [
    (x, w, b) => convolutionTransposed(x, w, { stride: 2, padding: 1, outputPadding: 1, bias: b }),
    () => [float64([1, 2, 3]), float64([2, 2, 3], 1), float64([2], 2)],
  ],
  "convolutionTransposed in 2D with groups": [
    (x, w) => convolutionTransposed(x, w, { groups: 2 }),
    () => [float64([1, 2, 2, 2]), float64([2, 1, 2, 2], 1)],
  ],
  "maxPool with padding and dilation": [
    (x) => maxPool(x.square(), 2, { stride: 1, padding: 1, dilation: 2 }),
    () => [float64([1, 1, 4, 5])],
  ],
  "averagePool with padding and ceilMode": [
    (x) => averagePool(x.square(), 3, { stride: 2, padding: 1, ceilMode: true }),
    () => [float64([1, 2, 6])],
  ],
  "adaptiveMaxPool": [(x) => adaptiveMaxPool(x, [2, 3]), () => [float64([1, 1, 5, 4])]],
  "adaptiveAveragePool": [(x) => adaptiveAveragePool(x.square(), [2, 3]), () => [float64([1, 1, 5, 4])]],
  "gather with repeated indices": [
    (x) => gather(x.square(), 1, int32([0, 0, 2, 1, 1, 1], [2, 3])),
    () => [float64([2, 3])],
  ],
  "indexSelect": [(x) => indexSelect(x.square(), 0, [2, 0, 2]), () => [float64([3, 2])]],
  "scatterAdd": [
    (base, source) => scatterAdd(base, 0, int32([1, 1, 0, 2], [2, 2]), source).square(),
    () => [float64([3, 2]), float64([2, 2], 1)],
  ],
  "pad with zeros": [(x) => pad(x.square(), [[1, 0], [0, 2]]), () => [float64([2, 2])]],
  "pad with a constant": [(x) => pad(x, [[1, 1]], { mode: "constant", value: 3 }).square(), () => [float64([2, 2])]],
  "pad by reflection": [(x) => pad(x.square(), [[2, 1]], { mode: "reflect" }), () => [float64([2, 3])]],
  "pad by replication": [(x) => pad(x.square(), [[2, 3]], { mode: "replicate" }), () => [float64([2, 3])]],
  "pad around": [(x) => pad(x.square(), [[2, 1], [3, 0]], { mode: "circular" }), () => [float64([2, 3])]],
  "upsample to the nearest": [
    (x) => upsample(x.square(), { scaleFactor: 2, mode: "nearest" }),
    () => [float64([1, 1, 2, 2])],
  ],
  "upsample linearly": [(x) => upsample(x.square(), { size: [3, 5] }), () => [float64([1, 1, 2, 3])]],
  "upsample with aligned corners": [
    (x) => upsample(x.square(), { size: 5, alignCorners: true }),
    () => [float64([1, 2, 3])],
  ],
  "softmax": [(x) => softmax(x, 0), () => [float64([3, 2])]],
  "logSoftmax": [(x) => logSoftmax(x), () => [float64([2, 3])]],
  "logSumExp": [(x) => logSumExp(x, 1), () => [float64([2, 3])]],
  "logSumExp with kept axis": [(x) => logSumExp(x, 0, true), () => [float64([2, 3])]],
};

for (const [name, [fn, inputs]] of Object.entries(cases)) {
  test(`gradcheck: ${name}, first and second order to 1e-7 and 1e-6`, () =>
    scope(async () => {
      await gradcheck(fn, inputs(), { secondOrder: true });
    }));
}

test("gradcheck finds a wrong derivative and names input, element and both numbers", () =>
  scope(async () => {
    // The derivative of the detached factor is missing.
    const wrong: TensorFunction = (a, b) => a.mul(b).add(b.detach().square());
    const error = await assertRejects(
      () => gradcheck(wrong, [tensor(Float64Array.of(1)), tensor(Float64Array.of(3))]),
      GradcheckError,
      "element 0 of input 1",
    );
    assertInstanceOf(error, GradcheckError);
    assertEquals([error.input, error.element], [1, 0]);
    assert(Math.abs(error.numeric - error.analytic) > 1);
  }));

test("gradcheck finds a derivative that is right once but not twice", () =>
  scope(async () => {
    // Its first derivative is 2a, computed from a factor that the second one does not see.
    const halfHidden: TensorFunction = (a) => a.mul(a.detach()).mul(2).sub(a.detach().square());
    const x = tensor(Float64Array.of(1.5));
    await gradcheck((a) => a.square(), [x], { secondOrder: true });
    await assertRejects(() => gradcheck(halfHidden, [x], { secondOrder: true }), GradcheckError);
  }));

test("gradcheck refuses float32 inputs", () =>
  scope(async () => {
    await assertRejects(() => gradcheck((a) => a, [ones([2])]), DTypeError, "float64");
  }));
