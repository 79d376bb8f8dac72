// Shapes, strides and views: broadcasting, reshaping without copies, and coalesced loops.

import { assertEquals, assertThrows } from "@std/assert";
import { elementPositions } from "../../backends/reference/buffer.ts";
import { ShapeError } from "../../src/tensor/errors.ts";
import {
  broadcastShapes,
  coalesce,
  contiguousLayout,
  contiguousStrides,
  elementCount,
  expandLayout,
  formatShape,
  isContiguous,
  type Layout,
  normalizeAxes,
  normalizeAxis,
  permuteLayout,
  reshapeLayout,
  sliceLayout,
  validateShape,
} from "../../src/tensor/layout.ts";
import { test } from "../support/test.ts";

const positions = (layout: Layout): number[] => [...elementPositions(layout)];

test("elementCount, contiguousStrides and formatShape of scalars, matrices and empty shapes", () => {
  assertEquals([elementCount([]), elementCount([2, 3]), elementCount([2, 0, 3])], [1, 6, 0]);
  assertEquals(contiguousStrides([2, 3, 4]), [12, 4, 1]);
  assertEquals(contiguousStrides([]), []);
  assertEquals(contiguousLayout([2, 3], 5), { shape: [2, 3], strides: [3, 1], offset: 5 });
  assertEquals(formatShape([2, 3]), "[2, 3]");
});

test("validateShape throws ShapeError for sizes that are no size", () => {
  validateShape([0, 1, 2], "zeros");
  for (const bad of [-1, 1.5, NaN, Infinity, 2 ** 60]) {
    assertThrows(
      () => validateShape([2, bad], "zeros"),
      ShapeError,
      `zeros: expected a shape of non-negative integers, got [2, ${bad}]`,
    );
  }
});

test("isContiguous ignores axes of size 1 and takes empty layouts", () => {
  assertEquals(isContiguous(contiguousLayout([2, 3], 7)), true);
  assertEquals(isContiguous({ shape: [2, 1, 3], strides: [3, 99, 1], offset: 0 }), true);
  assertEquals(isContiguous({ shape: [0, 3], strides: [5, 7], offset: 0 }), true);
  assertEquals(isContiguous({ shape: [2, 3], strides: [1, 2], offset: 0 }), false);
  assertEquals(isContiguous({ shape: [2, 3], strides: [4, 1], offset: 0 }), false);
  assertEquals(isContiguous({ shape: [2], strides: [0], offset: 0 }), false);
});

test("normalizeAxis counts negative axes from the back and refuses others with the range", () => {
  assertEquals([normalizeAxis(0, 3, "sum"), normalizeAxis(-1, 3, "sum")], [0, 2]);
  for (const bad of [3, -4, 0.5]) {
    assertThrows(() => normalizeAxis(bad, 3, "sum"), ShapeError, `sum: expected an axis from -3 to 2, got ${bad}`);
  }
});

test("normalizeAxes gives ascending axes, all by default, and refuses repetition", () => {
  assertEquals(normalizeAxes(undefined, 3, "sum"), [0, 1, 2]);
  assertEquals(normalizeAxes(-1, 3, "sum"), [2]);
  assertEquals(normalizeAxes([2, -3], 3, "sum"), [0, 2]);
  assertThrows(() => normalizeAxes([0, -3], 3, "sum"), ShapeError, "expected distinct axes");
});

test("broadcastShapes follows NumPy's rules", () => {
  assertEquals(broadcastShapes([[2, 1, 3], [4, 1]], "add"), [2, 4, 3]);
  assertEquals(broadcastShapes([[], [5]], "add"), [5]);
  assertEquals(broadcastShapes([[0], [1]], "add"), [0]);
  assertEquals(broadcastShapes([], "add"), []);
  assertThrows(() => broadcastShapes([[2, 3], [2]], "add"), ShapeError, "got [2, 3] and [2]");
  assertThrows(() => broadcastShapes([[0], [2]], "add"), ShapeError);
});

test("expandLayout repeats elements by stride 0", () => {
  const row = contiguousLayout([3], 2);
  assertEquals(positions(expandLayout(row, [2, 3], "expand")), [2, 3, 4, 2, 3, 4]);
  assertEquals(positions(expandLayout(contiguousLayout([2, 1]), [2, 2], "expand")), [0, 0, 1, 1]);
  assertThrows(
    () => expandLayout(row, [2, 4], "expand"),
    ShapeError,
    "expected a shape that [3] broadcasts to, got [2, 4]",
  );
  assertThrows(() => expandLayout(contiguousLayout([2, 3]), [3], "expand"), ShapeError);
});

test("permuteLayout moves axes, and refuses what is no permutation", () => {
  assertEquals(positions(permuteLayout(contiguousLayout([2, 3]), [1, 0], "permute")), [0, 3, 1, 4, 2, 5]);
  assertEquals(permuteLayout(contiguousLayout([2, 3, 4]), [-1, 0, 1], "permute").shape, [4, 2, 3]);
  for (const bad of [[0], [0, 0], [0, 1, 1]]) {
    assertThrows(() => permuteLayout(contiguousLayout([2, 3]), bad, "permute"), ShapeError, "a permutation of 2 axes");
  }
});

test("sliceLayout steps forwards and backwards", () => {
  assertEquals(positions(sliceLayout(contiguousLayout([6]), 0, 1, 3, 2)), [1, 3, 5]);
  assertEquals(positions(sliceLayout(contiguousLayout([6]), 0, 5, 3, -2)), [5, 3, 1]);
  assertEquals(positions(sliceLayout(contiguousLayout([2, 3]), 1, 1, 2)), [1, 2, 4, 5]);
  assertEquals(sliceLayout(contiguousLayout([3]), 0, 3, 0), { shape: [0], strides: [1], offset: 0 });
});

test("reshapeLayout keeps the order of elements wherever strides can express it", () => {
  const layouts: Layout[] = [
    contiguousLayout([2, 3, 4], 1),
    permuteLayout(contiguousLayout([2, 3, 4]), [2, 0, 1], "test"),
    { shape: [2, 3, 4], strides: [24, 8, 2], offset: 3 },
    { shape: [2, 3, 4], strides: [0, 4, 1], offset: 0 },
    { shape: [2, 3, 4], strides: [-12, -4, -1], offset: 23 },
  ];
  const shapes = [[24], [2, 12], [6, 4], [4, 6], [3, 2, 2, 2], [1, 24, 1], [2, 3, 2, 2], [8, 3]];
  let views = 0;
  for (const layout of layouts) {
    for (const shape of shapes) {
      const reshaped = reshapeLayout(layout, shape);
      if (reshaped === undefined) continue;
      views++;
      assertEquals(reshaped.shape, shape);
      assertEquals(positions(reshaped), positions(layout), `${JSON.stringify(layout)} as ${formatShape(shape)}`);
    }
  }
  // The evenly spaced layouts take all 8 shapes each; the permuted one splits its axes, the broadcast one its rows.
  assertEquals(views, 3 * 8 + 3);
});

test("reshapeLayout gives undefined where elements must be copied", () => {
  assertEquals(reshapeLayout({ shape: [3, 2], strides: [1, 3], offset: 0 }, [6]), undefined);
  assertEquals(reshapeLayout({ shape: [0, 2], strides: [1, 3], offset: 4 }, [5, 0])?.shape, [5, 0]);
  assertEquals(reshapeLayout({ shape: [1], strides: [9], offset: 4 }, []), { shape: [], strides: [], offset: 4 });
});

test("coalesce merges neighbouring axes that are contiguous for every operand", () => {
  assertEquals(coalesce([2, 3, 4], [[12, 4, 1], [12, 4, 1]]), { shape: [24], strides: [[1], [1]] });
  assertEquals(coalesce([2, 3, 4], [[12, 4, 1], [0, 4, 1]]), { shape: [2, 12], strides: [[12, 1], [0, 1]] });
  assertEquals(coalesce([2, 1, 4], [[4, 99, 1]]), { shape: [8], strides: [[1]] });
  assertEquals(coalesce([2, 3], [[0, 0]]), { shape: [6], strides: [[0]] });
  assertEquals(coalesce([], [[]]), { shape: [], strides: [[]] });
  assertEquals(coalesce([1, 1], [[5, 7]]), { shape: [], strides: [[]] });
});
