/**
 * Writes scalar expressions as vector code over four elements at a time: f32x4 and i32x4, two f64x2, bools as i32x4
 * masks. Parts that are constant in the kernel or along a row are computed once there; the rest of a row that does not fill
 * a vector is loaded lane by lane with clamped positions, so that one piece of code serves all accesses.
 */

import { BYTES_PER_ELEMENT, type DType } from "../../src/tensor/dtype.ts";
import { type Expr, operandsOf, type RandomExpr, type ScalarExpr, topologicalOrder } from "../../src/tensor/expr.ts";
import { BackendError } from "../../src/tensor/errors.ts";
import { constantOperation } from "./emit_constant.ts";
import {
  BINARY_EMITTERS,
  CAST_EMITTERS,
  COMPARE_EMITTERS,
  type Lanes,
  narrowMask,
  UNARY_EMITTERS,
  widenMask,
} from "./emit_ops.ts";
import { emitBlock, emitRandom } from "./emit_random.ts";
import type { Code, FloatLanes, VectorCode } from "./lanes.ts";
import type { Access } from "./loop_plan.ts";
import type { Local } from "./wasm/assembler.ts";

/** Where the values of leaves come from: what a kernel knows about an operand. */
export interface LeafOperand {
  /** Moves along the innermost loop. */
  readonly access: Access;
  /** Address of the present element; for positions the value itself. */
  readonly pointer: Local;
  /** Stride in the innermost loop, where `access` is strided. */
  readonly stride: Local | undefined;
}

/** How an {@linkcode ExpressionEmitter} finds its leaves. */
export interface LeafTable {
  /** The operand of an input node. */
  input(index: number): LeafOperand;
  /** The operand of a position. */
  index(axis: number | "linear"): LeafOperand;
  /** Pushes the address of a scalar's value: 8 bytes for float64, else 4; a bool is stored as an int32. */
  pushScalarAddress(node: ScalarExpr): void;
}

/** Which four elements: the `u`-th group of four behind the pointers, or the last one to three. */
export type Group = number | "tail";

/** How often a node is computed. */
const KERNEL = 0;
const ROW = 1;
const GROUP = 2;

/** Writes the values of some expressions. */
export class ExpressionEmitter {
  readonly #code: VectorCode;
  readonly #roots: readonly Expr[];
  readonly #leaves: LeafTable;
  readonly #order: readonly Expr[];
  readonly #frequency = new Map<Expr, number>();
  readonly #uses = new Map<Expr, number>();
  readonly #held = new Map<Expr, readonly Local[]>();
  readonly #scaledIota = new Map<Local, Local>();
  /** Blocks of random words of which some are still to be used. */
  readonly #blocks = new Map<string, { readonly words: readonly Local[]; left: number }>();
  /** Positions of lanes 1 to 3 in a tail, clamped to the last element; and all four as a vector. */
  #clamped: Local[] = [];
  #clampedVector: Local | undefined;

  /** For the values of `roots`. */
  constructor(code: VectorCode, roots: readonly Expr[], leaves: LeafTable) {
    this.#code = code;
    this.#roots = roots;
    this.#leaves = leaves;
    this.#order = topologicalOrder(roots);
    for (const node of this.#order) {
      let frequency = this.#leafFrequency(node);
      for (const operand of operandsOf(node)) {
        frequency = Math.max(frequency, this.#frequency.get(operand)!);
        this.#uses.set(operand, (this.#uses.get(operand) ?? 0) + 1);
      }
      this.#frequency.set(node, frequency);
    }
    for (const root of roots) this.#uses.set(root, (this.#uses.get(root) ?? 0) + 1);
  }

  /** Computes what is constant in the kernel. Call once, at its start. */
  enterKernel(): void {
    const { f } = this.#code;
    for (const node of this.#order) {
      if (node.kind !== "index") continue;
      const { stride, access } = this.#leaves.index(node.axis);
      if (access !== "strided" || stride === undefined || this.#scaledIota.has(stride)) continue;
      const iota = f.local("v128");
      f.get(stride).op("i32x4.splat");
      this.#code.i32(0, 1, 2, 3)();
      f.op("i32x4.mul").set(iota);
      this.#scaledIota.set(stride, iota);
    }
    this.#computeHeld(KERNEL);
  }

  /** Computes what is constant along a row. Call at the start of each row; the locals are reused. */
  enterRow(): void {
    this.#computeHeld(ROW);
  }

  /** Prepares the group `"tail"` of 1 to 3 elements. */
  enterTail(count: Local): void {
    const { f } = this.#code;
    if (this.#clamped.length === 0) this.#clamped = f.locals("i32", 3);
    this.#clampedVector ??= f.local("v128");
    f.i32(0).op("i32x4.splat").set(this.#clampedVector);
    this.#clamped.forEach((local, i) => {
      f.i32(i + 1).get(count).i32(1).op("i32.sub").i32(i + 1).get(count).op("i32.lt_u").op("select").set(local);
      f.get(this.#clampedVector!).get(local).lane("i32x4.replace_lane", i + 1).set(this.#clampedVector!);
    });
  }

  /** Computes the roots for a group and hands their values to `use`, all before the first is used. */
  group(group: Group, use: (values: readonly Lanes[]) => void): void {
    const { f } = this.#code;
    const values = new Map<Expr, readonly Local[]>();
    const left = new Map(this.#uses);
    const get = (node: Expr): Lanes => this.#lanes(node, values);
    const done = (node: Expr): void => {
      const uses = left.get(node)! - 1;
      left.set(node, uses);
      const locals = values.get(node);
      if (uses === 0 && locals !== undefined) {
        f.release(...locals);
        values.delete(node);
      }
    };
    for (const node of this.#order) {
      if (this.#frequency.get(node) !== GROUP) continue;
      values.set(node, this.#store(this.#evaluate(node, get, group)));
      for (const operand of operandsOf(node)) done(operand);
    }
    use(this.#roots.map(get));
    for (const root of this.#roots) done(root);
  }

  /** Address of a lane of an operand in a group, pushed. */
  pushLaneAddress(operand: LeafOperand, bytes: number, lane: number, group: Group): void {
    const { f } = this.#code;
    f.get(operand.pointer);
    const index = group === "tail" ? lane : 4 * group + lane;
    if (index === 0) return;
    if (group === "tail") f.get(this.#clamped[lane - 1]);
    else if (operand.stride !== undefined) f.i32(index);
    if (operand.stride !== undefined) f.get(operand.stride).op("i32.mul");
    else if (group === "tail") f.i32(bytes).op("i32.mul");
    else f.i32(index * bytes);
    f.op("i32.add");
  }

  /** Stores a value of four elements. */
  storeGroup(operand: LeafOperand, dtype: DType, value: Lanes, group: Group): void {
    const { f } = this.#code;
    const bytes = BYTES_PER_ELEMENT[dtype];
    if (operand.access === "contiguous" && group !== "tail") {
      if (dtype === "bool") {
        f.get(operand.pointer);
        value[0]();
        value[0]();
        f.op("i16x8.narrow_i32x4_s");
        this.#code.i32(0)();
        f.op("i8x16.narrow_i16x8_s");
        this.#code.i32(0x01010101)();
        f.op("v128.and").memLane("v128.store32_lane", 0, 4 * group);
        return;
      }
      value.forEach((half, i) => {
        f.get(operand.pointer);
        half();
        f.mem("v128.store", 4 * bytes * group + 16 * i);
      });
      return;
    }
    const stored = dtype === "bool" ? [this.#code.op("v128.and", value[0], this.#code.i32(1))] : value;
    for (let lane = 0; lane < 4; lane++) {
      this.pushLaneAddress(operand, bytes, lane, group);
      stored[dtype === "float64" ? lane >> 1 : 0]();
      if (dtype === "float64") f.memLane("v128.store64_lane", lane & 1);
      else if (dtype === "bool") f.memLane("v128.store8_lane", 4 * lane);
      else f.memLane("v128.store32_lane", lane);
    }
  }

  #leafFrequency(node: Expr): number {
    if (node.kind === "input") return this.#leaves.input(node.index).access === "broadcast" ? ROW : GROUP;
    if (node.kind === "index") return this.#leaves.index(node.axis).access === "broadcast" ? ROW : GROUP;
    return KERNEL;
  }

  /** Computes the nodes of one frequency into locals that stay. */
  #computeHeld(frequency: number): void {
    const get = (node: Expr): Lanes => this.#lanes(node, this.#held);
    for (const node of this.#order) {
      if (this.#frequency.get(node) !== frequency || node.kind === "constant") continue;
      this.#held.set(node, this.#store(this.#evaluate(node, get, 0), this.#held.get(node)));
    }
  }

  /** The value of a computed node. */
  #lanes(node: Expr, values: ReadonlyMap<Expr, readonly Local[]>): Lanes {
    const { f } = this.#code;
    if (node.kind === "constant") return this.#constant(node.dtype, node.value);
    const locals = values.get(node) ?? this.#held.get(node);
    if (locals === undefined) {
      throw new BackendError({ op: "expression compiler", expected: "a computed operand", actual: node.kind });
    }
    return locals.map((local) => () => f.get(local));
  }

  #constant(dtype: DType, value: number): Lanes {
    switch (dtype) {
      case "float32":
        return [this.#code.f32(value)];
      case "float64":
        return [this.#code.f64(value), this.#code.f64(value)];
      case "int32":
        return [this.#code.i32(value)];
      case "bool":
        return [this.#code.i32(value === 0 ? 0 : -1)];
    }
  }

  /** Moves a value into locals. */
  #store(write: (store: (value: Lanes) => void) => void, into?: readonly Local[]): readonly Local[] {
    const { f } = this.#code;
    let locals = into;
    this.#code.scoped(() =>
      write((value) => {
        value.forEach((half) => half());
        locals ??= f.locals("v128", value.length);
        [...locals].reverse().forEach((local) => f.set(local));
      })
    );
    return locals!;
  }

  #evaluate(node: Expr, get: (node: Expr) => Lanes, group: Group): (store: (value: Lanes) => void) => void {
    return (store) => store(this.#value(node, get, group));
  }

  #value(node: Expr, get: (node: Expr) => Lanes, group: Group): Lanes {
    const code = this.#code;
    switch (node.kind) {
      case "constant":
        return this.#constant(node.dtype, node.value);
      case "input":
        return this.#load(this.#leaves.input(node.index), node.dtype, group);
      case "index":
        return [this.#position(this.#leaves.index(node.axis), group)];
      case "scalar":
        return this.#loadSplat(node.dtype, () => this.#leaves.pushScalarAddress(node), true);
      case "cast":
        return CAST_EMITTERS[node.operand.dtype][node.dtype](code, get(node.operand));
      case "unary":
        return applyRow(code, node.dtype, node.op, UNARY_EMITTERS[node.op], [get(node.operand)]);
      case "binary": {
        const special = constantOperation(node);
        if (special !== undefined) {
          const v = code.floats(node.dtype === "float32" ? "f32x4" : "f64x2");
          return get(special.operand).map((half) => special.emit(v, half));
        }
        return applyRow(code, node.dtype, node.op, BINARY_EMITTERS[node.op], [get(node.left), get(node.right)]);
      }
      case "compare": {
        const row = COMPARE_EMITTERS[node.op];
        const [x, y] = [get(node.left), get(node.right)];
        if (node.left.dtype === "float32") return [code.op(`f32x4.${row.float}`, x[0], y[0])];
        if (node.left.dtype === "int32") return [code.op(`i32x4.${row.int32}`, x[0], y[0])];
        if (node.left.dtype === "bool") return [code.op(`i32x4.${row.bool}`, x[0], y[0])];
        return [narrowMask(code, x.map((half, i) => code.op(`f64x2.${row.float}`, half, y[i])))];
      }
      case "select": {
        const [mask] = get(node.condition);
        const [x, y] = [get(node.whenTrue), get(node.whenFalse)];
        const masks = node.dtype === "float64" ? widenMask(code, mask) : [mask];
        return masks.map((half, i) => code.bitselect(half, x[i], y[i]));
      }
      case "random":
        if (node.dtype === "bool") throw unwritten("random", node.dtype);
        if (this.#siblings(node) > 1) return [this.#wordOfBlock(node, get)];
        return emitRandom(code, node.distribution, node.dtype, node.words.map((word) => get(word)[0]), node.word);
    }
  }

  /** Bits of the same block. */
  #siblings({ distribution, words }: RandomExpr): number {
    if (distribution !== "bits") return 1;
    return this.#order.filter((other) =>
      other.kind === "random" && other.distribution === "bits" && other.words.every((word, i) => word === words[i])
    ).length;
  }

  /** A word of a block that is computed with its first one, and forgotten with its last one. */
  #wordOfBlock(node: RandomExpr, get: (node: Expr) => Lanes): Code {
    const { f } = this.#code, key = node.words.map((word) => word.key).join();
    let block = this.#blocks.get(key);
    if (block === undefined) {
      block = { words: f.locals("v128", 4), left: this.#siblings(node) };
      emitBlock(this.#code, node.words.map((word) => get(word)[0]), block.words);
      this.#blocks.set(key, block);
    }
    if (--block.left === 0) {
      this.#blocks.delete(key);
      f.release(...block.words);
    }
    const { words } = block;
    return () => f.get(words[node.word]);
  }

  /** Four elements of an operand. */
  #load(operand: LeafOperand, dtype: DType, group: Group): Lanes {
    const { f } = this.#code;
    const bytes = BYTES_PER_ELEMENT[dtype];
    if (operand.access === "broadcast") return this.#loadSplat(dtype, () => f.get(operand.pointer), false);
    if (operand.access === "contiguous" && group !== "tail") {
      if (dtype === "bool") {
        return [() => {
          f.get(operand.pointer).mem("v128.load32_zero", 4 * group);
          f.op("i16x8.extend_low_i8x16_u").op("i32x4.extend_low_i16x8_u");
          this.#code.i32(0)();
          f.op("i32x4.ne");
        }];
      }
      const load = (i: number): Code => () => f.get(operand.pointer).mem("v128.load", 4 * bytes * group + 16 * i);
      return dtype === "float64" ? [load(0), load(1)] : [load(0)];
    }
    const vector = (lanes: readonly number[]): Code => () => {
      const value = f.local("v128");
      if (dtype === "bool") {
        this.#code.i32(0)();
        f.set(value);
      }
      lanes.forEach((lane, i) => {
        this.pushLaneAddress(operand, bytes, lane, group);
        if (dtype === "bool") f.get(value).memLane("v128.load8_lane", 4 * i).set(value);
        else if (i === 0) f.mem(dtype === "float64" ? "v128.load64_zero" : "v128.load32_zero").set(value);
        else f.get(value).memLane(dtype === "float64" ? "v128.load64_lane" : "v128.load32_lane", i).set(value);
      });
      f.get(value);
      if (dtype === "bool") {
        this.#code.i32(0)();
        f.op("i32x4.ne");
      }
      f.release(value);
    };
    return dtype === "float64" ? [vector([0, 1]), vector([2, 3])] : [vector([0, 1, 2, 3])];
  }

  /** One element in all lanes. A scalar of type bool is stored as a word. */
  #loadSplat(dtype: DType, pushAddress: () => void, isScalar: boolean): Lanes {
    const { f } = this.#code;
    const load = (): void => {
      pushAddress();
      if (dtype === "bool") {
        f.mem(isScalar ? "i32.load" : "i32.load8_u").op("i32x4.splat");
        this.#code.i32(0)();
        f.op("i32x4.ne");
      } else {
        f.mem(dtype === "float64" ? "v128.load64_splat" : "v128.load32_splat");
      }
    };
    return dtype === "float64" ? [load, load] : [load];
  }

  /** Positions of four elements. */
  #position(operand: LeafOperand, group: Group): Code {
    const { f } = this.#code;
    return () => {
      f.get(operand.pointer).op("i32x4.splat");
      if (operand.access === "broadcast") return;
      if (group === "tail") {
        f.get(this.#clampedVector!);
        if (operand.stride !== undefined) f.get(operand.stride).op("i32x4.splat").op("i32x4.mul");
      } else if (operand.stride === undefined) {
        this.#code.i32(4 * group, 4 * group + 1, 4 * group + 2, 4 * group + 3)();
      } else {
        f.get(this.#scaledIota.get(operand.stride)!);
        if (group > 0) f.i32(4 * group).get(operand.stride).op("i32.mul").op("i32x4.splat").op("i32x4.add");
      }
      f.op("i32x4.add");
    };
  }
}

function unwritten(op: string, dtype: DType): BackendError {
  return new BackendError({ op: `expression ${op}`, expected: "a type that it is defined for", actual: dtype });
}

/** A row of a table of operations: its functions for the three kinds of lanes. */
interface EmitterRow {
  readonly float?: (v: FloatLanes, ...operands: [Code, Code]) => Code;
  readonly int32?: (code: VectorCode, ...operands: [Code, Code]) => Code;
  readonly bool?: (code: VectorCode, ...operands: [Code, Code]) => Code;
}

function applyRow(code: VectorCode, dtype: DType, op: string, row: EmitterRow, operands: readonly Lanes[]): Lanes {
  const at = (half: number): [Code, Code] => [operands[0][half], operands[operands.length - 1][half]];
  if (dtype === "float32" || dtype === "float64") {
    const { float } = row;
    if (float === undefined) throw unwritten(op, dtype);
    const v = code.floats(dtype === "float32" ? "f32x4" : "f64x2");
    return operands[0].map((_, half) => float(v, ...at(half)));
  }
  const write = dtype === "int32" ? row.int32 : row.bool;
  if (write === undefined) throw unwritten(op, dtype);
  return [write(code, ...at(0))];
}

/** Rough number of instructions for a group of four elements. */
export function expressionCost(roots: readonly Expr[]): number {
  let cost = 0;
  for (const node of topologicalOrder(roots)) {
    const factor = node.dtype === "float64" ? 2 : 1;
    if (node.kind === "unary") cost += factor * UNARY_EMITTERS[node.op].cost;
    else if (node.kind === "binary") cost += factor * (constantOperation(node) ?? BINARY_EMITTERS[node.op]).cost;
    else if (node.kind === "random") cost += node.distribution === "normal" ? 500 : 150;
    else if (node.kind === "compare" || node.kind === "select" || node.kind === "cast") cost += factor;
    else if (node.dtype === "bool") cost += 2;
  }
  return cost;
}
