// Neighbours by the tree against all pairs: random clouds, lattices full of ties, points at one place, outliers, batches in any order.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { PointTree } from "../../../src/nn/point/point_tree.ts";
import { test } from "../../support/test.ts";

interface Cloud {
  readonly positions: ArrayLike<number>;
  readonly dimension: number;
  readonly batch?: ArrayLike<number>;
}

/** The edges by comparing all pairs: to each point those from the `count` nearest ones within the bound. */
function allPairs({ positions, dimension, batch }: Cloud, bound: number, loop: boolean, count = Infinity): number[] {
  const points = positions.length / dimension, sources: number[] = [], targets: number[] = [];
  for (let target = 0; target < points; target++) {
    const found: (readonly [distance: number, source: number])[] = [];
    for (let source = 0; source < points; source++) {
      if (batch !== undefined && batch[source] !== batch[target]) continue;
      if (source === target) continue;
      let squared = 0;
      for (let axis = 0; axis < dimension; axis++) {
        const difference = positions[source * dimension + axis] - positions[target * dimension + axis];
        squared += difference * difference;
      }
      if (squared <= bound) found.push([squared, source]);
    }
    found.sort(([a, i], [b, j]) => a - b || i - j);
    const kept = loop ? [target] : [];
    for (const [, source] of found) if (kept.length < count) kept.push(source);
    for (const source of kept.sort((a, b) => a - b)) {
      sources.push(source);
      targets.push(target);
    }
  }
  return [...sources, ...targets];
}

const coordinates = fc.oneof(
  fc.integer({ min: -3, max: 3 }), // a lattice: equal distances, points at one place
  fc.double({ min: -2, max: 2, noNaN: true }),
  fc.constantFrom(0, 0.1, 0.3, 1e9, -1e9), // crowds and outliers
);

const clouds = fc.integer({ min: 1, max: 3 }).chain((dimension) =>
  fc.array(
    fc.record({
      place: fc.array(coordinates, { minLength: dimension, maxLength: dimension }),
      graph: fc.constantFrom(7, 0, 3),
    }),
    { maxLength: 70, size: "max" },
  ).chain((points) =>
    fc.boolean().map((batched): Cloud => ({
      positions: points.flatMap(({ place }) => place),
      dimension,
      batch: batched ? points.map(({ graph }) => graph) : undefined,
    }))
  )
);

test("PointTree.within finds the pairs of all points that are near enough, in order", () => {
  const bounds = fc.constantFrom(1e-9, 0.25, 1, 2, 4, 9, 1e18, Infinity);
  fc.assert(
    fc.property(clouds, bounds, fc.boolean(), (cloud, bound, loop) => {
      const tree = new PointTree("test", cloud.positions, cloud.dimension, cloud.batch);
      assertEquals([...tree.within(bound, loop)], allPairs(cloud, bound, loop));
    }),
    { numRuns: 150 },
  );
});

test("PointTree.nearest finds the nearest of all points, ties by index, in order", () => {
  const counts = fc.integer({ min: 1, max: 20 }), bounds = fc.constantFrom(1, 4, Infinity);
  fc.assert(
    fc.property(clouds, counts, bounds, fc.boolean(), (cloud, count, bound, loop) => {
      const tree = new PointTree("test", cloud.positions, cloud.dimension, cloud.batch);
      assertEquals([...tree.nearest(count, bound, loop)], allPairs(cloud, bound, loop, count));
    }),
    { numRuns: 150 },
  );
});

/** A lattice of size³ points in a scrambled order. */
function lattice(size: number, spacing: number): number[] {
  const count = size ** 3;
  return Array.from({ length: count }, (_, i) => {
    const place = i * 7919 % count; // 7919 is prime to the sizes below
    return [place % size, Math.floor(place / size) % size, Math.floor(place / size ** 2)].map((v) => v * spacing);
  }).flat();
}

test("PointTree: a lattice of 11³ points, with neighbours exactly at the boundary", () => {
  const cloud = { positions: lattice(11, 1), dimension: 3 };
  const tree = new PointTree("test", cloud.positions, 3);
  for (const bound of [1, 2, 3]) {
    const edges = tree.within(bound, false), along = 10 * 11 * 11, across = 10 * 10 * 11, diagonal = 10 ** 3;
    const pairs = [3 * along, 6 * across, 4 * diagonal].slice(0, bound).reduce((a, b) => a + b);
    assertEquals(edges.length, 4 * pairs); // both directions, sources and targets
    assertEquals([...edges], allPairs(cloud, bound, false));
  }
  assertEquals([...tree.nearest(9, 3, true)], allPairs(cloud, 3, true, 9));
});

test("PointTree: a crowd within a billionth of the extent", () => {
  const positions = [...lattice(7, 1e-3), 1e6, 1e6, 1e6], cloud = { positions, dimension: 3 };
  const tree = new PointTree("test", positions, 3), bound = 4.1e-6;
  assertEquals([...tree.within(bound, false)], allPairs(cloud, bound, false));
  assertEquals([...tree.nearest(5, Infinity, false)], allPairs(cloud, Infinity, false, 5));
});

test("PointTree.nearest takes the first of many points at one place, among others", () => {
  // Two thirds of the points are at one place.
  const positions = Array.from({ length: 900 }, (_, i) => i % 3 === 0 ? [i * 37 % 101, i * 53 % 97] : [50, 50]).flat();
  const cloud = { positions, dimension: 2 }, tree = new PointTree("test", positions, 2);
  assertEquals([...tree.nearest(4, Infinity, false)], allPairs(cloud, Infinity, false, 4));
  assertEquals([...tree.nearest(4, 25, true)], allPairs(cloud, 25, true, 4));
});

test("PointTree.nearest asks few of many points at one place", () => {
  const tree = new PointTree("test", new Float64Array(3 * 100_000), 3);
  const start = performance.now(), edges = tree.nearest(2, Infinity, false), count = edges.length / 2;
  assertEquals(count, 200_000);
  assertEquals([...edges.subarray(0, 8)], [1, 2, 0, 2, 0, 1, 0, 1]);
  // All pairs would be 10¹⁰ distances, half a minute.
  assert(performance.now() - start < 5000);
});
