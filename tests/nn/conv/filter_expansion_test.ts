// Expansion of weights into filters, against the definition: Q_out (Σ w · kernel) Q_in⁻¹ summed in plain loops.

import { assert, assertEquals } from "@std/assert";
import type { Representation } from "../../../src/group/types.ts";
import { flipRot2dOnR2, rot2dOnR2, rot3dOnR3 } from "../../../src/gspaces/mod.ts";
import { weightLayout } from "../../../src/kernels/weight_layout.ts";
import { bandlimitedRegularRepresentation, changeBasis, directSum, so3Group } from "../../../src/group/mod.ts";
import { FieldType, R2Conv, R3Conv } from "../../../src/nn/mod.ts";
import { FilterExpansion } from "../../../src/nn/conv/filter_expansion.ts";
import {
  assign,
  disposeBackend,
  gradcheck,
  noGrad,
  scope,
  seed,
  startBackend,
  zeros,
} from "../../../src/tensor/mod.ts";
import { assertClose } from "../../support/close.ts";
import { test } from "../../support/test.ts";
import { normal, values } from "../support.ts";

const irrepsOf = (type: FieldType) => type.representations.map(({ irreps }) => irreps);

function starts(representation: Representation): number[] {
  let start = 0;
  return representation.constituents.map(({ size }) => (start += size) - size);
}

/** The filter by the definition: a sum over matrices, copies and paths of the layout. */
function definition(weights: Float64Array, inType: FieldType, outType: FieldType, kernelSize: number): Float64Array {
  const tables = inType.gspace.kernelTables({ kernelSize });
  const layout = weightLayout(tables, irrepsOf(inType), irrepsOf(outType));
  const { points } = tables, filter = new Float64Array(outType.size * inType.size * points);
  for (const { copies, offset, columns, blocks } of layout.matrices) {
    copies.forEach((out, a) => {
      for (const block of blocks) {
        const { outSize, inSize, pathCount } = block.table, sampled = block.table.sampled();
        block.copies.forEach((input, c) => {
          const source = inType.representations[input.field], target = outType.representations[out.field];
          const inStart = starts(source)[input.position], outStart = starts(target)[out.position];
          for (let p = 0; p < pathCount; p++) {
            const w = weights[offset + a * columns + block.columnOffset + c * pathCount + p];
            for (let i = 0; i < target.size; i++) {
              for (let j = 0; j < source.size; j++) {
                for (let o = 0; o < outSize; o++) {
                  for (let n = 0; n < inSize; n++) {
                    const factor = w * target.changeOfBasis[i * target.size + outStart + o] *
                      source.changeOfBasisInverse[(inStart + n) * source.size + j];
                    const row = outType.fieldsStart[out.field] + i, column = inType.fieldsStart[input.field] + j;
                    for (let t = 0; t < points; t++) {
                      filter[(row * inType.size + column) * points + t] += factor *
                        sampled[((p * outSize + o) * inSize + n) * points + t];
                    }
                  }
                }
              }
            }
          }
        });
      }
    });
  }
  return filter;
}

const c8 = rot2dOnR2(8), c3 = rot2dOnR2(3), d4 = flipRot2dOnR2(4);
// The same matrices as the sum of irreps 0 and 4, but decomposed in the other order.
const swapped = changeBasis(directSum([c8.irrep(4), c8.irrep(0)]), Float64Array.of(0, 1, 1, 0), "swapped");
const CASES: readonly (readonly [string, FieldType, FieldType])[] = [
  ["regular fields of C8", new FieldType(c8, c8.regularRepr, 2), new FieldType(c8, c8.regularRepr, 3)],
  [
    "interleaved fields of C3",
    new FieldType(c3, [c3.irrep(1), c3.regularRepr, c3.irrep(1), c3.trivialRepr]),
    new FieldType(c3, [c3.trivialRepr, c3.regularRepr, c3.trivialRepr]),
  ],
  [
    "quotient, regular and irrep fields of D4",
    new FieldType(d4, [d4.quotientRepr([null, 2]), d4.irrep(1, 1), d4.quotientRepr([null, 2])]),
    new FieldType(d4, [d4.irrep(0, 0), d4.regularRepr, d4.irrep(1, 2)]),
  ],
  [
    "equal representations with different decompositions",
    new FieldType(c8, [directSum([c8.irrep(0), c8.irrep(4)]), swapped]),
    new FieldType(c8, [swapped, directSum([c8.irrep(0), c8.irrep(4)]), swapped]),
  ],
  [
    "sums with repeated irreps of C8",
    new FieldType(c8, [directSum([c8.irrep(1), c8.irrep(0), c8.irrep(1)]), c8.irrep(4)]),
    new FieldType(c8, [c8.irrep(2), directSum([c8.irrep(1), c8.irrep(1)])]),
  ],
];

for (const [name, inType, outType] of CASES) {
  test(`FilterExpansion gives the filter of the definition to 1e-13: ${name}`, () => {
    const tables = inType.gspace.kernelTables({ kernelSize: 3 });
    const layout = weightLayout(tables, irrepsOf(inType), irrepsOf(outType));
    const expansion = new FilterExpansion(tables, layout, inType, outType, 1);
    assertEquals(expansion.weightCount, layout.size);
    assertEquals(expansion.shape, [outType.size, inType.size, 9]);
    const weights = normal([layout.size]);
    const expected = definition(Float64Array.from(values(weights)), inType, outType, 3);
    assertClose(values(expansion.apply(weights)), expected, { absolute: 1e-13 });
  });
}

test("FilterExpansion puts the weights of groups one after the other", () => {
  const type = new FieldType(c3, [c3.regularRepr, c3.irrep(1)]);
  const tables = c3.kernelTables({ kernelSize: 3 });
  const layout = weightLayout(tables, irrepsOf(type), irrepsOf(type));
  const both = new FilterExpansion(tables, layout, type, type, 2),
    one = new FilterExpansion(tables, layout, type, type, 1);
  const weights = normal([2 * layout.size]);
  const filter = values(both.apply(weights));
  const half = filter.length / 2;
  assertEquals(both.groups, 2);
  assertClose(filter.slice(0, half), values(one.apply(weights.slice(0, 0, layout.size))), { absolute: 1e-15 });
  assertClose(filter.slice(half), values(one.apply(weights.slice(0, layout.size))), { absolute: 1e-15 });
});

test("FilterExpansion gives zeros for pairs of representations without a kernel", () => {
  const inType = new FieldType(c8, [c8.trivialRepr, c8.irrep(4)]), outType = new FieldType(c8, c8.trivialRepr);
  const tables = c8.kernelTables({ kernelSize: 1 });
  const layout = weightLayout(tables, irrepsOf(inType), irrepsOf(outType));
  const filter = new FilterExpansion(tables, layout, inType, outType, 1).apply(normal([layout.size]));
  assertEquals(values(filter)[1], 0);
});

test("FilterExpansion has first and second derivatives by the weights", async () => {
  const [, inType, outType] = CASES[1];
  const tables = c3.kernelTables({ kernelSize: 3 });
  const layout = weightLayout(tables, irrepsOf(inType), irrepsOf(outType));
  const expansion = new FilterExpansion(tables, layout, inType, outType, 1);
  await gradcheck((weights) => expansion.apply(weights).square(), [normal([layout.size])], { secondOrder: true });
});

test("FilterExpansion takes less than four times the filter's memory at its peak, forward and backward, tables included", async () => {
  disposeBackend("cpu");
  const backend = await startBackend("cpu");
  const space = rot3dOnR3(), vector = so3Group().standardRepresentation;
  const square = vector.tensor(vector), cube = square.tensor(vector);
  const powers = directSum([so3Group().trivialRepresentation, vector, square, cube]);
  // Few fields of many irreps: tables that hold zeros for all irreps of a field but one were twice the filter.
  const from = new FieldType(space, bandlimitedRegularRepresentation(so3Group(), 2), 2);
  const into = new FieldType(space, powers, 2);
  const conv = await new R3Conv(from, into, 3, { bias: false }).to(backend);
  const gradient = zeros([into.size, from.size, 3, 3, 3], { backend });
  const start = backend.memory().liveBytes;
  await scope(() => conv.expandFilter().backward(gradient));
  const filters = (backend.memory().peakBytes - start) / (4 * gradient.size);
  assert(filters > 1 && filters < 4, `${filters}`);
  conv.dispose();
});

test("FilterExpansion gives runs of irreps the columns of their field, whatever their order", () => {
  seed(3);
  const space = rot2dOnR2(5), [a, b, c] = [0, 1, 2].map((k) => space.irrep(k));
  const out = new FieldType(space, [a, b, c]);
  const sum = new FieldType(space, directSum([b, a, b, b, c, a]), 2);
  const apart = new FieldType(space, [b, a, b, b, c, a, b, a, b, b, c, a]);
  const joined = new R2Conv(sum, out, 3, { dtype: "float64" }),
    single = new R2Conv(apart, out, 3, { dtype: "float64" });
  assertEquals(joined.weights.size, single.weights.size);
  noGrad(() => assign(single.weights, joined.weights));
  assertClose(values(joined.expandFilter()), values(single.expandFilter()), { absolute: 1e-14 });
  const groups = { groups: 2, dtype: "float64" } as const, half = new FieldType(space, [a, b, c, a, b, c]);
  const [two, four] = [new R2Conv(sum, half, 3, groups), new R2Conv(apart, half, 3, groups)];
  noGrad(() => assign(four.weights, two.weights));
  assertClose(values(two.expandFilter()), values(four.expandFilter()), { absolute: 1e-14 });
});
