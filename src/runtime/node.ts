// The adapter of Node: the common server adapter with Node's own version.

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
}
