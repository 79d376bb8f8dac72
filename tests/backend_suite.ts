// The suite that holds any backend against the reference backend: seeded random calls of every method of the Backend
// interface, compared within bounds that follow from the arithmetic. A third party runs it on its own backend with one
// call of runBackendSuite in a test file. A failing case is made as small as it gets and printed with its seed;
// BACKEND_SUITE_SEED=… BACKEND_SUITE_CASE=… runs it alone again.

import { AssertionError } from "@std/assert";
import { createBackend as createReference } from "../backends/reference/mod.ts";
import { runtime } from "../src/runtime/mod.ts";
import type { Backend } from "../src/tensor/backend.ts";
import { accuracyTests } from "./backend_suite/accuracy.ts";
import { type Case, check, describeCase, shrink } from "./backend_suite/case.ts";
import { drawMap, drawMapReduce, drawRandomMap } from "./backend_suite/elementwise_cases.ts";
import { drawIndexing, drawTransfer } from "./backend_suite/index_cases.ts";
import { drawConvolution, drawMatmul } from "./backend_suite/product_cases.ts";
import { Draw } from "./backend_suite/random.ts";
import { drawPool } from "./backend_suite/window_cases.ts";
import { test } from "./support/test.ts";

/** How a case of each primitive is drawn, and its share of the cases. */
const PRIMITIVES = {
  map: { weight: 28, draw: (draw: Draw): Case => drawMap(draw, "map") },
  random: { weight: 4, draw: (draw: Draw): Case => drawRandomMap(draw, "random") },
  mapReduce: { weight: 20, draw: (draw: Draw): Case => drawMapReduce(draw, "mapReduce") },
  matmul: { weight: 10, draw: (draw: Draw): Case => drawMatmul(draw, "matmul") },
  convolution: { weight: 6, draw: (draw: Draw): Case => drawConvolution(draw, "convolution") },
  convolutionInputGradient: {
    weight: 5,
    draw: (draw: Draw): Case => drawConvolution(draw, "convolutionInputGradient"),
  },
  convolutionWeightGradient: {
    weight: 5,
    draw: (draw: Draw): Case => drawConvolution(draw, "convolutionWeightGradient"),
  },
  maxPool: { weight: 4, draw: (draw: Draw): Case => drawPool(draw, "maxPool") },
  averagePool: { weight: 3, draw: (draw: Draw): Case => drawPool(draw, "averagePool") },
  averagePoolGradient: { weight: 3, draw: (draw: Draw): Case => drawPool(draw, "averagePoolGradient") },
  gather: { weight: 4, draw: (draw: Draw): Case => drawIndexing(draw, "gather") },
  scatterAdd: { weight: 4, draw: (draw: Draw): Case => drawIndexing(draw, "scatterAdd") },
  copy: { weight: 2, draw: (draw: Draw): Case => drawTransfer(draw, "copy") },
  write: { weight: 1, draw: (draw: Draw): Case => drawTransfer(draw, "write") },
  read: { weight: 1, draw: (draw: Draw): Case => drawTransfer(draw, "read") },
} as const;

/** A group of cases. */
export type SuitePrimitive = keyof typeof PRIMITIVES;

/** All groups of cases. */
export const SUITE_PRIMITIVES = Object.keys(PRIMITIVES) as SuitePrimitive[];

const TOTAL_WEIGHT = SUITE_PRIMITIVES.reduce((sum, primitive) => sum + PRIMITIVES[primitive].weight, 0);

/** Which backend is tested, and how much. */
export interface BackendSuiteOptions {
  /** Stands at the front of the tests' names. */
  readonly name: string;
  /** Starts the backend; called once, before the first test. */
  readonly create: () => Promise<Backend>;
  /** Number of random cases, all primitives together. Default 2,000. */
  readonly cases?: number;
  /** Where the random cases begin. Default 1; `BACKEND_SUITE_SEED` overrides it. */
  readonly seed?: number;
  /** Only these primitives. Default: all. */
  readonly only?: readonly SuitePrimitive[];
  /** Whether to test the accuracy of elementary functions on dense samples as well. Default true. */
  readonly accuracy?: boolean;
  /** What the backend needs and is not there: its tests then count as skipped, by name. Default: nothing is missing. */
  readonly missing?: string;
}

/** The case with a number of a primitive: equal arguments give equal cases. */
export function drawCase(primitive: SuitePrimitive, seed: number, number: number): Case {
  return PRIMITIVES[primitive].draw(new Draw(primitive, seed, number));
}

/** Number of cases of a primitive when there are `cases` in all. */
export function shareOf(primitive: SuitePrimitive, cases: number): number {
  return Math.ceil(cases * PRIMITIVES[primitive].weight / TOTAL_WEIGHT);
}

/**
 * Runs cases of one primitive on a backend and on the oracle.
 *
 * @throws AssertionError with the smallest failing case found and how to run the original again.
 */
export async function runCases(
  primitive: SuitePrimitive,
  numbers: Iterable<number>,
  seed: number,
  tested: Backend,
  oracle: Backend,
): Promise<void> {
  for (const number of numbers) {
    const one = drawCase(primitive, seed, number);
    const failure = await check(one, tested, oracle);
    if (failure === undefined) continue;
    const smallest = await shrink(one, failure, tested, oracle);
    throw new AssertionError(
      [
        `${tested.name} is wrong: ${smallest.failure.message}`,
        `smallest failing case (after ${smallest.tried} tries):`,
        describeCase(smallest.one),
        `drawn from: ${describeCase(one)}`,
        `there: ${failure.message}`,
        `run again: BACKEND_SUITE_SEED=${seed} BACKEND_SUITE_CASE=${primitive}:${number}`,
      ].join("\n"),
    );
  }
}

/** `primitive:number` of `BACKEND_SUITE_CASE`. */
function chosenCase(): { primitive: string; number: number } | undefined {
  const text = runtime.env("BACKEND_SUITE_CASE");
  if (!text) return undefined;
  const [primitive, number] = text.split(":");
  if (!SUITE_PRIMITIVES.some((known) => known === primitive) || !/^\d+$/.test(number ?? "")) {
    throw new RangeError(`BACKEND_SUITE_CASE: expected primitive:number, e.g. map:17, got ${text}`);
  }
  return { primitive, number: Number(number) };
}

/**
 * Registers the tests of a backend: random cases of every primitive against the reference backend, the accuracy of
 * elementary functions, and that no memory is left.
 */
export function runBackendSuite(options: BackendSuiteOptions): void {
  const { name, cases = 2000, only = SUITE_PRIMITIVES, accuracy = true, missing } = options;
  const suiteTest = (title: string, fn: () => Promise<void>): void =>
    test.runIf(missing === undefined, title, missing ?? "", fn);
  const seed = Number(runtime.env("BACKEND_SUITE_SEED") || (options.seed ?? 1));
  const chosen = chosenCase();
  let started: Promise<{ tested: Backend; oracle: Backend }> | undefined;
  const start = (): Promise<{ tested: Backend; oracle: Backend }> =>
    started ??= Promise.all([options.create(), createReference({})]).then(([tested, oracle]) => ({ tested, oracle }));

  for (const primitive of SUITE_PRIMITIVES) {
    if (!only.includes(primitive) || (chosen && chosen.primitive !== primitive)) continue;
    const numbers = chosen ? [chosen.number] : Array.from({ length: shareOf(primitive, cases) }, (_, number) => number);
    suiteTest(
      `${primitive} on ${name} agrees with the reference in ${numbers.length} random cases of seed ${seed}`,
      async () => {
        const { tested, oracle } = await start();
        await runCases(primitive, numbers, seed, tested, oracle);
      },
    );
  }
  if (chosen) return;
  if (accuracy) accuracyTests({ name, test: suiteTest, start: () => start().then(({ tested }) => tested) });
  suiteTest(`memory on ${name} is empty after the suite, and dispose refuses further work`, async () => {
    const { tested, oracle } = await start();
    const { liveBuffers, liveBytes } = tested.memory();
    tested.dispose();
    oracle.dispose();
    if (liveBuffers !== 0 || liveBytes !== 0) {
      throw new AssertionError(`expected no live buffers, got ${liveBuffers} of ${liveBytes} bytes`);
    }
    let refused = false;
    try {
      tested.allocate(16);
    } catch {
      refused = true;
    }
    if (!refused) throw new AssertionError("expected allocate to throw after dispose");
  });
}
