/**
 * One elementwise computation for several sets of dense operands in one kernel: what an optimizer does to its parameters. The addresses and sizes of the sets
 * are arguments of the kernel, and each block looks up whose elements it has.
 */

import type { MapCall, MapGroupCall, View } from "../../../src/tensor/backend.ts";
import type { Expr } from "../../../src/tensor/expr.ts";
import { type Leaves, leavesOf } from "../../../src/tensor/kernel_calls.ts";
import { elementCount, isContiguous } from "../../../src/tensor/layout.ts";
import type { CudaContext, CudaKernel } from "../context.ts";
import {
  pointerOf,
  pushScalars,
  scalarCode,
  scalarLoads,
  scalarParameters,
  type ScalarPlace,
  THREADS,
} from "./bind.ts";
import { withDeviceFunctions } from "./device_functions.ts";
import { expressionCode } from "./expression_source.ts";
import { elementsPerThread } from "./map.ts";
import { MEMORY_TYPES, VALUE_TYPES } from "./operations.ts";

/** Bytes of all arguments but the scalars, of the 4096 that a kernel may have. */
const ARGUMENT_BYTES = 3800;
/** The most elements of a set: positions are 32-bit. */
const MOST_ELEMENTS = 2 ** 30;

/** How an operand moves with the element: along, or not at all. */
type Motion = "dense" | "single";

/** How a view moves; `undefined` where it does neither. */
function motionOf(view: View): Motion | undefined {
  if (isContiguous(view)) return "dense";
  return view.strides.every((stride) => stride === 0) ? "single" : undefined;
}

/** Sets of one launch. */
export function setsPerLaunch(operands: number): number {
  return Math.max(1, Math.floor(ARGUMENT_BYTES / (8 * operands + 8)));
}

/** The source of the kernel `map_group(pointers, numbers, scalars…)`; `motions` are those of the inputs. */
export function mapGroupSource(
  expressions: readonly Expr[],
  motions: readonly Motion[],
  place: ScalarPlace = "arguments",
): string {
  const leaves = leavesOf(expressions);
  const operands = expressions.length + leaves.inputs.length;
  const sets = setsPerLaunch(operands);
  const each = elementsPerThread(expressions, {
    dense: motions.map((motion) => motion === "dense"),
    rank: 1,
    wide: false,
  });
  const { statements, values } = expressionCode(expressions, {
    input: (node) => `a${leaves.inputs.indexOf(node)}`,
    index: () => "0",
    scalar: (node) => scalarCode(node, leaves.scalars.indexOf(node)),
  });
  const pointer = (type: string, name: string, operand: number): string =>
    `${type}* ${name} = (${type}*)p.v[set * ${operands} + ${operand}];`;
  const loads = leaves.inputs.map(({ dtype, index }, k) => {
    const element = `x${k}[${motions[index] === "dense" ? "i" : "0"}]`;
    return `const ${VALUE_TYPES[dtype]} a${k} = ${dtype === "bool" ? `${element} != 0` : element};`;
  });
  return withDeviceFunctions([
    `struct Pointers { unsigned long long v[${sets * operands}]; };`,
    `struct Numbers { int v[${1 + 2 * sets}]; };`,
    `extern "C" __global__ void map_group(${
      ["const Pointers p", "const Numbers n", ...scalarParameters(leaves.scalars, place)].join(", ")
    }) {`,
    ...scalarLoads(leaves.scalars, place),
    "int set = 0;",
    `while (set + 1 < n.v[0] && (int)blockIdx.x >= n.v[${1 + sets} + set + 1]) set++;`,
    `const int start = ((int)blockIdx.x - n.v[${1 + sets} + set]) * ${THREADS * each} + (int)threadIdx.x;`,
    "const int count = n.v[1 + set];",
    ...expressions.map(({ dtype }, j) => pointer(MEMORY_TYPES[dtype], `y${j}`, j)),
    ...leaves.inputs.map(({ dtype }, k) => pointer(`const ${MEMORY_TYPES[dtype]}`, `x${k}`, expressions.length + k)),
    "#pragma unroll",
    `for (int u = 0; u < ${each}; u++) {`,
    `const int i = start + u * ${THREADS};`,
    "if (i < count) {",
    ...loads,
    ...statements,
    ...expressions.map((_, j) => `y${j}[i] = ${values[j]};`),
    "}",
    "}",
    "}",
    "",
  ].join("\n"));
}

type OperandSet = MapGroupCall["sets"][number];

/** The motions of a set's inputs, as a key; `undefined` where it does not fit into the kernel. */
function motionsOf({ shape, inputs, outputs }: OperandSet): Motion[] | undefined {
  if (elementCount(shape) > MOST_ELEMENTS || !outputs.every(isContiguous)) return undefined;
  const motions = inputs.map(motionOf);
  return motions.every((motion) => motion !== undefined) ? motions : undefined;
}

/** Makes the backend's `mapGroup`; `map` computes the sets that do not lie densely. */
export function createMapGroup(context: CudaContext, map: (call: MapCall) => void): (call: MapGroupCall) => void {
  const kernels = new Map<string, CudaKernel>();

  const launch = (
    { expressions, scalars }: MapGroupCall,
    leaves: Leaves,
    motions: readonly Motion[],
    sets: readonly OperandSet[],
    address: number,
  ): void => {
    const place = address === 0 ? "arguments" : "memory";
    const key = `${expressions.map((expression) => expression.key)}|${motions}|${place}`;
    let kernel = kernels.get(key);
    if (kernel === undefined) {
      [kernel] = context.kernels.kernel(mapGroupSource(expressions, motions, place), ["map_group"]);
      kernels.set(key, kernel);
    }
    const operands = expressions.length + leaves.inputs.length;
    const most = setsPerLaunch(operands);
    const each = THREADS *
      elementsPerThread(expressions, { dense: motions.map((motion) => motion === "dense"), rank: 1, wide: false });
    for (let from = 0; from < sets.length; from += most) {
      const some = sets.slice(from, from + most);
      const pointers = new Array<number>(most * operands).fill(0);
      const numbers = new Array<number>(1 + 2 * most).fill(0);
      numbers[0] = some.length;
      let blocks = 0;
      some.forEach(({ shape, inputs, outputs }, s) => {
        outputs.forEach((view, j) => pointers[s * operands + j] = pointerOf(view));
        leaves.inputs.forEach(({ index }, k) =>
          pointers[s * operands + expressions.length + k] = pointerOf(inputs[index])
        );
        const count = elementCount(shape);
        numbers[1 + s] = count;
        numbers[1 + most + s] = blocks;
        blocks += Math.ceil(count / each);
      });
      const args = context.arguments().pointers(pointers).i32s(numbers);
      pushScalars(args, leaves.scalars, scalars, address);
      context.launch(kernel, [blocks, 1, 1], [THREADS, 1, 1], 0, args);
    }
  };

  return (call) => {
    const leaves = leavesOf(call.expressions);
    const groups = new Map<string, { readonly motions: readonly Motion[]; readonly sets: OperandSet[] }>();
    for (const set of call.sets) {
      if (elementCount(set.shape) === 0) continue;
      const motions = leaves.indices.length > 0 ? undefined : motionsOf(set);
      if (motions === undefined) {
        map({ expressions: call.expressions, scalars: call.scalars, ...set });
        continue;
      }
      const group = groups.get(motions.join()) ?? { motions, sets: [] };
      group.sets.push(set);
      groups.set(motions.join(), group);
    }
    if (groups.size === 0) return;
    const address = context.scalarsInMemory(call.scalars);
    for (const { motions, sets } of groups.values()) launch(call, leaves, motions, sets, address);
  };
}
