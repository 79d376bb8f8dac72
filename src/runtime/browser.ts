// The adapter of browsers: no environment and no files, reading is fetching, workers come from Blob URLs, and scopes
// live on one stack because browsers do not track asynchronous contexts.

import { StackContextStorage } from "./context_storage.ts";
import { FileError, RuntimeUnsupportedError } from "./errors.ts";
import type { ContextStorage, Runtime, RuntimeWorker, WorkerOptions } from "./types.ts";
import { webWorkerSource } from "./worker_prelude.ts";

interface BrowserGlobals {
  navigator?: { hardwareConcurrency?: number; userAgent?: string };
  crossOriginIsolated?: boolean;
  document?: unknown;
}

/** A worker that could not be started tells no more than that: usually a policy of the page forbids it. */
const WORKER_REFUSED = "the browser did not start it: does the page's Content-Security-Policy lack worker-src blob: ?";

const SAVE_HINT = "offer the bytes (of encodeCheckpoint, encodeSafetensors) as a download, or keep them in IndexedDB";

/** A browser's page or worker. */
export class BrowserRuntime implements Runtime {
  /** Which runtime it is. */
  readonly name = "browser";
  /** There is no operating system to name. */
  readonly platform = "browser";
  /** The machine is the engine's. */
  readonly arch = "wasm32";
  /** There is no command line. */
  readonly args: readonly string[] = [];
  /** There is no terminal. */
  readonly isTerminal = false;
  readonly #globals = globalThis as unknown as BrowserGlobals;

  /** The user agent. */
  get version(): string {
    return this.#globals.navigator?.userAgent ?? "unknown";
  }

  /** A page may not block, a worker may. */
  get canWaitOnMainThread(): boolean {
    return this.#globals.document === undefined;
  }

  /** Memory can be shared with workers under cross-origin isolation, where there are workers. */
  get hasSharedMemory(): boolean {
    return this.#globals.crossOriginIsolated === true && this.hasWorkers;
  }

  /** Pages and workers can start workers, some embedded engines cannot. */
  get hasWorkers(): boolean {
    return typeof Worker !== "undefined";
  }

  /** There is no environment. */
  env(_name: string): string | undefined {
    return undefined;
  }

  /** The number of logical processors that the browser tells. */
  cores(): number {
    return Math.max(1, this.#globals.navigator?.hardwareConcurrency ?? 1);
  }

  /** Fetches a URL. */
  async readFile(path: string): Promise<Uint8Array<ArrayBuffer>> {
    const response = await this.#fetch("readFile", path, "GET");
    return new Uint8Array(await response.arrayBuffer());
  }

  /** Not available: fetching is asynchronous. */
  readFileSync(path: string): Uint8Array<ArrayBuffer> {
    throw new RuntimeUnsupportedError(this.name, { op: "readFileSync", subject: path, hint: "use await readFile" });
  }

  /** Not available. */
  writeFile(path: string, _bytes: Uint8Array): Promise<void> {
    return this.#unsupported("writeFile", path, SAVE_HINT);
  }

  /** Whether a URL answers a HEAD request with success. */
  async exists(path: string): Promise<boolean> {
    try {
      await this.#fetch("exists", path, "HEAD");
      return true;
    } catch {
      return false;
    }
  }

  /** Not available. */
  makeDirectory(path: string): Promise<void> {
    return this.#unsupported("makeDirectory", path, SAVE_HINT);
  }

  /** Not available. */
  listDirectory(path: string): Promise<string[]> {
    return this.#unsupported("listDirectory", path, "name the files to fetch");
  }

  /** Not available. */
  removeFile(path: string): Promise<void> {
    return this.#unsupported("removeFile", path, SAVE_HINT);
  }

  /** Starts a Web Worker from plain JavaScript source. */
  spawnWorker(source: string, { data, onMessage, onError }: WorkerOptions = {}): RuntimeWorker {
    if (typeof Worker === "undefined") {
      throw new RuntimeUnsupportedError(this.name, { op: "spawnWorker", hint: "run on one thread" });
    }
    const url = URL.createObjectURL(new Blob([webWorkerSource(source)], { type: "text/javascript" }));
    const worker = new Worker(url, { type: "module" });
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      onError?.(new Error((event as { message?: string }).message || WORKER_REFUSED));
    });
    if (onMessage) worker.addEventListener("message", (event) => onMessage(event.data));
    worker.postMessage(data);
    return {
      post: (message, transfer) => worker.postMessage(message, transfer ?? []),
      hold: () => {},
      terminate: () => {
        worker.terminate();
        URL.revokeObjectURL(url);
        return Promise.resolve();
      },
    };
  }

  /** Makes a storage on one stack. */
  asyncLocalStorage<T>(): ContextStorage<T> {
    return new StackContextStorage<T>();
  }

  #unsupported(op: string, subject: string, hint: string): Promise<never> {
    return Promise.reject(new RuntimeUnsupportedError(this.name, { op, subject, hint }));
  }

  async #fetch(op: string, path: string, method: "GET" | "HEAD"): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(path, { method });
    } catch (cause) {
      throw new FileError(`${op}: "${path}" cannot be fetched`, "", {
        op,
        subject: path,
        hint: "check the address and that its server allows this origin",
        cause,
      });
    }
    if (!response.ok) {
      const code = response.status === 404 ? "ENOENT" : String(response.status);
      throw new FileError(`${op}: "${path}" answered with status ${response.status}`, code, {
        op,
        subject: path,
        hint: "check the address",
      });
    }
    return response;
  }
}
