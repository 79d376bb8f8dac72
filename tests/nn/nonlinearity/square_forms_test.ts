// Forms of tensor squares: against the expanded matrix on random components, and which ones are the same or vanish.

import { assertEquals } from "@std/assert";
import { cyclicGroup, directSum, so3Group } from "../../../src/group/mod.ts";
import { noBaseSpace } from "../../../src/gspaces/mod.ts";
import { TensorProductModule } from "../../../src/nn/mod.ts";
import { squareForms } from "../../../src/nn/nonlinearity/square_forms.ts";
import { assign } from "../../../src/nn/plain/persistent.ts";
import { noGrad, tensor } from "../../../src/tensor/mod.ts";
import { assertClose } from "../../support/close.ts";
import { test } from "../../support/test.ts";
import { normal, values } from "../support.ts";

test("squareForms joins forms of exchanged pairs and drops antisymmetric ones: SO(3), irreps 0 and 1", () => {
  const space = noBaseSpace(so3Group()), rho = directSum([space.irrep(0), space.irrep(1)]);
  const { layout } = TensorProductModule.construct(space, 1, rho, rho, { initialize: false });
  const { slots, forms, combination } = squareForms(layout, rho, rho.tensor(rho), rho);
  // To 0: 0⊗0, 1⊗1; to 1: 0⊗1 and 1⊗0, which are one, and 1⊗1, which vanishes.
  assertEquals([slots.length, forms.length], [5, 3]);
  assertEquals(forms.map(({ rows }) => rows.map(({ row, terms }) => [row, terms.length])), [
    [[0, 1]],
    [[0, 3]],
    [[1, 1], [2, 1], [3, 1]],
  ]);
  const used = slots.map((_, s) => [0, 1, 2].filter((form) => combination[s * 3 + form] !== 0));
  assertEquals(used.filter((list) => list.length === 0).length, 1);
  assertEquals(used.filter((list) => list[0] === 2).length, 2);
});

test("squareForms gives what the expanded matrix gives on squares, in the irrep basis", () => {
  const group = cyclicGroup(5), space = noBaseSpace(group), rho = group.regularRepresentation;
  const module = TensorProductModule.construct(space, 1, rho, rho, { dtype: "float64" });
  const { slots, forms, combination } = squareForms(module.layout, rho, rho.tensor(rho), rho);
  const z = values(normal([5])), weights = values(normal(module.weights.shape));
  noGrad(() => assign([[module.weights, tensor(Float64Array.from(weights), module.weights.shape)]]));
  const numbers = forms.map((_, f) =>
    slots.reduce(
      (sum, { matrix, column }, s) => sum + weights[matrix.offset + column] * combination[s * forms.length + f],
      0,
    )
  );
  const rows = new Array<number>(5).fill(0);
  forms.forEach(({ rows: list }, f) => {
    for (const { row, terms } of list) {
      for (const { i, j, value } of terms) rows[row] += numbers[f] * value * z[i] * z[j];
    }
  });
  const turn = (vector: readonly number[]): number[] =>
    vector.map((_, a) => vector.reduce((sum, v, i) => sum + rho.changeOfBasis[a * 5 + i] * v, 0));
  const x = turn(z), matrix = values(module.expandMatrix());
  const expected = x.map((_, o) =>
    x.reduce((sum, a, i) => sum + x.reduce((t, b, j) => t + matrix[o * 25 + i * 5 + j] * a * b, 0), 0)
  );
  assertClose(turn(rows), expected, { absolute: 1e-12 });
});
