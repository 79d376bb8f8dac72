/**
 * Graphs on point clouds by distance: all neighbours within a radius (torch_cluster's `radius_graph`), or the nearest ones (its `knn_graph`).
 * They are exact, their edges have a fixed order, and their time grows with points and edges, not with pairs.
 */

import { isFloat } from "../../tensor/dtype.ts";
import { ArgumentError, DTypeError, NonFiniteError, ShapeError } from "../../tensor/errors.ts";
import { formatShape } from "../../tensor/layout.ts";
import { Tensor } from "../../tensor/mod.ts";
import { PointGraph } from "../plain/point_graph.ts";
import { checkBatch, type GraphBatch } from "./pool_graphs.ts";
import type { PointTree } from "./point_tree.ts";

/** Options of {@linkcode knnGraph}. */
export interface KnnGraphOptions {
  /** The graph of each point, integers from 0 on in any order: points of different graphs are not connected. Default: all are of one graph. */
  readonly batch?: GraphBatch;
  /** Whether each point is its own neighbour, too. Default false. */
  readonly loop?: boolean;
}

/** Options of {@linkcode radiusGraph}. */
export interface RadiusGraphOptions extends KnnGraphOptions {
  /**
   * The most edges to a point: those from the nearest points, of equally near ones those of the smaller index. With `loop` the point itself
   * comes first and is counted. Default: no limit.
   */
  readonly maxNeighbours?: number;
}

/**
 * The graph of the points that are at most `radius` apart: what convolutions on points take as edges, in both directions, in the order of
 * targets and then of sources (`graph.edges` lists them). It reads the positions, so make it once for a cloud rather than once for a layer.
 * Edges are constants: derivatives by positions go through the layers.
 *
 * @param positions `[points, 2]` or `[points, 3]`, float32 or float64. Distances are computed in float64.
 * @param radius Greatest distance, itself included, a number of the positions' element type (0.1 is rounded as positions in float32
 *   are); Infinity connects all points of a graph.
 * @param options Which graph each point belongs to, whether points are their own neighbours, and how many neighbours there are at most.
 * @throws ShapeError, DTypeError for other positions, and for a batch that does not fit them.
 * @throws NonFiniteError for positions with NaN or an infinity.
 * @throws ArgumentError for a radius that is not positive, a limit below 1, or more than 2^28 edges.
 *
 * @example Two clouds that lie in the same place
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { FieldType, GeometricTensor, gspaces, ones, R3PointConv, radiusGraph, tensor, useBackend } from "@escnn/escnn";
 *
 * await useBackend("reference");
 * const positions = tensor([[0, 0, 0], [1, 0, 0], [3, 0, 0], [0, 0, 0], [0, 1, 0]]);
 * const graph = await radiusGraph(positions, 2, { batch: [0, 0, 0, 1, 1] });
 * assertEquals([...graph.edges], [1, 0, 2, 1, 4, 3].concat([0, 1, 1, 2, 3, 4])); // 1 → 0, 0 → 1, 2 → 1, …
 *
 * const space = gspaces.rot3dOnR3();
 * const scalars = new FieldType(space, space.trivialRepr), vectors = new FieldType(space, space.irrep(1));
 * const conv = new R3PointConv(scalars, vectors, { width: 2, ringCount: 3 });
 * assertEquals(conv.forward(new GeometricTensor(ones([5, 1]), scalars, positions), graph).shape, [5, 3]);
 * ```
 */
export async function radiusGraph(
  positions: Tensor,
  radius: number,
  { batch, loop = false, maxNeighbours }: RadiusGraphOptions = {},
): Promise<PointGraph> {
  const op = "radiusGraph";
  checkPositions(op, positions);
  const rounded = positions.dtype === "float32" ? Math.fround(radius) : radius, bound = rounded * rounded;
  if (typeof radius !== "number" || !(rounded > 0)) {
    throw new ArgumentError({ op, expected: `a positive radius in ${positions.dtype}`, actual: String(radius) });
  }
  if (bound === 0 || (bound === Infinity && radius !== Infinity)) {
    throw new ArgumentError({
      op,
      expected: "a radius whose square is a number of float64",
      actual: String(radius),
      hint: "Change the unit of the positions",
    });
  }
  if (maxNeighbours !== undefined) checkCount(op, "maxNeighbours", maxNeighbours);
  const tree = await treeOf(op, positions, batch);
  const edges = maxNeighbours === undefined ? tree.within(bound, loop) : tree.nearest(maxNeighbours, bound, loop);
  return new PointGraph(edges, positions.shape[0], positions.shape[0]);
}

/**
 * The graph in which each point hears of its `k` nearest ones, of equally near ones of those with the smaller index; of fewer where its graph
 * has fewer. With `loop` the point itself comes first and is counted. For the rest see {@linkcode radiusGraph}.
 *
 * @param positions `[points, 2]` or `[points, 3]`, float32 or float64. Distances are computed in float64.
 * @param k Number of neighbours.
 * @param options Which graph each point belongs to, and whether points are their own neighbours.
 * @throws ShapeError, DTypeError for other positions, and for a batch that does not fit them.
 * @throws NonFiniteError for positions with NaN or an infinity.
 * @throws ArgumentError for a `k` that is not a positive integer, or more than 2^28 edges.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { knnGraph, tensor, useBackend } from "@escnn/escnn";
 *
 * await useBackend("reference");
 * const graph = await knnGraph(tensor([[0, 0], [1, 0], [3, 0]]), 1);
 * assertEquals([...graph.edges], [1, 0, 1].concat([0, 1, 2])); // 1 → 0, 0 → 1, 1 → 2
 * ```
 */
export async function knnGraph(
  positions: Tensor,
  k: number,
  { batch, loop = false }: KnnGraphOptions = {},
): Promise<PointGraph> {
  const op = "knnGraph";
  checkPositions(op, positions);
  checkCount(op, "k", k);
  const edges = (await treeOf(op, positions, batch)).nearest(k, Infinity, loop);
  return new PointGraph(edges, positions.shape[0], positions.shape[0]);
}

function checkPositions(op: string, positions: Tensor): void {
  if (!(positions instanceof Tensor)) {
    throw new ArgumentError({
      op,
      expected: "positions as a tensor [points, 2] or [points, 3]",
      actual: ArrayBuffer.isView(positions) ? `a ${(positions as object).constructor.name}` : String(positions),
      hint: "tensor(array, [points, 3]) makes one of an array; of a GeometricTensor it is coords",
    });
  }
  const { shape, dtype } = positions;
  if (shape.length !== 2 || (shape[1] !== 2 && shape[1] !== 3)) {
    throw new ShapeError({ op, expected: "positions [points, 2] or [points, 3]", actual: formatShape(shape) });
  }
  if (!isFloat(dtype)) {
    throw new DTypeError({ op, expected: "positions of a float type", actual: dtype, hint: 'Use cast("float32")' });
  }
}

function checkCount(op: string, name: string, count: number): void {
  if (Number.isInteger(count) && count > 0) return;
  throw new ArgumentError({ op, expected: `${name}, a positive integer`, actual: String(count) });
}

/** Reads what it needs, checks it, and sorts the points. */
async function treeOf(op: string, positions: Tensor, batch: GraphBatch | undefined): Promise<PointTree> {
  const [points, dimension] = positions.shape;
  if (batch !== undefined) checkBatch(op, batch, points);
  // Loaded where it is first needed, so that programs without point clouds start without it.
  const { PointTree } = await import("./point_tree.ts");
  const values = await positions.data(), graphs = batch instanceof Tensor ? await batch.data() : batch;
  if (graphs !== batch) checkBatch(op, graphs as Int32Array, points);
  const wrong = values.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) {
    const point = Math.floor(wrong / dimension);
    throw new NonFiniteError({
      op,
      expected: "finite positions",
      actual: `point ${point} at (${values.slice(point * dimension, (point + 1) * dimension).join(", ")})`,
    });
  }
  return new PointTree(op, values, dimension, graphs);
}
