// covers: src/kernels/errors.ts
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertInstanceOf,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { flipRot2dOnR2, rot2dOnR2 } from "../../src/gspaces/mod.ts";
import {
  EmptyBasisError,
  heStandardDeviation,
  heStandardDeviations,
  type KernelAttributes,
  KernelError,
  weightLayout,
  weightsOfEntries,
} from "../../src/kernels/mod.ts";
import { test } from "../support/test.ts";

test("weightLayout: matrices by output type, blocks by input type, copies by field and position", () => {
  const space = rot2dOnR2(4);
  const tables = space.kernelTables({ kernelSize: 5 });
  const regular = space.regularRepr.irreps; // [0], [1], [2]
  const layout = weightLayout(tables, [[[1]], regular], [regular, [[0]]]);
  assertEquals(layout.matrices.map((m) => m.outIrrep), [[0], [1], [2]]);
  assertEquals(layout.matrices[0].copies, [
    { field: 0, position: 0, offset: 0 },
    { field: 1, position: 0, offset: 4 },
  ]);
  assertEquals(layout.matrices[0].blocks.map((b) => b.inIrrep), [[0], [1], [2]]);
  assertEquals(layout.matrices[0].blocks[1].copies, [
    { field: 0, position: 0, offset: 0 },
    { field: 1, position: 1, offset: 3 },
  ]);
  let offset = 0;
  for (const matrix of layout.matrices) {
    assertEquals(matrix.offset, offset);
    let column = 0;
    for (const block of matrix.blocks) {
      assertEquals(block.columnOffset, column);
      assert(block.table === tables.pair(block.inIrrep, matrix.outIrrep));
      column += block.copies.length * block.table.pathCount;
    }
    assertEquals(matrix.columns, column);
    offset += matrix.copies.length * column;
  }
  assertEquals(layout.size, offset);
});

test("weightLayout: the reference's numbers of weights, 88 for C8 and 176 for D8 regular to regular, k = 5", () => {
  const size = (space: ReturnType<typeof rot2dOnR2>): number => {
    const irreps = [space.regularRepr.irreps];
    return weightLayout(space.kernelTables({ kernelSize: 5 }), irreps, irreps).size;
  };
  assertEquals(size(rot2dOnR2(8)), 88);
  assertEquals(size(flipRot2dOnR2(8)), 176);
});

test("weightLayout orders types by the group, not by fields or text", () => {
  const space = rot2dOnR2();
  const layout = weightLayout(space.kernelTables({ kernelSize: 9 }), [[[0]]], [[[4]], [[1]], [[0]]]);
  assertEquals(layout.matrices.map((m) => m.outIrrep), [[0], [1], [4]]);
});

test("heStandardDeviations of the reference's example: √6, √8, √8, √28", () => {
  const space = rot2dOnR2(4);
  const layout = weightLayout(space.kernelTables({ kernelSize: 5 }), [[[0]], [[1]]], [[[1]], [[0]]]);
  const std = layout.matrices.map((m) => m.blocks.map((b) => heStandardDeviation(m, b)));
  const expected = [[1 / Math.sqrt(6), 1 / Math.sqrt(8)], [1 / Math.sqrt(8), 1 / Math.sqrt(28)]];
  std.forEach((row, i) => row.forEach((v, j) => assertAlmostEquals(v, expected[i][j], 1e-15)));
  const all = heStandardDeviations(layout);
  assertEquals(all.length, 25);
  assertEquals([...all].filter((v) => v === std[1][1]).length, 14);
});

test("heStandardDeviations give outputs of unit variance for inputs of unit variance", () => {
  const space = flipRot2dOnR2(4);
  const fields = [space.regularRepr.irreps, [[1, 1]]];
  const layout = weightLayout(space.kernelTables({ kernelSize: 5 }), fields, fields);
  const std = heStandardDeviations(layout);
  for (const matrix of layout.matrices) {
    for (let row = 0; row < matrix.copies.length; row++) {
      const start = matrix.offset + row * matrix.columns;
      // Each element has Σ K² = size of the output irrep, so it adds its weight's variance to each output component.
      const variance = std.subarray(start, start + matrix.columns).reduce((sum, s) => sum + s * s, 0);
      assertAlmostEquals(variance, 1, 1e-12);
    }
  }
});

test("an even kernel size without rings is an EmptyBasisError that names a ring", () => {
  const space = rot2dOnR2(8);
  const irreps = [space.regularRepr.irreps];
  const error = assertThrows(
    () => weightLayout(space.kernelTables({ kernelSize: 2 }), irreps, irreps),
    EmptyBasisError,
  );
  assertInstanceOf(error, KernelError);
  assertStringIncludes(error.message, "from [0], [1], [2], [3], [4]");
  assertStringIncludes(error.message, "rings: [0.7071]");
  const given = space.kernelTables({ kernelSize: 2, rings: [Math.SQRT1_2], sigma: 0.6, frequenciesCutoff: 2 });
  assertEquals(weightLayout(given, irreps, irreps).size, 24);
});

test("fields that no kernel connects are an EmptyBasisError that names both", () => {
  const tables = rot2dOnR2().kernelTables({ kernelSize: 3 });
  const error = assertThrows(() => weightLayout(tables, [[[0]]], [[[5]]]), EmptyBasisError);
  assertStringIncludes(error.message, "none from [0] to [5] of SO(2)");
  assertStringIncludes(error.message, "larger kernelSize");
});

test("weightLayout: a basisFilter removes elements and sees their attributes", () => {
  const seen: KernelAttributes[] = [];
  const tables = rot2dOnR2(8).kernelTables({
    kernelSize: 5,
    basisFilter: (attributes) => {
      seen.push(attributes);
      return attributes.frequency !== 2;
    },
  });
  const layout = weightLayout(tables, [[[1]]], [[[1]]]);
  assertEquals(layout.kept, undefined);
  assertEquals([layout.size, layout.entryCount], [6, 6]);
  assertEquals(layout.matrices[0].blocks[0].table.paths.map((p) => p.frequency), [0, 0, 0, 0, 0, 0]);
  assertEquals(tables.pair([1], [1]).pathCount, 10);
  const [first] = seen;
  assertEquals([first.inIrrep, first.outIrrep, first.radius, first.sigma], [[1], [1], 0, 0.005]);
  assertEquals([first.inField, first.outField, first.inPosition, first.outPosition, first.offset], [0, 0, 0, 0, 0]);
});

test("weightLayout: a basisFilter by position keeps some entries, and the vector closes up over the others", () => {
  const space = rot2dOnR2(4);
  const fields = [[[0], [0]], [[0]]];
  const full = weightLayout(space.kernelTables({ kernelSize: 3 }), fields, fields);
  assertEquals(full.matrices[0].columns, 6);
  // Elements at radius 1 only within the same field, at the centre only for equal positions.
  const layout = weightLayout(
    space.kernelTables({
      kernelSize: 3,
      basisFilter: (a) => a.radius === 0 ? a.inPosition === a.outPosition : a.inField === a.outField,
    }),
    fields,
    fields,
  );
  assertEquals([layout.size, layout.entryCount], [10, 18]);
  assertEquals([...layout.kept!], Array.from({ length: 18 }, (_, e) => e).filter(keptByHand));
  const inverse = weightsOfEntries(layout);
  layout.kept!.forEach((entry, weight) => assertEquals(inverse[entry], weight));
  assertEquals([...inverse].filter((w) => w < 0).length, 8);
  assertEquals([...weightsOfEntries(full)], Array.from({ length: 18 }, (_, i) => i));
  // The He deviations count, for each output copy, what is left.
  assertEquals(
    [...heStandardDeviations(layout)].map((v) => Math.round(1 / (v * v))),
    [4, 4, 4, 4, 3, 3, 3, 3, 3, 3],
  );
});

// Columns are (copy in: field 0 position 0, field 0 position 1, field 1) × (centre, ring); rows the same copies.
function keptByHand(entry: number): boolean {
  const copies = [[0, 0], [0, 1], [1, 0]];
  const [row, column] = [copies[Math.floor(entry / 6)], copies[Math.floor(entry % 6 / 2)]];
  return entry % 2 === 0 ? row[1] === column[1] : row[0] === column[0];
}
