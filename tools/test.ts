// The task `test`: all tests in Deno, the examples of the doc comments, then the cross-runtime tests in Bun and in Node.
// Ends with a table, the names of what failed and was skipped, and the line "N passed, N failed[, N skipped]".
//
//   deno task test                    everything
//   deno task test "inverse: cyclic"  tests whose name contains a text
//   deno task test tests/group        some files or folders

import { countTests, type TestCounts, withCrashes } from "./junit.ts";
import { existsInRoot, installedPrograms, type Outcome, ROOT, runProgram } from "./process.ts";
import { requireSupportedDeno } from "./versions.ts";

/** Folders whose tests run in Bun and Node as well. */
const CROSS = ["tests/cross", "tests/ffi", "tests/runtime", "tests/support"];

/** A part of the tests: one run of one test runner. */
export interface Stage {
  /** Its name in the summary. */
  name: string;
  /** Runs it and writes a JUnit report. */
  run(report: string): Promise<Outcome>;
}

/** What became of a stage. */
export interface StageResult extends TestCounts {
  name: string;
  seconds: number;
}

/** The test files in some folders and among some files, sorted. */
export function testFiles(paths: readonly string[]): string[] {
  const found: string[] = [];
  for (const path of paths) {
    if (!existsInRoot(path)) continue;
    if (path.endsWith(".ts")) found.push(path);
    else {
      for (const entry of Deno.readDirSync(ROOT + path)) {
        const child = `${path.replace(/\/$/, "")}/${entry.name}`;
        if (entry.isDirectory) found.push(...testFiles([child]));
        else if (entry.name.endsWith("_test.ts")) found.push(child);
      }
    }
  }
  return found.sort();
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

async function stages(paths: readonly string[], filter: string | undefined): Promise<Stage[]> {
  const { bun, tsx } = await installedPrograms();
  const all = paths.length === 0;
  const inDeno = testFiles(all ? ["tests"] : paths);
  const crossing = testFiles(CROSS).filter((file) => all || inDeno.includes(file));
  const expect = (runtime: string) => ({ ESCNN_TEST_RUNTIME: runtime, NO_COLOR: "1" });
  const list: Stage[] = [];
  if (inDeno.length > 0) {
    const flags = ["test", "--no-check", "--parallel", "-A", ...filter ? ["--filter", filter] : []];
    list.push({
      name: "Deno",
      run: (report) =>
        runProgram(Deno.execPath(), [...flags, `--junit-path=${report}`, ...inDeno], { env: expect("deno") }),
    });
  }
  const documented = ["mod.ts", "src", "backends", "ffi"].filter(existsInRoot);
  if (all && filter === undefined) {
    const flags = ["test", "--doc", "--no-check", "--parallel", "-A"];
    list.push({
      name: "doc comments",
      run: (report) => runProgram(Deno.execPath(), [...flags, `--junit-path=${report}`, ...documented]),
    });
  }
  if (crossing.length > 0) {
    const pattern = filter && escapePattern(filter);
    list.push({
      name: "Bun",
      run: (report) =>
        runProgram(bun, [
          "test",
          "--reporter=junit",
          `--reporter-outfile=${report}`,
          ...pattern ? ["-t", pattern] : [],
          ...crossing.map((file) => `./${file}`),
        ], { env: expect("bun") }),
    });
    list.push({
      name: "Node",
      run: (report) =>
        runProgram(tsx, [
          "--test",
          "--test-reporter=spec",
          "--test-reporter-destination=stdout",
          "--test-reporter=junit",
          `--test-reporter-destination=${report}`,
          ...pattern ? [`--test-name-pattern=${pattern}`] : [],
          ...crossing,
        ], { env: expect("node") }),
    });
  }
  return list;
}

/** Runs a stage. `filtered` when it may be right that no test ran. */
export async function runStage({ name, run }: Stage, filtered: boolean): Promise<StageResult> {
  const report = await Deno.makeTempFile({ suffix: ".xml" });
  try {
    console.log(`\n── ${name} ${"─".repeat(Math.max(0, 76 - name.length))}`);
    await Deno.writeTextFile(report, "");
    const { code, seconds, output } = await run(report);
    if (output !== "") console.log(output);
    const text = await Deno.readTextFile(report);
    const counts = withCrashes(text === "" ? undefined : countTests(text), code, filtered);
    return { name, seconds, ...counts };
  } finally {
    await Deno.remove(report);
  }
}

/** Prints the table and the last line. Whether all passed, and there were some. */
export function printSummary(results: readonly StageResult[]): boolean {
  console.log(`\n${"".padEnd(14)}${["passed", "failed", "skipped", "seconds"].map((t) => t.padStart(9)).join("")}`);
  for (const { name, passed, failed, skipped, seconds } of results) {
    const figures = [passed, failed.length, skipped.length, seconds.toFixed(1)];
    console.log(name.padEnd(14) + figures.map((figure) => String(figure).padStart(9)).join(""));
  }
  for (const kind of ["skipped", "failed"] as const) {
    const names = results.flatMap((result) => result[kind].map((test) => `  ${result.name}: ${test}`));
    if (names.length > 0) console.log(`\n${kind}:\n${names.join("\n")}`);
  }
  const sum = (count: (result: StageResult) => number) => results.reduce((total, result) => total + count(result), 0);
  const passed = sum((result) => result.passed);
  const failed = sum((result) => result.failed.length);
  const skipped = sum((result) => result.skipped.length);
  const nothing = passed + failed + skipped === 0;
  if (nothing) console.log("\nNo test matches.");
  console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  return failed === 0 && !nothing;
}

if (import.meta.main) {
  requireSupportedDeno();
  const paths = Deno.args.filter((argument) => /^(\.\/)?tests(\/|$)/.test(argument))
    .map((path) => path.replace(/^\.\//, "").replace(/\/$/, ""));
  const filters = Deno.args.filter((argument) => !/^(\.\/)?tests(\/|$)/.test(argument));
  const absent = paths.filter((path) => !existsInRoot(path));
  if (filters.length > 1 || absent.length > 0) {
    console.error(
      absent.length > 0
        ? `${absent.join(", ")} does not exist; give files or folders below tests/`
        : `Expected one filter, got ${filters.map((text) => JSON.stringify(text)).join(", ")}; put it in quotes`,
    );
    Deno.exit(2);
  }
  const results: StageResult[] = [];
  for (const stage of await stages(paths, filters[0])) results.push(await runStage(stage, filters.length > 0));
  Deno.exit(printSummary(results) ? 0 : 1);
}
