// Products with blocks in place: numbers against a dense matrix, derivatives to second order, empty batches.

import { assertEquals, assertThrows } from "@std/assert";
import { type BlockProduct, blockProduct } from "../../../src/nn/conv/block_product.ts";
import { BackendMismatchError, gradcheck, startBackend, type Tensor, zeros } from "../../../src/tensor/mod.ts";
import { assertClose } from "../../support/close.ts";
import { test } from "../../support/test.ts";
import { normal, values } from "../support.ts";

/** Two matrices 2 × 3 with two repeats, and one 4 × 2 of another source. */
const PRODUCT: BlockProduct = {
  blocks: [
    { types: 2, repeats: 2, inSize: 3, outSize: 2, inStart: 0, outStart: 4, source: 0, start: 0 },
    { types: 1, repeats: 1, inSize: 2, outSize: 4, inStart: 12, outStart: 0, source: 1, start: 0 },
  ],
  inSize: 14,
  outSize: 12,
  weightSizes: [12, 8],
};

/** [out, in] of the blocks. */
function denseMatrix(weights: readonly Tensor[]): Float64Array {
  const matrix = new Float64Array(PRODUCT.outSize * PRODUCT.inSize), data = weights.map(values);
  for (const { types, repeats, inSize, outSize, inStart, outStart, source, start } of PRODUCT.blocks) {
    for (let type = 0; type < types; type++) {
      for (let repeat = 0; repeat < repeats; repeat++) {
        const block = type * repeats + repeat;
        for (let o = 0; o < outSize; o++) {
          for (let i = 0; i < inSize; i++) {
            matrix[(outStart + block * outSize + o) * PRODUCT.inSize + inStart + block * inSize + i] =
              data[source][start + (type * outSize + o) * inSize + i];
          }
        }
      }
    }
  }
  return matrix;
}

test("blockProduct multiplies by the blocks of a matrix", () => {
  const x = normal([5, 14]), weights = [normal([12]), normal([8])];
  const matrix = denseMatrix(weights), features = values(x), got = blockProduct(PRODUCT, x, weights);
  assertEquals(got.shape, [5, 12]);
  const expected = Array.from({ length: 60 }, (_, at) => {
    const row = Math.floor(at / 12), o = at % 12;
    return features.slice(row * 14, row * 14 + 14).reduce((sum, value, i) => sum + value * matrix[o * 14 + i], 0);
  });
  assertClose(values(got), expected, { absolute: 1e-12 });
  const turned = x.transpose(0, 1).clone().transpose(0, 1);
  assertClose(values(blockProduct(PRODUCT, turned, weights)), expected, { absolute: 1e-12 });
});

test("blockProduct has first and second derivatives by features and all weights", async () => {
  await gradcheck(
    (x, first, second) => blockProduct(PRODUCT, x, [first, second]).tanh(),
    [normal([3, 14]), normal([12]), normal([8])],
    { secondOrder: true },
  );
});

test("blockProduct takes empty batches, whose weights have gradient 0, and refuses operands on two backends", async () => {
  const weights = [normal([12]).requireGrad(), normal([8])];
  const y = blockProduct(PRODUCT, zeros([0, 14], { dtype: "float64" }), weights);
  assertEquals(y.shape, [0, 12]);
  y.sum().backward();
  assertEquals(values(weights[0].grad!), new Array(12).fill(0));
  const there = zeros([2, 14], { dtype: "float64", backend: await startBackend("cpu") });
  assertThrows(() => blockProduct(PRODUCT, there, weights), BackendMismatchError, "cpu");
});
