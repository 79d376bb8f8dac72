// The README held to the project: its programs compile and run, its first one is the example, every name of its table exists,
// its folders and tasks are there.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import * as library from "@escnn/escnn";
import { BACKEND_CONTRACT, MAY_IMPORT } from "./support/layout_rules.ts";
import { codeBlocks, tableRows } from "./support/markdown.ts";
import { temporaryDirectory } from "./support/files.ts";
import { test } from "./support/test.ts";

const readme = await Deno.readTextFile("README.md");
const programs = codeBlocks(readme, "ts");

test("README: all programs compile and run", async () => {
  await using folder = await temporaryDirectory();
  await Deno.symlink(`${Deno.cwd()}/node_modules`, `${folder.path}/node_modules`);
  for (const [i, { code }] of programs.entries()) await Deno.writeTextFile(`${folder.path}/program${i}.ts`, code);
  const all = programs.map((_, i) => `await import("./program${i}.ts");\n`).join("");
  await Deno.writeTextFile(`${folder.path}/all.ts`, all);
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--check", `--config=${Deno.cwd()}/deno.json`, `${folder.path}/all.ts`],
    cwd: folder.path,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  assertEquals(code, 0, decoder.decode(stderr));
  const lines = decoder.decode(stdout).trimEnd().split("\n");
  // The first program's line is written as a comment behind it.
  assertStringIncludes(programs[0].code, `// ${lines[0]}`);
  assertEquals(lines[0], "GeometricTensor([16, 80, 28, 28], [C8 on R2 [null,8]: 10 × regular])");
  assertEquals(lines.splice(1, 1), ["[ 8, 10 ] 1510"]);
  const recorded = lines.slice(1, 4).map(Number);
  assert(recorded[0] > 0.1 && recorded[1] < recorded[0] && recorded[2] < recorded[1], `the loss falls: ${recorded}`);
  const losses = lines.slice(4, 44).map(Number);
  assert(losses.every(Number.isFinite), lines.join("\n"));
  const mean = (list: number[]) => list.reduce((a, b) => a + b, 0) / list.length;
  assert(mean(losses.slice(-10)) < mean(losses.slice(0, 10)) - 0.3, `the loss falls: ${losses}`);
  assertEquals(lines[44], "2");
});

test("README: the first program is that of examples/snippet.ts", async () => {
  const core = (text: string): string[] => {
    const lines = text.split("\n").map((line) => line.trim());
    const [first, last] = ["const space", "const features"].map((start) =>
      lines.findIndex((line) => line.startsWith(start))
    );
    assert(lines.indexOf("seed(0);") >= 0 && lines.indexOf("seed(0);") < first && first < last);
    return lines.slice(first, last + 1);
  };
  assertEquals(core(programs[0].code), core(await Deno.readTextFile("examples/snippet.ts")));
});

test("README: every name on the right of the table escnn | here exists", async () => {
  await library.useBackend("reference");
  library.scope(() => {
    const space = library.gspaces.rot2dOnR2(4);
    const type = new library.FieldType(space, space.regularRepr);
    const loss = library.ones([1, 4, 3, 3]);
    const features = new library.GeometricTensor(loss, type);
    const module = new library.R2Conv(type, type, 3);
    // What the table calls its variables, and the namespaces.
    const roots: { [name: string]: unknown } = {
      ...library,
      space,
      group: space.fibergroup,
      type,
      loss,
      features,
      module,
    };
    const variables = new Set(["a", "b", "p", "x", "g", "d", "type", "matrix", "edges", "irreps", "false"]);
    const rows = tableRows(readme, ["escnn (PyTorch)", "here"]);
    assert(rows.length > 25);
    for (const [, right] of rows) {
      for (const [, span] of right.matchAll(/`([^`]+)`/g)) {
        const code = span.replace(/^await /, "").replace(/^new /, "");
        const [, root, member] = /^(\w+)(?:\.(\w+))?/.exec(code) ?? [];
        assert(root in roots, `${span}: mod.ts exports no ${root}`);
        if (member !== undefined) assert(member in Object(roots[root]), `${span}: ${root} has no ${member}`);
        // Names in arguments are variables, other names of the table, or options.
        for (const [, name] of code.matchAll(/[(,[]\s*(?:new )?([A-Za-z]\w*)\b(?!:)/g)) {
          assert(variables.has(name) || name in roots, `${span}: unknown ${name}`);
        }
      }
    }
  });
});

test("README: what it lists as here is exported, and what it lists as missing is not", () => {
  const section = readme.split("## What is here, and what is not yet\n")[1].split("\n## ")[0];
  const [here, missing] = section.split("\nNot yet: ");
  const names = (text: string): string[] => [...text.matchAll(/`([\w.]+)`/g)].map(([, name]) => name);
  const isExported = (name: string): boolean => {
    const [root, member] = name.split(".");
    const value = (library as { [name: string]: unknown })[root];
    return value !== undefined && (member === undefined || member in Object(value));
  };
  const backends = new Set(["cpu", "cuda", "reference"]);
  assert(names(here).length > 20 && names(missing).length > 0);
  assertEquals(names(here).filter((name) => !isExported(name) && !backends.has(name)), []);
  assertEquals(names(missing).filter(isExported), []);
});

test("README: the table of folders agrees with the rules of the layout test", () => {
  const rows = tableRows(readme, ["folder", "what it holds", "may import", "go there to"]);
  const written = new Map(rows.map(([folder, , imports]) => [folder.replaceAll("`", ""), imports]));
  for (const [part, allowed] of MAY_IMPORT) {
    if (part === "mod.ts") continue;
    const imports = written.get(part);
    assert(imports !== undefined, `${part} is missing in the README`);
    if (imports.includes("what is below it")) continue;
    const names = imports === "nothing" ? [] : imports.split(", ");
    assertEquals(names, allowed.map((path) => path.replace(/^src\//, "")), part);
  }
  assert(written.has("backends/*") && BACKEND_CONTRACT.length > 0);
});

test("README: every task it names is in deno.json", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile("deno.json")) as { tasks: Record<string, string> };
  for (const [, name] of readme.matchAll(/deno task ([\w:]+)/g)) {
    assert(name in tasks || name === "example:NAME", `deno.json has no task ${name}`);
  }
});
