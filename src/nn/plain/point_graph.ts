/**
 * The edges of a message-passing layer, sorted once so that messages are added up by matrix products: target points with about
 * as many edges each form a block of rows of equal length.
 */

import type { FloatDType } from "../../tensor/dtype.ts";
import { ArgumentError, DisposedError, DTypeError, ShapeError } from "../../tensor/errors.ts";
import { formatShape } from "../../tensor/layout.ts";
import type { Tensor } from "../../tensor/mod.ts";
import { type HostArray, PlacedArrays } from "./placed_arrays.ts";

/** Target points whose edges stand in rows of equal length, padded by edges of weight 0. The arrays must not be changed. */
export interface PointBlock {
  /** Number of target points. */
  readonly rows: number;
  /** Places for edges in each row. */
  readonly width: number;
  /** The edge in each place `[rows · width]`. */
  readonly edges: Int32Array;
  /** The source point of each place. */
  readonly sources: Int32Array;
  /** The target point of each place. */
  readonly targets: Int32Array;
  /** One over the number of the target's edges; 0 in places that are padding. */
  readonly weights: Float64Array;
}

/** The least width of a row for this many edges: powers of two and one and a half times them. */
function rowWidth(count: number): number {
  for (let power = 1;; power *= 2) {
    if (count <= power) return power;
    if (count <= power + power / 2) return power + power / 2;
  }
}

/**
 * Edges from source points to target points. Layers copy them to a device where they use them first; the copies live until `dispose()` (or
 * `using`), or to the end of the scope in which the graph was made (a later use copies again), with the garbage collector as backstop. A step
 * over a graph that was made and used before needs nothing of the host, and can be recorded.
 *
 * @example Edges that are read without waiting for a device in every layer
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { plain } from "@escnn/escnn";
 *
 * const graph = new plain.PointGraph(Int32Array.of(0, 1, 2, 2, 2, 0), 3, 3); // 0 → 2, 1 → 2, 2 → 0
 * assertEquals(graph.edgeCount, 3);
 * assertEquals(graph.blocks.map(({ rows, width }) => [rows, width]), [[1, 1], [1, 2]]);
 * ```
 */
export class PointGraph {
  /** The edges as they were given, `[2, edges]` row-major: all sources, then all targets. The array must not be changed. */
  readonly edges: Int32Array;
  /** Number of edges. */
  readonly edgeCount: number;
  /** Number of source points. */
  readonly sourceCount: number;
  /** Number of target points. */
  readonly targetCount: number;
  /** The blocks, by width. */
  readonly blocks: readonly PointBlock[];
  /**
   * The row of each target point among those of all blocks one after the other; a last row of zeros is that of points without edges.
   * `undefined` when rows are in the order of points.
   */
  readonly order: Int32Array | undefined;
  /** Whether there are target points without edges. */
  readonly hasLonePoints: boolean;
  readonly #placed = new PlacedArrays();
  #disposed = false;

  /**
   * Sorts edges.
   *
   * @param edges `[2, edges]` row-major: the source of each edge, then the target of each. It is kept, not copied.
   * @param sourceCount Number of source points.
   * @param targetCount Number of target points.
   * @throws ArgumentError for an odd length and for points that do not exist.
   */
  constructor(edges: Int32Array, sourceCount: number, targetCount: number) {
    const op = "PointGraph", count = edges.length / 2;
    if (!Number.isInteger(count)) {
      throw new ArgumentError({
        op,
        expected: "a source and a target for each edge",
        actual: `${edges.length} numbers`,
      });
    }
    requirePoints(op, "sources", edges.subarray(0, count), sourceCount);
    requirePoints(op, "targets", edges.subarray(count), targetCount);
    this.edges = edges;
    this.edgeCount = count;
    this.sourceCount = sourceCount;
    this.targetCount = targetCount;
    // Edges by target, in their own order.
    const starts = new Int32Array(targetCount + 1);
    for (let e = 0; e < count; e++) starts[edges[count + e] + 1]++;
    for (let t = 0; t < targetCount; t++) starts[t + 1] += starts[t];
    const sorted = new Int32Array(count), next = starts.slice(0, targetCount);
    for (let e = 0; e < count; e++) sorted[next[edges[count + e]]++] = e;
    const byWidth = new Map<number, number[]>();
    for (let t = 0; t < targetCount; t++) {
      const degree = starts[t + 1] - starts[t];
      if (degree === 0) continue;
      const width = rowWidth(degree), list = byWidth.get(width);
      if (list === undefined) byWidth.set(width, [t]);
      else list.push(t);
    }
    const order = new Int32Array(targetCount).fill(-1);
    let rows = 0;
    this.blocks = [...byWidth].sort(([a], [b]) => a - b).map(([width, points]) => {
      for (const t of points) order[t] = rows++;
      return makeBlock(edges, sorted, starts, width, points);
    });
    this.hasLonePoints = rows < targetCount;
    for (let t = 0; t < targetCount; t++) if (order[t] < 0) order[t] = rows;
    this.order = order.every((row, t) => row === t) && !this.hasLonePoints ? undefined : order;
  }

  /** Whether it has been disposed. */
  get isDisposed(): boolean {
    return this.#disposed;
  }

  /**
   * An array of the graph (of a block, or the order) as a vector on the backend of `like`, floating-point numbers in its type. It belongs to the graph.
   *
   * @throws DisposedError after disposal.
   * @internal
   */
  placed(array: HostArray, like: Tensor): Tensor {
    if (this.#disposed) {
      throw new DisposedError({
        op: "use of a PointGraph",
        expected: "a graph that has not been disposed",
        actual: `one of ${this.edgeCount} edges, which was`,
        hint: "Dispose it after its last use",
      });
    }
    return this.#placed.on(array, like.storage.backend, like.dtype as FloatDType);
  }

  /** Frees what layers copied to devices. Idempotent; the graph cannot be used afterwards. */
  dispose(): void {
    this.#disposed = true;
    this.#placed.dispose();
  }

  /** Frees it at the end of a `using` block, as {@linkcode PointGraph.dispose}. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /**
   * The graph of a tensor `[2, edges]`, read at once and remembered for as long as the tensor keeps its values: layers that get the
   * same edges share it. What layers copy to devices belongs to the scope of the tensor.
   *
   * @throws ShapeError, DTypeError for another tensor; BackendError where the backend cannot read without waiting: construct the
   *   graph from `await edges.data()` there.
   */
  static of(edges: Tensor, sourceCount: number, targetCount: number): PointGraph {
    if (edges?.shape === undefined) {
      throw new ArgumentError({
        op: "PointGraph.of",
        expected: "edges as an int32 tensor [2, count] or a PointGraph",
        actual: (edges as unknown) instanceof Int32Array ? "an Int32Array" : String(edges),
        hint:
          "new plain.PointGraph(edges, points, points) makes a graph of an Int32Array of all sources, then all targets",
      });
    }
    if (edges.rank !== 2 || edges.shape[0] !== 2) {
      throw new ShapeError({ op: "PointGraph.of", expected: "edges [2, count]", actual: formatShape(edges.shape) });
    }
    if (edges.dtype !== "int32") {
      throw new DTypeError({
        op: "PointGraph.of",
        expected: "int32 edges",
        actual: edges.dtype,
        hint: "Use an Int32Array",
      });
    }
    const { version } = edges.storage, known = graphs.get(edges);
    let graph = known?.graph;
    if (
      graph === undefined || known?.version !== version || graph.isDisposed || graph.sourceCount !== sourceCount ||
      graph.targetCount !== targetCount
    ) {
      // Who still has the graph of other values can go on using it: it is copied again then.
      if (graph !== undefined) graph.#placed.dispose();
      graph = new PointGraph(edges.dataSync() as Int32Array, sourceCount, targetCount);
      graphs.set(edges, { graph, version });
    }
    graph.#placed.belongTo(edges.owner);
    return graph;
  }
}

const graphs = new WeakMap<Tensor, { readonly graph: PointGraph; readonly version: number }>();

function requirePoints(op: string, what: string, points: Int32Array, count: number): void {
  for (const point of points) {
    if (point >= 0 && point < count) continue;
    throw new ArgumentError({ op, expected: `${what} from 0 to ${count - 1}`, actual: String(point) });
  }
}

function makeBlock(
  edges: Int32Array,
  sorted: Int32Array,
  starts: Int32Array,
  width: number,
  points: readonly number[],
): PointBlock {
  const size = points.length * width;
  const block = {
    rows: points.length,
    width,
    edges: new Int32Array(size),
    sources: new Int32Array(size),
    targets: new Int32Array(size),
    weights: new Float64Array(size),
  };
  points.forEach((target, row) => {
    const degree = starts[target + 1] - starts[target];
    for (let place = 0; place < width; place++) {
      // Padding repeats an edge of the same point, so that what it computes is as finite as the rest.
      const edge = sorted[starts[target] + (place < degree ? place : 0)], at = row * width + place;
      block.edges[at] = edge;
      block.sources[at] = edges[edge];
      block.targets[at] = target;
      block.weights[at] = place < degree ? 1 / degree : 0;
    }
  });
  return block;
}
