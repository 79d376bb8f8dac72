/**
 * Compiled kernels on disk, so that a process does not compile what one before it compiled. An entry repeats everything that it was made
 * from (compiler, architecture, options, source) and a checksum; one that does not match to the last byte is not used and written
 * anew. Entries are written beside their place and moved there, so that a reader sees all of one or none. The folder is kept below a
 * size: the entries that were not used for longest go first. Where it cannot be used kernels are compiled each time, and `status` says why.
 */

import { builtinModule, isPermitted } from "../../../src/runtime/builtins.ts";
import { runtime } from "../../../src/runtime/mod.ts";
import { ArgumentError } from "../../../src/tensor/errors.ts";
import { hash128, hexadecimal } from "./hash.ts";

/** The variable that names the folder, or is `off`. */
export const CACHE_VARIABLE = "ESCNN_CUDA_CACHE";

/** The variable that limits the folder's size, in bytes. */
export const LIMIT_VARIABLE = "ESCNN_CUDA_CACHE_LIMIT";
/** The limit without it. */
const DEFAULT_LIMIT = 256 * 2 ** 20;
/** Share of the limit that is left when entries had to go, so that the next ones find room. */
const LEFT = 0.9;
/** Entries' times of use are exact to this many milliseconds: a file is touched no more often. */
const TOUCH_AFTER = 3_600_000;
/** Temporary files of this age in milliseconds belong to no process that still writes. */
const ABANDONED_AFTER = 86_400_000;

/** The first bytes of an entry; another format has another number. */
const MAGIC = new TextEncoder().encode("escnnK1\n");
/** Magic, lengths of key and code, checksum. */
const HEADER = 8 + 4 + 4 + 16;

/** What a compiled kernel was made from. */
export interface KernelKey {
  /** The compiler's version: `13.0`. */
  readonly compiler: string;
  /** `sm_90`. */
  readonly architecture: string;
  /** Its options. */
  readonly options: readonly string[];
  /** The source. */
  readonly source: string;
}

interface FileSystemLike {
  readFileSync(path: string): Uint8Array;
  mkdirSync(path: string, options: { recursive: boolean }): unknown;
  writeFileSync(path: string, bytes: Uint8Array, options: { flag: string }): void;
  renameSync(from: string, to: string): void;
  rmSync(path: string, options: { force: boolean }): void;
  readdirSync(path: string): string[];
  statSync(path: string): { readonly size: number; readonly mtimeMs: number };
  utimesSync(path: string, accessed: Date, modified: Date): void;
}

function keyBytes({ compiler, architecture, options, source }: KernelKey): Uint8Array {
  return new TextEncoder().encode([compiler, architecture, ...options, "", source].join("\0"));
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** An entry's bytes. */
export function encodeEntry(key: KernelKey, code: Uint8Array): Uint8Array<ArrayBuffer> {
  const name = keyBytes(key);
  const entry = new Uint8Array(HEADER + name.length + code.length);
  const view = new DataView(entry.buffer);
  entry.set(MAGIC, 0);
  view.setUint32(8, name.length, true);
  view.setUint32(12, code.length, true);
  entry.set(name, HEADER);
  entry.set(code, HEADER + name.length);
  entry.set(hash128(entry.subarray(HEADER)), 16);
  return entry;
}

/** The code of an entry, `undefined` when it is damaged or of something else. */
export function decodeEntry(key: KernelKey, entry: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  if (entry.length < HEADER || !equalBytes(entry.subarray(0, 8), MAGIC)) return undefined;
  const view = new DataView(entry.buffer, entry.byteOffset, entry.length);
  const nameLength = view.getUint32(8, true), codeLength = view.getUint32(12, true);
  if (codeLength === 0 || HEADER + nameLength + codeLength !== entry.length) return undefined;
  if (!equalBytes(entry.subarray(16, HEADER), hash128(entry.subarray(HEADER)))) return undefined;
  if (!equalBytes(entry.subarray(HEADER, HEADER + nameLength), keyBytes(key))) return undefined;
  return new Uint8Array(entry.subarray(HEADER + nameLength));
}

/** The folder for caches of this user's programs, `undefined` where it cannot be found out. */
function userFolder(): string | undefined {
  const { platform } = runtime;
  const under = (variable: string, path: string): string | undefined => {
    const value = runtime.env(variable);
    return value ? `${value}${path}` : undefined;
  };
  if (platform === "windows") return under("LOCALAPPDATA", "\\escnn\\cuda");
  if (platform === "darwin") return under("HOME", "/Library/Caches/escnn/cuda");
  return under("XDG_CACHE_HOME", "/escnn/cuda") ?? under("HOME", "/.cache/escnn/cuda");
}

/** Counts temporary files, so that two writes of one process never share one. */
let temporaries = 0;

function limitOfEnvironment(): number {
  const text = runtime.env(LIMIT_VARIABLE);
  return text ? Number(text) : DEFAULT_LIMIT;
}

/** The entries in a folder. */
export class KernelCache {
  readonly #folder: string | undefined;
  readonly #limit: number;
  #problem: string | undefined;
  #made = false;
  /** Bytes that may be written before the folder is looked through again. */
  #room = 0;

  /**
   * @param folder The folder (made when the first entry is written), or `off`. Default: `ESCNN_CUDA_CACHE`, else the user's cache.
   * @param limit Bytes of all entries at most. Default: `ESCNN_CUDA_CACHE_LIMIT`, else 256 MiB.
   * @throws ArgumentError for a limit that is no number of bytes.
   */
  constructor(
    folder: string | undefined = runtime.env(CACHE_VARIABLE) || undefined,
    limit: number = limitOfEnvironment(),
  ) {
    if (!(limit >= 0)) {
      throw new ArgumentError({
        op: LIMIT_VARIABLE,
        expected: "a number of bytes from 0 on, e.g. 268435456",
        actual: runtime.env(LIMIT_VARIABLE) ?? String(limit),
      });
    }
    this.#limit = limit;
    const chosen = folder ?? userFolder();
    if (chosen === "off") this.#problem = "switched off";
    else if (chosen === undefined) this.#problem = `no folder for it is known: set ${CACHE_VARIABLE}`;
    else this.#folder = chosen;
  }

  /** The folder, or why kernels are not kept. */
  get status(): string {
    return this.#problem === undefined ? this.#folder! : `none (${this.#problem})`;
  }

  /** The code for a key, `undefined` when there is none that can be trusted. */
  read(key: KernelKey): Uint8Array<ArrayBuffer> | undefined {
    const path = this.#path(key);
    if (path === undefined || !isPermitted({ name: "read", path })) return undefined;
    let entry: Uint8Array;
    try {
      entry = builtinModule<FileSystemLike>("node:fs")!.readFileSync(path);
    } catch {
      return undefined;
    }
    const code = decodeEntry(key, entry);
    if (code !== undefined) this.#touch(path);
    return code;
  }

  /** Keeps the code for a key. What goes wrong is noted in `status`, and nothing more is written. */
  write(key: KernelKey, code: Uint8Array): void {
    const path = this.#path(key);
    if (path === undefined || this.#problem !== undefined) return;
    if (!isPermitted({ name: "write", path: this.#folder })) {
      this.#problem = `${this.#folder} may not be written without --allow-write`;
      return;
    }
    const fs = builtinModule<FileSystemLike>("node:fs")!;
    const temporary = `${path}.${processId()}.${temporaries++}.tmp`;
    try {
      if (!this.#made) fs.mkdirSync(this.#folder!, { recursive: true });
      this.#made = true;
      const entry = encodeEntry(key, code);
      fs.writeFileSync(temporary, entry, { flag: "wx" });
      fs.renameSync(temporary, path);
      this.#room -= entry.length;
      if (this.#room < 0) this.#evict(fs);
    } catch (cause) {
      this.#problem = `${this.#folder} cannot be written: ${cause instanceof Error ? cause.message : String(cause)}`;
      try {
        fs.rmSync(temporary, { force: true });
      } catch {
        // The folder does not let us: there is nothing more to do.
      }
    }
  }

  /** Notes that an entry is in use, by its file's time. */
  #touch(path: string): void {
    if (!isPermitted({ name: "write", path })) return;
    const fs = builtinModule<FileSystemLike>("node:fs")!;
    try {
      const now = Date.now();
      if (now - fs.statSync(path).mtimeMs > TOUCH_AFTER) fs.utimesSync(path, new Date(now), new Date(now));
    } catch {
      // Another process has removed it, or the folder is for reading alone: then its entry is as old as it looks.
    }
  }

  /** Removes the entries that were not used for longest where all together are too large, and what crashed processes left. */
  #evict(fs: FileSystemLike): void {
    if (!isPermitted({ name: "read", path: this.#folder })) return;
    const remove = (path: string): void => fs.rmSync(path, { force: true });
    const entries: { readonly path: string; readonly size: number; readonly used: number }[] = [];
    let total = 0;
    for (const name of fs.readdirSync(this.#folder!)) {
      const path = `${this.#folder}/${name}`;
      if (!name.endsWith(".kernel") && !/\.kernel\.\d+\.\d+\.tmp$/.test(name)) continue;
      let found: { readonly size: number; readonly mtimeMs: number };
      try {
        found = fs.statSync(path);
      } catch {
        // Another process has just removed it.
        continue;
      }
      if (name.endsWith(".tmp")) {
        if (Date.now() - found.mtimeMs > ABANDONED_AFTER) remove(path);
        continue;
      }
      entries.push({ path, size: found.size, used: found.mtimeMs });
      total += found.size;
    }
    if (total > this.#limit) {
      entries.sort((a, b) => a.used - b.used);
      for (const { path, size } of entries) {
        if (total <= this.#limit * LEFT) break;
        remove(path);
        total -= size;
      }
    }
    this.#room = Math.min(this.#limit - total, this.#limit / 16);
  }

  #path(key: KernelKey): string | undefined {
    if (this.#folder === undefined || builtinModule("node:fs") === undefined) return undefined;
    return `${this.#folder}/${hexadecimal(hash128(keyBytes(key)))}.kernel`;
  }
}

function processId(): number {
  return (globalThis as { process?: { pid?: number } }).process?.pid ?? 0;
}
