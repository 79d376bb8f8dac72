// Graphs by distance as users make them: boundaries in both element types, batches, layers over them, bad input.

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { rot3dOnR3 } from "../../../src/gspaces/mod.ts";
import { FieldType, GeometricTensor, knnGraph, R3PointConv, radiusGraph } from "../../../src/nn/mod.ts";
import type { PointGraph } from "../../../src/nn/plain/mod.ts";
import { ArgumentError, DTypeError, NonFiniteError, ShapeError, tensor, zeros } from "../../../src/tensor/mod.ts";
import { assertClose } from "../../support/close.ts";
import { test } from "../../support/test.ts";
import { normal, trivial, values } from "../support.ts";

/** The edges as "source → target". */
const arrows = ({ edges, edgeCount }: PointGraph): string =>
  Array.from({ length: edgeCount }, (_, e) => `${edges[e]}→${edges[edgeCount + e]}`).join(" ");

test("radiusGraph: a radius is a number of the positions' element type, itself included", async () => {
  for (const dtype of ["float32", "float64"] as const) {
    const positions = tensor([0, 0, 0.1, 0, 0.1, 0.1], [3, 2], { dtype });
    assertEquals(arrows(await radiusGraph(positions, 0.1)), "1→0 0→1 2→1 1→2");
    assertEquals(arrows(await radiusGraph(positions, 0.0999999)), "");
  }
});

test("radiusGraph: loops, limits with the nearest first, batches as lists, arrays and tensors", async () => {
  const positions = tensor([0, 0, 1, 0, 2.5, 0, -1, 0], [4, 2]);
  assertEquals(arrows(await radiusGraph(positions, 1, { loop: true })), "0→0 1→0 3→0 0→1 1→1 2→2 0→3 3→3");
  // 1 and 3 are equally far from 0.
  assertEquals(arrows(await radiusGraph(positions, 1.5, { maxNeighbours: 1 })), "1→0 0→1 1→2 0→3");
  assertEquals(
    arrows(await radiusGraph(positions, 1.5, { maxNeighbours: 2, loop: true })),
    "0→0 1→0 0→1 1→1 1→2 2→2 0→3 3→3",
  );
  for (const batch of [[5, 0, 0, 5], Int32Array.of(5, 0, 0, 5), tensor(Int32Array.of(5, 0, 0, 5))]) {
    assertEquals(arrows(await radiusGraph(positions, Infinity, { batch })), "3→0 2→1 1→2 0→3");
    assertEquals(arrows(await knnGraph(positions, 3, { batch })), "3→0 2→1 1→2 0→3");
  }
});

test("knnGraph: fewer neighbours where there are fewer points, the point itself first among those at its place", async () => {
  const positions = zeros([3, 3]);
  assertEquals(arrows(await knnGraph(positions, 1)), "1→0 0→1 0→2");
  assertEquals(arrows(await knnGraph(positions, 1, { loop: true })), "0→0 1→1 2→2");
  assertEquals(arrows(await knnGraph(positions, 9)), "1→0 2→0 0→1 2→1 0→2 1→2");
});

test("radiusGraph and knnGraph of no points and of one", async () => {
  for (const points of [0, 1]) {
    for (const graph of [await radiusGraph(zeros([points, 3]), 1), await knnGraph(zeros([points, 3]), 2)]) {
      assertEquals([graph.edgeCount, graph.sourceCount, graph.targetCount], [0, points, points]);
    }
  }
});

test("R3PointConv gives the same numbers over a radiusGraph as over its edges, and a network over it is equivariant to 1e-10", async () => {
  const space = rot3dOnR3(), vectors = new FieldType(space, space.irrep(1), 2);
  const conv = new R3PointConv(trivial(space), vectors, { width: 1.5, ringCount: 3, dtype: "float64" });
  const positions = normal([40, 3]), features = normal([40, 1]);
  const graph = await radiusGraph(positions, 1.5), input = new GeometricTensor(features, trivial(space), positions);
  const edges = tensor(graph.edges, [2, graph.edgeCount]);
  assertEquals(values(conv.forward(input, graph).tensor), values(conv.forward(input, edges).tensor));
  // Distances do not change: the graph of turned positions is the same, unless a pair lies within rounding of the boundary.
  for (const g of space.fibergroup.testingElements.slice(0, 4)) {
    const turned = input.transform(g), again = await radiusGraph(turned.coords!, 1.5);
    assertEquals(again.edges, graph.edges);
    const expected = conv.forward(input, graph).transform(g).tensor;
    assertClose(values(conv.forward(turned, again).tensor), values(expected), { absolute: 1e-10 });
  }
});

test("radiusGraph and knnGraph refuse what they cannot use, and say what to do", async () => {
  const good = zeros([4, 3]);
  const array = await assertRejects(() => radiusGraph(new Float32Array(12) as never, 1), ArgumentError);
  assertStringIncludes(array.message, "got a Float32Array. tensor(array, [points, 3])");
  await assertRejects(() => radiusGraph(zeros([4]), 1), ShapeError, "[points, 2] or [points, 3], got [4]");
  await assertRejects(() => knnGraph(zeros([4, 4]), 1), ShapeError, "got [4, 4]");
  await assertRejects(() => radiusGraph(good.cast("int32"), 1), DTypeError, "int32");
  for (const radius of [0, -1, NaN, 1e-60]) {
    await assertRejects(() => radiusGraph(good, radius), ArgumentError, `a positive radius in float32, got ${radius}`);
  }
  for (const radius of [1e-200, 1e200]) {
    await assertRejects(() => radiusGraph(good.cast("float64"), radius), ArgumentError, "whose square");
  }
  for (const count of [0, 1.5, NaN]) {
    await assertRejects(() => knnGraph(good, count), ArgumentError, `k, a positive integer, got ${count}`);
    await assertRejects(() => radiusGraph(good, 1, { maxNeighbours: count }), ArgumentError, "maxNeighbours");
  }
  for (const value of [NaN, Infinity]) {
    const positions = tensor([0, 0, 0, 1, value, 2], [2, 3]);
    await assertRejects(() => radiusGraph(positions, 1), NonFiniteError, `point 1 at (1, ${value}, 2)`);
  }
  await assertRejects(() => knnGraph(good, 1, { batch: [0, 0, 1] }), ShapeError, "a batch [4]");
  await assertRejects(() => knnGraph(good, 1, { batch: [0, 0, 1, -1] }), ArgumentError, "got -1");
  await assertRejects(() => knnGraph(good, 1, { batch: [0, 0, 1, 0.5] }), ArgumentError, "got 0.5");
  const negative = tensor(Int32Array.of(0, 0, 1, -1));
  await assertRejects(() => radiusGraph(good, 1, { batch: negative }), ArgumentError, "got -1");
  await assertRejects(() => radiusGraph(good, 1, { batch: zeros([4]) }), DTypeError, "int32");
});
