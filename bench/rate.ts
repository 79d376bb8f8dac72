/**
 * A benchmark whose figure is a rate: it prints the median of five in units of work per second, and what part of this run's
 * ceiling that is, beside the time that `deno bench` prints.
 */

import { type Peaks, peaks } from "./peaks.ts";

/** One benchmark. */
export interface RateBench {
  /** Its name, with the shape in it. */
  readonly name: string;
  /** Benchmarks that are compared. */
  readonly group: string;
  /** Work of one run: floating-point operations, elements, bytes. */
  readonly work: number;
  /** Unit of the rate per 1e9 of work: `GFLOP/s`, `1e9 elements/s`, `GB/s`. */
  readonly unit: string;
  /** The run's ceiling in the same unit; `undefined` prints no fraction. */
  readonly ceiling?: (peaks: Peaks) => number | undefined;
  /** Does what is needed once, and gives the function that is timed. It must have finished its work when it returns. */
  readonly prepare: () => Promise<() => void> | (() => void);
}

/** Runs timed together take at least so many milliseconds, so that short ones are not lost in the clock. */
const LEAST_TIME = 20;

/** Registers a benchmark. */
export function rateBench({ name, group, work, unit, ceiling, prepare }: RateBench): void {
  let prepared: (() => void) | undefined;
  Deno.bench({ name, group, n: 1, warmup: 0 }, async (timer) => {
    if (prepared !== undefined) {
      // Deno's own timing: it calls several times whatever n says.
      timer.start();
      prepared();
      timer.end();
      return;
    }
    const run = prepared = await prepare();
    const start = performance.now();
    run();
    run();
    const repeats = Math.max(1, Math.ceil(LEAST_TIME / ((performance.now() - start) / 2)));
    const times: number[] = [];
    for (let round = 0; round < 5; round++) {
      const begin = performance.now();
      for (let repeat = 0; repeat < repeats; repeat++) run();
      times.push((performance.now() - begin) / repeats);
    }
    const rate = work / times.sort((a, b) => a - b)[2] / 1e6;
    const top = ceiling?.(await peaks());
    const part = top === undefined ? "" : ` (${(100 * rate / top).toFixed(0)} % of ${top.toFixed(0)})`;
    console.log(`${rate.toFixed(rate < 10 ? 2 : 1)} ${unit}${part}`);
    timer.start();
    run();
    timer.end();
  });
}
