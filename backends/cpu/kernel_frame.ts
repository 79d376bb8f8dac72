/**
 * What every generated kernel over expressions has in common: its operands (outputs, inputs, positions), its module and
 * function `kernel(params, begin, end)`, and on the host's side the binding of a call's views and scalars to the block of
 * parameters.
 */

import type { View } from "../../src/tensor/backend.ts";
import { BYTES_PER_ELEMENT, roundTo } from "../../src/tensor/dtype.ts";
import type { Expr } from "../../src/tensor/expr.ts";
import { indexStrides, type Leaves } from "../../src/tensor/kernel_calls.ts";
import type { Shape } from "../../src/tensor/layout.ts";
import type { CpuContext, HeapBuffer, Kernel } from "./context.ts";
import { ExpressionEmitter, type LeafOperand, type LeafTable } from "./emit_expr.ts";
import type { KernelParameters } from "./emit_loops.ts";
import { VectorCode } from "./lanes.ts";
import type { Access, ParameterLayout, StridedOperand } from "./loop_plan.ts";
import { type FunctionBuilder, type Local, ModuleBuilder } from "./wasm/assembler.ts";

/** Strides in bytes of a view as an operand of a loop nest. */
export function byteOperand(view: View): StridedOperand {
  const unit = BYTES_PER_ELEMENT[view.dtype];
  return { strides: view.strides.map((stride) => stride * unit), unit };
}

/** A position along an axis, or the row-major one, as an operand whose "address" is its value. */
export function indexOperand(axis: number | "linear", shape: Shape): StridedOperand {
  return { strides: indexStrides(axis, shape), unit: 1 };
}

/** The module of one kernel while it is written. Operands are numbered outputs first, then inputs, then positions. */
export class KernelFrame {
  /** The function `kernel(params, begin, end)`. */
  readonly f: FunctionBuilder;
  /** Its parameters. */
  readonly parameters: KernelParameters;
  /** Vector code in it. */
  readonly code: VectorCode;
  /** Pointer of each operand; for positions their value. */
  readonly pointers: readonly Local[];
  /** The expressions. */
  readonly emitter: ExpressionEmitter;
  /** Where its parameters lie. */
  readonly layout: ParameterLayout;

  readonly #module: ModuleBuilder;
  readonly #leaves: Leaves;
  readonly #outputs: number;
  readonly #access: readonly Access[];
  readonly #units: readonly number[];
  readonly #strides: (Local | undefined)[];

  /** Starts a kernel; strided operands' strides are loaded at once. */
  constructor(
    context: CpuContext,
    expressions: readonly Expr[],
    leaves: Leaves,
    outputUnits: readonly number[],
    access: readonly Access[],
    layout: ParameterLayout,
  ) {
    this.#module = new ModuleBuilder({ shared: context.heap.shared });
    this.#leaves = leaves;
    this.#outputs = outputUnits.length;
    this.#access = access;
    this.#units = [
      ...outputUnits,
      ...leaves.inputs.map((node) => BYTES_PER_ELEMENT[node.dtype]),
      ...leaves.indices.map(() => 1),
    ];
    this.layout = layout;
    const f = this.#module.function(["i32", "i32", "i32"], [], "kernel");
    const [block, begin, end] = f.params;
    this.f = f;
    this.parameters = { block, begin, end };
    this.code = new VectorCode(this.#module, f, context.features.relaxedSimd, new Map());
    this.pointers = access.map(() => f.local("i32"));
    this.#strides = access.map((kind, operand) => {
      if (kind !== "strided") return undefined;
      const stride = f.local("i32");
      f.get(block).mem("i32.load", layout.innerStride(operand)).set(stride);
      return stride;
    });
    this.emitter = new ExpressionEmitter(this.code, expressions, this.#leafTable());
    this.emitter.enterKernel();
  }

  /** An operand as the emitter sees it. */
  operand(index: number): LeafOperand {
    return { access: this.#access[index], pointer: this.pointers[index], stride: this.#strides[index] };
  }

  /** Pushes how far `count` elements of the innermost loop move an operand. */
  readonly pushInnerDistance = (operand: number, count: Local): void => {
    const { f } = this;
    const access = this.#access[operand];
    if (access === "broadcast") {
      f.i32(0);
    } else if (access === "strided") {
      f.get(count).get(this.#strides[operand]!).op("i32.mul");
    } else {
      f.get(count).i32(this.#units[operand]).op("i32.mul");
    }
  };

  /** Moves the operands' pointers (one for each operand) by a fixed number of elements of the innermost loop. */
  advance(count: number, pointers: readonly Local[] = this.pointers): void {
    const { f } = this;
    for (let operand = 0; operand < pointers.length; operand++) {
      const access = this.#access[operand];
      if (access === "broadcast") continue;
      f.get(pointers[operand]);
      if (access === "strided") f.get(this.#strides[operand]!).i32(count).op("i32.mul");
      else f.i32(count * this.#units[operand]);
      f.op("i32.add").set(pointers[operand]);
    }
  }

  /** Ends the module. */
  toBytes(): Uint8Array {
    return this.#module.toBytes();
  }

  #leafTable(): LeafTable {
    const { inputs, indices, scalars } = this.#leaves;
    return {
      input: (index) => this.operand(this.#outputs + inputs.findIndex((node) => node.index === index)),
      index: (axis) => this.operand(this.#outputs + inputs.length + indices.findIndex((node) => node.axis === axis)),
      pushScalarAddress: (node) => {
        this.f.get(this.parameters.block).i32(this.layout.scalar(scalars.indexOf(node))).op("i32.add");
      },
    };
  }
}

/** A kernel with everything of its parameters that does not change between calls of one plan. */
export interface BoundKernel {
  /** The kernel. */
  readonly kernel: Kernel;
  /** Where its parameters lie. */
  readonly layout: ParameterLayout;
  /** Sizes and strides. */
  readonly template: Int32Array;
  /** Its leaves. */
  readonly leaves: Leaves;
}

/** Address of a view's first element. */
export function viewPointer(view: View): number {
  return (view.buffer as HeapBuffer).pointer + view.offset * BYTES_PER_ELEMENT[view.dtype];
}

/**
 * Writes a block of parameters: the template, addresses of outputs and inputs, scalars.
 *
 * @param inputs Addresses of the inputs, by the number in their nodes.
 * @param shift What is added to the addresses (and first values) of operands, in their units. Default nothing.
 */
export function writeParameters(
  context: CpuContext,
  block: number,
  bound: BoundKernel,
  outputs: readonly number[],
  inputs: readonly number[],
  scalars: readonly number[],
  shift?: readonly number[],
): void {
  const { layout, template, leaves } = bound;
  const words = context.heap.i32();
  const start = block >>> 2;
  words.set(template, start);
  let operand = 0;
  for (const pointer of outputs) {
    words[start + (layout.base(operand) >>> 2)] = pointer + (shift === undefined ? 0 : shift[operand]);
    operand++;
  }
  for (const node of leaves.inputs) {
    words[start + (layout.base(operand) >>> 2)] = inputs[node.index] + (shift === undefined ? 0 : shift[operand]);
    operand++;
  }
  for (let i = 0; shift !== undefined && i < leaves.indices.length; i++) {
    words[start + (layout.base(operand) >>> 2)] = shift[operand];
    operand++;
  }
  for (let i = 0; i < leaves.scalars.length; i++) {
    const node = leaves.scalars[i];
    const value = roundTo(node.dtype, scalars[node.index]);
    const address = block + layout.scalar(i);
    if (node.dtype === "float64") context.heap.f64()[address >>> 3] = value;
    else if (node.dtype === "float32") context.heap.f32()[address >>> 2] = value;
    else words[address >>> 2] = value;
  }
}
