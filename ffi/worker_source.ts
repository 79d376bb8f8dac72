// Native calls inside a worker, as plain JavaScript text: a worker is one self-contained source string, so it cannot
// import the adapters. The text defines one function and takes the type tables from the adapters' own.

import { BUN_PARAMETERS, BUN_RESULTS } from "./bun.ts";
import { DENO_TYPES } from "./deno.ts";
import { KOFFI_TYPES } from "./node.ts";
import { NODE_TYPES } from "./node_builtin.ts";
import type { FfiAdapter, SymbolTable } from "./types.ts";

/** What `openNative` in a worker gets: which library, which functions, and where koffi is. Can be cloned. */
export interface WorkerLibrary {
  /** The path or name that the main thread opened. */
  path: string;
  /** The functions to take. */
  symbols: SymbolTable;
  /** The path of koffi, in Node with koffi. */
  modulePath: string | undefined;
}

/**
 * Describes an opened library for a worker.
 *
 * @param adapter The adapter of the main thread.
 * @param path The opened library's path.
 * @param symbols The functions that the worker needs.
 * @returns Data to send to the worker.
 */
export function workerLibrary(adapter: FfiAdapter, path: string, symbols: SymbolTable): WorkerLibrary {
  return { path, symbols, modulePath: adapter.modulePath };
}

/**
 * Plain JavaScript that defines `openNative({ path, symbols, modulePath })`: it opens the library in the worker and
 * returns an object of functions with plain numbers for addresses and 64-bit integers. A function that the library lacks
 * is `undefined` when it is optional; else `openNative` throws. To be put in front of a worker's own source.
 */
export const WORKER_FFI_SOURCE: string = `
const openNative = ({ path, symbols, modulePath }) => {
  const wide = (type) => type === "i64" || type === "u64" || type === "usize" || type === "pointer";
  const withNumbers = (native, parameters, result, widen) => {
    if (native === undefined) return undefined;
    const names = parameters.map((_, i) => "a" + i);
    const args = names.map((name, i) => widen && wide(parameters[i]) ? "BigInt(" + name + ")" : name).join(", ");
    const call = wide(result) ? "Number(native(" + args + "))" : "native(" + args + ")";
    return new Function("native", "return (" + names.join(", ") + ") => " + call + ";")(native);
  };
  let bind;
  if (typeof Deno !== "undefined") {
    const types = ${JSON.stringify(DENO_TYPES)};
    bind = (name, { parameters, result }) => {
      const table = { [name]: { parameters: parameters.map((type) => types[type]), result: types[result], optional: true } };
      return withNumbers(Deno.dlopen(path, table).symbols[name] || undefined, parameters, result, true);
    };
  } else if (typeof Bun !== "undefined") {
    const parameterTypes = ${JSON.stringify(BUN_PARAMETERS)};
    const resultTypes = ${JSON.stringify(BUN_RESULTS)};
    const ffi = process.getBuiltinModule("bun:ffi");
    bind = (name, { parameters, result }) => {
      try {
        const table = { [name]: { args: parameters.map((type) => parameterTypes[type]), returns: resultTypes[result] } };
        return withNumbers(ffi.dlopen(path, table).symbols[name], parameters, result, false);
      } catch (error) {
        if (error.code === "ERR_DLOPEN_FAILED") throw error;
      }
    };
  } else if (modulePath === undefined) {
    const types = ${JSON.stringify(NODE_TYPES)};
    const library = new (process.getBuiltinModule("node:ffi").DynamicLibrary)(path);
    bind = (name, { parameters, result }) => {
      const shape = { parameters: parameters.map((type) => types[type]), result: types[result] };
      try {
        const native = library.getFunction(name, { ...shape, arguments: shape.parameters, return: shape.result });
        return withNumbers(native, parameters, result, true);
      } catch {
        return undefined;
      }
    };
  } else {
    const types = ${JSON.stringify(KOFFI_TYPES)};
    const library = process.getBuiltinModule("node:module").createRequire(modulePath)(modulePath).load(path);
    bind = (name, { parameters, result }) => {
      try {
        const native = library.func(name, types[result], parameters.map((type) => types[type]));
        return withNumbers(native, parameters, result, false);
      } catch {
        return undefined;
      }
    };
  }
  const functions = {};
  for (const [name, definition] of Object.entries(symbols)) {
    functions[name] = bind(name, definition);
    if (functions[name] === undefined && !definition.optional) throw new Error(path + " lacks \\"" + name + "\\"");
  }
  return functions;
};
`;
