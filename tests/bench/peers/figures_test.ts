// The arithmetic of bench:peers: medians, ratios, the table, and the command line.

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { type Measured, median, ratios, rowsOf, tableText } from "../../../bench/peers/figures.ts";
import { HELP, parseOptions, PEERS, selected, UsageError } from "../../../bench/peers/options.ts";
import { test } from "../../support/test.ts";

const run = (clock: number, processor: number, peak?: number): Measured => ({
  construct: { clock: 10 * clock, processor: 10 * processor },
  "train-step": { clock, processor },
  peak,
});

test("median is the middle number, or the mean of the middle two", () => {
  assertEquals(median([3, 1, 2]), 2);
  assertEquals(median([4, 1, 3, 2]), 2.5);
  assertEquals(median([7]), 7);
  assertThrows(() => median([]), RangeError, "at least one");
});

test("rowsOf compares the medians over processes, and leaves out what one side did not measure", () => {
  const theirs = [run(3, 5, 900), run(1, 2, 700), run(2, 4, 800)], ours = [run(1, 1, 100), run(0.5, 1, 300)];
  const phases = ["train-forward", "train-step"] as const;
  assertEquals(rowsOf("se3", "@1", "escnn", theirs, ours, phases), [
    { work: "se3/train-step@1", peer: "escnn", unit: "s", theirs: 2, ours: 0.75, processor: 4 },
    { work: "se3/peak@1", peer: "escnn", unit: "MiB", theirs: 800, ours: 200 },
  ]);
  assertEquals(rowsOf("se3", "", "escnn", [], ours, phases), []);
  assertEquals(rowsOf("se3", "", "tfjs", [{ inference: { clock: 1, processor: 1 } }], ours, ["inference"]), []);
});

test("ratios is theirs / ours by work and peer, with three digits", () => {
  const row = (work: string, peer: string, theirs: number) =>
    ({ work, peer, unit: "s", theirs, ours: 3, processor: 9 }) as const;
  const rows = [row("a/train-step", "escnn", 10), row("a/train-step", "pytorch", 3), row("startup@1", "escnn", 1)];
  assertEquals(ratios(rows), { "a/train-step": { escnn: 3.33, pytorch: 1 }, "startup@1": { escnn: 0.333 } });
});

test("tableText aligns the figures and writes units", () => {
  const lines = tableText([
    { work: "octa/train-step", peer: "escnn", unit: "s", theirs: 1.25, ours: 0.0251, processor: 2 },
    { work: "octa/peak", peer: "escnn", unit: "MiB", theirs: 1532.3, ours: 156 },
  ]).split("\n");
  assertEquals(lines.map((line) => line.split(/\s{2,}/).filter((cell) => cell !== "")).slice(1), [
    ["octa/train-step", "escnn", "1.25 s", "25.1 ms", "49.8", "2.00"],
    ["octa/peak", "escnn", "1532 MiB", "156 MiB", "9.82"],
  ]);
  assertEquals(lines[1].length, lines[0].length);
});

test("parseOptions has the defaults of its help, reads every option, and takes paths from the environment", () => {
  const none = () => undefined;
  assertEquals(parseOptions([], none, 8), {
    filters: [],
    threads: [2],
    wasm: false,
    repeats: 3,
    seconds: 3,
    peers: PEERS,
    python: "python3",
    standIns: undefined,
    javaScript: "bench/peers",
  });
  assertEquals(parseOptions([], (name) => `of ${name}`, 1)?.threads, [1]);
  assertEquals(parseOptions([], (name) => `of ${name}`, 1)?.python, "of ESCNN_PEERS_PYTHON");
  const args = "se3 --threads 1,2 --wasm --repeats 5 --seconds 0.5 --peers tfjs,escnn --python p --stand-ins s --js j";
  assertEquals(parseOptions(args.split(" "), none, 2), {
    filters: ["se3"],
    threads: [1, 2],
    wasm: true,
    repeats: 5,
    seconds: 0.5,
    peers: ["escnn", "tfjs"],
    python: "p",
    standIns: "s",
    javaScript: "j",
  });
  assertEquals(parseOptions(["--help"], none, 2), undefined);
  for (const name of ["threads", "wasm", "repeats", "seconds", "peers", "python", "stand-ins", "js"]) {
    assertStringIncludes(HELP, `--${name} `);
  }
});

test("parseOptions rejects what makes no sense, naming what was expected and what came", () => {
  const reject = (text: string, message: string) =>
    assertThrows(() => parseOptions(text.split(" "), () => undefined, 2), UsageError, message);
  reject("--threads 3", "from 1 to 2");
  reject("--threads 0", 'positive integer, got "0"');
  reject("--repeats 1.5", "--repeats takes a positive integer");
  reject("--peers tfjs,jaxx", "got jaxx");
  reject("se4", "se4: part of no name");
  reject("--nonsense", "nonsense");
});

test("selected takes names that contain one of the filters", () => {
  assertEquals(selected("se3/train-step", []), true);
  assertEquals(selected("se3/train-step", ["octa", "train"]), true);
  assertEquals(selected("se3/inference", ["octa", "train"]), false);
});
