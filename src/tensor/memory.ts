/**
 * How much memory and how many tensors live on each running backend. A training loop that is right keeps both flat.
 */

import type { BackendMemory } from "./backend.ts";
import { runningBackends } from "./registry.ts";
import { liveTensors } from "./storage.ts";

/** Memory of one backend. */
export interface MemoryReport extends BackendMemory {
  /** Tensors that have been neither disposed nor collected; views count, what the tape saved does not. */
  readonly liveTensors: number;
}

/**
 * Memory and tensors on each running backend, by name.
 *
 * @example
 * ```ts
 * import { memory, tensor, useBackend } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("reference");
 * const before = memory().reference.liveTensors;
 * const x = tensor([1, 2, 3]);
 * assertEquals(memory().reference.liveTensors, before + 1);
 * x.dispose();
 * assertEquals(memory().reference.liveTensors, before);
 * ```
 */
export function memory(): { [backend: string]: MemoryReport } {
  const report: { [backend: string]: MemoryReport } = {};
  for (const [name, backend] of runningBackends()) {
    report[name] = { ...backend.memory(), liveTensors: liveTensors(backend) };
  }
  return report;
}
