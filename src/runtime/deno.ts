// The adapter of Deno: the common server adapter with Deno's own names and permissions. Nothing here prompts; a
// permission in the state "prompt" counts as not given. What a program's start needs comes from `Deno` alone, because the
// first look at `process` costs a dozen milliseconds.

import { denoGlobal, type DenoLike, isPermitted } from "./builtins.ts";
import { RuntimeUnsupportedError } from "./errors.ts";
import { ServerRuntime } from "./server.ts";

/** Deno. */
export class DenoRuntime extends ServerRuntime {
  /** Which runtime it is. */
  readonly name = "deno";
  readonly #deno: DenoLike;

  /** @throws RuntimeUnsupportedError in another runtime. */
  constructor() {
    super();
    const deno = denoGlobal();
    if (deno === undefined) throw new RuntimeUnsupportedError("unknown", { op: "Deno" });
    this.#deno = deno;
  }

  /** Deno's version. */
  get version(): string {
    return this.#deno.version.deno;
  }

  /** The arguments behind the script's name. */
  override get args(): readonly string[] {
    return this.#deno.args;
  }

  /** Reads an environment variable, `undefined` without permission. */
  override env(name: string): string | undefined {
    return isPermitted({ name: "env", variable: name }) ? this.#deno.env.get(name) : undefined;
  }

  /** Whether a file or folder exists. */
  override exists(path: string): Promise<boolean> {
    if (!isPermitted({ name: "read", path })) return Promise.resolve(false);
    try {
      // The asynchronous one starts a thread, which takes a program's start ten times as long.
      this.#deno.statSync(path);
      return Promise.resolve(true);
    } catch {
      return Promise.resolve(false);
    }
  }

  /** The operating system. */
  override get platform(): string {
    return this.#deno.build.os;
  }

  /** The machine. */
  override get arch(): string {
    const { arch } = this.#deno.build;
    return arch === "x86_64" ? "x64" : arch === "aarch64" ? "arm64" : arch;
  }

  /** Whether standard output is a terminal. */
  override get isTerminal(): boolean {
    return this.#deno.stdout.isTerminal();
  }
}
