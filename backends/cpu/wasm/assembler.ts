/**
 * A small writer of WebAssembly modules (WebAssembly Core Specification 2.0, section 5.5): functions over one imported
 * memory, exported by name. Our kernels are generated with it at run time; a compiler library would cost more start-up
 * time than all of them together.
 */

import { ByteWriter } from "./byte_writer.ts";
import { FunctionBuilder, VALUE_TYPE_CODES, type ValueType } from "./function_builder.ts";

export { FunctionBuilder, type Label, type Local, type ValueType } from "./function_builder.ts";
export type { LaneOp, MemoryLaneOp, MemoryOp, PlainOp } from "./opcodes.ts";

/** How a module sees its memory. */
export interface ModuleOptions {
  /** Whether `env.memory` is shared. A module fits only the kind of memory it was built for. Default `false`. */
  readonly shared?: boolean;
}

const MAX_PAGES = 65536;

interface ModuleFunction {
  readonly builder: FunctionBuilder;
  readonly type: number;
  readonly exportName: string | undefined;
}

/**
 * Builds a module that imports its memory as `env.memory`.
 *
 * ```ts ignore
 * const module = new ModuleBuilder({ shared: false });
 * const f = module.function(["i32", "i32"], [], "double");
 * const [pointer, end] = f.params;
 * f.loop((next) => {
 *   f.get(pointer).get(pointer).mem("v128.load").get(pointer).mem("v128.load").op("f32x4.add").mem("v128.store");
 *   f.add(pointer, 16).get(pointer).get(end).op("i32.lt_u").brIf(next);
 * });
 * new WebAssembly.Module(module.toBytes());
 * ```
 */
export class ModuleBuilder {
  readonly #shared: boolean;
  readonly #types: string[] = [];
  readonly #typeSection = new ByteWriter();
  readonly #functions: ModuleFunction[] = [];

  /** A module without functions. */
  constructor(options: ModuleOptions = {}) {
    this.#shared = options.shared ?? false;
  }

  /** Adds a function; with `exportName` it is exported. Functions may call those added before them and themselves. */
  function(params: readonly ValueType[], results: readonly ValueType[], exportName?: string): FunctionBuilder {
    const builder = new FunctionBuilder(this.#functions.length, params, results);
    this.#functions.push({ builder, type: this.#type(params, results), exportName });
    return builder;
  }

  /** The binary module. */
  toBytes(): Uint8Array<ArrayBuffer> {
    const module = new ByteWriter().bytes([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);
    const types = new ByteWriter().u32(this.#types.length).bytes(this.#typeSection.toBytes());
    module.section(1, types);
    const imports = new ByteWriter().u32(1).name("env").name("memory").byte(0x02);
    // A memory of at least a page: V8 without a trap handler (Deno) then needs one comparison for an access instead of two.
    if (this.#shared) imports.byte(0x03).u32(1).u32(MAX_PAGES);
    else imports.byte(0x00).u32(1);
    module.section(2, imports);
    const declarations = new ByteWriter().u32(this.#functions.length);
    for (const { type } of this.#functions) declarations.u32(type);
    module.section(3, declarations);
    const exported = this.#functions.filter((entry) => entry.exportName !== undefined);
    const exports = new ByteWriter().u32(exported.length);
    for (const { exportName, builder } of exported) exports.name(exportName!).byte(0x00).u32(builder.index);
    module.section(7, exports);
    const code = new ByteWriter().u32(this.#functions.length);
    for (const { builder } of this.#functions) builder.writeTo(code);
    module.section(10, code);
    return module.toBytes();
  }

  #type(params: readonly ValueType[], results: readonly ValueType[]): number {
    const key = `${params} -> ${results}`;
    const known = this.#types.indexOf(key);
    if (known >= 0) return known;
    this.#typeSection.byte(0x60).u32(params.length).bytes(params.map((type) => VALUE_TYPE_CODES[type]));
    this.#typeSection.u32(results.length).bytes(results.map((type) => VALUE_TYPE_CODES[type]));
    return this.#types.push(key) - 1;
  }
}
