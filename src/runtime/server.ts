// What Deno, Bun and Node have in common: files, workers and context storage on Node's built-in modules, taken at call
// time through process.getBuiltinModule. The three adapters add names, versions and (Deno) permissions.

import { builtinModule, isPermitted, processGlobal, type ProcessLike } from "./builtins.ts";
import { AsyncContextStorage, type AsyncLocalStorageLike, StackContextStorage } from "./context_storage.ts";
import { FileError, RuntimePermissionError, RuntimeUnsupportedError } from "./errors.ts";
import type { ContextStorage, Runtime, RuntimeName, RuntimeWorker, WorkerOptions } from "./types.ts";
import { threadWorkerSource } from "./worker_prelude.ts";

interface FileHandleLike {
  writeFile(bytes: Uint8Array): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

interface FileSystemLike {
  existsSync(path: string): boolean;
  readFileSync(path: string): Uint8Array<ArrayBuffer>;
  promises: {
    readFile(path: string): Promise<Uint8Array<ArrayBuffer>>;
    open(path: string, flags: string): Promise<FileHandleLike>;
    rename(from: string, to: string): Promise<void>;
    rm(path: string, options: { force: boolean }): Promise<void>;
    stat(path: string): Promise<unknown>;
    mkdir(path: string, options: { recursive: boolean }): Promise<unknown>;
    readdir(path: string): Promise<string[]>;
  };
}

interface ThreadLike {
  postMessage(message: unknown, transfer?: ArrayBuffer[]): void;
  on(event: string, fn: (value: unknown) => void): void;
  ref(): void;
  unref(): void;
  terminate(): Promise<unknown>;
}

interface ThreadsLike {
  Worker: new (source: string, options: Record<string, unknown>) => ThreadLike;
}

interface AsyncHooksLike {
  AsyncLocalStorage: new <T>() => AsyncLocalStorageLike<T>;
}

interface SystemLike {
  availableParallelism?: () => number;
  cpus(): unknown[];
}

/** Counts temporary files, so that two writes of one process never share one. */
let temporaries = 0;

/** The base of the adapters of Deno, Bun and Node. */
export abstract class ServerRuntime implements Runtime {
  /** Which runtime it is. */
  abstract readonly name: RuntimeName;
  /** Its version. */
  abstract readonly version: string;
  /** Threads other than a browser's main one may block. */
  readonly canWaitOnMainThread = true;
  /** Memory can always be shared with workers. */
  readonly hasSharedMemory = true;

  /** Whether there are threads. */
  get hasWorkers(): boolean {
    return builtinModule<ThreadsLike>("node:worker_threads") !== undefined;
  }

  /** The module that teaches a worker to import TypeScript by its `register()`; `undefined` where there is no need or no such module. */
  protected get typeScriptLoader(): string | undefined {
    return undefined;
  }

  /**
   * The global `process`, looked up when it is needed: in Deno its first use sets up all of the compatibility with Node.
   *
   * @throws RuntimeUnsupportedError when there is no `process` with `getBuiltinModule`.
   */
  protected get process(): ProcessLike {
    const process = processGlobal();
    if (process?.getBuiltinModule === undefined) {
      throw new RuntimeUnsupportedError("server", {
        op: "process.getBuiltinModule",
        hint: "use Node 20.16 or later, Deno 2.2 or later, or a recent Bun",
      });
    }
    return process;
  }

  /** The operating system. */
  get platform(): string {
    return this.process.platform === "win32" ? "windows" : this.process.platform;
  }

  /** The machine. */
  get arch(): string {
    return this.process.arch;
  }

  /** The arguments of the command line behind the script's name. */
  get args(): readonly string[] {
    return this.process.argv.slice(2);
  }

  /** Whether standard output is a terminal. */
  get isTerminal(): boolean {
    return this.process.stdout?.isTTY === true;
  }

  /** Reads an environment variable. */
  env(name: string): string | undefined {
    return this.process.env[name];
  }

  /** The number of logical processors. */
  cores(): number {
    const fromNavigator = (globalThis as { navigator?: { hardwareConcurrency?: number } }).navigator
      ?.hardwareConcurrency;
    if (fromNavigator !== undefined && fromNavigator > 0) return fromNavigator;
    const system = builtinModule<SystemLike>("node:os");
    return Math.max(1, system?.availableParallelism?.() ?? system?.cpus().length ?? 1);
  }

  /** Reads a whole file. */
  async readFile(path: string): Promise<Uint8Array<ArrayBuffer>> {
    const fs = this.fileSystem("readFile", "read", path);
    return asBytes(await attempt("readFile", path, () => fs.promises.readFile(path)));
  }

  /** Reads a whole file at once. */
  readFileSync(path: string): Uint8Array<ArrayBuffer> {
    const fs = this.fileSystem("readFileSync", "read", path);
    try {
      return asBytes(fs.readFileSync(path));
    } catch (error) {
      throw fileError("readFileSync", path, error);
    }
  }

  /** Writes a file atomically. */
  async writeFile(path: string, bytes: Uint8Array): Promise<void> {
    const fs = this.fileSystem("writeFile", "write", path);
    const temporary = `${path}.${processId(this.process)}.${temporaries++}.tmp`;
    if (!isPermitted({ name: "write", path: temporary })) {
      throw new RuntimePermissionError("--allow-write for its folder", { op: "writeFile", subject: path });
    }
    await attempt("writeFile", path, async () => {
      try {
        const file = await fs.promises.open(temporary, "wx");
        try {
          await file.writeFile(bytes);
          await file.sync();
        } finally {
          await file.close();
        }
        await fs.promises.rename(temporary, path);
      } catch (error) {
        await fs.promises.rm(temporary, { force: true }).catch(() => {});
        throw error;
      }
    });
  }

  /** Whether a file or folder exists. */
  exists(path: string): Promise<boolean> {
    if (!isPermitted({ name: "read", path })) return Promise.resolve(false);
    // The first use of `promises` costs Node and Bun 10 ms, which counts where a backend looks around at start.
    return Promise.resolve(this.fileSystem("exists", "read", path).existsSync(path));
  }

  /** Creates a folder with those above it. */
  async makeDirectory(path: string): Promise<void> {
    const fs = this.fileSystem("makeDirectory", "write", path);
    await attempt("makeDirectory", path, () => fs.promises.mkdir(path, { recursive: true }));
  }

  /** The names of what is in a folder, sorted. */
  async listDirectory(path: string): Promise<string[]> {
    const fs = this.fileSystem("listDirectory", "read", path);
    return (await attempt("listDirectory", path, () => fs.promises.readdir(path))).sort();
  }

  /** Removes a file. */
  async removeFile(path: string): Promise<void> {
    const fs = this.fileSystem("removeFile", "write", path);
    await attempt("removeFile", path, () => fs.promises.rm(path, { force: true }));
  }

  /** Starts a worker from plain JavaScript source. */
  spawnWorker(source: string, options: WorkerOptions = {}): RuntimeWorker {
    const { data, onMessage, onError, onExit, loadsTypeScript = false } = options;
    const threads = builtinModule<ThreadsLike>("node:worker_threads");
    if (threads === undefined) {
      throw new RuntimeUnsupportedError(this.name, { op: "spawnWorker", hint: "run on one thread" });
    }
    // Without its own execArgv a worker under tsx loads the TypeScript loader again, which takes ten times as long as
    // starting the worker.
    const framed = threadWorkerSource(source, loadsTypeScript ? this.typeScriptLoader : undefined);
    const worker = new threads.Worker(framed, { eval: true, workerData: data, execArgv: [] });
    worker.on("error", (error) => onError?.(error instanceof Error ? error : new Error(String(error))));
    if (onMessage) worker.on("message", onMessage);
    if (onExit) worker.on("exit", onExit);
    // A listener for messages holds the process, so this must come after them.
    worker.unref();
    return {
      post: (message, transfer) => worker.postMessage(message, transfer),
      hold: (alive) => alive ? worker.ref() : worker.unref(),
      terminate: async () => {
        await worker.terminate();
      },
    };
  }

  /** Makes a storage of one value for each asynchronous context. */
  asyncLocalStorage<T>(): ContextStorage<T> {
    const hooks = builtinModule<AsyncHooksLike>("node:async_hooks");
    return hooks === undefined
      ? new StackContextStorage<T>()
      : new AsyncContextStorage<T>(new hooks.AsyncLocalStorage<T>());
  }

  private fileSystem(op: string, permission: "read" | "write", path: string): FileSystemLike {
    if (!isPermitted({ name: permission, path })) {
      throw new RuntimePermissionError(`--allow-${permission}`, { op, subject: path });
    }
    const fs = builtinModule<FileSystemLike>("node:fs");
    if (fs === undefined) throw new RuntimeUnsupportedError(this.name, { op, subject: path });
    return fs;
  }
}

function processId(process: ProcessLike): number {
  return (process as unknown as { pid?: number }).pid ?? 0;
}

/** A plain Uint8Array with a buffer of its own: Node hands out views of a shared pool. */
function asBytes(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const whole = bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength;
  return whole ? new Uint8Array(bytes.buffer) : new Uint8Array(bytes);
}

async function attempt<R>(op: string, path: string, fn: () => Promise<R>): Promise<R> {
  try {
    return await fn();
  } catch (error) {
    throw fileError(op, path, error);
  }
}

const MEANINGS: Record<string, readonly [what: string, hint: string]> = {
  ENOENT: ["does not exist", "check the path; it is relative to the current folder unless it is absolute"],
  EACCES: ["may not be accessed", "check the owner and mode of the file and the folders above it"],
  EPERM: ["may not be accessed", "check the owner and mode of the file and the folders above it"],
  EISDIR: ["is a folder", "give the path of a file"],
  ENOTDIR: ["has a file where a folder is needed", "check the path"],
  EEXIST: ["exists as a file", "remove it or choose another name"],
  ENOSPC: ["cannot be written, the disk is full", "free some space; the old content is untouched"],
};

function fileError(op: string, path: string, cause: unknown): FileError {
  const code = (cause as { code?: unknown } | null)?.code;
  const key = typeof code === "string" ? code : "";
  const [what, hint] = MEANINGS[key] ?? [`failed with ${cause instanceof Error ? cause.message : String(cause)}`];
  return new FileError(`${op}: "${path}" ${what}`, key, { op, subject: path, hint, cause });
}
