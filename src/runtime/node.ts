// The adapter of Node: the common server adapter with Node's own version, and how its workers import TypeScript under tsx.

import { ServerRuntime } from "./server.ts";

/** Node. */
export class NodeRuntime extends ServerRuntime {
  /** Which runtime it is. */
  readonly name = "node";

  /** @throws RuntimeUnsupportedError in a Node that is too old. */
  constructor() {
    super();
    void this.process;
  }

  /** Node's version. */
  get version(): string {
    return this.process.versions.node ?? "unknown";
  }

  /**
   * The module of tsx's own interface when tsx runs this process: tsx starts its loader on the main thread alone. It stands in the
   * command line as tsx's loader file (the command `tsx`) or by its name (`node --import tsx`).
   */
  protected override get typeScriptLoader(): string | undefined {
    for (const argument of this.process.execArgv ?? []) {
      const file = /(file:.*\/tsx\/dist\/)(?:loader|esm\/index)\.mjs$/.exec(argument);
      if (file !== null) return `${file[1]}esm/api/index.mjs`;
      if (/^(?:--import=)?tsx(?:\/esm)?$/.test(argument)) return "tsx/esm/api";
    }
    return undefined;
  }
}
