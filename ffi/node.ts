// Native calls in Node, through the package koffi (an optional dependency of whoever installs this one).

import { builtinModule, processGlobal } from "../src/runtime/builtins.ts";
import type { FfiAdapter, OpenedLibrary, ParameterType, ResultType, SymbolTable, UntypedFunction } from "./types.ts";

type KoffiFunction = (...args: unknown[]) => number | bigint | void;

interface KoffiLibrary {
  func(name: string, result: string, parameters: string[]): KoffiFunction;
  unload?(): void;
}

interface Koffi {
  version?: string;
  load(path: string): KoffiLibrary;
  address(view: ArrayBufferView): bigint;
  view(address: bigint | number, length: number): ArrayBuffer;
  decode(address: bigint | number, type: string, length: number): string;
}

interface ModuleBuiltin {
  createRequire(from: string | URL): { (name: string): unknown; resolve(name: string): string };
}

/** koffi's name for each type. Addresses go as integers of the same width, so that no pointer objects are needed. */
export const KOFFI_TYPES: { readonly [T in ParameterType | ResultType]: string } = {
  i32: "int32_t",
  u32: "uint32_t",
  i64: "int64_t",
  u64: "uint64_t",
  usize: "uint64_t",
  f32: "float",
  f64: "double",
  pointer: "uint64_t",
  buffer: "void *",
  void: "void",
};

/** koffi and where it is; `undefined` when it is not installed beside the program or beside this package. */
export function findKoffi(): { koffi: Koffi; path: string } | undefined {
  const module = builtinModule<ModuleBuiltin>("node:module");
  const process = processGlobal();
  if (module === undefined || process === undefined) return undefined;
  const origins = [`${process.cwd()}/package.json`, ...(import.meta.url.startsWith("file:") ? [import.meta.url] : [])];
  for (const origin of origins) {
    try {
      const require = module.createRequire(origin);
      return { koffi: require("koffi") as Koffi, path: require.resolve("koffi") };
    } catch {
      // Not installed there; the caller reports when it is nowhere.
    }
  }
  return undefined;
}

/** Gives plain numbers where koffi gives BigInts: 64-bit results beyond 2^53. */
function withNumbers(native: KoffiFunction, parameters: number, result: ResultType): UntypedFunction {
  if (!KOFFI_TYPES[result].endsWith("int64_t")) return native as UntypedFunction;
  const names = Array.from({ length: parameters }, (_, i) => `a${i}`).join(", ");
  return new Function("native", `return (${names}) => Number(native(${names}));`)(native) as UntypedFunction;
}

/** Makes the adapter. @throws TypeError when koffi is not installed. */
export function nodeAdapter(): FfiAdapter {
  const found = findKoffi();
  if (found === undefined) throw new TypeError("Expected the package koffi to be installed, found none");
  const { koffi, path: modulePath } = found;
  return {
    runtime: "node",
    description: `koffi ${koffi.version ?? ""}`.trim(),
    modulePath,
    open(path: string, symbols: SymbolTable): OpenedLibrary {
      const library = koffi.load(path);
      const functions = new Map<string, UntypedFunction>();
      const missing: string[] = [];
      for (const [name, { parameters, result }] of Object.entries(symbols)) {
        const types = parameters.map((type) => KOFFI_TYPES[type]);
        try {
          functions.set(name, withNumbers(library.func(name, KOFFI_TYPES[result], types), types.length, result));
        } catch {
          missing.push(name);
        }
      }
      return { functions, missing, close: () => library.unload?.() };
    },
    missingPermission: () => undefined,
    addressOf: (memory: ArrayBufferLike): number => Number(koffi.address(new Uint8Array(memory))),
    viewBytes: (address: number, length: number): Uint8Array => new Uint8Array(koffi.view(BigInt(address), length)),
    readCString: (address: number): string => address === 0 ? "" : koffi.decode(BigInt(address), "char", -1),
  };
}
