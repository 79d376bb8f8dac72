// The history of measured figures: reading it, the last run on a processor, what got slower, and what is said about it.

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { SUITE } from "../../bench/track_suite.ts";
import {
  changes,
  comparisonLines,
  type Figure,
  figureLines,
  lastOf,
  parseHistory,
  type TrackLine,
} from "../../tools/track_history.ts";
import { test } from "../support/test.ts";

function run(figures: { readonly [name: string]: number }, other: Partial<TrackLine> = {}): TrackLine {
  const sgemm = other.sgemm ?? 100;
  const made = Object.entries(figures).map(([name, rate]): [string, Figure] => [
    name,
    { rate, unit: "GFLOP/s", ofPeak: rate / sgemm },
  ]);
  return {
    commit: "abc",
    date: "2026-01-02T03:04:05.000Z",
    cpu: "A, 2 cores",
    runtime: "deno 2.9.6",
    threads: 2,
    openblas: "OpenBLAS",
    sgemm,
    ...other,
    figures: Object.fromEntries(made),
  };
}

test("track: a history is read line by line, and a damaged line is named", () => {
  const lines = [run({ a: 1 }), run({ a: 2 })];
  const text = lines.map((line) => JSON.stringify(line)).join("\n\n") + "\n";
  assertEquals(parseHistory(text), lines);
  assertEquals(parseHistory(""), []);
  assertThrows(() => parseHistory(`${JSON.stringify(lines[0])}\n{"cpu": `), SyntaxError, "line 2");
  assertThrows(() => parseHistory('\n{"cpu": "A"}'), SyntaxError, 'line 2 has no "cpu" or no "figures"');
  assertThrows(() => parseHistory("null"), SyntaxError, "line 1");
});

test("track: the last run on the same processor counts, not that on another", () => {
  const first = run({ a: 1 }), second = run({ a: 2 }), other = run({ a: 3 }, { cpu: "B, 8 cores" });
  assertEquals(lastOf([first, second, other], "A, 2 cores"), second);
  assertEquals(lastOf([first, second, other], "C, 2 cores"), undefined);
});

test("track: changes are ratios of times, the worst first, of figures that both runs have in one unit", () => {
  const before = run({ same: 50, half: 50, double: 50, gone: 50, unit: 50 });
  const after = run({ same: 50, half: 25, double: 100, new: 50 }, { sgemm: 50 });
  const both = { ...after, figures: { ...after.figures, unit: { rate: 1, unit: "steps/s", ofPeak: 1 } } };
  assertEquals(changes(before, both).map(({ name, slower, slowerOfPeak }) => [name, slower, slowerOfPeak]), [
    ["half", 2, 1],
    ["same", 1, 0.5],
    ["double", 0.5, 0.25],
  ]);
});

test("track: more than 10 % slower is said, 10 % is not, and the peak stands beside it", () => {
  const before = run({ fine: 110, worse: 112, gone: 1 });
  const text = comparisonLines(before, run({ fine: 100, worse: 100 }, { sgemm: 50, runtime: "deno 3" })).join("\n");
  assertStringIncludes(text, "against abc of 2026-01-02");
  assertStringIncludes(text, "slower: worse: 112 → 100 GFLOP/s, time +12 % (−44 % as part of the peak)");
  assert(!text.includes("fine"), text);
  assertStringIncludes(text, "not measured any more: gone");
  assertStringIncludes(text, "runtime was deno 2.9.6, is deno 3");
  assertStringIncludes(text, "sgemm peak 100 → 50.0 GFLOP/s");
  const good = comparisonLines(before, before).join("\n");
  assertStringIncludes(good, "nothing of 3 figures got slower by more than 10 %");
});

test("track: figures are listed with unit and part of the peak", () => {
  assertEquals(figureLines(run({ "a/b": 25, long: 1234.5 })), [
    "a/b       25.0 GFLOP/s          0.250 of the peak",
    "long      1235 GFLOP/s          12.3 of the peak",
  ]);
});

test("track: every figure of the suite has a name of its own", () => {
  const names = SUITE.map(({ name }) => name);
  assertEquals(new Set(names).size, names.length);
  for (const part of ["gemm", "convolution", "map", "tutorial-c8/train-step", "construct", "startup/node"]) {
    assert(names.some((name) => name.includes(part)), part);
  }
});
