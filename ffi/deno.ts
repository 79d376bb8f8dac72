// Native calls in Deno, through Deno.dlopen. 64-bit arguments are handed over as BigInts: V8 then takes its fast calls
// (a native call in about 10 ns), while plain numbers there take the slow path (over 100 ns).

import type { FfiAdapter, OpenedLibrary, ParameterType, ResultType, SymbolTable, UntypedFunction } from "./types.ts";

type DenoType = "i32" | "u32" | "i64" | "u64" | "f32" | "f64" | "buffer" | "void";

interface DenoDefinition {
  parameters: DenoType[];
  result: DenoType;
  optional: true;
}

type DenoFunction = (...args: unknown[]) => unknown;

interface DenoFfi {
  dlopen(path: string, symbols: Record<string, DenoDefinition>): {
    symbols: Record<string, DenoFunction | null>;
    close(): void;
  };
  permissions: { querySync(query: { name: string; path?: string }): { state: string } };
  UnsafePointer: {
    of(view: ArrayBufferView): unknown;
    value(pointer: unknown): bigint;
    create(address: bigint): unknown;
  };
  UnsafePointerView: {
    getArrayBuffer(pointer: unknown, length: number): ArrayBuffer;
    getCString(pointer: unknown): string;
  };
}

/** Deno's name for each type. Addresses go as integers of the same width, so that no pointer objects are needed. */
export const DENO_TYPES: { readonly [T in ParameterType | ResultType]: DenoType } = {
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

/** The members of `Deno` for native calls; `undefined` in other runtimes. */
function denoFfi(): DenoFfi | undefined {
  const deno = (globalThis as { Deno?: Partial<DenoFfi> }).Deno;
  return typeof deno?.dlopen === "function" ? deno as DenoFfi : undefined;
}

/** Whether the process may open some library: `--allow-ffi` as a whole. */
export function denoMayCall(): boolean {
  return denoFfi()?.permissions.querySync({ name: "ffi" }).state === "granted";
}

/** Wraps a function so that it takes and gives plain numbers for 64-bit types. */
function withNumbers(native: DenoFunction, parameters: readonly ParameterType[], result: ResultType): UntypedFunction {
  const wide = (type: string) => DENO_TYPES[type as ParameterType].endsWith("64") && type !== "f64";
  if (!parameters.some(wide) && !wide(result)) return native as UntypedFunction;
  // One function per signature with a fixed number of parameters: a loop over rest arguments costs three times the call.
  const names = parameters.map((_, i) => `a${i}`);
  const args = names.map((name, i) => wide(parameters[i]) ? `BigInt(${name})` : name).join(", ");
  const call = wide(result) ? `Number(native(${args}))` : `native(${args})`;
  return new Function("native", `return (${names.join(", ")}) => ${call};`)(native) as UntypedFunction;
}

/** Makes the adapter. @throws TypeError outside Deno. */
export function denoAdapter(): FfiAdapter {
  const deno = denoFfi();
  if (deno === undefined) throw new TypeError("Expected Deno, got another runtime");
  return {
    runtime: "deno",
    description: "Deno.dlopen",
    modulePath: undefined,
    open(path: string, symbols: SymbolTable): OpenedLibrary {
      const definitions: Record<string, DenoDefinition> = {};
      for (const [name, { parameters, result }] of Object.entries(symbols)) {
        // All are optional for Deno, so that one call tells every symbol that is missing.
        definitions[name] = {
          parameters: parameters.map((type) => DENO_TYPES[type]),
          result: DENO_TYPES[result],
          optional: true,
        };
      }
      const library = deno.dlopen(path, definitions);
      const functions = new Map<string, UntypedFunction>();
      const missing: string[] = [];
      for (const [name, { parameters, result }] of Object.entries(symbols)) {
        const native = library.symbols[name];
        if (native) functions.set(name, withNumbers(native, parameters, result));
        else missing.push(name);
      }
      return { functions, missing, close: () => library.close() };
    },
    missingPermission(path: string): string | undefined {
      return deno.permissions.querySync({ name: "ffi", path }).state === "granted" ? undefined : "--allow-ffi";
    },
    addressOf(memory: ArrayBufferLike): number {
      return Number(deno.UnsafePointer.value(deno.UnsafePointer.of(new Uint8Array(memory))));
    },
    viewBytes(address: number, length: number): Uint8Array {
      const pointer = deno.UnsafePointer.create(BigInt(address));
      return new Uint8Array(deno.UnsafePointerView.getArrayBuffer(pointer, length));
    },
    readCString(address: number): string {
      return address === 0 ? "" : deno.UnsafePointerView.getCString(deno.UnsafePointer.create(BigInt(address)));
    },
  };
}
