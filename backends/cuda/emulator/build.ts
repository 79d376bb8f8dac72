/**
 * Builds the emulator, a test double of libcuda, NVRTC, cuBLAS and cuDNN, with the host's C++ compiler, once for each state of its
 * sources, into a folder of temporary files. Where there is no compiler it says so, and tests are skipped.
 */

import { builtinModule, processGlobal } from "../../../src/runtime/builtins.ts";
import { runtime } from "../../../src/runtime/mod.ts";

/** The members of `node:child_process` that are used. */
interface ChildProcess {
  execFile(
    program: string,
    args: readonly string[],
    options: { readonly maxBuffer: number },
    done: (error: Error | null, stdout: string, stderr: string) => void,
  ): unknown;
}

/** The members of `node:fs` that are used. */
interface Files {
  mkdirSync(path: string, options?: { recursive?: boolean; mode?: number }): unknown;
  rmdirSync(path: string): void;
  renameSync(from: string, to: string): void;
  statSync(path: string): { mtimeMs: number };
  existsSync(path: string): boolean;
  rmSync(path: string, options: { force: boolean; recursive?: boolean }): void;
  writeFileSync(path: string, data: Uint8Array): void;
}

interface Hashing {
  createHash(algorithm: string): { update(data: string | Uint8Array): unknown; digest(encoding: "hex"): string };
}

const SOURCES: readonly string[] = [
  "objects",
  "memory",
  "device",
  "streams",
  "modules",
  "compiler",
  "nvrtc",
  "fibers",
  "cublas",
  "cudnn_descriptors",
  "cudnn_convolution",
  "cudnn_pooling",
];

const HEADERS: readonly string[] = [
  "emulator.hpp",
  "kernel_prelude.hpp",
  "kernel_interface.hpp",
  "compiler.hpp",
  "image.hpp",
  "fibers.hpp",
  "numbers.hpp",
  "cudnn.hpp",
];

const FLAGS: readonly string[] =
  "-std=c++20 -O2 -march=native -ffp-contract=off -fPIC -fvisibility=hidden -Wall -Wextra"
    .split(" ");

/** Milliseconds after which a build by another process counts as broken off. */
const PATIENCE = 300_000;

const folder: string = decodeURIComponent(new URL("./", import.meta.url).pathname);

function builtin<T>(name: string): T {
  const found = builtinModule<T>(name);
  if (found === undefined) throw new Error(`The emulator is built in Deno, Bun or Node, which have ${name}`);
  return found;
}

/** Runs a program; its output, or `undefined` when it could not be run or failed. */
function run(program: string, args: readonly string[]): Promise<{ readonly ok: boolean; readonly output: string }> {
  const { execFile } = builtin<ChildProcess>("node:child_process");
  return new Promise((resolve) => {
    try {
      execFile(program, args, { maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
        resolve({ ok: error === null, output: stdout + stderr || String(error ?? "") });
      });
    } catch (error) {
      resolve({ ok: false, output: String(error) });
    }
  });
}

/** The C++ compiler: `ESCNN_CXX`, else g++. */
function compiler(): string {
  return runtime.env("ESCNN_CXX") || "g++";
}

/** Where the emulator and the kernels that it compiles are kept: `ESCNN_EMULATOR_CACHE`, else a temporary folder of the user. */
export function emulatorFolder(): string {
  const given = runtime.env("ESCNN_EMULATOR_CACHE");
  if (given) return given;
  const user = (processGlobal() as { getuid?: () => number } | undefined)?.getuid?.() ?? 0;
  return `${runtime.env("TMPDIR") || "/tmp"}/escnn-cuda-emulator-${user}`;
}

/** Why the emulator cannot be built here; `undefined` when it can. */
export async function whyNoEmulator(): Promise<string | undefined> {
  if (runtime.platform !== "linux") return `the emulator is for Linux, this is ${runtime.platform}`;
  const { ok } = await run(compiler(), ["--version"]);
  return ok ? undefined : `${compiler()} is not installed`;
}

let built: Promise<string> | undefined;

/**
 * The path of the emulator's library, built when there is none of these sources yet.
 *
 * @throws Error with the compiler's words.
 */
export function buildEmulator(): Promise<string> {
  return built ??= build();
}

async function build(): Promise<string> {
  const files = builtin<Files>("node:fs");
  const hash = builtin<Hashing>("node:crypto").createHash("sha256");
  for (const name of [...SOURCES.map((source) => `${source}.cpp`), ...HEADERS]) {
    hash.update(`${name}\n`);
    hash.update(await runtime.readFile(`${folder}${name}`));
  }
  const { output: version } = await run(compiler(), ["--version"]);
  hash.update([...FLAGS, version, await processor()].join("\n"));
  const target = `${emulatorFolder()}/emulator-${hash.digest("hex").slice(0, 24)}`;
  files.mkdirSync(emulatorFolder(), { recursive: true, mode: 0o700 });
  const path = `${target}.so`;
  while (!files.existsSync(path)) {
    if (takeLock(files, `${target}.lock`)) {
      try {
        if (!files.existsSync(path)) await compile(files, target, path);
      } finally {
        files.rmdirSync(`${target}.lock`);
      }
    } else {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  return path;
}

/** The processor's abilities: what is built for one need not run on another. */
async function processor(): Promise<string> {
  try {
    const text = new TextDecoder().decode(await runtime.readFile("/proc/cpuinfo"));
    return /^(?:flags|Features).*$/m.exec(text)?.[0] ?? "";
  } catch {
    return "";
  }
}

/** A folder is made by one process only. */
function takeLock(files: Files, lock: string): boolean {
  try {
    files.mkdirSync(lock);
    return true;
  } catch {
    try {
      if (Date.now() - files.statSync(lock).mtimeMs > PATIENCE) files.rmdirSync(lock);
    } catch {
      // The other process has just removed it.
    }
    return false;
  }
}

async function compile(files: Files, target: string, path: string): Promise<void> {
  const objects = `${target}.objects`;
  files.mkdirSync(objects, { recursive: true });
  try {
    const waiting = [...SOURCES];
    const failures: string[] = [];
    const work = async (): Promise<void> => {
      for (let source = waiting.pop(); source !== undefined; source = waiting.pop()) {
        const { ok, output } = await run(compiler(), [
          ...FLAGS,
          `-DESCNN_PRELUDE="${folder}kernel_prelude.hpp"`,
          "-c",
          `${folder}${source}.cpp`,
          "-o",
          `${objects}/${source}.o`,
        ]);
        if (!ok) failures.push(output);
      }
    };
    await Promise.all(Array.from({ length: Math.min(4, runtime.cores()) }, work));
    if (failures.length > 0) throw new Error(`The emulator could not be compiled:\n${failures.join("\n")}`);
    const all = SOURCES.map((source) => `${objects}/${source}.o`);
    const linked = await run(compiler(), ["-shared", ...all, "-o", `${objects}/emulator.so`, "-ldl"]);
    if (!linked.ok) throw new Error(`The emulator could not be linked:\n${linked.output}`);
    files.renameSync(`${objects}/emulator.so`, path);
  } finally {
    files.rmSync(objects, { force: true, recursive: true });
  }
}

/**
 * A copy of the library in which one function has another name, so that the loader does not find it.
 *
 * @param path The library.
 * @param symbol The function.
 * @returns The copy's path.
 */
export async function withoutSymbol(path: string, symbol: string): Promise<string> {
  const bytes = Uint8Array.from(await runtime.readFile(path));
  const name = new TextEncoder().encode(`\0${symbol}\0`);
  let found = 0;
  for (let at = bytes.indexOf(0); at >= 0; at = bytes.indexOf(0, at + 1)) {
    if (name.every((byte, i) => bytes[at + i] === byte)) {
      bytes[at + 1] ^= 0x20;
      found++;
    }
  }
  if (found === 0) throw new Error(`${path} has no function ${symbol}`);
  const files = builtin<Files>("node:fs");
  const copy = `${path.replace(/\.so$/, "")}-without-${symbol}.so`;
  const own = `${copy}.${(processGlobal() as { pid?: number } | undefined)?.pid ?? 0}-${Math.random()}`;
  files.writeFileSync(own, bytes);
  files.renameSync(own, copy);
  return copy;
}
