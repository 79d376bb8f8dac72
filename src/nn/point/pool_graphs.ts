/**
 * Pooling over the points of each graph of a batch: one vector of features for each graph, for a head that classifies or measures whole point
 * clouds (torch_geometric's `global_add_pool`, `global_mean_pool`, `global_max_pool`).
 */

import { noBaseSpace } from "../../gspaces/factories.ts";
import { isFloat } from "../../tensor/dtype.ts";
import { ArgumentError, DTypeError, ShapeError } from "../../tensor/errors.ts";
import { formatShape } from "../../tensor/layout.ts";
import { concatenate, Tensor, where, zeros } from "../../tensor/mod.ts";
import { FieldTypeError } from "../errors.ts";
import { FieldType } from "../field_type.ts";
import { GeometricTensor } from "../geometric_tensor.ts";
import { selectByVector } from "../plain/persistent.ts";
import { PointGraph } from "../plain/point_graph.ts";

/** The graph of each point of a batch of graphs: integers from 0 on, in any order. A tensor is an int32 vector. */
export type GraphBatch = Int32Array | readonly number[] | Tensor;

/** Options of {@linkcode poolGraphs}. */
export interface PoolGraphsOptions {
  /** What becomes of the features of a graph's points. Default "mean". */
  readonly reduction?: "sum" | "mean" | "max";
  /** Number of graphs. Default: one more than the greatest number in the batch. */
  readonly graphs?: number;
}

/**
 * The sum, mean or maximum of features over the points of each graph: `[points, channels]` → `[graphs, channels]`, 0 for a graph without
 * points. Differentiable, as often as wanted; equal maxima share the gradient.
 *
 * A geometric tensor gives one of the same fields without a base space (`gspaces.noBaseSpace`), what `Linear` and `equivariantMLP` take: sums
 * and means of any fields, maxima of permutation fields.
 *
 * @param features A tensor, or a geometric tensor on points.
 * @param batch The graph of each point, integers from 0 on in any order; a tensor is read in every call, for which a GPU is waited for. Or edges
 *   from the points to the graphs, `new plain.PointGraph(edges, points, graphs)`, which copies them once: for steps that are recorded.
 * @param options The reduction and the number of graphs.
 * @throws ShapeError, DTypeError for features that are not float `[points, channels]`, and for a batch that does not fit them.
 * @throws ArgumentError for numbers of graphs out of range.
 * @throws FieldTypeError for maxima of other fields.
 * @throws BackendError where a tensor cannot be read at once.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { poolGraphs, tensor, useBackend } from "@escnn/escnn";
 *
 * await useBackend("reference");
 * const features = tensor([[1, 2], [3, 4], [5, 0]]);
 * const means = poolGraphs(features, [0, 0, 2]);
 * assertEquals([...means.dataSync()], [2, 3, 0, 0, 5, 0]); // nothing of graph 1
 * ```
 */
export function poolGraphs(features: Tensor, batch: GraphBatch | PointGraph, options?: PoolGraphsOptions): Tensor;
/** The same with the fields' type, without a base space. */
export function poolGraphs(
  features: GeometricTensor,
  batch: GraphBatch | PointGraph,
  options?: PoolGraphsOptions,
): GeometricTensor;
/** Either of both. */
export function poolGraphs(
  features: Tensor | GeometricTensor,
  batch: GraphBatch | PointGraph,
  { reduction = "mean", graphs }: PoolGraphsOptions = {},
): Tensor | GeometricTensor {
  const op = "poolGraphs";
  if (reduction !== "sum" && reduction !== "mean" && reduction !== "max") {
    throw new ArgumentError({ op, expected: 'a reduction "sum", "mean" or "max"', actual: String(reduction) });
  }
  if (features instanceof GeometricTensor) {
    checkFields(op, features, reduction);
    const pooled = poolGraphs(features.tensor, batch, { reduction, graphs });
    return new GeometricTensor(pooled, pooledType(features.type));
  }
  if (!(features instanceof Tensor)) {
    throw new ArgumentError({ op, expected: "features as a tensor or a GeometricTensor", actual: String(features) });
  }
  if (features.rank !== 2) {
    throw new ShapeError({ op, expected: "features [points, channels]", actual: formatShape(features.shape) });
  }
  if (!isFloat(features.dtype)) {
    const hint = 'Use cast("float32")';
    throw new DTypeError({ op, expected: "features of a float type", actual: features.dtype, hint });
  }
  return pool(features, graphOf(op, batch, features.shape[0], graphs), reduction);
}

function checkFields(op: string, features: GeometricTensor, reduction: "sum" | "mean" | "max"): void {
  if (features.tensor.rank !== 2) {
    throw new ShapeError({ op, expected: "features [points, channels]", actual: `a grid ${features}` });
  }
  if (reduction !== "max" || features.type.isPointwise()) return;
  throw new FieldTypeError({
    op,
    expected: "permutation fields (trivial, regular, quotient) for a maximum",
    actual: String(features.type),
    hint: 'Maxima of other fields do not commute with the group: use "sum" or "mean", or pool their norms (NormPool)',
  });
}

const pooledTypes = new WeakMap<FieldType, FieldType>();

/** The same fields on a point. */
function pooledType(type: FieldType): FieldType {
  let pooled = pooledTypes.get(type);
  if (pooled === undefined) {
    pooled = new FieldType(noBaseSpace(type.gspace.fibergroup), type.representations);
    pooledTypes.set(type, pooled);
  }
  return pooled;
}

function pool(features: Tensor, graph: PointGraph, reduction: "sum" | "mean" | "max"): Tensor {
  const { backend, dtype } = features, channels = features.shape[1];
  const parts = graph.blocks.map((block) => {
    const { rows, width, sources, weights } = block;
    const places = selectByVector(features, 0, graph.placed(sources, features)).reshape([rows, width, channels]);
    if (!weights.includes(0)) return places[reduction](1);
    const shares = graph.placed(weights, features).reshape([rows, width, 1]);
    if (reduction === "mean") return places.mul(shares).sum(1);
    return where(shares.gt(0), places, reduction === "sum" ? 0 : -Infinity)[reduction](1);
  });
  if (graph.hasLonePoints || parts.length === 0) parts.push(zeros([1, channels], { backend, dtype }));
  const rows = parts.length === 1 ? parts[0] : concatenate(parts, 0);
  if (graph.order !== undefined) return selectByVector(rows, 0, graph.placed(graph.order, features));
  return rows.slice(0, 0, graph.targetCount);
}

/** The graph from points to graphs. */
function graphOf(op: string, batch: GraphBatch | PointGraph, points: number, graphs: number | undefined): PointGraph {
  if (graphs !== undefined && (!Number.isInteger(graphs) || graphs < 0)) {
    throw new ArgumentError({ op, expected: "a number of graphs, an integer from 0 on", actual: String(graphs) });
  }
  if (batch instanceof PointGraph) {
    if (batch.sourceCount === points && batch.targetCount === (graphs ?? batch.targetCount)) return batch;
    throw new ArgumentError({
      op,
      expected: `edges from ${points} points to ${graphs ?? "some"} graphs`,
      actual: `from ${batch.sourceCount} to ${batch.targetCount}`,
    });
  }
  checkBatch(op, batch, points);
  const edges = new Int32Array(2 * points);
  for (let point = 0; point < points; point++) edges[point] = point;
  const numbers = edges.subarray(points);
  numbers.set(batch instanceof Tensor ? batch.dataSync() : batch);
  const count = graphs ?? numbers.reduce((most, graph) => Math.max(most, graph + 1), 0);
  for (const graph of numbers) {
    if (graph >= 0 && graph < count) continue;
    throw new ArgumentError({ op, expected: `numbers of graphs from 0 to ${count - 1}`, actual: String(graph) });
  }
  return new PointGraph(edges, points, count);
}

/** Throws ShapeError or DTypeError unless `batch` has an integer for each point. Numbers in a list are checked, too; those of a tensor are not. */
export function checkBatch(op: string, batch: GraphBatch, points: number): void {
  const expected = `a batch [${points}], the graph of each point`;
  if (batch instanceof Tensor) {
    if (batch.dtype !== "int32") {
      throw new DTypeError({ op, expected: "a batch of int32", actual: batch.dtype, hint: 'Use cast("int32")' });
    }
    if (batch.rank === 1 && batch.size === points) return;
    throw new ShapeError({ op, expected, actual: formatShape(batch.shape) });
  }
  if (!(batch instanceof Int32Array) && !Array.isArray(batch)) {
    throw new ArgumentError({
      op,
      expected: `${expected}, as an Int32Array, a list or a tensor`,
      actual: String(batch),
    });
  }
  if (batch.length !== points) throw new ShapeError({ op, expected, actual: `[${batch.length}]` });
  for (const graph of batch) {
    if (Number.isInteger(graph) && graph >= 0 && graph < 2 ** 31) continue;
    throw new ArgumentError({ op, expected: "numbers of graphs, integers from 0 on", actual: String(graph) });
  }
}
