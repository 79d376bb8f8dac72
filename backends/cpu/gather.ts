/**
 * Selection along an axis and its adjoint on the cpu backend. Both walk over strided operands of any layout and copy or add
 * whole runs where the innermost loop is contiguous and its index the same. The adjoint splits its work only across
 * positions beside the axis, and adds in the order of the axis: the result does not depend on the number of threads.
 */

import type { GatherCall, ScatterAddCall, View } from "../../src/tensor/backend.ts";
import { BYTES_PER_ELEMENT, type DType } from "../../src/tensor/dtype.ts";
import { PlanCache } from "../../src/tensor/kernel_calls.ts";
import { elementCount } from "../../src/tensor/layout.ts";
import type { CpuContext, Kernel } from "./context.ts";
import { emitNest, emitSteps, emitWalk, type PushInnerDistance, pushParameter } from "./emit_loops.ts";
import { byteOperand, viewPointer } from "./kernel_frame.ts";
import { type Access, accessOf, type Loops, ParameterLayout, planLoops, type StridedOperand } from "./loop_plan.ts";
import { PARAMETER_SLOT } from "./map.ts";
import { type FunctionBuilder, type Local, type MemoryOp, ModuleBuilder } from "./wasm/assembler.ts";

/** Elements in a piece worth a thread. */
const GRAIN = 65536;

/** Operands of both kernels: values at the indices' positions, the indices, and what is indexed without its axis. */
const VALUES = 0;
const INDICES = 1;
const INDEXED = 2;

interface IndexPlan {
  readonly kernel: Kernel;
  readonly layout: ParameterLayout;
  readonly template: Int32Array;
  readonly total: number;
  readonly grain: number;
}

/** Writes what happens at one position: from the address of the value and that of the indexed element. */
type EmitElement = (f: FunctionBuilder, value: Local, indexed: Local) => void;

interface IndexKernel {
  /** Which operation it is. */
  readonly name: string;
  /** One element. */
  readonly element: EmitElement;
  /** 16 bytes of neighbours. */
  readonly vector: EmitElement;
  /** Size of an element. */
  readonly bytes: number;
}

function operandsOf(values: View, indices: View, indexed: View, axis: number): StridedOperand[] {
  const { strides, unit } = byteOperand(indexed);
  return [byteOperand(values), byteOperand(indices), { strides: strides.map((s, a) => a === axis ? 0 : s), unit }];
}

/** The body of a row: `count` elements from `pointers` on. */
function emitIndexedRow(
  f: FunctionBuilder,
  layout: ParameterLayout,
  block: Local,
  pointers: readonly Local[],
  count: Local,
  access: readonly Access[],
  { element, vector, bytes }: IndexKernel,
): void {
  const [address, axisStride] = f.locals("i32", 2);
  pushParameter(f, block, layout.scalar(0)).set(axisStride);
  const locate = (): void => {
    f.get(pointers[INDICES]).mem("i32.load").get(axisStride).op("i32.mul").get(pointers[INDEXED]).op("i32.add");
    f.set(address);
  };
  const isRun = access[INDICES] === "broadcast" && access[VALUES] === "contiguous" && access[INDEXED] === "contiguous";
  if (isRun) {
    locate();
    emitSteps(f, count, 16 / bytes, () => {
      vector(f, pointers[VALUES], address);
      f.add(pointers[VALUES], 16).add(address, 16);
    });
    emitSteps(f, count, 1, () => {
      element(f, pointers[VALUES], address);
      f.add(pointers[VALUES], bytes).add(address, bytes);
    });
  } else {
    const strides = pointers.map((_, operand) => {
      const stride = f.local("i32");
      pushParameter(f, block, layout.innerStride(operand)).set(stride);
      return stride;
    });
    emitSteps(f, count, 1, () => {
      locate();
      element(f, pointers[VALUES], address);
      pointers.forEach((pointer, operand) => f.add(pointer, strides[operand]));
    });
    f.release(...strides);
  }
  f.release(address, axisStride);
}

/** Pushes the distance of `count` elements by the stride in the parameters. */
function innerDistance(f: FunctionBuilder, layout: ParameterLayout, block: Local): PushInnerDistance {
  return (operand, count) => {
    pushParameter(f, block, layout.innerStride(operand)).get(count).op("i32.mul");
  };
}

/** A kernel over all positions (`nest` loops absent) or over the positions beside the axis, with the axis inside. */
function buildIndexed(
  context: CpuContext,
  layout: ParameterLayout,
  access: readonly Access[],
  kind: IndexKernel,
): Uint8Array {
  const module = new ModuleBuilder({ shared: context.heap.shared });
  const f = module.function(["i32", "i32", "i32"], [], "kernel");
  const [block, begin, end] = f.params;
  const walk = f.locals("i32", 3);
  const cursor = f.locals("i32", 3);
  const pointers = f.locals("i32", 3);
  const [count, rowCount] = f.locals("i32", 2);
  emitWalk(f, layout, { block, begin, end }, walk, count, innerDistance(f, layout, block), () => {
    walk.forEach((local, operand) => f.get(local).set(cursor[operand]));
    emitNest(f, layout, block, [VALUES, INDICES, INDEXED], cursor, () => {
      cursor.forEach((local, operand) => f.get(local).set(pointers[operand]));
      f.get(count).set(rowCount);
      emitIndexedRow(f, layout, block, pointers, rowCount, access, kind);
    });
  });
  return module.toBytes();
}

/** Plans and runs calls of one kind. */
class IndexedOperation {
  readonly #context: CpuContext;
  readonly #kind: (dtype: DType) => IndexKernel;
  readonly #plans = new PlanCache<IndexPlan>();
  readonly #kernels = new Map<string, Kernel>();

  constructor(context: CpuContext, kind: (dtype: DType) => IndexKernel) {
    this.#context = context;
    this.#kind = kind;
  }

  /** `axisIsNest`: positions along the axis are visited inside those beside it. */
  run(values: View, indices: View, indexed: View, axis: number, axisIsNest: boolean): void {
    if (elementCount(values.shape) === 0) return;
    const key = `${values.dtype}${axis}|${values.shape}|${values.strides}|${indices.strides}|${indexed.strides}`;
    const plan = this.#plans.get(key, () => this.#plan(values, indices, indexed, axis, axisIsNest));
    const { layout, template } = plan;
    const block = this.#context.scratch(template.byteLength, PARAMETER_SLOT);
    const words = this.#context.heap.i32();
    const start = block >>> 2;
    words.set(template, start);
    [values, indices, indexed].forEach((view, operand) =>
      words[start + (layout.base(operand) >>> 2)] = viewPointer(view)
    );
    words[start + (layout.scalar(0) >>> 2)] = indexed.strides[axis] * BYTES_PER_ELEMENT[indexed.dtype];
    const { executor } = this.#context;
    if (plan.total <= plan.grain) executor.call(plan.kernel, block, 0, plan.total);
    else executor.parallelRange(plan.kernel, block, plan.total, plan.grain, 16);
  }

  #plan(values: View, indices: View, indexed: View, axis: number, axisIsNest: boolean): IndexPlan {
    const { shape } = values;
    const operands = operandsOf(values, indices, indexed, axis);
    const all = shape.map((_, a) => a);
    const walked = planLoops(shape, axisIsNest ? all.filter((a) => a !== axis) : all, operands);
    const nest: Loops = axisIsNest && shape[axis] > 1
      ? { sizes: [shape[axis]], strides: operands.map(({ strides }) => [strides[axis]]) }
      : { sizes: [], strides: operands.map(() => []) };
    const rank = walked.sizes.length;
    const inner = {
      size: rank === 0 ? 1 : walked.sizes[rank - 1],
      strides: operands.map((_, k) => rank === 0 ? 0 : walked.strides[k][rank - 1]),
    };
    const outer = { sizes: walked.sizes.slice(0, -1), strides: walked.strides.map((strides) => strides.slice(0, -1)) };
    const layout = new ParameterLayout(outer.sizes.length, nest.sizes.length, operands.length);
    const access = operands.map(({ unit }, k) => accessOf(inner.strides[k], unit));
    const key = `${values.dtype}|${layout.outer}|${layout.nest}|${access}`;
    let kernel = this.#kernels.get(key);
    if (kernel === undefined) {
      const kind = this.#kind(values.dtype);
      const build = () => buildIndexed(this.#context, layout, access, kind);
      const module = this.#context.store.module(`${kind.name}|${key}`, [], build);
      kernel = this.#context.executor.register(module, ["kernel"])[0];
      this.#kernels.set(key, kernel);
    }
    const total = elementCount(walked.sizes);
    const grain = GRAIN * this.#context.grainScale / elementCount(nest.sizes);
    return {
      kernel,
      layout,
      template: layout.template(outer, nest, inner, 1),
      total,
      grain: Math.max(1, Math.ceil(grain)),
    };
  }
}

function loadOf(bytes: number): MemoryOp {
  return bytes === 1 ? "i32.load8_u" : bytes === 4 ? "i32.load" : "i64.load";
}

function storeOf(bytes: number): MemoryOp {
  return bytes === 1 ? "i32.store8" : bytes === 4 ? "i32.store" : "i64.store";
}

/** Copies from the indexed place to the value. */
function gatherKernel(dtype: DType): IndexKernel {
  const bytes = BYTES_PER_ELEMENT[dtype];
  return {
    name: "gather",
    bytes,
    element: (f, value, indexed) => f.get(value).get(indexed).mem(loadOf(bytes)).mem(storeOf(bytes)),
    vector: (f, value, indexed) => f.get(value).get(indexed).mem("v128.load").mem("v128.store"),
  };
}

/** Adds the value to the indexed place. */
function scatterKernel(dtype: DType): IndexKernel {
  const bytes = BYTES_PER_ELEMENT[dtype];
  const scalar = dtype === "float64" ? "f64" : dtype === "float32" ? "f32" : "i32";
  const lanes = dtype === "float64" ? "f64x2" : dtype === "float32" ? "f32x4" : "i32x4";
  return {
    name: "scatterAdd",
    bytes,
    element: (f, value, indexed) => {
      f.get(indexed).get(indexed).mem(`${scalar}.load`).get(value).mem(`${scalar}.load`).op(`${scalar}.add`);
      f.mem(`${scalar}.store`);
    },
    vector: (f, value, indexed) => {
      f.get(indexed).get(indexed).mem("v128.load").get(value).mem("v128.load").op(`${lanes}.add`).mem("v128.store");
    },
  };
}

/** Makes the backend's `gather`. */
export function createGather(context: CpuContext): (call: GatherCall) => void {
  const operation = new IndexedOperation(context, gatherKernel);
  return ({ input, indices, axis, output }) => operation.run(output, indices, input, axis, false);
}

/** Makes the backend's `scatterAdd`. */
export function createScatterAdd(context: CpuContext): (call: ScatterAddCall) => void {
  const operation = new IndexedOperation(context, scatterKernel);
  return ({ source, indices, axis, output }) => operation.run(source, indices, output, axis, true);
}
