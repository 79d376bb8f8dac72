// Small products as sums that rows share: the numbers of the matrix, with fewer operations.

import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { rot2dOnR2 } from "../../../src/gspaces/mod.ts";
import { linearForms } from "../../../src/nn/compile/small_product.ts";
import { compileEvaluator } from "../../../src/tensor/expr_evaluate.ts";
import * as E from "../../../src/tensor/expr.ts";
import { test } from "../../support/test.ts";

function rowsOf(values: Float64Array, columns: number): number[][] {
  return Array.from({ length: values.length / columns }, (_, i) => [...values.slice(i * columns, (i + 1) * columns)]);
}

/** Asserts that forms give the matrix; the number of their operations. */
function operationsOf(matrix: readonly (readonly number[])[]): number {
  const variables = matrix[0].map((_, j) => E.input(j, "float64"));
  const forms = linearForms(matrix, variables);
  const evaluate = compileEvaluator(forms), results = new Float64Array(matrix.length);
  matrix[0].forEach((_, j) => {
    evaluate({ inputs: matrix[0].map((_, k) => k === j ? 1 : 0), scalars: [], position: [], linear: 0 }, results);
    matrix.forEach((row, i) => assertAlmostEquals(results[i], row[j], 1e-15));
  });
  return E.topologicalOrder(forms).filter(({ kind }) => kind === "binary").length;
}

test("linearForms gives any matrix, empty rows and single entries included", () => {
  assertEquals(operationsOf([[1, 2, 3], [0, 0, 0], [0, -1.5, 0]]), 5);
  assertEquals(operationsOf([[1, 1], [1, -1]]), 2);
  assertEquals(operationsOf([[0.3]]), 1);
});

test("linearForms of the changes of basis of C_8 and C_16 takes less than half of the operations", () => {
  for (const [order, most] of [[8, 56], [16, 200]]) {
    const { changeOfBasis, changeOfBasisInverse } = rot2dOnR2(order).regularRepr;
    for (const matrix of [rowsOf(changeOfBasis, order), rowsOf(changeOfBasisInverse, order)]) {
      const count = operationsOf(matrix), plain = 2 * order * order - order;
      assert(count < most && count < plain / 2, `${count} operations for C_${order}`);
    }
  }
});
