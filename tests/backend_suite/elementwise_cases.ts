// Random calls of `map` and `mapReduce`: single operations and nested expressions, several outputs, results in place,
// index nodes, scalars, random numbers, reductions over every set of axes.

import type { Backend, View } from "../../src/tensor/backend.ts";
import { type DType, isFloat, type TypedArray } from "../../src/tensor/dtype.ts";
import { type Expr, formatExpr, topologicalOrder } from "../../src/tensor/expr.ts";
import type { ReduceOp } from "../../src/tensor/expr_ops.ts";
import { contiguousStrides, elementCount, formatShape, type Shape } from "../../src/tensor/layout.ts";
import { elementPositions } from "../../backends/reference/buffer.ts";
import { compileRanges, type Range } from "./bounds.ts";
import type { Acceptance, Case } from "./case.ts";
import { drawDType, drawExpr, drawRandom, drawSingle, simplerExprs, type Vocabulary } from "./expressions.ts";
import {
  drawBudget,
  drawFill,
  drawOperand,
  drawShape,
  dropAxis,
  type Fill,
  type Operand,
  plain,
  smallerSizes,
} from "./operand.ts";
import { acceptProduct, acceptSum, fold } from "./reduction_bounds.ts";
import type { Draw } from "./random.ts";

/** The parameters of an elementwise call. Operand `i` is the expressions' input `i`; outputs name operands. */
interface Elementwise {
  readonly primitive: string;
  readonly expressions: readonly Expr[];
  readonly scalars: readonly number[];
  readonly shape: Shape;
  /** How many of the operands are inputs; they come first. */
  readonly inputs: number;
  readonly operands: readonly Operand[];
  /** The operand that each output goes to: an input for a computation in place. */
  readonly outputs: readonly number[];
  /** Present for `mapReduce`. */
  readonly reduction?: { readonly ops: readonly ReduceOp[]; readonly axes: readonly number[] };
}

function reducedShape({ shape, reduction }: Elementwise): Shape {
  return reduction ? shape.map((size, axis) => reduction.axes.includes(axis) ? 1 : size) : shape;
}

/** Visits the points of the iteration space with the ranges of all expressions there. */
function forEachRange(
  p: Elementwise,
  logical: readonly TypedArray[],
  visit: (point: number, ranges: readonly Readonly<Range>[]) => void,
): void {
  const ranges = compileRanges(p.expressions);
  const count = elementCount(p.shape);
  const position = new Int32Array(p.shape.length);
  const inputs = new Float64Array(p.inputs);
  for (let linear = 0; linear < count; linear++) {
    for (let i = 0; i < inputs.length; i++) inputs[i] = logical[i][linear];
    visit(linear, ranges({ inputs, scalars: p.scalars, position, linear }));
    for (let axis = p.shape.length - 1; axis >= 0; axis--) {
      if (++position[axis] < p.shape[axis]) break;
      position[axis] = 0;
    }
  }
}

function acceptMap(p: Elementwise, logical: readonly TypedArray[]): Acceptance[] {
  const count = elementCount(p.shape);
  const result = p.outputs.map(() => ({
    low: new Float64Array(count),
    high: new Float64Array(count),
    nan: new Uint8Array(count),
  }));
  forEachRange(p, logical, (point, ranges) => {
    ranges.forEach((range, j) => {
      result[j].low[point] = range.low;
      result[j].high[point] = range.high;
      result[j].nan[point] = range.nan ? 1 : 0;
    });
  });
  return result;
}

function acceptReduce(p: Elementwise, logical: readonly TypedArray[], expected: readonly TypedArray[]): Acceptance[] {
  const { ops, axes } = p.reduction!;
  const kept = reducedShape(p);
  const strides = contiguousStrides(kept).map((stride, axis) => axes.includes(axis) ? 0 : stride);
  const targets = elementPositions({ shape: p.shape, strides, offset: 0 });
  const terms = p.expressions.map(() => Array.from({ length: elementCount(kept) }, (): Readonly<Range>[] => []));
  forEachRange(p, logical, (point, ranges) => ranges.forEach((range, j) => terms[j][targets[point]].push(range)));
  return p.expressions.map(({ dtype }, j) => {
    const count = expected[j].length;
    const result = { low: new Float64Array(count), high: new Float64Array(count), nan: new Uint8Array(count) };
    for (let i = 0; i < count; i++) {
      const range = acceptOne(ops[j], dtype, terms[j][i], expected[j][i]);
      result.low[i] = range.low;
      result.high[i] = range.high;
      result.nan[i] = range.nan ? 1 : 0;
    }
    return result;
  });
}

function acceptOne(op: ReduceOp, dtype: DType, terms: readonly Readonly<Range>[], expected: number): Range {
  if (terms.every((term) => term.exact) && (!isFloat(dtype) || op === "max" || op === "min" || terms.length < 2)) {
    return expected !== expected
      ? { low: Infinity, high: -Infinity, nan: true, exact: true }
      : { low: expected, high: expected, nan: false, exact: true };
  }
  if (op === "max" || op === "min") return fold(op, dtype, terms);
  if (!isFloat(dtype)) return { low: -0x80000000, high: 0x7fffffff, nan: false, exact: false };
  return op === "sum" ? acceptSum(dtype, terms) : acceptProduct(dtype, terms);
}

function describe(p: Elementwise): string {
  const { reduction } = p;
  const list = p.expressions.map((expression, j) => {
    const text = formatExpr(expression);
    const value = reduction ? `${reduction.ops[j]} over axes ${formatShape(reduction.axes)} of ${text}` : text;
    return `  operand ${p.outputs[j]} = ${expression.dtype} ${value}`;
  });
  const scalars = p.scalars.length > 0 ? `, scalars ${formatShape(p.scalars)}` : "";
  return [`${reduction ? "mapReduce" : "map"} over ${formatShape(p.shape)}${scalars}`, ...list].join("\n");
}

function run(p: Elementwise, backend: Backend, views: readonly View[]): void {
  const call = {
    expressions: p.expressions,
    shape: p.shape,
    inputs: views.slice(0, p.inputs),
    scalars: p.scalars,
    outputs: p.outputs.map((i) => views[i]),
  };
  if (p.reduction) backend.mapReduce({ ...call, reductions: p.reduction.ops, axes: p.reduction.axes });
  else backend.map(call);
}

/** A case from its parameters. */
export function elementwise(p: Elementwise): Case {
  const kept = reducedShape(p);
  return {
    primitive: p.primitive,
    operands: p.operands,
    shapes: p.operands.map((_, i) => i < p.inputs ? p.shape : kept),
    outputs: p.outputs,
    run: (backend, views) => run(p, backend, views),
    accept: (logical, expected) => p.reduction ? acceptReduce(p, logical, expected) : acceptMap(p, logical),
    withOperands: (operands) => elementwise({ ...p, operands }),
    simpler: (element) => simpler(p, element),
    describe: () => describe(p),
  };
}

function* simpler(p: Elementwise, element: number | undefined): Iterable<Case> {
  const { reduction } = p;
  const flat = p.operands.every(({ arrangement }) =>
    JSON.stringify(arrangement) === JSON.stringify(plain(p.shape.length))
  );
  if (element !== undefined && flat && !reduction && elementCount(p.shape) > 1) {
    // The wrong element alone, with the values it had.
    yield elementwise({
      ...p,
      shape: p.shape.map(() => 1),
      operands: p.operands.map((operand) => ({ ...operand, skip: (operand.skip ?? 0) + element })),
    });
  }
  if (p.expressions.length > 1) {
    for (let j = 0; j < p.expressions.length; j++) {
      yield elementwise({
        ...p,
        expressions: [p.expressions[j]],
        outputs: [p.outputs[j]],
        reduction: reduction && { ...reduction, ops: [reduction.ops[j]] },
      });
    }
  }
  for (let axis = 0; axis < p.shape.length; axis++) {
    for (const size of smallerSizes(p.shape[axis])) {
      yield elementwise({ ...p, shape: p.shape.map((other, i) => i === axis ? size : other) });
    }
  }
  const usesIndex = topologicalOrder(p.expressions).some((node) => node.kind === "index" && node.axis !== "linear");
  for (let axis = 0; axis < p.shape.length && !usesIndex; axis++) {
    if (p.shape[axis] !== 1) continue;
    yield elementwise({
      ...p,
      shape: p.shape.filter((_, i) => i !== axis),
      operands: p.operands.map((operand) => ({ ...operand, arrangement: dropAxis(operand.arrangement, axis) })),
      reduction: reduction && {
        ...reduction,
        axes: reduction.axes.filter((a) => a !== axis).map((a) => a > axis ? a - 1 : a),
      },
    });
  }
  for (let j = 0; j < p.expressions.length; j++) {
    for (const expression of simplerExprs(p.expressions[j])) {
      yield elementwise({ ...p, expressions: p.expressions.map((other, i) => i === j ? expression : other) });
    }
  }
}

function drawScalar(draw: Draw, dtype: DType): number {
  if (dtype === "bool") return draw.integer(0, 1);
  if (dtype === "int32") return draw.chance(0.3) ? draw.bits() : draw.integer(-5, 5);
  return draw.pick([0, 1, -0.5, 0.1, 3, draw.bell(), draw.bell() * 100]);
}

function drawVocabulary(draw: Draw, inputs: readonly DType[], rank: number): Vocabulary {
  return { inputs, scalars: Array.from({ length: draw.integer(0, 3) }, () => drawDType(draw)), rank };
}

/** A random `map`. */
export function drawMap(draw: Draw, primitive: string): Case {
  const shape = drawShape(draw, drawBudget(draw));
  const rank = shape.length;
  let inputs: DType[];
  let expressions: Expr[];
  let vocabulary: Vocabulary;
  if (draw.chance(0.35)) {
    const single = drawSingle(draw);
    inputs = single.inputs;
    expressions = [single.expression];
    vocabulary = { inputs, scalars: [], rank };
  } else {
    inputs = Array.from({ length: draw.integer(0, 4) }, () => drawDType(draw));
    vocabulary = drawVocabulary(draw, inputs, rank);
    const count = draw.weighted({ one: 70, two: 20, three: 10 });
    expressions = Array.from(
      { length: { one: 1, two: 2, three: 3 }[count] },
      () => drawExpr(draw, drawDType(draw), draw.integer(0, 12), vocabulary),
    );
  }
  return mapCase(draw, primitive, shape, inputs, vocabulary, expressions);
}

/** A random `map` whose results are random numbers. */
export function drawRandomMap(draw: Draw, primitive: string): Case {
  const shape = drawShape(draw, drawBudget(draw), 0, 3);
  const vocabulary: Vocabulary = { inputs: [], scalars: ["int32", "int32", "int32"], rank: shape.length };
  const expressions = Array.from(
    { length: draw.integer(1, 2) },
    () => drawRandom(draw, draw.pick(["int32", "float32", "float64"] as const), vocabulary),
  );
  return mapCase(draw, primitive, shape, [], vocabulary, expressions);
}

function mapCase(
  draw: Draw,
  primitive: string,
  shape: Shape,
  inputs: readonly DType[],
  vocabulary: Vocabulary,
  expressions: readonly Expr[],
): Case {
  const operands = inputs.map((dtype) => drawOperand(draw, dtype, shape.length, drawFill(draw), true));
  const outputs: number[] = [];
  for (const { dtype } of expressions) {
    const place = operands.findIndex((operand, i) =>
      i < inputs.length && operand.dtype === dtype && !outputs.includes(i) &&
      !operand.arrangement.broadcast.includes(true)
    );
    if (place >= 0 && draw.chance(0.15)) outputs.push(place);
    else {
      outputs.push(operands.length);
      operands.push(drawOperand(draw, dtype, shape.length, isFloat(dtype) ? "nan" : "small"));
    }
  }
  return elementwise({
    primitive,
    expressions,
    scalars: vocabulary.scalars.map((dtype) => drawScalar(draw, dtype)),
    shape,
    inputs: inputs.length,
    operands,
    outputs,
  });
}

/** A random `mapReduce`. */
export function drawMapReduce(draw: Draw, primitive: string): Case {
  const shape = drawShape(draw, drawBudget(draw));
  const inputs: DType[] = Array.from({ length: draw.integer(1, 3) }, () => drawDType(draw));
  const vocabulary = drawVocabulary(draw, inputs, shape.length);
  const count = draw.chance(0.7) ? 1 : draw.integer(2, 3);
  const expressions = Array.from(
    { length: count },
    () => drawExpr(draw, draw.chance(0.7) ? draw.pick(inputs) : drawDType(draw), draw.integer(0, 4), vocabulary),
  );
  const ops = expressions.map(() => draw.pick(["sum", "sum", "sum", "prod", "max", "min"] as const));
  const mode = draw.weighted({ any: 60, all: 20, none: 5, last: 15 });
  const axes = shape.map((_, axis) => axis).filter((axis) =>
    mode === "all" || (mode === "any" && draw.chance(0.5)) || (mode === "last" && axis === shape.length - 1)
  );
  const fill = (): Fill => ops.includes("prod") && draw.chance(0.8) ? "near one" : drawFill(draw);
  const operands = [
    ...inputs.map((dtype) => drawOperand(draw, dtype, shape.length, fill(), true)),
    ...expressions.map(({ dtype }) => drawOperand(draw, dtype, shape.length, isFloat(dtype) ? "nan" : "small")),
  ];
  return elementwise({
    primitive,
    expressions,
    scalars: vocabulary.scalars.map((dtype) => drawScalar(draw, dtype)),
    shape,
    inputs: inputs.length,
    operands,
    outputs: expressions.map((_, j) => inputs.length + j),
    reduction: { ops, axes },
  });
}
