// The layout of the project as tests: import directions, no cycles, a test for every source, file lengths, and what must
// not stand in the sources. A failure lists file, line, rule and what to do.

import { assertEquals, fail } from "@std/assert";
import {
  checkCycles,
  checkImports,
  checkLength,
  checkTested,
  checkText,
  describeViolations,
  testPathOf,
  type Violation,
} from "./support/layout_rules.ts";
import { readSources, scanSource } from "./support/sources.ts";
import { test } from "./support/test.ts";

const sources = readSources(["mod.ts", "src", "backends", "ffi"]);
const tests = readSources(["tests"]);
const others = readSources(["examples", "bench", "tools"]);

function assertNone(violations: readonly Violation[]): void {
  if (violations.length > 0) fail(`${violations.length} places break the layout\n${describeViolations(violations)}`);
}

test("layout: imports point the allowed way, and sources import only relative files", () => {
  assertNone(checkImports(sources));
});

test("layout: no imports form a circle", () => {
  assertNone(checkCycles([...sources, ...tests]));
});

test("layout: every source has a test that imports it", () => {
  assertNone(checkTested(sources, tests));
});

test("layout: no file has more than 600 lines", () => {
  assertNone(checkLength([...sources, ...tests, ...others]));
});

test("layout: sources hold no any, no inexact functions, no emit tricks, no runtime's globals", () => {
  assertNone(checkText(sources));
});

const messages = (violations: readonly Violation[]) => violations.map(({ path, line }) => `${path}:${line}`);

test("checkImports finds wrong directions, packages and missing files", () => {
  const files = [
    scanSource(
      "src/math/a.ts",
      `import { x } from "../group/b.ts";\nimport "npm:left-pad";\n// import "../nn/c.ts";\n`,
    ),
    scanSource("src/group/b.ts", `import { readFileSync } from "node:fs";\nexport * from "../math/a.ts";\n`),
    scanSource("src/nn/plain/p.ts", `import type { T } from "../t.ts";\nimport { gone } from "./gone.ts";\n`),
    scanSource("src/nn/t.ts", `const text = 'import "x"';\nexport type T = typeof text;\n`),
    scanSource(
      "src/tensor/registry.ts",
      `await import("../../backends/cpu/mod.ts");\nimport "../../backends/cpu/mod.ts";\n`,
    ),
    scanSource("backends/cpu/mod.ts", `import "../../src/tensor/dtype.ts";\nimport "../../src/tensor/registry.ts";\n`),
    scanSource("src/tensor/dtype.ts", ``),
  ];
  assertEquals(messages(checkImports(files)), [
    "src/math/a.ts:1",
    "src/math/a.ts:2",
    "src/group/b.ts:1",
    "src/nn/plain/p.ts:1",
    "src/nn/plain/p.ts:2",
    "src/tensor/registry.ts:2",
    "backends/cpu/mod.ts:2",
  ]);
});

test("checkCycles finds a circle of values and lets types pass", () => {
  const circle = [
    scanSource("src/a.ts", `import { b } from "./b.ts";`),
    scanSource("src/b.ts", `\nimport { a } from "./a.ts";`),
  ];
  assertEquals(messages(checkCycles(circle)), ["src/b.ts:2"]);
  const types = [circle[0], scanSource("src/b.ts", `import { type A, type B } from "./a.ts";`)];
  assertEquals(checkCycles(types), []);
});

test("checkTested wants a test of the same path, or a covers line that is true", () => {
  const sourceFiles = [
    scanSource("src/x/a.ts", `export const a = 1;`),
    scanSource("src/x/b.ts", `export const b = 1;`),
    scanSource("src/x/c.ts", `export const c = 1;`),
    scanSource("src/x/mod.ts", `// entry\nexport { a } from "./a.ts";\nexport type { B } from "./b.ts";\n`),
  ];
  const testFiles = [
    scanSource("tests/x/a_test.ts", `// covers: src/x/b.ts, src/x/none.ts\nimport "./helper.ts";`),
    scanSource("tests/x/helper.ts", `import "../../src/x/b.ts";`),
    scanSource("tests/x/d_test.ts", `// covers: src/x/c.ts\n`),
  ];
  assertEquals(messages(checkTested(sourceFiles, testFiles)), [
    "tests/x/a_test.ts:1",
    "tests/x/d_test.ts:1",
    "src/x/c.ts:1",
  ]);
  assertEquals(testPathOf("backends/cpu/heap.ts"), "tests/backends/cpu/heap_test.ts");
});

test("checkText sees code, not comments, strings or regular expressions", () => {
  const file = scanSource(
    "src/group/x.ts",
    [
      "// any, Math.sin, **",
      'const text = "Math.sin(1) ** any";',
      "const template = `any ${1 as any} Math.sin ${`any ${Math.sin(1)}`} any`;",
      "const pattern = /any**/.test(text) || 4 / 2 ** 3 / 1;",
      "function f(this: void, company: string): any { return [1].some(Boolean); }",
      "/* @ts-ignore any */ f();",
      "enum Color { Red }",
      "class A { constructor(private readonly x: number) {} }",
    ].join("\n"),
  );
  const found = checkText([file]).map(({ line, message }) => `${line} ${message.split(" ")[0]}`).sort();
  assertEquals(found, [
    '3 "Math.sin"',
    '3 "any"',
    '4 "**"',
    '5 "any"',
    '6 "@ts-ignore"',
    '7 "enum',
    '8 "constructor(private',
  ]);
});
