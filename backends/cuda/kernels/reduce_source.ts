/**
 * The kernel of a reduction of elementwise computations. A block works on some results at a time, its threads on interleaved positions of
 * each; a thread adds runs of 64 positions to its sum, and the threads' sums meet in a tree, so that errors grow with the logarithm and the
 * result does not depend on which thread comes first.
 */

import type { DType } from "../../../src/tensor/dtype.ts";
import type { Expr } from "../../../src/tensor/expr.ts";
import { REDUCE_OPS, type ReduceOp } from "../../../src/tensor/expr_ops.ts";
import { leavesOf } from "../../../src/tensor/kernel_calls.ts";
import { numbersSource, scalarCode, scalarLoads, scalarParameters, type ScalarPlace, THREADS } from "./bind.ts";
import { withDeviceFunctions } from "./device_functions.ts";
import { expressionCode, literal, operationCode } from "./expression_source.ts";
import { LoopCode } from "./loops.ts";
import { MEMORY_TYPES, REDUCE_CODE, VALUE_TYPES } from "./operations.ts";

/** Positions that a thread reduces before it adds them to its result. */
export const RUN = 64;

/** How a reduction is walked. */
export interface ReduceAccess {
  /** Loops over the results. */
  readonly outer: number;
  /** Loops over what is reduced. */
  readonly inner: number;
  /** Whether positions have 64 bits. */
  readonly wide: boolean;
  /** Where scalars are. Default "arguments". */
  readonly scalars?: ScalarPlace;
}

/** Where a kernel finds its numbers; those of the outer and of the inner loops follow. */
export const REDUCE_NUMBERS = { results: 0, reduced: 1, part: 2, lanesReduce: 3, partStride: 4, loops: 5 } as const;

/** Two partial results (names of variables) combined. */
export function combineCode(op: ReduceOp, dtype: DType, x: string, y: string): string {
  return operationCode(op, REDUCE_CODE[op], dtype, x, y);
}

/**
 * The source of `reduce_kernel(numbers, outputs…, inputs…, scalars…)`. Blocks along y take parts of what is reduced and write their
 * results one after another; the flag `lanesReduce` says whether threads along x are positions of one result or different results.
 */
export function reduceSource(
  expressions: readonly Expr[],
  reductions: readonly ReduceOp[],
  { outer, inner, wide, scalars = "arguments" }: ReduceAccess,
): string {
  const leaves = leavesOf(expressions);
  const outputs = expressions.length, inputs = leaves.inputs.length, indices = leaves.indices.length;
  const results = new LoopCode(outer, REDUCE_NUMBERS.loops, wide);
  const firstInner = REDUCE_NUMBERS.loops + LoopCode.count(outer, outputs + inputs + indices, wide);
  const reduced = new LoopCode(inner, firstInner, wide);
  const count = firstInner + LoopCode.count(inner, inputs + indices, wide);
  const position = wide ? "long long" : "int";
  const number = (name: keyof typeof REDUCE_NUMBERS): string => `n.v[${REDUCE_NUMBERS[name]}]`;

  const { statements, values } = expressionCode(expressions, {
    input: (node) => {
      const k = leaves.inputs.indexOf(node);
      const element = `x${k}[b${k} + ${reduced.offset(k, "q")}]`;
      return node.dtype === "bool" ? `${element} != 0` : element;
    },
    index: (node) => {
      const k = leaves.indices.indexOf(node);
      return `(int)(j${k} + ${reduced.offset(inputs + k, "q")})`;
    },
    scalar: (node) => scalarCode(node, leaves.scalars.indexOf(node)),
  });
  const identity = (j: number): string =>
    literal(expressions[j].dtype, REDUCE_OPS[reductions[j]].identity(expressions[j].dtype));
  const each = (write: (j: number, type: string) => string | string[]): string[] =>
    expressions.flatMap(({ dtype }, j) => write(j, VALUE_TYPES[dtype]));
  const combine = (j: number, x: string, y: string): string => combineCode(reductions[j], expressions[j].dtype, x, y);

  const parameters = [
    "const Numbers n",
    ...expressions.map(({ dtype }, j) => `${MEMORY_TYPES[dtype]}* y${j}`),
    ...leaves.inputs.map(({ dtype }, k) => `const ${MEMORY_TYPES[dtype]}* x${k}`),
    ...scalarParameters(leaves.scalars, scalars),
  ];
  return withDeviceFunctions([
    numbersSource(count, wide),
    `extern "C" __global__ void reduce_kernel(${parameters.join(", ")}) {`,
    ...scalarLoads(leaves.scalars, scalars),
    `__shared__ double shared[${THREADS}];`,
    `const bool lanes = ${number("lanesReduce")} != 0;`,
    "const int column = (int)(lanes ? threadIdx.y : threadIdx.x), columns = (int)(lanes ? blockDim.y : blockDim.x);",
    "const int row = (int)(lanes ? threadIdx.x : threadIdx.y), rows = (int)(lanes ? blockDim.x : blockDim.y);",
    `const ${position} m = (${position})blockIdx.x * columns + column;`,
    ...each((j, type) => [`${type} r${j} = ${identity(j)};`, `${position} o${j} = 0;`]),
    `if (m < ${number("results")}) {`,
    ...results.coordinates("m", "p"),
    ...each((j) => `o${j} = ${results.offset(j, "p")};`),
    ...leaves.inputs.map((_, k) => `const ${position} b${k} = ${results.offset(outputs + k, "p")};`),
    ...leaves.indices.map((_, k) => `const ${position} j${k} = ${results.offset(outputs + inputs + k, "p")};`),
    `const ${position} begin = (${position})blockIdx.y * ${number("part")};`,
    `const ${position} left = ${number("reduced")} - begin;`,
    `const ${position} end = begin + (left < ${number("part")} ? left : ${number("part")});`,
    `for (${position} first = begin + row; first < end; first += ${RUN} * rows) {`,
    ...each((j, type) => `${type} t${j} = ${identity(j)};`),
    `const ${position} last = end - first < ${RUN} * rows ? end : first + ${RUN} * rows;`,
    "#pragma unroll 4",
    `for (${position} k = first; k < last; k += rows) {`,
    ...reduced.coordinates("k", "q"),
    ...statements,
    ...each((j) => `t${j} = ${combine(j, `t${j}`, values[j])};`),
    "}",
    ...each((j) => `r${j} = ${combine(j, `r${j}`, `t${j}`)};`),
    "}",
    "}",
    "if (rows > 1) {",
    ...each((j, type) => [
      `${type}* s${j} = (${type}*)shared;`,
      `s${j}[row * columns + column] = r${j};`,
      "__syncthreads();",
      "for (int half = rows >> 1; half > 0; half >>= 1) {",
      "if (row < half) {",
      `const ${type} a = s${j}[row * columns + column], b = s${j}[(row + half) * columns + column];`,
      `s${j}[row * columns + column] = ${combine(j, "a", "b")};`,
      "}",
      "__syncthreads();",
      "}",
      `r${j} = s${j}[column];`,
      "__syncthreads();",
    ]),
    "}",
    `if (row == 0 && m < ${number("results")}) {`,
    ...each((j) => `y${j}[o${j} + (${position})blockIdx.y * ${number("partStride")}] = r${j};`),
    "}",
    "}",
    "",
  ].join("\n"));
}
