/**
 * Convolution on point clouds as a plain layer: continuous kernels, linear combinations of scalar functions of the difference of two
 * points, with messages averaged over the edges of a graph. No kernel is ever formed for an edge: the products of functions and
 * features are added up for each target point, and the weights multiply the sums once.
 */

import { ArgumentError, ShapeError } from "../../tensor/errors.ts";
import type { FloatDType } from "../../tensor/dtype.ts";
import { formatShape } from "../../tensor/layout.ts";
import { concatenate, scope, type Tensor, zeros } from "../../tensor/mod.ts";
import { checkCounts, uniform } from "./linear.ts";
import { Module } from "./module.ts";
import { selectByVector } from "./persistent.ts";
import type { HostArray } from "./placed_arrays.ts";
import { PointFunctions, type PointFunctionsOptions } from "./point_functions.ts";
import { type PointBlock, PointGraph } from "./point_graph.ts";

/** How points are connected, beyond the edges themselves. */
export interface PointConvolutionInputs {
  /** The differences `[edges, dimension]` to use in the place of source position − target position, e.g. across periodic boundaries. */
  readonly edgeDelta?: Tensor;
  /** The positions `[points, dimension]` of the output, when they are not those of the input. */
  readonly targets?: Tensor;
}

/** What {@linkcode convolvePoints} needs. */
export interface PointConvolutionCall extends PointConvolutionInputs {
  /** `[out, in / groups, functions]`. */
  readonly filter: Tensor;
  /** `[out]`, added to every point. */
  readonly bias?: Tensor;
  /** The functions of the difference of two points. */
  readonly functions: PointFunctions;
  /** Number of blocks of channels. */
  readonly groups: number;
}

/** Numbers that may be held at once for the sums of some target points and for their edges: 32 MiB in float32. */
const CHUNK_ELEMENTS = 1 << 23;

/** Rows of a block that are worked on at once. */
function rowsAtOnce({ width, rows }: PointBlock, functions: number, channels: number): number {
  const perRow = functions * channels + width * (functions + channels);
  return Math.min(rows, Math.max(1, Math.floor(CHUNK_ELEMENTS / perRow)));
}

function checkCall(op: string, x: Tensor, positions: Tensor, graph: PointGraph, call: PointConvolutionCall): void {
  const { edgeDelta, targets = positions, functions } = call, { dimension } = functions.options;
  const check = (what: string, tensor: Tensor, count: number): void => {
    if (tensor.rank === 2 && tensor.shape[0] === count && tensor.shape[1] === dimension) return;
    const expected = `${what} [${count}, ${dimension}]`;
    throw new ShapeError({ op, expected, actual: formatShape(tensor.shape) });
  };
  check("positions", positions, x.shape[0]);
  if (call.targets === undefined && graph.targetCount !== x.shape[0]) {
    throw new ArgumentError({
      op,
      expected: `a graph to the ${x.shape[0]} points of the input`,
      actual: `one to ${graph.targetCount} points`,
      hint: "Positions of other points for the output are the option targets",
    });
  }
  check("targets", targets, graph.targetCount);
  if (edgeDelta !== undefined) check("edgeDelta", edgeDelta, graph.edgeCount);
  if (graph.sourceCount === x.shape[0]) return;
  throw new ArgumentError({
    op,
    expected: `a graph on the ${x.shape[0]} points of the input`,
    actual: `one on ${graph.sourceCount} points`,
  });
}

/**
 * out(i) = bias + mean over the edges j → i of Σ_f filter[:, :, f] φ_f(p_j − p_i) x(j); a point without edges gets the bias alone.
 * Differentiable with respect to features, positions, filter and bias.
 *
 * @param op The layer, for messages.
 * @param x Features `[points, in]`.
 * @param positions `[points, dimension]`.
 * @param graph The edges.
 * @param call Filter, functions and options.
 * @returns `[target points, out]`.
 */
export function convolvePoints(
  op: string,
  x: Tensor,
  positions: Tensor,
  graph: PointGraph,
  call: PointConvolutionCall,
): Tensor {
  checkCall(op, x, positions, graph, call);
  const { filter, bias, groups } = call;
  const [out, perGroup, count] = filter.shape;
  const weight = filter.reshape([groups, out / groups, perGroup, count]).permute([0, 3, 2, 1])
    .reshape([groups, count * perGroup, out / groups]);
  const parts: Tensor[] = [];
  for (const block of graph.blocks) {
    const step = rowsAtOnce(block, count, x.shape[1]);
    for (let row = 0; row < block.rows; row += step) {
      const rows = Math.min(step, block.rows - row);
      parts.push(scope(() => convolveRows(x, positions, { graph, block, row, rows }, weight, call)));
    }
  }
  if (graph.hasLonePoints || parts.length === 0) {
    parts.push(zeros([1, out], { dtype: x.dtype, backend: x.backend }));
  }
  const all = parts.length === 1 ? parts[0] : concatenate(parts, 0);
  const ordered = graph.order === undefined
    ? all.slice(0, 0, graph.targetCount)
    : selectByVector(all, 0, graph.placed(graph.order, all));
  return bias === undefined ? ordered : ordered.add(bias);
}

/** Rows of a block that are worked on at once. */
interface Rows {
  readonly graph: PointGraph;
  readonly block: PointBlock;
  readonly row: number;
  readonly rows: number;
}

/** The output of some target points of a block. */
function convolveRows(
  x: Tensor,
  positions: Tensor,
  { graph, block, row, rows }: Rows,
  weight: Tensor,
  { edgeDelta, targets = positions, functions, groups }: PointConvolutionCall,
): Tensor {
  const { width } = block;
  const places = (array: HostArray, like: Tensor): Tensor =>
    graph.placed(array, like).slice(0, row * width, (row + rows) * width);
  const select = (from: Tensor, array: Int32Array): Tensor => selectByVector(from, 0, places(array, from));
  const delta = edgeDelta === undefined
    ? select(positions, block.sources).sub(select(targets, block.targets))
    : select(edgeDelta, block.edges);
  const means = places(block.weights, x).unsqueeze(1);
  const values = functions.evaluate(delta.cast(x.dtype), means).reshape([rows, width, functions.count]);
  const features = select(x, block.sources).reshape([rows, width, x.shape[1]]);
  const sums = values.transpose(1, 2).matmul(features);
  const perGroup = x.shape[1] / groups, columns = functions.count * perGroup;
  if (groups === 1) return sums.reshape([rows, columns]).matmul(weight.reshape([columns, -1]));
  return sums.reshape([rows, functions.count, groups, perGroup]).permute([2, 0, 1, 3]).reshape([groups, rows, columns])
    .matmul(weight).permute([1, 0, 2]).reshape([rows, -1]);
}

/** Options of {@linkcode PointConvolution}. */
export interface PointConvolutionLayerOptions {
  /** Number of blocks of channels. Default 1. */
  readonly groups?: number;
  /** Whether a bias is added. Default true. */
  readonly bias?: boolean;
  /** Whether weight and bias start uniform in ±1/√(inputs of an output); else they are zero, to be loaded. Default true. */
  readonly initialize?: boolean;
  /** Element type of weight and bias. Default float32. */
  readonly dtype?: FloatDType;
}

/** Convolution on point clouds. Parameters: `weight` [out, in / groups, functions], `bias` [out]. */
export class PointConvolution extends Module {
  /** Channels of the input. */
  readonly inChannels: number;
  /** Channels of the output. */
  readonly outChannels: number;
  /** Blocks of channels. */
  readonly groups: number;
  /** Whether there is a bias. */
  readonly hasBias: boolean;
  /** The functions of the difference of two points. */
  readonly functions: PointFunctions;

  /** A layer with these functions. Throws ArgumentError for sizes that make no sense. */
  constructor(
    inChannels: number,
    outChannels: number,
    functions: PointFunctionsOptions,
    options: PointConvolutionLayerOptions = {},
  ) {
    super();
    const op = "PointConvolution", { groups = 1, bias = true, initialize = true, dtype = "float32" } = options;
    checkCounts(op, inChannels, outChannels);
    if (!Number.isInteger(groups) || groups < 1 || inChannels % groups !== 0 || outChannels % groups !== 0) {
      throw new ArgumentError({
        op,
        expected: `groups that divide ${inChannels} input and ${outChannels} output channels`,
        actual: String(groups),
      });
    }
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.groups = groups;
    this.hasBias = bias;
    this.functions = new PointFunctions(functions);
    const shape = [outChannels, inChannels / groups, this.functions.count];
    const bound = initialize ? 1 / Math.sqrt(shape[1] * shape[2]) : 0;
    this.addParameter("weight", uniform(shape, bound, dtype));
    if (bias) this.addParameter("bias", uniform([outChannels], bound, dtype));
  }

  /** [out, in / groups, functions]. */
  get weight(): Tensor {
    return this.parameter("weight");
  }

  /** [outChannels], if there is one. */
  get bias(): Tensor | undefined {
    return this.hasBias ? this.parameter("bias") : undefined;
  }

  /**
   * `[points, inChannels]` at `positions` `[points, dimension]` → `[target points, outChannels]`.
   *
   * @param edges `[2, edges]` int32: sources, then targets; or a graph made of them.
   * @throws ShapeError, ArgumentError for inputs that do not fit together.
   */
  forward(
    input: Tensor,
    positions: Tensor,
    edges: Tensor | PointGraph,
    { edgeDelta, targets }: PointConvolutionInputs = {},
  ): Tensor {
    const op = "PointConvolution";
    if (input.rank !== 2 || input.shape[1] !== this.inChannels) {
      const expected = `an input [points, channels] with ${this.inChannels} channels`;
      throw new ShapeError({ op, expected, actual: formatShape(input.shape) });
    }
    const graph = edges instanceof PointGraph
      ? edges
      : PointGraph.of(edges, input.shape[0], (targets ?? positions).shape[0]);
    return convolvePoints(op, input, positions, graph, {
      filter: this.weight.cast(input.dtype),
      bias: this.bias?.cast(input.dtype),
      functions: this.functions,
      groups: this.groups,
      edgeDelta,
      targets,
    });
  }

  /** The options as text. */
  protected override describe(): string {
    const groups = this.groups === 1 ? "" : `, groups ${this.groups}`;
    return `${this.inChannels} -> ${this.outChannels}, ${this.functions.count} functions${groups}`;
  }
}
