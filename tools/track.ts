// The task `bench:track`: measures the suite of bench/track_suite.ts, appends a line to bench/history.jsonl, and prints what got slower by
// more than 10 % against the last line of the same processor.
//
//   deno task bench:track                  all figures, one line more in the history
//   deno task bench:track tutorial-c8      figures whose name contains a text; printed and compared, not kept
//   deno task bench:track --history=PATH   another file

import { peaks, peaksText } from "../bench/peaks.ts";
import { processor, SUITE } from "../bench/track_suite.ts";
import { ROOT, runProgram } from "./process.ts";
import { comparisonLines, type Figure, figureLines, lastOf, parseHistory, type TrackLine } from "./track_history.ts";
import { requireSupportedDeno } from "./versions.ts";

async function commit(): Promise<string> {
  const git = async (...args: string[]): Promise<string> => {
    const { code, output } = await runProgram("git", args, { collect: true });
    return code === 0 ? output.trim() : "";
  };
  const name = await git("rev-parse", "--short=12", "HEAD");
  if (name === "") return "unknown";
  const changed = await git(
    "status",
    "--porcelain",
    "--untracked-files=no",
    "--",
    ".",
    // The history's own line is not a change.
    ":!bench/history.jsonl",
  );
  return changed === "" ? name : `${name}+`;
}

async function readHistory(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

requireSupportedDeno();
const flag = Deno.args.find((argument) => argument.startsWith("--history="));
const filters = Deno.args.filter((argument) => argument !== flag && argument !== "--");
if (filters.length > 1 || filters[0]?.startsWith("--")) {
  console.error(`Expected one filter and --history=PATH, got ${Deno.args.join(" ")}`);
  Deno.exit(2);
}
const path = flag?.slice("--history=".length) ?? `${ROOT}bench/history.jsonl`;
// Read before the minutes of measuring: a damaged history is no reason to lose them.
const history = parseHistory(await readHistory(path));
const chosen = SUITE.filter(({ name }) => name.includes(filters[0] ?? ""));
if (chosen.length === 0) {
  console.error(`No figure contains "${filters[0]}". There are:\n${SUITE.map(({ name }) => `  ${name}`).join("\n")}`);
  Deno.exit(2);
}
const ceiling = await peaks();
const sgemm = (ceiling.sgemm ?? ceiling.webAssembly).all;
console.log(peaksText(ceiling));
const figures: { [name: string]: Figure } = {};
for (const { name, measure } of chosen) {
  const { rate, unit } = await measure();
  figures[name] = { rate: Number(rate.toPrecision(5)), unit, ofPeak: Number((rate / sgemm).toPrecision(5)) };
}
const line: TrackLine = {
  commit: await commit(),
  date: new Date().toISOString(),
  cpu: processor(),
  runtime: `deno ${Deno.version.deno}`,
  threads: ceiling.threads,
  openblas: ceiling.openblas,
  sgemm: Number(sgemm.toPrecision(5)),
  figures,
};
console.log(`\n${line.cpu}\n${figureLines(line).join("\n")}`);
const before = lastOf(history, line.cpu);
const partial = filters.length > 0;
if (before === undefined) console.log("\nThe history has no run on this processor.");
else {
  const named = Object.entries(before.figures).filter(([name]) => !partial || name in figures);
  console.log(`\n${comparisonLines({ ...before, figures: Object.fromEntries(named) }, line).join("\n")}`);
}
if (partial) console.log("\nWith a filter nothing is added to the history.");
else await Deno.writeTextFile(path, `${JSON.stringify(line)}\n`, { append: true });
// Workers of the backends would keep the process.
Deno.exit(0);
