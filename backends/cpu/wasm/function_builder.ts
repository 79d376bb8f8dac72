/**
 * Writes the body of one WebAssembly function: locals, structured control flow, and every instruction of opcodes.ts.
 * The methods mirror the stack machine (operands first, then the instruction) and return the builder, so that code reads
 * as in the text format: `f.get(a).get(b).op("f32x4.mul").set(c)`.
 */

import { ByteWriter } from "./byte_writer.ts";
import {
  LANE,
  type LaneOp,
  MEMORY,
  MEMORY_LANE,
  type MemoryLaneOp,
  type MemoryOp,
  PLAIN,
  type PlainOp,
  PREFIX_FC,
  PREFIX_FD,
} from "./opcodes.ts";

/** A value type. */
export type ValueType = "i32" | "i64" | "f32" | "f64" | "v128";

/** The binary codes of the value types. */
export const VALUE_TYPE_CODES: { readonly [T in ValueType]: number } = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
};

/** A local variable or parameter. */
export interface Local {
  /** Its number in the function. */
  readonly index: number;
  /** Its type. */
  readonly type: ValueType;
}

/** The target of a branch: the end of a block, or the start of a loop. */
export interface Label {
  /** Nesting depth at which the block was opened. */
  readonly depth: number;
}

/** Builds one function; get one from `ModuleBuilder.function`. */
export class FunctionBuilder {
  /** Its number in the module. */
  readonly index: number;
  /** Its parameters, in order. */
  readonly params: readonly Local[];
  /** Its result types. */
  readonly results: readonly ValueType[];

  readonly #entry = new ByteWriter();
  readonly #body = new ByteWriter();
  readonly #constants = new Map<string, Local>();
  #code = this.#body;
  readonly #locals: Local[] = [];
  readonly #free: { readonly [T in ValueType]: Local[] } = { i32: [], i64: [], f32: [], f64: [], v128: [] };
  #depth = 0;

  /** Made by `ModuleBuilder.function`. */
  constructor(index: number, params: readonly ValueType[], results: readonly ValueType[]) {
    this.index = index;
    this.params = params.map((type, i) => ({ index: i, type }));
    this.results = results;
  }

  /** A local variable: one that was released, else a new one (zero at entry). */
  local(type: ValueType): Local {
    const reused = this.#free[type].pop();
    if (reused !== undefined) return reused;
    return this.#newLocal(type);
  }

  /** Several new locals of one type. */
  locals(type: ValueType, count: number): Local[] {
    return Array.from({ length: count }, () => this.local(type));
  }

  /** Says that locals are not needed any more, so that `local` may hand them out again. */
  release(...locals: readonly Local[]): void {
    for (const local of locals) this.#free[local.type].push(local);
  }

  /** Pushes a local. */
  get(local: Local): this {
    this.#code.byte(0x20).u32(local.index);
    return this;
  }

  /** Pops into a local. */
  set(local: Local): this {
    this.#code.byte(0x21).u32(local.index);
    return this;
  }

  /** Copies the top of the stack into a local. */
  tee(local: Local): this {
    this.#code.byte(0x22).u32(local.index);
    return this;
  }

  /** Pushes an i32; addresses and bit patterns up to 2^32 are welcome. */
  i32(value: number): this {
    this.#code.byte(0x41).i32(value);
    return this;
  }

  /** Pushes an i64. */
  i64(value: bigint): this {
    this.#code.byte(0x42).i64(value);
    return this;
  }

  /** Pushes an f32. */
  f32(value: number): this {
    this.#code.byte(0x43).f32(value);
    return this;
  }

  /** Pushes an f64. */
  f64(value: number): this {
    this.#code.byte(0x44).f64(value);
    return this;
  }

  /** Pushes a v128 of 16 bytes. Keep it out of loops: V8 15 builds it anew each time; use a local. */
  v128(bytes: Uint8Array | readonly number[]): this {
    this.#opcode(PREFIX_FD + 12);
    this.#code.bytes(bytes);
    return this;
  }

  /** Pushes a v128 of four f32. */
  f32x4(a: number, b: number = a, c: number = a, d: number = a): this {
    this.#opcode(PREFIX_FD + 12);
    this.#code.f32(a).f32(b).f32(c).f32(d);
    return this;
  }

  /** Pushes a v128 of two f64. */
  f64x2(a: number, b: number = a): this {
    this.#opcode(PREFIX_FD + 12);
    this.#code.f64(a).f64(b);
    return this;
  }

  /** Pushes a v128 of four i32. */
  i32x4(a: number, b: number = a, c: number = a, d: number = a): this {
    return this.v128(new Uint8Array(Int32Array.of(a, b, c, d).buffer));
  }

  /**
   * A local that holds a vector constant, set once when the function is entered; equal constants share it. Do not assign or
   * release it. For loops: V8 15 rebuilds an in-loop `v128.const` in every round.
   */
  constant(bytes: Uint8Array): Local {
    const key = bytes.join();
    let local = this.#constants.get(key);
    if (local === undefined) {
      // Never a released local: it may be assigned on the way here.
      local = this.#newLocal("v128");
      this.#constants.set(key, local);
      const code = this.#code;
      this.#code = this.#entry;
      this.v128(bytes).set(local);
      this.#code = code;
    }
    return local;
  }

  /** An instruction without immediates. */
  op(name: PlainOp): this {
    this.#opcode(PLAIN[name]);
    return this;
  }

  /** A load (pops the address) or store (pops address and value) at `address + offset`, for any alignment. */
  mem(name: MemoryOp, offset = 0): this {
    const [code, alignment] = MEMORY[name];
    this.#opcode(code);
    this.#code.u32(alignment).u32(offset);
    return this;
  }

  /** A load into a lane or a store of a lane (pops address and vector) at `address + offset`. */
  memLane(name: MemoryLaneOp, lane: number, offset = 0): this {
    const [code, alignment] = MEMORY_LANE[name];
    this.#opcode(code);
    this.#code.u32(alignment).u32(offset).byte(lane);
    return this;
  }

  /** Extracts or replaces a lane. */
  lane(name: LaneOp, lane: number): this {
    this.#opcode(LANE[name][0]);
    this.#code.byte(lane);
    return this;
  }

  /** `i8x16.shuffle` of two vectors: lanes 0-15 name bytes of the first, 16-31 of the second. */
  shuffle(lanes: readonly number[]): this {
    this.#opcode(PREFIX_FD + 13);
    this.#code.bytes(lanes);
    return this;
  }

  /** A shuffle of four 32-bit lanes: 0-3 of the first vector, 4-7 of the second. */
  shuffle32(a: number, b: number, c: number, d: number): this {
    return this.shuffle([a, b, c, d].flatMap((lane) => [4 * lane, 4 * lane + 1, 4 * lane + 2, 4 * lane + 3]));
  }

  /** A shuffle of two 64-bit lanes: 0-1 of the first vector, 2-3 of the second. */
  shuffle64(a: number, b: number): this {
    return this.shuffle32(2 * a, 2 * a + 1, 2 * b, 2 * b + 1);
  }

  /** Copies memory (pops destination, source, size), as memmove. */
  memoryCopy(): this {
    this.#opcode(PREFIX_FC + 10);
    this.#code.byte(0).byte(0);
    return this;
  }

  /** Fills memory (pops destination, byte value, size). */
  memoryFill(): this {
    this.#opcode(PREFIX_FC + 11);
    this.#code.byte(0);
    return this;
  }

  /** Calls another function of the module. */
  call(target: FunctionBuilder): this {
    this.#code.byte(0x10).u32(target.index);
    return this;
  }

  /** A block; branching to its label leaves it. */
  block(body: (label: Label) => void, result?: ValueType): this {
    return this.#structured(0x02, body, result);
  }

  /** A loop; branching to its label starts the next round, falling out of the body ends it. */
  loop(body: (label: Label) => void, result?: ValueType): this {
    return this.#structured(0x03, body, result);
  }

  /** Pops a condition and runs one of two bodies. */
  if(whenTrue: () => void, whenFalse?: () => void, result?: ValueType): this {
    this.#code.byte(0x04).byte(result === undefined ? 0x40 : VALUE_TYPE_CODES[result]);
    this.#depth++;
    whenTrue();
    if (whenFalse !== undefined) {
      this.#code.byte(0x05);
      whenFalse();
    }
    this.#depth--;
    this.#code.byte(0x0b);
    return this;
  }

  /** Branches to a label. */
  br(label: Label): this {
    this.#code.byte(0x0c).u32(this.#depth - label.depth);
    return this;
  }

  /** Pops a condition and branches to a label if it is not 0. */
  brIf(label: Label): this {
    this.#code.byte(0x0d).u32(this.#depth - label.depth);
    return this;
  }

  /** `while (index + step <= end) { body; index += step }`, for signed i32 locals. */
  forSteps(index: Local, end: Local, step: number, body: () => void): this {
    return this.block((exit) => {
      this.loop((next) => {
        this.get(index).i32(step).op("i32.add").get(end).op("i32.gt_s").brIf(exit);
        body();
        this.add(index, step).br(next);
      });
    });
  }

  /** `local += value` for an i32 local; the value is a number or another local. */
  add(local: Local, value: number | Local): this {
    this.get(local);
    if (typeof value === "number") this.i32(value);
    else this.get(value);
    return this.op("i32.add").set(local);
  }

  /** Writes the function's entry in the code section. */
  writeTo(section: ByteWriter): void {
    const body = new ByteWriter();
    const groups: { type: ValueType; count: number }[] = [];
    for (const { type } of this.#locals) {
      const last = groups.at(-1);
      if (last?.type === type) last.count++;
      else groups.push({ type, count: 1 });
    }
    body.u32(groups.length);
    for (const { type, count } of groups) body.u32(count).byte(VALUE_TYPE_CODES[type]);
    body.bytes(this.#entry.toBytes()).bytes(this.#body.toBytes()).byte(0x0b);
    section.sized(body);
  }

  #newLocal(type: ValueType): Local {
    const local: Local = { index: this.params.length + this.#locals.length, type };
    this.#locals.push(local);
    return local;
  }

  #structured(opcode: number, body: (label: Label) => void, result: ValueType | undefined): this {
    this.#code.byte(opcode).byte(result === undefined ? 0x40 : VALUE_TYPE_CODES[result]);
    this.#depth++;
    body({ depth: this.#depth });
    this.#depth--;
    this.#code.byte(0x0b);
    return this;
  }

  #opcode(code: number): void {
    if (code >= PREFIX_FD) this.#code.byte(0xfd).u32(code - PREFIX_FD);
    else if (code >= PREFIX_FC) this.#code.byte(0xfc).u32(code - PREFIX_FC);
    else this.#code.byte(code);
  }
}
