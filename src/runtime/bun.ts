// The adapter of Bun: the common server adapter with Bun's own version.

import { bunGlobal } from "./builtins.ts";
import { ServerRuntime } from "./server.ts";

/** Bun. */
export class BunRuntime extends ServerRuntime {
  /** Which runtime it is. */
  readonly name = "bun";

  /** Bun's version. */
  get version(): string {
    return bunGlobal()?.version ?? "unknown";
  }
}
