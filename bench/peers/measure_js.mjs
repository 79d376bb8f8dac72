/**
 * What the scripts for JavaScript peers share: their command line, and the clock that `measure.ts` and `measure.py` have too.
 */

import process from "node:process";
import { parseArgs } from "node:util";

/** The folder of the packages and the seconds for a figure. */
export function settings() {
  const { positionals: [folder], values: { seconds } } = parseArgs({
    allowPositionals: true,
    options: { seconds: { type: "string", default: "3" } },
  });
  if (folder === undefined) throw new Error("expected the folder that has the packages in its node_modules");
  return { folder, seconds: Number(seconds) };
}

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

/**
 * Median seconds of a call: two calls that do not count (one where it takes all the time), then one or more while there is time, at most
 * fifty.
 */
export async function measure(run, seconds) {
  let start = performance.now();
  await run();
  if (performance.now() - start < 1000 * seconds) await run();
  const clock = [], processor = [];
  start = performance.now();
  while (clock.length < 1 || (clock.length < 50 && performance.now() - start < 1000 * seconds)) {
    const begin = performance.now(), used = process.cpuUsage();
    await run();
    clock.push((performance.now() - begin) / 1000);
    const { user, system } = process.cpuUsage(used);
    processor.push((user + system) / 1e6);
  }
  return { clock: median(clock), processor: median(processor) };
}
