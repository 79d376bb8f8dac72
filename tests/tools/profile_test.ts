// The task `profile` on a script: its command line, the script's arguments and exit code, the tables, and the trace.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { parseProfileArguments } from "../../tools/profile_options.ts";
import { execute } from "../support/process.ts";
import { temporaryDirectory } from "../support/files.ts";
import { test } from "../support/test.ts";

test("profile takes its options before the script, and leaves the script its own", () => {
  assertEquals(parseProfileArguments(["--", "a.ts", "--top=3", "x"]), {
    script: "a.ts",
    args: ["--top=3", "x"],
    trace: "profile.trace.json",
    top: 25,
    events: 400_000,
  });
  assertEquals(parseProfileArguments(["--trace=t.json", "--top=3", "--events=0", "a.ts"]), {
    script: "a.ts",
    args: [],
    trace: "t.json",
    top: 3,
    events: 0,
  });
  assertEquals(parseProfileArguments([]), "Expected a script");
  assertEquals(parseProfileArguments(["--top=many", "a.ts"]), 'Expected a whole number for --top, got "many"');
  for (const wrong of ["--topp=3", "--top"]) {
    assertStringIncludes(String(parseProfileArguments([wrong, "a.ts"])), wrong);
  }
});

const SCRIPT = `
import { plain, randn, scope, useBackend } from "@escnn/escnn";
if (import.meta.main) {
  await useBackend("reference");
  const net = new plain.Sequential(new plain.Linear(8, 4), new plain.ReLU());
  for (let i = 0; i < 3; i++) scope(() => net.forward(randn([2, 8])).sum().backward());
  console.log("arguments", ...Deno.args);
  Deno.exit(Number(Deno.args[0]));
}
`;

test("deno task profile runs a script as itself, prints where its time went, and writes the trace", async () => {
  await using folder = await temporaryDirectory();
  await Deno.writeTextFile(`${folder.path}/script.ts`, SCRIPT);
  const { code, stdout, stderr } = await execute("tools/profile.ts", [
    "--",
    "--trace=trace.json",
    "script.ts",
    "7",
    "--flag",
  ], { flags: ["-A"], env: { INIT_CWD: folder.path, NO_COLOR: "1" } });
  assertEquals(code, 7, stderr);
  assertStringIncludes(stdout, "arguments 7 --flag\n");
  assertStringIncludes(stderr, "The script ended with 7.");
  assertMatch(stdout, /^Sequential\.0 +Linear +3 /m);
  assertMatch(stdout, /^matmul +3 /m);
  const { traceEvents } = JSON.parse(await Deno.readTextFile(`${folder.path}/trace.json`));
  const forwards = traceEvents.filter(({ name }: { readonly name: string }) => name === "Sequential.0");
  assertEquals(forwards.length, 3);
  assert(forwards.every(({ ph, dur }: { readonly ph: string; readonly dur: number }) => ph === "X" && dur > 0));
});

test("deno task profile prints the profile of a script that fails", async () => {
  await using folder = await temporaryDirectory();
  await Deno.writeTextFile(`${folder.path}/script.ts`, `${SCRIPT.replace("Deno.exit", "throw new Error")}`);
  const { code, stdout, stderr } = await execute("tools/profile.ts", [`${folder.path}/script.ts`, "9"], {
    flags: ["-A"],
    env: { INIT_CWD: folder.path, NO_COLOR: "1" },
  });
  assertEquals(code, 1);
  assertStringIncludes(stderr, "Error: 9");
  assertMatch(stdout, /^Sequential\.0 +Linear +3 /m);
  assert((await Deno.stat(`${folder.path}/profile.trace.json`)).size > 1000);
});

test("deno task profile says what is wrong with its command line", async () => {
  const run = (...args: string[]) => execute("tools/profile.ts", args, { flags: ["-A"], env: { NO_COLOR: "1" } });
  const absent = await run("nowhere.ts");
  assertEquals(absent.code, 2);
  assertMatch(absent.stderr, /Expected a script, found none at .*nowhere\.ts/);
  const empty = await run();
  assertEquals(empty.code, 2);
  assertStringIncludes(empty.stderr, "deno task profile -- [--trace=PATH]");
});
