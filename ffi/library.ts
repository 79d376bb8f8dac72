// Opening a native library: candidates in order, an environment variable that overrides them, and errors that say what
// was tried. Nothing is opened at import, and nothing prompts.

import { runtime } from "../src/runtime/mod.ts";
import { LibraryClosedError, LibraryNotFoundError, MissingSymbolError, type OpenAttempt } from "./errors.ts";
import { loadFfi, platformName } from "./load.ts";
import type { FfiAdapter, NativeSymbols, OpenedLibrary, SymbolTable, UntypedFunction } from "./types.ts";

/** Options of {@linkcode openLibrary}. */
export interface OpenLibraryOptions<S extends SymbolTable> {
  /** The library's name for people: "OpenBLAS". */
  name: string;
  /** Paths and names to try in order. */
  candidates: readonly string[];
  /** An environment variable that replaces the candidates by its value; the value "off" switches the library off. */
  env?: string;
  /** The functions to take. */
  symbols: S;
  /** How to install the library, as one sentence or command: "install it with: apt-get install libopenblas0". */
  install: string;
}

/** An opened native library. */
export interface Library<S extends SymbolTable> extends Disposable {
  /** The library's name for people. */
  readonly name: string;
  /** The candidate that was opened. */
  readonly path: string;
  /** The functions, typed by the table. */
  readonly symbols: NativeSymbols<S>;
  /**
   * Unloads the library. Functions taken from `symbols` afterwards throw LibraryClosedError; functions kept from before
   * must not be called any more. Closing twice has no effect.
   */
  close(): void;
}

/**
 * Opens the first candidate that can be opened and has all functions that are not optional.
 *
 * @param options What to open.
 * @returns The library.
 * @throws FfiUnavailableError when this process cannot call native code.
 * @throws LibraryNotFoundError when no candidate can be opened.
 * @throws MissingSymbolError when candidates can be opened, but all lack functions.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { cLibraryCandidates, openLibrary, type SymbolTable } from "./mod.ts";
 *
 * const symbols = { abs: { parameters: ["i32"], result: "i32" } } as const satisfies SymbolTable;
 * using library = openLibrary({
 *   name: "the C library",
 *   candidates: cLibraryCandidates(),
 *   symbols,
 *   install: "it is part of the system",
 * });
 * assertEquals(library.symbols.abs(-3), 3);
 * ```
 */
export function openLibrary<const S extends SymbolTable>(options: OpenLibraryOptions<S>): Library<S> {
  const { name, env, symbols, install } = options;
  const platform = platformName();
  const override = env === undefined ? undefined : runtime.env(env);
  if (override === "off") {
    throw new LibraryNotFoundError({ library: name, tried: [], platform, install, env, disabled: true });
  }
  const adapter = loadFfi();
  const tried: OpenAttempt[] = [];
  let missingSymbols: MissingSymbolError | undefined;
  let missingPermission: string | undefined;
  for (const path of override ? [override] : options.candidates) {
    const flag = adapter.missingPermission(path);
    if (flag !== undefined) {
      missingPermission = flag;
      tried.push({ path, reason: `not permitted without ${flag}` });
      continue;
    }
    const opened = tryOpen(adapter, path, symbols, tried);
    if (opened === undefined) continue;
    const missing = opened.missing.filter((symbol) => symbols[symbol].optional !== true);
    if (missing.length === 0) return new NativeLibrary(name, path, symbols, opened);
    opened.close();
    missingSymbols ??= new MissingSymbolError({ library: name, path, missing, install });
    tried.push({ path, reason: `lacks ${missing.join(", ")}` });
  }
  throw missingSymbols ??
    new LibraryNotFoundError({ library: name, tried, platform, missingPermission, install, env });
}

function tryOpen(
  adapter: FfiAdapter,
  path: string,
  symbols: SymbolTable,
  tried: OpenAttempt[],
): OpenedLibrary | undefined {
  try {
    return adapter.open(path, symbols);
  } catch (error) {
    tried.push({ path, reason: error instanceof Error ? error.message : String(error) });
    return undefined;
  }
}

class NativeLibrary<S extends SymbolTable> implements Library<S> {
  readonly name: string;
  readonly path: string;
  readonly symbols: NativeSymbols<S>;
  readonly #functions: Record<string, UntypedFunction | undefined> = {};
  readonly #opened: OpenedLibrary;
  #closed = false;

  constructor(name: string, path: string, symbols: S, opened: OpenedLibrary) {
    this.name = name;
    this.path = path;
    this.#opened = opened;
    for (const symbol of Object.keys(symbols)) this.#functions[symbol] = opened.functions.get(symbol);
    this.symbols = this.#functions as unknown as NativeSymbols<S>;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const symbol of Object.keys(this.#functions)) {
      this.#functions[symbol] = () => {
        throw new LibraryClosedError(this.name, symbol);
      };
    }
    this.#opened.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
