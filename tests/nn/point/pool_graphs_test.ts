// Pooling over graphs: the definition, derivatives, equivariance, memory, bad input.

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { cyclicGroup } from "../../../src/group/mod.ts";
import { noBaseSpace, rot2dOnR2, rot3dOnR3 } from "../../../src/gspaces/mod.ts";
import { FieldType, FieldTypeError, GeometricTensor, Linear, poolGraphs } from "../../../src/nn/mod.ts";
import { PointGraph } from "../../../src/nn/plain/mod.ts";
import {
  ArgumentError,
  DTypeError,
  gradcheck,
  memory,
  scope,
  ShapeError,
  tensor,
  zeros,
} from "../../../src/tensor/mod.ts";
import { assertClose } from "../../support/close.ts";
import { test } from "../../support/test.ts";
import { normal, regular, values } from "../support.ts";

const REDUCTIONS = ["sum", "mean", "max"] as const;

/** Graph 1 has no points, graph 3 three (a padded row), 0 and 2 one, 4 four; in no order. */
const BATCH = [3, 4, 0, 4, 3, 2, 4, 3, 4];

function definition(
  x: ArrayLike<number>,
  channels: number,
  batch: readonly number[],
  reduction: string,
  graphs: number,
) {
  return Array.from({ length: graphs * channels }, (_, at) => {
    const list = batch.flatMap((graph, point) =>
      graph === Math.floor(at / channels) ? [x[point * channels + at % channels]] : []
    );
    if (list.length === 0) return 0;
    if (reduction === "max") return Math.max(...list);
    return list.reduce((a, b) => a + b) / (reduction === "mean" ? list.length : 1);
  });
}

test("poolGraphs is the sum, mean and maximum over the points of each graph, 0 without points", () => {
  const x = normal([9, 4]).sub(5);
  for (const reduction of REDUCTIONS) {
    for (const graphs of [undefined, 7]) {
      const expected = definition(values(x), 4, BATCH, reduction, graphs ?? 5);
      const edges = new PointGraph(Int32Array.from([...BATCH.keys(), ...BATCH]), 9, graphs ?? 5);
      for (const batch of [BATCH, Int32Array.from(BATCH), tensor(Int32Array.from(BATCH)), edges]) {
        const pooled = poolGraphs(x, batch, { reduction, graphs });
        assertEquals(pooled.shape, [graphs ?? 5, 4]);
        assertClose(values(pooled), expected, { absolute: 1e-14, message: reduction });
      }
    }
  }
  assertEquals(values(poolGraphs(x, BATCH)), values(poolGraphs(x, BATCH, { reduction: "mean" })));
});

test("poolGraphs of no points, of one graph, and over graphs that share points", () => {
  assertEquals(poolGraphs(zeros([0, 3]), []).shape, [0, 3]);
  assertEquals(values(poolGraphs(zeros([0, 3]), [], { graphs: 2, reduction: "max" })), [0, 0, 0, 0, 0, 0]);
  const x = tensor([[1, -2], [3, -4]]);
  assertEquals(values(poolGraphs(x, [0, 0], { reduction: "max" })), [3, -2]);
  const shared = new PointGraph(Int32Array.of(0, 1, 1, 0, 0, 1), 2, 2); // 0 → 0, 1 → 0, 1 → 1
  assertEquals(values(poolGraphs(x, shared, { reduction: "sum" })), [4, -6, 3, -4]);
});

test("poolGraphs has first and second derivatives; equal maxima share the gradient", async () => {
  for (const reduction of REDUCTIONS) {
    await gradcheck((x) => poolGraphs(x, BATCH, { reduction, graphs: 6 }), [normal([9, 2])], { secondOrder: true });
  }
  const x = tensor([1, 7, 7, 7], [4, 1]).requireGrad();
  poolGraphs(x, [0, 0, 0, 1], { reduction: "max" }).sum().backward();
  assertEquals(values(x.grad!), [0, 0.5, 0.5, 1]);
});

test("poolGraphs keeps fields, on a point: it commutes with the group to 1e-12, and Linear takes its result", () => {
  const plane = rot2dOnR2(4), space = rot3dOnR3();
  const steerable = new FieldType(space, [space.irrep(0), space.irrep(1), space.irrep(2)]);
  for (const [type, reductions] of [[regular(plane, 2), REDUCTIONS], [steerable, ["sum", "mean"]]] as const) {
    const cloud = new GeometricTensor(normal([9, type.size]), type, normal([9, type.gspace.dimensionality]));
    for (const reduction of reductions) {
      const pooled = poolGraphs(cloud, BATCH, { reduction });
      assertEquals([pooled.shape, pooled.coords], [[5, type.size], undefined]);
      assert(pooled.type.equals(new FieldType(noBaseSpace(type.gspace.fibergroup), type.representations)));
      for (const g of type.gspace.fibergroup.testingElements.slice(0, 5)) {
        const turned = poolGraphs(cloud.transform(g), BATCH, { reduction });
        assertClose(values(turned.tensor), values(pooled.transform(g).tensor), { absolute: 1e-12 });
      }
    }
  }
  const point = noBaseSpace(cyclicGroup(4)),
    cloud = new GeometricTensor(normal([9, 4]), regular(plane), normal([9, 2]));
  const linear = new Linear(regular(point), regular(point, 3), { dtype: "float64" });
  assertEquals(linear.forward(poolGraphs(cloud, BATCH)).shape, [5, 12]);
});

test("poolGraphs leaves nothing behind in its scope", () => {
  const x = normal([9, 4]), before = memory().reference.liveBytes;
  for (const reduction of REDUCTIONS) {
    scope(() => void poolGraphs(x, BATCH, { reduction }));
    assertEquals(memory().reference.liveBytes, before);
  }
});

test("poolGraphs refuses what it cannot use, and says what to do", () => {
  const x = normal([9, 4]), space = rot3dOnR3(), vectors = new FieldType(space, space.irrep(1));
  const cloud = new GeometricTensor(normal([9, 3]), vectors, normal([9, 3]));
  const error = assertThrows(() => poolGraphs(cloud, BATCH, { reduction: "max" }), FieldTypeError);
  assertStringIncludes(error.message, 'use "sum" or "mean"');
  const grid = new GeometricTensor(zeros([9, 3, 2, 2, 2]), vectors);
  assertThrows(() => poolGraphs(grid, BATCH), ShapeError, "features [points, channels]");
  assertThrows(() => poolGraphs(zeros([9]), BATCH), ShapeError, "features [points, channels], got [9]");
  assertThrows(() => poolGraphs(x.cast("int32"), BATCH), DTypeError, "int32");
  assertThrows(() => poolGraphs([1] as never, BATCH), ArgumentError, "a tensor or a GeometricTensor");
  assertThrows(() => poolGraphs(x, BATCH, { reduction: "min" as never }), ArgumentError, "got min");
  assertThrows(() => poolGraphs(x, BATCH, { graphs: 4 }), ArgumentError, "from 0 to 3, got 4");
  assertThrows(() => poolGraphs(x, BATCH, { graphs: -1 }), ArgumentError, "got -1");
  assertThrows(() => poolGraphs(x, BATCH.slice(1)), ShapeError, "a batch [9], the graph of each point, got [8]");
  assertThrows(() => poolGraphs(x, 3 as never), ArgumentError, "got 3");
  assertThrows(() => poolGraphs(x, BATCH.map((graph) => graph - 1)), ArgumentError, "got -1");
  assertThrows(() => poolGraphs(x, tensor(Int32Array.from(BATCH, (graph) => graph - 1))), ArgumentError, "got -1");
  assertThrows(() => poolGraphs(x, zeros([9])), DTypeError, "int32");
  assertThrows(() => poolGraphs(x, new PointGraph(Int32Array.of(0, 0), 1, 1)), ArgumentError, "edges from 9 points");
});
