/**
 * Elementwise computations of the cuda backend: each expression becomes one fused kernel. Where all operands are dense (or single
 * elements) a thread finds its elements without arithmetic on indices; else coordinates come from sizes and strides given at each launch.
 * A thread first loads the operands of all its elements, then computes and stores: more loads are under way at a time, and an output may be
 * the view of an input.
 */

import type { MapCall } from "../../../src/tensor/backend.ts";
import type { Expr } from "../../../src/tensor/expr.ts";
import { callKey, indexStrides, type Leaves, leavesOf, PlanCache } from "../../../src/tensor/kernel_calls.ts";
import { elementCount } from "../../../src/tensor/layout.ts";
import type { CudaContext, CudaKernel } from "../context.ts";
import {
  numbersSource,
  pointerOf,
  pushNumbers,
  pushScalars,
  scalarCode,
  scalarLoads,
  scalarParameters,
  type ScalarPlace,
  THREADS,
} from "./bind.ts";
import { withDeviceFunctions } from "./device_functions.ts";
import { expressionCode, expressionCost } from "./expression_source.ts";
import { isWide, LoopCode, planLoops, positionsOf, type WidthRule } from "./loops.ts";
import { MEMORY_TYPES, VALUE_TYPES } from "./operations.ts";

/** Instructions for all elements of a thread, about; more need too many registers. */
const UNROLL_BUDGET = 100;

/** How operands are reached. */
export interface MapAccess {
  /** For each operand (outputs, inputs, positions) whether it moves with the element; `undefined` where there are strides. */
  readonly dense?: readonly boolean[];
  /** Loops. */
  readonly rank: number;
  /** Whether positions have 64 bits. */
  readonly wide: boolean;
  /** Where scalars are. Default "arguments". */
  readonly scalars?: ScalarPlace;
}

interface MapPlan {
  readonly kernel: CudaKernel;
  readonly leaves: Leaves;
  readonly numbers: readonly number[];
  readonly wide: boolean;
  readonly blocks: number;
}

/** Elements of a thread. */
export function elementsPerThread(expressions: readonly Expr[], access: MapAccess): number {
  const cost = expressionCost(expressions) + (access.dense === undefined ? 12 : 2);
  const most = access.dense === undefined ? 2 : 4;
  return Math.max(1, Math.min(most, 2 ** Math.floor(Math.log2(UNROLL_BUDGET / cost))));
}

/** The source of the kernel `map_kernel(numbers, outputs…, inputs…, scalars…)`; the first number is that of elements. */
export function mapSource(expressions: readonly Expr[], access: MapAccess): string {
  const leaves = leavesOf(expressions);
  const { dense, rank, wide, scalars = "arguments" } = access;
  const operands = expressions.length + leaves.inputs.length + leaves.indices.length;
  const first = expressions.length, firstIndex = first + leaves.inputs.length;
  const each = elementsPerThread(expressions, access);
  const position = wide ? "long long" : "int";
  const loop = new LoopCode(rank, 1, wide);
  const moves = (operand: number): boolean => dense === undefined || dense[operand];
  const offset = (operand: number): string =>
    dense === undefined ? loop.offset(operand, "p") : dense[operand] ? "i" : "0";

  const declarations: string[] = [];
  const loads: string[] = dense === undefined ? loop.coordinates("i", "p") : [];
  const declare = (type: string, name: string, operand: number, value: string): void => {
    if (moves(operand)) {
      declarations.push(`${type} ${name}[${each}];`);
      loads.push(`${name}[u] = ${value};`);
    } else {
      declarations.push(`const ${type} ${name} = ${value};`);
    }
  };
  leaves.inputs.forEach(({ dtype }, k) => {
    const element = `x${k}[${offset(first + k)}]`;
    declare(VALUE_TYPES[dtype], `a${k}`, first + k, dtype === "bool" ? `${element} != 0` : element);
  });
  if (dense === undefined) {
    expressions.forEach((_, j) => declare(position, `o${j}`, j, offset(j)));
    leaves.indices.forEach((_, k) => declare("int", `j${k}`, firstIndex + k, `(int)(${offset(firstIndex + k)})`));
  }

  const held = (name: string, operand: number): string => moves(operand) ? `${name}[u]` : name;
  const { statements, values } = expressionCode(expressions, {
    input: (node) => held(`a${leaves.inputs.indexOf(node)}`, first + leaves.inputs.indexOf(node)),
    index: (node) => {
      const k = leaves.indices.indexOf(node);
      if (dense === undefined) return `j${k}[u]`;
      return dense[firstIndex + k] ? "(int)i" : "0";
    },
    scalar: (node) => scalarCode(node, leaves.scalars.indexOf(node)),
  });
  const stores = expressions.map((_, j) => `y${j}[${dense === undefined ? `o${j}[u]` : offset(j)}] = ${values[j]};`);
  const parameters = [
    "const Numbers n",
    ...expressions.map(({ dtype }, j) => `${MEMORY_TYPES[dtype]}* y${j}`),
    ...leaves.inputs.map(({ dtype }, k) => `const ${MEMORY_TYPES[dtype]}* x${k}`),
    ...scalarParameters(leaves.scalars, scalars),
  ];
  const round = (lines: readonly string[]): string[] => [
    "#pragma unroll",
    `for (int u = 0; u < ${each}; u++) {`,
    `const ${position} i = start + u * ${THREADS};`,
    "if (i < n.v[0]) {",
    ...lines,
    "}",
    "}",
  ];
  const count = 1 + (dense === undefined ? LoopCode.count(rank, operands, wide) : 0);
  return withDeviceFunctions([
    numbersSource(count, wide),
    `extern "C" __global__ void map_kernel(${parameters.join(", ")}) {`,
    `const ${position} start = (${position})blockIdx.x * ${THREADS * each} + (${position})threadIdx.x;`,
    ...scalarLoads(leaves.scalars, scalars),
    ...declarations,
    ...(loads.length === 0 ? [] : round(loads)),
    ...round([...statements, ...stores]),
    "}",
    "",
  ].join("\n"));
}

/**
 * Makes the backend's `map`.
 *
 * @param wideRule Where positions have 64 bits. Default {@linkcode isWide}: where they must.
 */
export function createMap(context: CudaContext, wideRule: WidthRule = isWide): (call: MapCall) => void {
  const plans = new PlanCache<MapPlan>();
  const kernels = new Map<string, CudaKernel>();

  const plan = ({ expressions, shape, inputs, outputs }: MapCall, scalars: ScalarPlace): MapPlan => {
    const leaves = leavesOf(expressions);
    const operands = [
      ...outputs.map(({ strides }) => strides),
      ...leaves.inputs.map(({ index }) => inputs[index].strides),
      ...leaves.indices.map((node) => indexStrides(node.axis, shape)),
    ];
    const loops = planLoops(shape, shape.map((_, axis) => axis), operands);
    const wide = wideRule([loops]);
    const rank = loops.sizes.length;
    const isDense = rank === 0 || rank === 1 && loops.strides.every(([stride]) => stride === 0 || stride === 1);
    // A single element moves in the outputs.
    const dense = isDense
      ? operands.map((_, k) => rank === 0 ? k < outputs.length : loops.strides[k][0] === 1)
      : undefined;
    const access: MapAccess = { dense, rank, wide, scalars };
    const key = `${expressions.map((expression) => expression.key)}|${dense ?? rank}|${wide}|${scalars}`;
    let kernel = kernels.get(key);
    if (kernel === undefined) {
      [kernel] = context.kernels.kernel(mapSource(expressions, access), ["map_kernel"]);
      kernels.set(key, kernel);
    }
    const total = positionsOf(loops);
    return {
      kernel,
      leaves,
      wide,
      numbers: [total, ...(dense === undefined ? LoopCode.numbers(loops, wide) : [])],
      blocks: Math.ceil(total / (THREADS * elementsPerThread(expressions, access))),
    };
  };

  return (call) => {
    const { expressions, shape, inputs, scalars, outputs } = call;
    if (outputs.length === 0 || elementCount(shape) === 0) return;
    const address = context.scalarsInMemory(scalars);
    const place = address === 0 ? "arguments" : "memory";
    const { kernel, leaves, numbers, wide, blocks } = plans.get(
      callKey(address === 0 ? "" : "memory|", expressions, shape, inputs, outputs),
      () => plan(call, place),
    );
    const args = context.arguments();
    pushNumbers(args, numbers, wide);
    for (const view of outputs) args.pointer(pointerOf(view));
    for (const { index } of leaves.inputs) args.pointer(pointerOf(inputs[index]));
    pushScalars(args, leaves.scalars, scalars, address);
    context.launch(kernel, [blocks, 1, 1], [THREADS, 1, 1], 0, args);
  };
}
