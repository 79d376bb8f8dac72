// The one symbol-table format for native libraries, and the interface of the adapters that open them. Every name maps to
// argument and result types; TypeScript derives the signature of each function from the table.

/** Types of arguments. `pointer` is an address as a plain number; `buffer` passes the address of a view's first byte. */
export type ParameterType = "i32" | "u32" | "i64" | "u64" | "usize" | "f32" | "f64" | "pointer" | "buffer";

/** Types of results. 64-bit results are plain numbers, exact up to 2^53. */
export type ResultType = "i32" | "u32" | "i64" | "u64" | "usize" | "f32" | "f64" | "pointer" | "void";

/** One native function. */
export interface SymbolDefinition {
  /** The types of its arguments in order. */
  readonly parameters: readonly ParameterType[];
  /** The type of its result. */
  readonly result: ResultType;
  /** Whether a library may lack it; then it is `undefined` among the opened symbols. Default false. */
  readonly optional?: boolean;
}

/**
 * The functions to take from a library, under their C names:
 * `{ abs: { parameters: ["i32"], result: "i32" } } as const satisfies SymbolTable`.
 */
export type SymbolTable = { readonly [name: string]: SymbolDefinition };

/** What a caller gives for a parameter. `null` is the null pointer, as is the address 0. */
export type NativeArgument<P extends ParameterType> = P extends "buffer" ? ArrayBufferView | null : number;

/** What a caller gets for a result type. */
export type NativeResult<R extends ResultType> = R extends "void" ? void : number;

/** What a caller gives for a list of parameters. */
export type NativeArguments<P extends readonly ParameterType[]> = { -readonly [K in keyof P]: NativeArgument<P[K]> };

/** The function that a definition gives. */
export type NativeFunction<D extends SymbolDefinition> = (
  ...args: NativeArguments<D["parameters"]>
) => NativeResult<D["result"]>;

/** The functions that a table gives; optional ones may be `undefined`. */
export type NativeSymbols<S extends SymbolTable> = {
  readonly [K in keyof S]: S[K] extends { readonly optional: true } ? NativeFunction<S[K]> | undefined
    : NativeFunction<S[K]>;
};

/** A function of a library without its signature, as the adapters handle it. */
export type UntypedFunction = (...args: (number | ArrayBufferView | null)[]) => number | void;

/** What an adapter gives for an opened library. */
export interface OpenedLibrary {
  /** The functions that were found, by name. */
  readonly functions: ReadonlyMap<string, UntypedFunction>;
  /** The names that the library does not have. */
  readonly missing: readonly string[];
  /** Unloads the library. No function may be called afterwards. */
  close(): void;
}

/** The runtimes that have native calls. */
export type FfiRuntime = "deno" | "bun" | "node";

/** Native calls of one runtime. */
export interface FfiAdapter {
  /** The runtime. */
  readonly runtime: FfiRuntime;
  /** What makes the calls: "Deno.dlopen", "bun:ffi", "koffi 3.3.4". */
  readonly description: string;
  /** The path of the module that makes the calls, for workers; `undefined` where it is built in. */
  readonly modulePath: string | undefined;
  /**
   * Opens a library. Symbols that it lacks are reported, not thrown.
   *
   * @param path A path, or a name that the system's loader looks for.
   * @param symbols The functions to take.
   * @throws The runtime's own error when the library cannot be opened.
   */
  open(path: string, symbols: SymbolTable): OpenedLibrary;
  /** Why a path may not be opened: the missing permission flag. `undefined` when nothing is in the way. */
  missingPermission(path: string): string | undefined;
  /**
   * The address of a memory's first byte. The memory must be one that does not move: that of a `WebAssembly.Memory`, or
   * a buffer of 1 KiB or more that stays referenced.
   */
  addressOf(memory: ArrayBufferLike): number;
  /**
   * A view of native memory, without a copy. Valid as long as the memory is.
   *
   * @param address The first byte, not 0.
   * @param length Bytes.
   */
  viewBytes(address: number, length: number): Uint8Array;
  /**
   * Copies a zero-terminated UTF-8 string.
   *
   * @param address The first byte; 0 gives "".
   */
  readCString(address: number): string;
}
