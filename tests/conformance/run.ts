// `deno task conformance DIR`: runs every case of the fixture files found in DIR against this library. Prints a line for
// each failed case, a count for each file and kind, and last `N passed, N failed, N skipped`; exits with 1 if any failed.
// A file's runners stand in a file of their own beside this one; a new fixture file is one row of the table below.

import { gunzip, runtime } from "../../src/runtime/mod.ts";
import { basisParameterRunners } from "./basis_params.ts";
import { type Case, CheckFailure, type Runners, Unsupported } from "./check.ts";
import { groupRunners } from "./groups.ts";
import { kernelRunners } from "./kernels.ts";
import { layerRunners } from "./layers.ts";
import { moduleRunners } from "./modules.ts";
import { networkRunners } from "./networks.ts";
import { transformRunners } from "./transforms.ts";

/** The runners of each fixture file, by the file's name without `.json.gz`, in the order in which they run. */
export const FIXTURE_FILES: Readonly<Record<string, Runners>> = {
  groups: groupRunners,
  basis_params: basisParameterRunners,
  kernels2d: kernelRunners,
  kernels3d: kernelRunners,
  layers: layerRunners,
  modules: moduleRunners,
  transforms: transformRunners,
  networks: networkRunners,
};

/** What became of the cases of one kind. */
export interface KindCount {
  passed: number;
  failed: number;
  /** The number of skipped cases for each reason. */
  readonly skipped: Map<string, number>;
}

/** What became of the cases of one file. */
export interface FileReport {
  readonly kinds: Map<string, KindCount>;
  /** One line for each failed case. */
  readonly failures: string[];
}

/** Runs the cases of a fixture file. */
export async function runCases(cases: readonly Case[], runners: Runners): Promise<FileReport> {
  const report: FileReport = { kinds: new Map(), failures: [] };
  for (const c of cases) {
    let count = report.kinds.get(c.kind);
    if (count === undefined) {
      count = { passed: 0, failed: 0, skipped: new Map() };
      report.kinds.set(c.kind, count);
    }
    const skip = (reason: string): void => {
      count.skipped.set(reason, (count.skipped.get(reason) ?? 0) + 1);
    };
    const run = Object.hasOwn(runners, c.kind) ? runners[c.kind] : undefined;
    if (run === undefined) {
      skip(`kind ${c.kind}`);
      continue;
    }
    try {
      await run(c);
      count.passed += 1;
    } catch (error) {
      if (error instanceof Unsupported) {
        skip(error.message);
        continue;
      }
      count.failed += 1;
      const text = error instanceof CheckFailure ? error.message : String(error instanceof Error ? error.stack : error);
      report.failures.push(`FAILED ${c.id}: ${text}`);
    }
  }
  return report;
}

/** The cases of a gzipped fixture file. */
export async function readCases(bytes: Uint8Array): Promise<readonly Case[]> {
  const { cases } = JSON.parse(new TextDecoder().decode(await gunzip(bytes)));
  return cases;
}

async function main(directory: string | undefined): Promise<number> {
  if (directory === undefined) {
    console.error("usage: deno task conformance DIR, the folder with the fixture files (*.json.gz)");
    return 2;
  }
  let [passed, failed, skipped, found] = [0, 0, 0, 0];
  for (const [name, runners] of Object.entries(FIXTURE_FILES)) {
    const path = `${directory}/${name}.json.gz`;
    if (!await runtime.exists(path)) continue;
    found += 1;
    const started = performance.now();
    const report = await runCases(await readCases(await runtime.readFile(path)), runners);
    for (const line of report.failures) console.log(line);
    console.log(`${name} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
    for (const [kind, count] of report.kinds) {
      const omitted = [...count.skipped].map(([reason, n]) => `${n} × ${reason}`);
      const left = [...count.skipped.values()].reduce((a, b) => a + b, 0);
      console.log(
        `  ${kind}: ${count.passed} passed, ${count.failed} failed, ${left} skipped` +
          (left > 0 ? ` (${omitted.join("; ")})` : ""),
      );
      passed += count.passed;
      failed += count.failed;
      skipped += left;
    }
  }
  if (found === 0) console.log(`no fixture file in ${directory}`);
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  return failed > 0 ? 1 : 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args[0]));
