/**
 * A profile of code that uses networks: time for each operation of the backends and for each module, forward and backward. What takes it is
 * loaded when it is asked for.
 */

import type { Module } from "./plain/module.ts";
import type { Profile } from "./profiling/report.ts";

/** Options of {@linkcode profile}. */
export interface ProfileOptions {
  /** Networks that were made before the call; modules made inside are found without. Default none. */
  readonly models?: readonly Module[];
  /** Events that the trace keeps: modules, derivatives and operations. Default 400,000. */
  readonly maxEvents?: number;
}

/**
 * Runs `fn` and measures where its time goes: how long each operation of the backends takes (by expression and shapes), how long each
 * module's `forward`, and how long the derivatives of what it recorded. Operations of devices that work on their own are as long as it takes
 * to issue them. Code behind the first `await` of an asynchronous `forward` counts as outside of it.
 *
 * @param fn What to run, such as a few training steps; run it once before, so that compiling kernels does not count.
 * @returns The profile: tables with `toString()`, a trace for Perfetto with `trace()`.
 * @throws ArgumentError while another profile is taken; what `fn` throws.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { plain, profile, randn, scope, useBackend } from "@escnn/escnn";
 *
 * await useBackend("cpu");
 * const net = new plain.Sequential(new plain.Linear(8, 16), new plain.ReLU(), new plain.Linear(16, 2));
 * const found = await profile(() => scope(() => net.forward(randn([4, 8])).sum().backward()), { models: [net] });
 * const first = found.modules.find(({ name }) => name === "Sequential.0")!;
 * assertEquals([first.layer, first.calls, first.backward > 0], ["Linear", 1, true]);
 * ```
 */
export async function profile(fn: () => unknown, options: ProfileOptions = {}): Promise<Profile> {
  const { Profiler } = await import("./profiling/profiler.ts");
  const profiler = new Profiler({ models: options.models, maxSpans: options.maxEvents });
  try {
    await fn();
  } catch (error) {
    profiler.stop();
    throw error;
  }
  return profiler.stop();
}
