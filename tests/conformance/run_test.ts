// The conformance runner itself: the project's extracts pass, wrong expectations fail, unknown kinds are skipped by
// name.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { runtime } from "../../src/runtime/mod.ts";
import { test } from "../support/test.ts";
import { type Case, close, relativeError, sameSet, tensor } from "./check.ts";
import { FIXTURE_FILES, readCases, runCases } from "./run.ts";

const folder = decodeURIComponent(new URL("../fixtures/", import.meta.url).pathname);

async function casesOf(name: string): Promise<readonly Case[]> {
  return await readCases(await runtime.readFile(`${folder}${name}.json.gz`));
}

for (
  const [name, count] of [["groups", 1271], ["basis_params", 257], ["kernels2d", 102], ["kernels3d", 128]] as const
) {
  test(`conformance: all ${count} cases of ${name} agree with escnn`, async () => {
    const { kinds, failures } = await runCases(await casesOf(name), FIXTURE_FILES[name]);
    assertEquals(failures, []);
    let passed = 0;
    for (const [kind, result] of kinds) {
      assertEquals([...result.skipped], [], kind);
      passed += result.passed;
    }
    assertEquals(passed, count);
  });
}

test("conformance: a wrong expectation of any kind fails with the error and the tolerance", async () => {
  const cases = await casesOf("kernels2d");
  const span = cases.find((c) => c.kind === "kernel-span")!;
  const wrongRank: Case = { ...span, id: "rank", expect: { ...span.expect, rank: Number(span.expect.rank) + 1 } };
  const other = cases.find((c) => c.kind === "space-action" && c.id.includes("rot2dOnR2-N4"))!;
  const wrongMatrix: Case = {
    ...other,
    id: "matrix",
    expect: { ...other.expect, matrices: { shape: [4, 2, 2], data: new Array(16).fill(0.25) } },
  };
  const { failures, kinds } = await runCases([wrongRank, wrongMatrix], FIXTURE_FILES.kernels2d);
  assertEquals(failures.length, 2);
  assertStringIncludes(failures[0], `FAILED rank: rank: got ${span.expect.rank}`);
  assertStringIncludes(failures[1], "FAILED matrix: matrices: error 1.25, tolerance 1e-9");
  assertEquals(kinds.get("kernel-span")?.failed, 1);
});

test("conformance: every wrong group case fails", async () => {
  // Each expectation of numbers is moved by more than its tolerance.
  const shift = (value: unknown): unknown => {
    if (typeof value === "number") return value + 1;
    if (typeof value === "boolean") return !value;
    if (Array.isArray(value)) return value.length === 0 ? [[0]] : value.map(shift);
    if (value !== null && typeof value === "object") {
      return Object.fromEntries(
        Object.entries(value).map(([k, v]) => [k, k === "shape" || k === "subgroup" || k === "type" ? v : shift(v)]),
      );
    }
    return value;
  };
  const kinds = ["compose", "equal", "irrep", "representation", "tensor-product", "clebsch-gordan", "intertwiners"];
  const cases = (await casesOf("groups")).filter((c) => kinds.includes(c.kind) && c.group !== undefined);
  const wrong = cases.map((c) => ({ ...c, expect: shift(c.expect) }) as Case);
  const { failures } = await runCases(wrong, FIXTURE_FILES.groups);
  // Composition in C1 and D1 stays right: all integers are the same element there.
  assert(failures.length >= cases.length - 2, `${failures.length} of ${cases.length}`);
});

test("conformance: unknown kinds and unsupported groups are skipped with their reason", async () => {
  const base = { tolerance: 0, expect: {} };
  const { kinds } = await runCases([
    { ...base, id: "a", kind: "nonsense" },
    { ...base, id: "b", kind: "compose", group: { family: "monster" }, pairs: [] },
    { ...base, id: "c", kind: "constructor" },
  ], FIXTURE_FILES.groups);
  assertEquals([...kinds.get("nonsense")!.skipped], [["kind nonsense", 1]]);
  assertEquals([...kinds.get("compose")!.skipped], [["group family monster", 1]]);
  assertEquals([...kinds.get("constructor")!.skipped], [["kind constructor", 1]]);
});

test("relativeError divides by the largest expected number, at least by 1", () => {
  assertEquals(relativeError([1.5], [1]), 0.5);
  assertEquals(relativeError([101, 0], [100, 0]), 0.01);
  assertEquals(relativeError([NaN], [0]), NaN);
  assertEquals(relativeError([1], [1, 2]), Infinity);
});

test("close refuses NaN, sameSet ignores order, tensor reads probes and nested arrays", () => {
  let failed = false;
  try {
    close("x", [NaN], [0], 1);
  } catch {
    failed = true;
  }
  assert(failed);
  sameSet("s", [[2], [1]], [[1], [2]]);
  assertEquals(tensor([[1, 2], [3, 4]]).shape, [2, 2]);
  const { data } = tensor({ probe: 3, shape: [2] });
  assertEquals(data[0], Math.sin(0.7390851332 * (1 + 3 / 7) + 3) + 0.5 * Math.cos(0.0129 + 6));
});
