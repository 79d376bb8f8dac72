/**
 * What a call of a backend is, for people: its name, its shapes in a few words, and how much work it is, in floating-point operations where
 * they can be counted and in bytes that it reads and writes at the least.
 */

import type {
  Backend,
  ConvolutionCall,
  DeviceBuffer,
  MapCall,
  MapReduceCall,
  MatmulCall,
  SampledMapCall,
  SteerableConvolutionCall,
  View,
} from "../../tensor/backend.ts";
import { convolutionFlops, type ConvolutionGeometry } from "../../tensor/conv_geometry.ts";
import { BYTES_PER_ELEMENT } from "../../tensor/dtype.ts";
import { type Expr, operandsOf } from "../../tensor/expr.ts";
import { formatShape, type Shape } from "../../tensor/layout.ts";
import type { PoolGeometry } from "../../tensor/pool_geometry.ts";
import type { SeparableFilterCall } from "../../tensor/separable_filter.ts";
import type { SteerableMapCall } from "../../tensor/steerable_map.ts";
import { type SteerablePlan, steerableWork } from "../../tensor/steerable_plan.ts";

/** What a call does. */
export interface CallFacts {
  /** Expression and shapes: calls of one operation with equal ones are counted together. */
  readonly detail: string;
  /** Floating-point operations, two for a multiplication and an addition; 0 where nobody counts them. */
  readonly flops: number;
  /** Bytes read and written at the least. */
  readonly bytes: number;
}

/** The methods of a backend that do something. */
export const OPERATIONS = [
  "allocate",
  "free",
  "write",
  "read",
  "readSync",
  "copy",
  "map",
  "mapGroup",
  "mapReduce",
  "matmul",
  "convolution",
  "convolutionInputGradient",
  "convolutionWeightGradient",
  "steerableConvolution",
  "steerableConvolutionMap",
  "steerableConvolutionInputGradient",
  "steerableConvolutionWeightGradient",
  "sampledMap",
  "separableFilter",
  "separableFilterAdjoint",
  "maxPool",
  "averagePool",
  "averagePoolGradient",
  "gather",
  "scatterAdd",
  "synchronize",
] as const satisfies readonly (keyof Backend)[];

/** A method of a backend that does something. */
export type Operation = typeof OPERATIONS[number];

/** Characters that the text of an expression may have. */
const EXPRESSION_LIMIT = 72;

const texts = new WeakMap<Expr, string>();

/** An expression as text, cut where it gets long: subtrees are shared, the whole text may be exponentially longer than the tree. */
export function shortExpression(root: Expr): string {
  let text = texts.get(root);
  if (text !== undefined) return text;
  text = "";
  const put = (part: string): void => {
    text += part;
  };
  const visit = (node: Expr): void => {
    if (text!.length > EXPRESSION_LIMIT) return;
    switch (node.kind) {
      case "input":
        return put(`x${node.index}`);
      case "scalar":
        return put(`s${node.index}`);
      case "constant":
        return put(String(Number(node.value.toPrecision(4))));
      case "index":
        return put(node.axis === "linear" ? "i" : `i${node.axis}`);
      case "unary":
      case "binary":
      case "compare":
        put(node.op);
        break;
      case "select":
        put("select");
        break;
      case "cast":
        put(node.dtype);
        break;
      case "random":
        return put(`random_${node.distribution}`);
    }
    put("(");
    operandsOf(node).forEach((operand, i) => {
      if (i > 0) put(", ");
      visit(operand);
    });
    put(")");
  };
  visit(root);
  if (text.length > EXPRESSION_LIMIT) text = `${text.slice(0, EXPRESSION_LIMIT - 1)}…`;
  texts.set(root, text);
  return text;
}

function expressionsText(expressions: readonly Expr[]): string {
  const rest = expressions.length - 1;
  return rest === 0 ? shortExpression(expressions[0]) : `${shortExpression(expressions[0])} and ${rest} more`;
}

/** Bytes of the elements of a view, repeated ones once. */
function bytesOf({ shape, strides, dtype }: View): number {
  return shape.reduce((count, size, axis) => strides[axis] === 0 && size > 0 ? count : count * size, 1) *
    BYTES_PER_ELEMENT[dtype];
}

const bytesOfAll = (views: readonly View[]): number => views.reduce((sum, view) => sum + bytesOf(view), 0);

/** `24→48, k 5×5, 29×29→29×29, batch 64, stride 2`. */
function geometryText(g: ConvolutionGeometry): string {
  const sizes = (list: readonly number[]): string => list.join("×");
  const unusual = (name: string, list: readonly number[]): string =>
    list.every((value) => value === 1) ? "" : `, ${name} ${sizes(list)}`;
  return `${g.inChannels}→${g.outChannels}, k ${sizes(g.kernelSize)}, ${sizes(g.inputSize)}→${sizes(g.outputSize)}, ` +
    `batch ${g.batch}${unusual("stride", g.stride)}${unusual("dilation", g.dilation)}${unusual("groups", [g.groups])}`;
}

function windowText({ batch, channels, windowSize, inputSize, outputSize }: PoolGeometry): string {
  return `${channels} channels, window ${windowSize.join("×")}, ${inputSize.join("×")}→${
    outputSize.join("×")
  }, batch ${batch}`;
}

function convolutionFacts({ geometry, input, weight, output }: ConvolutionCall): CallFacts {
  return {
    detail: geometryText(geometry),
    flops: convolutionFlops(geometry),
    bytes: bytesOfAll([input, weight, output]),
  };
}

/** What plans cost for each output position; counting the coefficients of a plan takes as long as a small call. */
const works = new WeakMap<SteerablePlan, Map<string, number>>();

function steerableFacts({ geometry, plan, input, weight, output }: SteerableConvolutionCall): CallFacts {
  return planFacts({ geometry, plan }, [input, weight, output]);
}

function steerableMapFacts(
  { geometry, plan, input, weight, result, expressions, inputs, outputs }: SteerableMapCall,
): CallFacts {
  const facts = planFacts({ geometry, plan }, [
    input,
    weight,
    ...inputs.filter(({ buffer }) => buffer !== result.buffer),
    ...outputs,
  ]);
  return { ...facts, detail: `${facts.detail}, then ${expressionsText(expressions)}` };
}

function planFacts(
  { geometry, plan }: Pick<SteerableConvolutionCall, "geometry" | "plan">,
  views: readonly View[],
): CallFacts {
  let known = works.get(plan);
  if (known === undefined) works.set(plan, known = new Map<string, number>());
  const shape = geometryText(geometry);
  let flops = known.get(shape);
  if (flops === undefined) {
    const { projection, contraction, product } = steerableWork(plan, geometry);
    flops = 2 * (projection + contraction + product);
    known.set(shape, flops);
  }
  const form = plan.inputs.length === 1 && plan.inputs[0].size === 1 && plan.outputs.length === 1
    ? "harmonic"
    : "structured";
  return {
    detail: `${form} ${shape}, ${plan.functionCount} functions`,
    flops,
    bytes: bytesOfAll(views),
  };
}

function separableFacts({ geometry, profiles, input, output }: SeparableFilterCall): CallFacts {
  const { inputSize, stride } = geometry, taps = profiles.map(({ length }) => length);
  return moved(`${taps.join("×")} taps on ${inputSize.join("×")}, stride ${stride.join("×")}`, [input, output]);
}

function matmulFacts({ a, b, output }: MatmulCall): CallFacts {
  const rank = output.shape.length, [m, n] = output.shape.slice(-2), k = a.shape[rank - 1];
  const batch = output.shape.slice(0, -2).reduce((x, y) => x * y, 1);
  return {
    detail: `${batch === 1 ? "" : `${batch} × `}[${m}, ${k}]·[${k}, ${n}]`,
    flops: 2 * batch * m * n * k,
    bytes: bytesOfAll([a, b, output]),
  };
}

function mapFacts({ expressions, shape, inputs, outputs }: MapCall): CallFacts {
  return {
    detail: `${expressionsText(expressions)} ${formatShape(shape)}`,
    flops: 0,
    bytes: bytesOfAll([...inputs, ...outputs]),
  };
}

function reduceFacts({ expressions, reductions, shape, axes, inputs, outputs }: MapReduceCall): CallFacts {
  const names = [...new Set(reductions)].join(", ");
  return {
    detail: `${names} of ${expressionsText(expressions)} ${formatShape(shape)} over ${formatShape(axes)}`,
    flops: 0,
    bytes: bytesOfAll([...inputs, ...outputs]),
  };
}

function sampledMapFacts({ expression, matrices, inputs, result, output }: SampledMapCall): CallFacts {
  const [blocks, rows, positions] = output.shape, samples = result.shape[1];
  const sizes = inputs.reduce((sum, { shape }) => sum + shape[1], rows);
  return {
    detail: `${expressionsText([expression])} of ${samples} samples, ${formatShape(inputs[0].shape)}`,
    flops: 2 * blocks * positions * samples * sizes,
    bytes: bytesOfAll([...matrices, ...inputs, result, output]),
  };
}

const sized = (bytes: number): CallFacts => ({ detail: "", flops: 0, bytes });
const moved = (detail: string | Shape, views: readonly View[]): CallFacts => ({
  detail: typeof detail === "string" ? detail : formatShape(detail),
  flops: 0,
  bytes: bytesOfAll(views),
});

/** What a method of a backend takes, by its name. */
type Arguments<O extends Operation> = Parameters<NonNullable<Backend[O]>>;

/** The facts of each operation's arguments. */
const FACTS: { readonly [O in Operation]: (...args: Arguments<O>) => CallFacts } = {
  allocate: sized,
  free: (buffer: DeviceBuffer) => sized(buffer.bytes),
  write: (target) => moved(target.shape, [target]),
  read: (source) => moved(source.shape, [source]),
  readSync: (source) => moved(source.shape, [source]),
  copy: (source, target) => moved(`${formatShape(source.shape)} ${source.dtype}`, [source, target]),
  map: mapFacts,
  mapGroup: ({ expressions, sets }) =>
    moved(
      `${expressionsText(expressions)} for ${sets.length} sets`,
      sets.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]),
    ),
  mapReduce: reduceFacts,
  matmul: matmulFacts,
  convolution: convolutionFacts,
  convolutionInputGradient: convolutionFacts,
  convolutionWeightGradient: convolutionFacts,
  steerableConvolution: steerableFacts,
  steerableConvolutionMap: steerableMapFacts,
  steerableConvolutionInputGradient: steerableFacts,
  steerableConvolutionWeightGradient: steerableFacts,
  sampledMap: sampledMapFacts,
  separableFilter: separableFacts,
  separableFilterAdjoint: separableFacts,
  maxPool: ({ geometry, input, output, indices }) => moved(windowText(geometry), [input, output, indices]),
  averagePool: ({ geometry, input, output }) => moved(windowText(geometry), [input, output]),
  averagePoolGradient: ({ geometry, input, output }) => moved(windowText(geometry), [input, output]),
  gather: ({ indices, output }) => moved(output.shape, [output, indices, output]),
  scatterAdd: ({ source, indices, output }) =>
    moved(`${formatShape(source.shape)} to ${formatShape(output.shape)}`, [source, indices, source]),
  synchronize: () => sized(0),
};

/** What a call of an operation with these arguments does. */
export function factsOf(operation: Operation, args: readonly unknown[]): CallFacts {
  const facts = FACTS[operation] as (...args: readonly unknown[]) => CallFacts;
  return facts(...args);
}
