// The sorted edges of point convolutions: blocks, padding, order, memory of tensors, bad input.

import { assertEquals, assertNotStrictEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { PointGraph } from "../../../src/nn/plain/mod.ts";
import {
  ArgumentError,
  assign,
  DisposedError,
  DTypeError,
  memory,
  release,
  scope,
  ShapeError,
  tensor,
  zeros,
} from "../../../src/tensor/mod.ts";
import { test } from "../../support/test.ts";
import { values } from "../support.ts";

test("PointGraph puts points with about as many edges into rows of equal length", () => {
  // Points 0 and 3 have one edge, 1 has five, 2 none.
  const graph = new PointGraph(Int32Array.of(2, 0, 1, 2, 3, 0, 1, 0, 1, 1, 1, 1, 1, 3), 4, 4);
  assertEquals(graph.edgeCount, 7);
  assertEquals(graph.blocks.map(({ rows, width }) => [rows, width]), [[2, 1], [1, 6]]);
  const [single, wide] = graph.blocks;
  assertEquals([...single.sources], [2, 1]);
  assertEquals([...single.targets], [0, 3]);
  assertEquals([...wide.sources], [0, 1, 2, 3, 0, 0]);
  assertEquals([...wide.edges], [1, 2, 3, 4, 5, 1]);
  assertEquals([...wide.weights], [0.2, 0.2, 0.2, 0.2, 0.2, 0]);
  assertEquals([...graph.order!], [0, 2, 3, 1]);
  assertEquals(graph.hasLonePoints, true);
});

test("PointGraph wastes less than a third of its places", () => {
  for (let degree = 1; degree < 100; degree++) {
    const graph = new PointGraph(new Int32Array(2 * degree), 1, 1);
    const [{ width, weights }] = graph.blocks;
    assertEquals(width >= degree && width - degree < Math.max(1, width / 3 + 0.01), true, `${degree} in ${width}`);
    assertEquals(weights.filter((w) => w > 0).length, degree);
    assertEquals(graph.order, undefined);
  }
});

test("PointGraph takes no edges and no points", () => {
  assertEquals(new PointGraph(new Int32Array(0), 3, 2).blocks, []);
  assertEquals([...new PointGraph(new Int32Array(0), 3, 2).order!], [0, 0]);
  assertEquals(new PointGraph(new Int32Array(0), 0, 0).order, undefined);
});

test("PointGraph.of remembers a tensor's graph until its values change", () => {
  const edges = tensor(Int32Array.of(0, 1, 1, 0), [2, 2]);
  const graph = PointGraph.of(edges, 2, 2);
  assertStrictEquals(PointGraph.of(edges, 2, 2), graph);
  assertNotStrictEquals(PointGraph.of(edges, 3, 2), graph);
  const before = PointGraph.of(edges, 2, 2);
  assign(edges, Int32Array.of(0, 0, 1, 0));
  assertNotStrictEquals(PointGraph.of(edges, 2, 2), before);
  assertEquals([...PointGraph.of(edges, 2, 2).blocks[0].sources], [0, 0]);
});

const live = (): number => memory().reference.liveTensors;

test("PointGraph has its arrays on a backend once, until it is disposed", () => {
  const before = live(), like = zeros([1]);
  let graph: PointGraph;
  {
    using made = graph = new PointGraph(Int32Array.of(1, 0, 0, 1), 2, 2);
    const [{ sources, weights }] = made.blocks;
    const placed = made.placed(sources, like);
    assertEquals([placed.dtype, values(placed)], ["int32", [1, 0]]);
    assertStrictEquals(made.placed(sources, like), placed);
    assertEquals([made.placed(weights, like).dtype, live()], ["float32", before + 3]);
    assertEquals(made.isDisposed, false);
  }
  assertEquals([graph.isDisposed, live()], [true, before + 1]);
  graph.dispose();
  const use = () => graph.placed(graph.blocks[0].sources, like);
  assertThrows(use, DisposedError, "a graph that has not been disposed, got one of 2 edges");
  like.dispose();
});

test("PointGraph.of: what a tensor's graph has on a backend goes with the tensor's scope, and with its values", () => {
  const before = live();
  const outer = scope();
  const like = zeros([1]), edges = tensor(Int32Array.of(0, 1, 1, 0), [2, 2]);
  const use = (): PointGraph => {
    // In a scope of its own, as steps have them.
    using _ = scope();
    const graph = PointGraph.of(edges, 2, 2);
    graph.placed(graph.blocks[0].sources, like);
    return graph;
  };
  const graph = use();
  assertEquals([use() === graph, live()], [true, before + 3]);
  assign(edges, Int32Array.of(0, 0, 1, 0));
  assertEquals([use() === graph, live()], [false, before + 3]);
  use().dispose();
  assertEquals([use().isDisposed, live()], [false, before + 3]);
  release(edges);
  const released = use();
  outer.end();
  assertEquals(live(), before + 2);
  edges.dispose();
  released.dispose();
  assertEquals(live(), before);
});

test("PointGraph refuses points that do not exist, other shapes and other types", () => {
  assertThrows(() => new PointGraph(Int32Array.of(0, 2, 0, 0), 2, 1), ArgumentError, "sources from 0 to 1, got 2");
  assertThrows(() => new PointGraph(Int32Array.of(0, 0, 0, -1), 2, 1), ArgumentError, "targets from 0 to 0, got -1");
  assertThrows(() => new PointGraph(Int32Array.of(0), 2, 1), ArgumentError, "a source and a target");
  assertThrows(() => PointGraph.of(tensor(Int32Array.of(0, 0), [2]), 1, 1), ShapeError, "[2, count]");
  assertThrows(() => PointGraph.of(tensor([[0], [0]]), 1, 1), DTypeError, "int32");
});
