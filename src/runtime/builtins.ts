// Access to the globals of the runtimes without importing or declaring any of them: the objects are looked up at call
// time and typed by the few members that the adapters use, so that nothing fails at import in a browser.

/** The members of `process` that the adapters use. */
export interface ProcessLike {
  /** Gives a built-in module without an import. */
  getBuiltinModule?: (name: string) => unknown;
  /** The environment. */
  env: Record<string, string | undefined>;
  /** The command line. */
  argv: string[];
  /** The flags of the runtime in the command line. */
  execArgv?: string[];
  /** Versions by component. */
  versions: Record<string, string | undefined>;
  /** The operating system. */
  platform: string;
  /** The machine. */
  arch: string;
  /** The current folder. */
  cwd(): string;
  /** Standard output. */
  stdout?: { isTTY?: boolean };
}

/** A permission as Deno's `permissions.querySync` takes it. */
export interface PermissionQuery {
  /** The kind. */
  name: "env" | "ffi" | "read" | "write" | "sys";
  /** The variable, of kind "env". */
  variable?: string;
  /** The path, of kinds "ffi", "read" and "write". */
  path?: string;
}

/** The members of `Deno` that the adapters use. */
export interface DenoLike {
  /** Versions by component. */
  version: { deno: string };
  /** The permissions of the process. */
  permissions: { querySync(query: PermissionQuery): { state: string } };
  /** The arguments behind the script's name. */
  args: string[];
  /** The target that Deno was built for. */
  build: { os: string; arch: string };
  /** The environment; throws without permission. */
  env: { get(name: string): string | undefined };
  /** Standard output. */
  stdout: { isTerminal(): boolean };
  /** What is known of a file; throws where there is none. */
  statSync(path: string): unknown;
}

interface Globals {
  process?: ProcessLike;
  Deno?: DenoLike;
  Bun?: { version: string };
}

const globals = globalThis as unknown as Globals;

/** The global `process`, `undefined` in browsers. */
export function processGlobal(): ProcessLike | undefined {
  const candidate = globals.process;
  return typeof candidate === "object" && typeof candidate.versions === "object" ? candidate : undefined;
}

/** The global `Deno`, `undefined` in other runtimes. */
export function denoGlobal(): DenoLike | undefined {
  return typeof globals.Deno?.version?.deno === "string" ? globals.Deno : undefined;
}

/** The global `Bun`, `undefined` in other runtimes. */
export function bunGlobal(): { version: string } | undefined {
  return typeof globals.Bun?.version === "string" ? globals.Bun : undefined;
}

/**
 * A module that is built into the runtime.
 *
 * @param name Its name: "node:fs", "bun:ffi".
 * @returns The module, `undefined` where it does not exist.
 */
export function builtinModule<T>(name: string): T | undefined {
  try {
    return processGlobal()?.getBuiltinModule?.(name) as T | undefined;
  } catch {
    return undefined;
  }
}

/**
 * Whether Deno has granted a permission; never prompts ("prompt" counts as no). True in every other runtime.
 *
 * @param query The permission.
 */
export function isPermitted(query: PermissionQuery): boolean {
  const deno = denoGlobal();
  return deno === undefined || deno.permissions.querySync(query).state === "granted";
}
