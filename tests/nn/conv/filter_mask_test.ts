// Filters by position of irreps and fields, and changes of basis that are not orthogonal, in whole layers.

import { assertAlmostEquals, assertEquals } from "@std/assert";
import { changeBasis, directSum } from "../../../src/group/constructions.ts";
import { flipRot2dOnR2, rot2dOnR2 } from "../../../src/gspaces/mod.ts";
import type { KernelAttributes } from "../../../src/kernels/mod.ts";
import { FilterExpansion } from "../../../src/nn/conv/filter_expansion.ts";
import { deltaOrthonormalInit, FieldType, R2Conv } from "../../../src/nn/mod.ts";
import { assign, gradcheck, noGrad } from "../../../src/tensor/mod.ts";
import { test } from "../../support/test.ts";
import { normal } from "../support.ts";

test("R2Conv with a basisFilter by field: what it removes is zero, the rest is the unfiltered filter", async () => {
  const space = flipRot2dOnR2(4);
  const type = new FieldType(space, [space.regularRepr, space.irrep(1, 1), space.regularRepr, space.irrep(1, 1)]);
  for (const groups of [1, 2]) {
    const options = { groups, dtype: "float64" as const, bias: false };
    const whole = new R2Conv(type, type, 3, options);
    const filter = (a: KernelAttributes): boolean =>
      a.radius === 0 ? a.inPosition === a.outPosition : a.inField !== a.outField;
    const part = new R2Conv(type, type, 3, { ...options, basisFilter: filter });
    const values = new Float64Array(part.weights.size).map((_, i) => Math.sin(i + 1));
    // The same weights in the unfiltered layout: the vector closes up over the entries that the filter rejects.
    const spread = new Float64Array(whole.weights.size);
    let next = 0;
    for (let group = 0; group < groups; group++) {
      for (const { outIrrep, copies, offset, columns, blocks } of whole.layout.matrices) {
        copies.forEach((out, row) => {
          for (const { inIrrep, copies: inputs, columnOffset, table } of blocks) {
            inputs.forEach((input, column) =>
              table.paths.forEach((path, p) => {
                const place = { inField: input.field, inPosition: input.position };
                const target = { outField: out.field, outPosition: out.position };
                if (!filter({ ...path, inIrrep, outIrrep, ...place, ...target })) return;
                const entry = offset + row * columns + columnOffset + column * table.pathCount + p;
                spread[group * whole.layout.size + entry] = values[next++];
              })
            );
          }
        });
      }
    }
    assertEquals(next, values.length);
    assertEquals(part.layout.kept?.length, part.layout.size);
    noGrad(() => assign(part.weights, values));
    noGrad(() => assign(whole.weights, spread));
    const [got, expected] = noGrad(() => [part.expandFilter(), whole.expandFilter()]);
    const [a, b] = [await got.data(), await expected.data()];
    a.forEach((v, i) => assertAlmostEquals(Number(v), Number(b[i]), 1e-12));
  }
});

test("R2Conv with a basisFilter by position has right gradients and initializations", async () => {
  const space = rot2dOnR2(4);
  const type = new FieldType(space, [directSum([space.irrep(0), space.regularRepr]), space.irrep(1)]);
  const layer = new R2Conv(type, type, 3, {
    dtype: "float64",
    bias: false,
    basisFilter: (a) => a.inPosition <= a.outPosition,
  });
  assertEquals(layer.layout.kept !== undefined, true);
  const expansion = new FilterExpansion(layer.tables, layer.layout, type, type, 1);
  await gradcheck((weights) => expansion.apply(weights).square(), [normal([layer.layout.size])]);
  deltaOrthonormalInit(layer);
  const values = await layer.weights.data();
  assertEquals(values.length, layer.layout.size);
});

test("R2Conv: Σ K² of each weight's filter is its output irrep's size for a change of basis that is not orthogonal", async () => {
  const space = rot2dOnR2(4);
  const sum = directSum([space.irrep(0), space.irrep(1)]);
  const rho = changeBasis(sum, Float64Array.of(1, 0.4, 0, -0.3, 2, 0.5, 0.2, 0, 0.7), "skewed", []);
  const type = new FieldType(space, [rho]);
  const layer = new R2Conv(type, type, 3, { dtype: "float64", bias: false });
  const { size, matrices } = layer.layout;
  for (const { copies, offset, columns, blocks } of matrices) {
    for (let entry = offset; entry < offset + copies.length * columns; entry++) {
      const unit = new Float64Array(size);
      unit[entry] = 1;
      noGrad(() => assign(layer.weights, unit));
      const filter = await noGrad(() => layer.expandFilter()).data();
      let squares = 0;
      for (const v of filter) squares += Number(v) ** 2;
      assertAlmostEquals(squares, blocks[0].table.outSize, 1e-12);
    }
  }
});
