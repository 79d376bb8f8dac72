// The demo: its options, its pictures, and whole runs of the program on a tiny data set, one of them interrupted.

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { decodeSafetensors } from "../../src/io/mod.ts";
import { lineChart, pictureTable, smoothed } from "../../examples/demo/plots.ts";
import { HELP, parseSettings, UsageError } from "../../examples/demo/settings.ts";
import { temporaryDirectory } from "../support/files.ts";
import { execute, runtimeCommand } from "../support/process.ts";
import { test, type TestRuntime } from "../support/test.ts";

const NAMES = ["equivariant", "conventional"] as const;
const FIGURES = ["parameters", "upright", "rotated", "equivarianceError", "seconds"] as const;

type Result = { [name in typeof NAMES[number]]: { [figure in typeof FIGURES[number]]: number } };

test("parseSettings has the README's defaults, and takes every option", async () => {
  const defaults = {
    data: "/mnist",
    train: 6000,
    test: 2000,
    epochs: 3,
    seed: 0,
    backend: "auto",
    out: "demo-output",
  };
  assertEquals(parseSettings([], "/mnist"), defaults);
  const args = "--data d --train 5 --test=6 --epochs 7 --seed 8 --backend cpu --out o".split(" ");
  assertEquals(parseSettings(args, "/mnist"), {
    data: "d",
    train: 5,
    test: 6,
    epochs: 7,
    seed: 8,
    backend: "cpu",
    out: "o",
  });
  assertEquals(parseSettings(["--train", "5", "--help"], "/mnist"), undefined);
  const readme = await Deno.readTextFile("README.md");
  for (const name of Object.keys(defaults)) {
    assertStringIncludes(HELP, `--${name} `);
    assertStringIncludes(readme, `--${name} `);
  }
});

test("parseSettings names the option, what it takes and what came", () => {
  const refused = (args: string[], ...parts: string[]) => {
    const error = assertThrows(() => parseSettings(args, "/mnist"), UsageError);
    for (const part of [...parts, HELP]) assertStringIncludes(error.message, part);
  };
  refused(["--train", "0"], "--train: expected an integer of at least 1, got 0");
  refused(["--test", "1.5"], "--test: expected an integer of at least 1, got 1.5");
  refused(["--epochs", "many"], "--epochs: expected an integer of at least 1, got many");
  refused(["--seed=-1"], "--seed: expected an integer of at least 0, got -1");
  refused(["--speed", "3"], "--speed");
  refused(["--out"], "--out");
  refused(["digits"], "digits");
});

test("smoothed averages each value with those before it", () => {
  assertEquals(smoothed([4, 2, 6, 0], 2), [[1, 4], [2, 3], [3, 4], [4, 3]]);
  assertEquals(smoothed([5, 7], 10), [[1, 5], [2, 6]]);
});

test("lineChart is an SVG with the names of the chart, its axes and its series, and the line's points", () => {
  const series = [
    { name: "steerable", points: [[0, 0.1], [30, 0.9], [60, 0.4]] as const },
    { name: "conventional", points: [[0, 0.2], [60, 0.3]] as const },
  ];
  const svg = lineChart(series, { title: "Accuracy by angle", x: "degrees", y: "accuracy", range: [0, 1] });
  assert(svg.startsWith("<svg") && svg.trimEnd().endsWith("</svg>"), svg.slice(0, 80));
  for (const name of ["steerable", "conventional", "Accuracy by angle", "degrees", "accuracy"]) {
    assertStringIncludes(svg, name);
  }
  // The two polylines: a point fewer, a segment fewer.
  const segments = [...svg.matchAll(/<path d="M([\d. L-]+)" fill="none"/g)].map(([, points]) =>
    points.split("L").length
  );
  assert(segments.includes(3) && segments.includes(2), JSON.stringify(segments));
});

test("pictureTable holds a PNG for each picture, and the names of rows and columns", () => {
  const picture = (values: number[]) => ({ size: 2, values });
  const svg = pictureTable("Feature maps", ["0°", "90°"], [
    { name: "input", pictures: [picture([0, 1, 2, 3]), picture([3, 2, 1, 0])] },
    { name: "constant", pictures: [picture([5, 5, 5, 5]), picture([5, 5, 5, 5])] },
  ]);
  for (const name of ["Feature maps", "0°", "90°", "input", "constant"]) assertStringIncludes(svg, `>${name}</text>`);
  const images = [...svg.matchAll(/href="data:image\/png;base64,([^"]+)"/g)].map(([, data]) => atob(data));
  assertEquals(images.length, 4);
  for (const image of images) assertEquals(image.slice(0, 4), "\x89PNG");
  assert(images[0] !== images[1] && images[2] === images[3]);
});

/** An array in the IDX format. */
function idx(shape: readonly number[], values: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * shape.length + values.length);
  bytes.set([0, 0, 8, shape.length]);
  const view = new DataView(bytes.buffer);
  shape.forEach((size, axis) => view.setUint32(4 + 4 * axis, size));
  bytes.set(values, 4 + 4 * shape.length);
  return bytes;
}

/** Writes 64 training and 32 test images of 28 × 28: label k has a bar of length k + 4. */
async function writeDataset(folder: string): Promise<void> {
  for (const [name, count] of [["train", 64], ["t10k", 32]] as const) {
    const pixels = new Uint8Array(count * 784), labels = new Uint8Array(count);
    for (let i = 0; i < count; i++) {
      labels[i] = i % 10;
      for (let row = 0; row < labels[i] + 4; row++) {
        pixels.fill(255, i * 784 + (row + 6) * 28 + 12, i * 784 + (row + 6) * 28 + 16);
      }
    }
    await Deno.writeFile(`${folder}/${name}-images-idx3-ubyte`, idx([count, 28, 28], pixels));
    await Deno.writeFile(`${folder}/${name}-labels-idx1-ubyte`, idx([count], labels));
  }
}

function resultOf(stdout: string): Result {
  const result = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "") as Result;
  assertEquals(Object.keys(result), [...NAMES]);
  for (const name of NAMES) {
    assertEquals(Object.keys(result[name]), [...FIGURES]);
    const { parameters, upright, rotated, equivarianceError, seconds } = result[name];
    assert(Number.isInteger(parameters) && parameters > 30_000 && parameters < 45_000, `${parameters} parameters`);
    for (const share of [upright, rotated]) assert(share >= 0 && share <= 1, `${share}`);
    assert(equivarianceError >= 0 && seconds > 0);
  }
  // About the same size, and only one of them is equivariant.
  const { equivariant, conventional } = result;
  assert(Math.abs(equivariant.parameters / conventional.parameters - 1) < 0.1);
  assert(equivariant.equivarianceError < 1e-4, `${equivariant.equivarianceError}`);
  assert(conventional.equivarianceError > 1e-4, `${conventional.equivarianceError}`);
  return result;
}

const FLAGS: Readonly<Record<TestRuntime, string[]>> = { deno: ["-A"], bun: [], node: [] };

for (const runtime of ["deno", "bun", "node"] as const) {
  test(`demo in ${runtime} trains, tests, writes plots and models, and ends with a line of JSON`, async () => {
    await using folder = await temporaryDirectory();
    await writeDataset(folder.path);
    const out = `${folder.path}/out`;
    const { code, stdout, stderr } = await execute(
      "examples/demo.ts",
      `--data ${folder.path} --train 16 --test 20 --epochs 1 --seed 1 --backend cpu --out ${out}`.split(" "),
      { runtime, flags: FLAGS[runtime], limit: 120 },
    );
    assertEquals(code, 0, stderr);
    assertStringIncludes(stderr, "cpu: WebAssembly SIMD");
    resultOf(stdout);
    for (const text of ["16 upright digits, 1 epochs", "20 digits", "steerable CNN (C16)", "conventional CNN"]) {
      assertStringIncludes(stdout, text);
    }
    const files = [...Deno.readDirSync(out)].map(({ name }) => name).sort();
    assertEquals(files, [
      "angles.svg",
      "conventional.safetensors",
      "equivariant.safetensors",
      "features.svg",
      "training.svg",
    ]);
  });
}

test("demo refuses wrong options and missing data with a message and exit code 2", async () => {
  const { code, stdout, stderr } = await execute("examples/demo.ts", ["--train", "none"], { flags: ["-A"] });
  assertEquals([code, stdout], [2, ""]);
  assertStringIncludes(stderr, "--train: expected an integer of at least 1, got none");
  const absent = await execute("examples/demo.ts", ["--data", "/absent", "--backend", "reference"], { flags: ["-A"] });
  assertEquals([absent.code, absent.stdout], [2, ""]);
  assertStringIncludes(absent.stderr, "/absent/train-images-idx3-ubyte");
  assert(!absent.stderr.includes("    at "), absent.stderr);
});

test("demo: an interrupted run goes on from its checkpoint and gives the bits of an uninterrupted one", async () => {
  await using folder = await temporaryDirectory();
  await writeDataset(folder.path);
  const whole = `${folder.path}/whole`, parts = `${folder.path}/parts`;
  const args = (out: string): string[] =>
    `--data ${folder.path} --train 2 --test 8 --epochs 60 --backend cpu --out ${out}`.split(" ");
  // One thread adds in the same order every time.
  const env = { ESCNN_THREADS: "1" };
  const [program, ...flags] = runtimeCommand("deno", ["-A"]);
  const child = new Deno.Command(program, {
    args: [...flags, "examples/demo.ts", ...args(parts)],
    env,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const checkpoint = `${parts}/equivariant.checkpoint.safetensors`;
  const deadline = performance.now() + 120_000;
  while (!await exists(checkpoint)) {
    assert(performance.now() < deadline, "no checkpoint in 120 s");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  child.kill("SIGKILL");
  assert(!(await child.status).success);
  // Of the two networks one is half trained.
  assert(!await exists(`${parts}/equivariant.safetensors`));

  const resumed = await execute("examples/demo.ts", args(parts), { flags: ["-A"], env, limit: 300 });
  assertEquals(resumed.code, 0, resumed.stderr);
  assertStringIncludes(resumed.stderr, "went on from step 50 of an earlier run");
  assert(!await exists(checkpoint), "the checkpoint is gone when the run is complete");
  const straight = await execute("examples/demo.ts", args(whole), { flags: ["-A"], env, limit: 300 });
  assert(!straight.stderr.includes("earlier run"));
  const [a, b] = [resultOf(resumed.stdout), resultOf(straight.stdout)];
  for (const name of NAMES) {
    for (const figure of ["upright", "rotated", "equivarianceError"] as const) {
      assertEquals(a[name][figure], b[name][figure], `${name}, ${figure}`);
    }
    const [first, second] = await Promise.all([parts, whole].map(async (out) => {
      const path = `${out}/${name}.safetensors`;
      return decodeSafetensors(await Deno.readFile(path), path).tensors;
    }));
    assertEquals(Object.keys(first), Object.keys(second));
    for (const [key, { data }] of Object.entries(first)) assertEquals(data, second[key].data, key);
  }
});

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch {
    return false;
  }
}
