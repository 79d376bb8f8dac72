// Native calls in Node through its own module node:ffi (Node 26.1 and later, experimental), taken where koffi is not
// installed. It wants BigInts for 64-bit types, in arguments as in results.

import { builtinModule } from "../src/runtime/builtins.ts";
import type { FfiAdapter, OpenedLibrary, ParameterType, ResultType, SymbolTable, UntypedFunction } from "./types.ts";

type NativeCall = (...args: unknown[]) => unknown;

interface NodeLibrary {
  getFunction(name: string, signature: Record<string, unknown>): NativeCall;
  close(): void;
}

interface NodeFfi {
  DynamicLibrary: new (path: string) => NodeLibrary;
  getRawPointer(view: ArrayBufferView): bigint;
  toArrayBuffer(address: bigint, length: number, copy: boolean): ArrayBuffer;
  toString(address: bigint): string;
}

/** The name of each type in node:ffi. */
export const NODE_TYPES: { readonly [T in ParameterType | ResultType]: string } = {
  i32: "i32",
  u32: "u32",
  i64: "i64",
  u64: "u64",
  usize: "u64",
  f32: "f32",
  f64: "f64",
  pointer: "u64",
  buffer: "buffer",
  void: "void",
};

/** The module node:ffi; `undefined` where Node has none. */
export function nodeFfi(): NodeFfi | undefined {
  const ffi = builtinModule<NodeFfi>("node:ffi");
  return typeof ffi?.DynamicLibrary === "function" ? ffi : undefined;
}

/** A signature under both pairs of names that node:ffi has used for its parts. */
function signature(parameters: readonly ParameterType[], result: ResultType): Record<string, unknown> {
  const types = parameters.map((type) => NODE_TYPES[type]);
  return { arguments: types, return: NODE_TYPES[result], parameters: types, result: NODE_TYPES[result] };
}

/** Wraps a function so that it takes and gives plain numbers for 64-bit types. */
function withNumbers(native: NativeCall, parameters: readonly ParameterType[], result: ResultType): UntypedFunction {
  const wide = (type: ParameterType | ResultType) => NODE_TYPES[type] === "u64" || NODE_TYPES[type] === "i64";
  if (!parameters.some(wide) && !wide(result)) return native as UntypedFunction;
  const names = parameters.map((_, i) => `a${i}`);
  const args = names.map((name, i) => wide(parameters[i]) ? `BigInt(${name})` : name).join(", ");
  const call = wide(result) ? `Number(native(${args}))` : `native(${args})`;
  return new Function("native", `return (${names.join(", ")}) => ${call};`)(native) as UntypedFunction;
}

/** Makes the adapter. @throws TypeError where node:ffi does not exist. */
export function nodeBuiltinAdapter(): FfiAdapter {
  const ffi = nodeFfi();
  if (ffi === undefined) throw new TypeError("Expected a Node with the module node:ffi, got one without");
  return {
    runtime: "node",
    description: "node:ffi",
    modulePath: undefined,
    open(path: string, symbols: SymbolTable): OpenedLibrary {
      const library = new ffi.DynamicLibrary(path);
      const functions = new Map<string, UntypedFunction>();
      const missing: string[] = [];
      for (const [name, { parameters, result }] of Object.entries(symbols)) {
        try {
          const native = library.getFunction(name, signature(parameters, result));
          functions.set(name, withNumbers(native, parameters, result));
        } catch {
          missing.push(name);
        }
      }
      return { functions, missing, close: () => library.close() };
    },
    missingPermission: () => undefined,
    addressOf: (memory: ArrayBufferLike): number => Number(ffi.getRawPointer(new Uint8Array(memory))),
    viewBytes: (address: number, length: number): Uint8Array =>
      new Uint8Array(ffi.toArrayBuffer(BigInt(address), length, false)),
    readCString: (address: number): string => address === 0 ? "" : ffi.toString(BigInt(address)),
  };
}
