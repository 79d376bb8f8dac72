// The interface that every runtime adapter implements: environment, files, workers and context storage. The rest of the
// library asks for these things through it alone, so that nothing else depends on Deno, Bun, Node or a browser.

/** The runtimes that have an adapter. */
export type RuntimeName = "deno" | "bun" | "node" | "browser";

/** Options of {@linkcode Runtime.spawnWorker}. */
export interface WorkerOptions {
  /**
   * What the worker gets as `data` at its start: anything that can be cloned, with shared memories
   * (`SharedArrayBuffer`, a shared `WebAssembly.Memory`) and `WebAssembly.Module`s by reference. Default `undefined`.
   */
  data?: unknown;
  /** Called with each message that the worker posts. */
  onMessage?: (message: unknown) => void;
  /** Called when the worker throws or cannot start. Default: the error is dropped; the worker is dead. */
  onError?: (error: Error) => void;
  /**
   * Called once the worker has ended in any way, also by `terminate` or by a `process.exit` of its own. Not called in browsers, which do
   * not tell.
   */
  onExit?: () => void;
  /**
   * Whether `port.load` of the worker takes TypeScript where the process does: under tsx the worker then starts tsx's loader too, which
   * takes a few hundred milliseconds. Deno and Bun always take it. Default false.
   */
  loadsTypeScript?: boolean;
}

/** A worker that runs one script. It does not keep the process alive unless it is told to. */
export interface RuntimeWorker {
  /**
   * Sends a message to the functions that the worker registered with `port.listen`.
   *
   * @param message Anything that can be cloned.
   * @param transfer Buffers and ports that move to the worker.
   */
  post(message: unknown, transfer?: ArrayBuffer[]): void;
  /**
   * Says whether the worker keeps the process alive from now on: true while somebody waits for a message of it. At its start it does
   * not. Without effect in browsers.
   */
  hold(alive: boolean): void;
  /** Stops the worker at once; resolves when it has ended. */
  terminate(): Promise<void>;
}

/** A value for each asynchronous context, as `AsyncLocalStorage` has it. */
export interface ContextStorage<T> {
  /** Whether concurrent asynchronous contexts are told apart. Without it (browsers) there is one stack for all. */
  readonly tracksAsync: boolean;
  /** The current value, `undefined` outside every scope. */
  get(): T | undefined;
  /**
   * Runs a function with a value as the current one. When the function returns a promise, the value stays current in
   * its asynchronous continuation; without `tracksAsync` it stays current for everyone until the promise settles.
   *
   * @param value The value.
   * @param fn The function.
   * @returns What `fn` returns.
   * @throws ScopeOrderError without `tracksAsync`, when another scope is current at the end.
   */
  run<R>(value: T, fn: () => R): R;
  /**
   * Makes a value current from here on, in this asynchronous context.
   *
   * @param value The value.
   * @returns A function that makes the previous value current again. Calling it twice has no effect. Without
   *   `tracksAsync` it throws ScopeOrderError when another scope is current.
   */
  enter(value: T): () => void;
}

/** What a runtime offers to the library. */
export interface Runtime {
  /** Which runtime it is. */
  readonly name: RuntimeName;
  /** Its version: "2.9.6"; in browsers the user agent. */
  readonly version: string;
  /** The operating system: "linux", "darwin", "windows", …; "browser" where there is none to name. */
  readonly platform: string;
  /** The machine: "x64", "arm64", …; "wasm32" in browsers. */
  readonly arch: string;
  /** The arguments of the command line behind the script's name. Empty in browsers. */
  readonly args: readonly string[];
  /** Whether standard output is a terminal. */
  readonly isTerminal: boolean;
  /** Whether the current thread may block in `Atomics.wait`. False on a browser's main thread. */
  readonly canWaitOnMainThread: boolean;
  /** Whether memory can be shared with workers. In browsers this needs cross-origin isolation. */
  readonly hasSharedMemory: boolean;
  /** Whether `spawnWorker` can start workers. */
  readonly hasWorkers: boolean;

  /**
   * Reads an environment variable; never prompts.
   *
   * @param name The variable's name.
   * @returns Its value; `undefined` when it is not set or may not be read.
   */
  env(name: string): string | undefined;
  /** The number of logical processors that the process may use, at least 1. */
  cores(): number;

  /**
   * Reads a whole file. In browsers `path` is a URL that is fetched.
   *
   * @throws FileError when it cannot be read; RuntimePermissionError without permission.
   */
  readFile(path: string): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * Reads a whole file at once.
   *
   * @throws As `readFile`; RuntimeUnsupportedError in browsers.
   */
  readFileSync(path: string): Uint8Array<ArrayBuffer>;
  /**
   * Writes a file so that at every moment either the old or the new content is there in full: to a temporary file in
   * the same folder, flushed, then renamed.
   *
   * @throws FileError when it cannot be written (the temporary file is removed); RuntimePermissionError without
   *   permission; RuntimeUnsupportedError in browsers.
   */
  writeFile(path: string, bytes: Uint8Array): Promise<void>;
  /** Whether a file or folder exists. Without permission to look, false. */
  exists(path: string): Promise<boolean>;
  /**
   * Creates a folder with those above it; no error when it exists.
   *
   * @throws FileError, RuntimePermissionError, RuntimeUnsupportedError as `writeFile`.
   */
  makeDirectory(path: string): Promise<void>;
  /**
   * The names of what is in a folder, sorted by code unit.
   *
   * @throws FileError, RuntimePermissionError, RuntimeUnsupportedError as `readFileSync`.
   */
  listDirectory(path: string): Promise<string[]>;
  /**
   * Removes a file; no error when it does not exist.
   *
   * @throws FileError, RuntimePermissionError, RuntimeUnsupportedError as `writeFile`.
   */
  removeFile(path: string): Promise<void>;

  /**
   * Starts a worker from plain JavaScript source. The source is the body of a function with two parameters:
   * `port`, with `port.post(message, transfer)`, `port.listen(fn)` and `port.load(url)`, which imports a module, and `data`, a clone of
   * `options.data`.
   *
   * @param source The source: self-contained, no imports.
   * @param options Data and handlers.
   * @throws RuntimeUnsupportedError where workers do not exist.
   */
  spawnWorker(source: string, options?: WorkerOptions): RuntimeWorker;

  /** Makes a storage of one value for each asynchronous context. */
  asyncLocalStorage<T>(): ContextStorage<T>;
}
