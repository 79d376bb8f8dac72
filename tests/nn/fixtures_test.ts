// Modules, convolutions, transforms and networks against the oracle's numbers: extracts of the fixtures in tests/fixtures.

import { assertEquals } from "@std/assert";
import { runtime } from "../../src/runtime/mod.ts";
import { FIXTURE_FILES, readCases, runCases } from "../conformance/run.ts";
import { test } from "../support/test.ts";

const COUNTS = { layers: 60, modules: 115, transforms: 27, networks: 8 } as const;

for (const [name, count] of Object.entries(COUNTS)) {
  test(`fixtures: all ${count} cases of the extract of ${name} agree with the oracle`, async () => {
    const path = new URL(`../fixtures/${name}.json.gz`, import.meta.url).pathname;
    const { kinds, failures } = await runCases(await readCases(await runtime.readFile(path)), FIXTURE_FILES[name]);
    assertEquals(failures, []);
    assertEquals([...kinds.values()].reduce((sum, kind) => sum + kind.passed, 0), count);
  });
}
