// The examples of whole networks: their parts, and whole runs of the programs with small options, read back from their last line.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { WideResNet } from "../../examples/e2wrn/network.ts";
import { circular, products, reflected, spherical } from "../../examples/mlp/networks.ts";
import { PIECES, placePieces } from "../../examples/pointcloud/pieces.ts";
import { SE3Network } from "../../examples/se3-cnn/network.ts";
import { helpText, parseCommand, short, table } from "../../examples/support/command.ts";
import { execute } from "../support/process.ts";
import { test } from "../support/test.ts";
import "../nn/support.ts";

/** Runs an example and gives the object of its last line. */
async function runExample(name: string, args: readonly string[]): Promise<Record<string, number>> {
  const { code, stdout, stderr } = await execute(`examples/${name}.ts`, [...args, "--backend", "cpu"], {
    flags: ["-A"],
  });
  assertEquals(code, 0, stderr);
  return JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "");
}

test("examples/mlp.ts: losses fall, products are equivariant to 1e-4", async () => {
  const { networks } = await runExample("mlp", ["--steps", "40"]) as unknown as {
    networks: { name: string; firstLoss: number; lastLoss: number; equivarianceError: number }[];
  };
  assertEquals(networks.map(({ name }) => name.split(",")[0]), ["SO(3)", "SO(3)", "SO(2)", "O(2)"]);
  for (const { name, firstLoss, lastLoss, equivarianceError } of networks) {
    assert(lastLoss < firstLoss / 2, `${name}: ${firstLoss} to ${lastLoss}`);
    assert(equivarianceError < (name.includes("products") ? 1e-4 : 0.3), `${name}: ${equivarianceError}`);
  }
});

test("examples/mlp: maps from vectors to irreps of frequency 2", () => {
  for (const { network } of [spherical(), products(), circular(), reflected()]) {
    assertEquals(network.outType.representations[0].constituents[0].frequency, 2);
    assertEquals(network.inType.size, network.inType.fibergroup.name.includes("3") ? 3 : 2);
  }
});

test("examples/pointcloud.ts knows turned pieces as well as upright ones, and its logits do not see rotations", async () => {
  const { upright, turned, equivarianceError } = await runExample("pointcloud", ["--test", "8"]);
  assert(upright > 0.9 && turned > 0.9, `${upright} and ${turned}`);
  assert(equivarianceError < 1e-4, `${equivarianceError}`);
});

test("examples/pointcloud: pieces have four points each, all connected", async () => {
  let state = 1;
  const uniform = () => (state = state * 16807 % 2147483647) / 2147483647;
  const { positions, graph, batch, labels } = await placePieces(2, { turn: true, noise: 0 }, uniform);
  assertEquals([positions.shape, batch.length, labels.shape], [[64, 3], 64, [16]]);
  const pairs = Array.from({ length: 256 }, (_, e) => 4 * (e >> 4) + (e & 3)), targets = pairs.map((_, e) => e >> 2);
  assertEquals([...graph.edges], [...pairs, ...targets]);
  const points = positions.dataSync();
  PIECES.forEach((cubes, label) => {
    // Turning keeps distances.
    const distance = (a: number, b: number) =>
      Math.hypot(...[0, 1, 2].map((i) => points[3 * (4 * label + a) + i] - points[3 * (4 * label + b) + i]));
    const expected = Math.hypot(...[0, 1, 2].map((i) => cubes[0][i] - cubes[3][i]));
    assert(Math.abs(distance(0, 3) - expected) < 1e-5);
  });
});

test("examples/octahedral.ts is equivariant under all 24 rotations and knows a reflection", async () => {
  const { rotations, equivarianceError, reflectionChange } = await runExample("octahedral", []);
  assertEquals(rotations, 24);
  assert(equivarianceError < 1e-5 && reflectionChange > 1e-2);
});

test("examples/se3-cnn.ts: logits do not see quarter turns (1e-5) but reflections, and it is built in less than 2 s", async () => {
  const { equivarianceError, reflectionChange, constructionSeconds, parameters } = await runExample("se3-cnn", []);
  assert(equivarianceError < 1e-5, `${equivarianceError}`);
  assert(reflectionChange > 100 * equivarianceError, `${reflectionChange}`);
  assert(constructionSeconds < 2, `${constructionSeconds}`);
  assertEquals(parameters, new SE3Network().parameterCount());
});

test("examples/e2wrn.ts: logits do not see the last group (1e-5), and it is built in less than 2 s", async () => {
  for (
    const args of [["--batch", "1"], ["--batch", "1", "--rot90"], [
      "--batch",
      "1",
      "--chiral",
      "--rotations",
      "8",
      "--restriction",
      "2",
    ]]
  ) {
    const { equivarianceError, constructionSeconds } = await runExample("e2wrn", args);
    assert(equivarianceError < 1e-5, `${args}: ${equivarianceError}`);
    assert(constructionSeconds < 2, `${constructionSeconds}`);
  }
});

test("examples/e2wrn: fields and groups of the stages are those of the table", () => {
  const fields = (network: WideResNet): number[] =>
    network.body.modules.filter((_, i) => i === 0 || network.body.modules[i].constructor.name === "WideBlock")
      .map(({ outType }) => outType.length);
  const named = new WideResNet();
  assertEquals(named.spaces.map(({ fibergroup }) => fibergroup.order), [8, 4, 2]);
  assertEquals(fields(named), [5, 22, 64, 362]);
  assertEquals(fields(new WideResNet({ restriction: 0 })), [5, 22, 45, 724]);
  const stl = new WideResNet({
    depth: 16,
    rotations: 8,
    widen: 1,
    restriction: 2,
    initialStride: 2,
    reflections: false,
  });
  assertEquals(stl.spaces.map(({ fibergroup }) => fibergroup.order), [8, 4, 4]);
  assertEquals(stl.body.evaluateOutputShape([1, 3, 65, 65]).slice(2), [9, 9]);
});

const command = {
  title: "Title.",
  numbers: { steps: { value: 3, help: "steps" } },
  flags: { fast: "faster" },
} as const;

test("examples' command lines read numbers and switches and say what is wrong", () => {
  assertEquals(parseCommand(command, ["--steps", "5", "--fast", "--seed", "2"]), {
    chosen: { steps: 5, fast: true },
    backend: "auto",
    seed: 2,
    help: false,
  });
  assertEquals(parseCommand(command, ["--steps", "many"]), "--steps takes an integer of 0 or more, got many");
  assertStringIncludes(String(parseCommand(command, ["--stepps", "5"])), "--stepps");
  assertStringIncludes(helpText(command), "--steps N       steps (default 3)");
});

test("examples end with 2 and their help for options that they do not have", async () => {
  const { code, stderr } = await execute("examples/octahedral.ts", ["--fast"], { flags: ["-A"] });
  assertEquals(code, 2);
  assertStringIncludes(stderr, "--batch N");
});

test("short and table print numbers for people", () => {
  assertEquals([0, 0.12345, 1234.5, 1e-7, 123456].map(short), ["0", "0.123", "1230", "1.0e-7", "1.2e+5"]);
  assertEquals(table([["a", "1"], ["bcd", "23"]]), "a     1\nbcd  23");
});
