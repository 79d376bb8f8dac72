// Native calls in Bun, through bun:ffi. Bun refuses a whole table when one symbol is missing, so a table that fails is
// opened symbol by symbol.

import { builtinModule } from "../src/runtime/builtins.ts";
import type { FfiAdapter, OpenedLibrary, ParameterType, ResultType, SymbolTable, UntypedFunction } from "./types.ts";

interface BunDefinition {
  args: string[];
  returns: string;
}

type BunFunction = (...args: unknown[]) => unknown;

interface BunLibrary {
  symbols: Record<string, BunFunction>;
  close(): void;
}

interface BunFfi {
  dlopen(path: string, symbols: Record<string, BunDefinition>): BunLibrary;
  ptr(view: ArrayBufferView): number;
  toArrayBuffer(address: number, offset: number, length: number): ArrayBuffer;
  CString: new (address: number) => string;
}

/** Bun's name for the type of an argument. */
export const BUN_PARAMETERS: { readonly [T in ParameterType]: string } = {
  i32: "i32",
  u32: "u32",
  i64: "i64",
  u64: "u64",
  usize: "usize",
  f32: "f32",
  f64: "f64",
  pointer: "ptr",
  buffer: "ptr",
};

/** Bun's name for the type of a result; the "fast" ones give numbers as long as they are exact. */
export const BUN_RESULTS: { readonly [T in ResultType]: string } = {
  i32: "i32",
  u32: "u32",
  i64: "i64_fast",
  u64: "u64_fast",
  usize: "u64_fast",
  f32: "f32",
  f64: "f64",
  pointer: "u64_fast",
  void: "void",
};

/** The module bun:ffi; `undefined` in other runtimes. */
export function bunFfi(): BunFfi | undefined {
  const ffi = builtinModule<BunFfi>("bun:ffi");
  return typeof ffi?.dlopen === "function" ? ffi : undefined;
}

/** Gives plain numbers where Bun gives BigInts: 64-bit results beyond 2^53. */
function withNumbers(native: BunFunction, length: number, result: ResultType): UntypedFunction {
  if (!BUN_RESULTS[result].endsWith("_fast")) return native as UntypedFunction;
  const names = Array.from({ length }, (_, i) => `a${i}`).join(", ");
  return new Function("native", `return (${names}) => Number(native(${names}));`)(native) as UntypedFunction;
}

/** Makes the adapter. @throws TypeError outside Bun. */
export function bunAdapter(): FfiAdapter {
  const ffi = bunFfi();
  if (ffi === undefined) throw new TypeError("Expected Bun, got another runtime");
  return {
    runtime: "bun",
    description: "bun:ffi",
    modulePath: undefined,
    open(path: string, symbols: SymbolTable): OpenedLibrary {
      const definitions: Record<string, BunDefinition> = {};
      for (const [name, { parameters, result }] of Object.entries(symbols)) {
        definitions[name] = { args: parameters.map((type) => BUN_PARAMETERS[type]), returns: BUN_RESULTS[result] };
      }
      const { libraries, missing } = openEach(ffi, path, definitions);
      const functions = new Map<string, UntypedFunction>();
      for (const library of libraries) {
        for (const [name, native] of Object.entries(library.symbols)) {
          functions.set(name, withNumbers(native, symbols[name].parameters.length, symbols[name].result));
        }
      }
      return { functions, missing, close: () => libraries.forEach((library) => library.close()) };
    },
    missingPermission: () => undefined,
    addressOf: (memory: ArrayBufferLike): number => ffi.ptr(new Uint8Array(memory)),
    viewBytes: (address: number, length: number): Uint8Array => new Uint8Array(ffi.toArrayBuffer(address, 0, length)),
    readCString: (address: number): string => address === 0 ? "" : String(new ffi.CString(address)),
  };
}

function openEach(
  ffi: BunFfi,
  path: string,
  definitions: Record<string, BunDefinition>,
): { libraries: BunLibrary[]; missing: string[] } {
  try {
    return { libraries: [ffi.dlopen(path, definitions)], missing: [] };
  } catch (error) {
    if ((error as { code?: string }).code === "ERR_DLOPEN_FAILED") throw error;
  }
  const libraries: BunLibrary[] = [];
  const missing: string[] = [];
  for (const [name, definition] of Object.entries(definitions)) {
    try {
      libraries.push(ffi.dlopen(path, { [name]: definition }));
    } catch (error) {
      if ((error as { code?: string }).code === "ERR_DLOPEN_FAILED") throw error;
      missing.push(name);
    }
  }
  return { libraries, missing };
}
