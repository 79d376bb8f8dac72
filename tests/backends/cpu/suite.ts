// The suite of all backends on one configuration of the cpu backend. Where the configuration cannot run, each of its tests is
// counted as skipped, by name.

import { createBackend } from "../../../backends/cpu/mod.ts";
import { findOpenblas } from "../../../backends/cpu/openblas.ts";
import { runtime } from "../../../src/runtime/mod.ts";
import { runBackendSuite } from "../../backend_suite.ts";

/** Random cases of each configuration; the four together have 20,000. */
const CASES = 5000;

/** A configuration. */
export interface CpuSuiteOptions {
  /** Stands at the front of the tests' names. */
  readonly name: string;
  /** `"auto"` or `"off"`. */
  readonly openblas: "auto" | "off";
  /** Threads. */
  readonly threads: number;
  /** Where the random cases begin. */
  readonly seed: number;
}

/** Registers the tests of a configuration. */
export function runCpuSuite({ name, openblas, threads, seed }: CpuSuiteOptions): void {
  const search = openblas === "auto" ? findOpenblas("auto", threads) : undefined;
  const missing = search !== undefined && search.opened === undefined
    ? search.reason
    : threads > runtime.cores()
    ? `${runtime.cores()} core`
    : undefined;
  runBackendSuite({
    name,
    missing,
    // Small cases must reach all threads, and at once.
    create: () => createBackend({ openblas, threads, grainScale: 1e-4, startAfter: 0 }),
    cases: CASES,
    seed,
    // Elementary functions do not go through OpenBLAS.
    accuracy: openblas === "off",
  });
}
