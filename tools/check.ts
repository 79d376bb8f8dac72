// The task `check`: format, lint, types, documentation of every exported symbol, a publish dry run, and the project's own
// checks. Every step runs; the summary says what failed, and the exit code is 1 when any did.

import { checkProject } from "./project_checks.ts";
import { existsInRoot, runProgram } from "./process.ts";
import { requireSupportedDeno } from "./versions.ts";

interface Step {
  name: string;
  run(): Promise<{ ok: boolean; output: string }>;
}

const deno = (...args: string[]): Step["run"] => async () => {
  const { code, output } = await runProgram(Deno.execPath(), args, { collect: true, env: { NO_COLOR: "1" } });
  return { ok: code === 0, output };
};

/** The entry points that are published, from deno.json. */
function entryPoints(): string[] {
  const { exports } = JSON.parse(Deno.readTextFileSync(new URL("../deno.json", import.meta.url))) as {
    exports: Record<string, string>;
  };
  return Object.values(exports);
}

const folders = ["mod.ts", "src", "backends", "ffi", "tests", "tools", "examples", "bench"].filter(existsInRoot);

const steps: Step[] = [
  { name: "format", run: deno("fmt", "--check") },
  { name: "lint", run: deno("lint", "-q", ...folders) },
  { name: "types", run: deno("check", "-q", ...folders) },
  { name: "types in doc comments", run: deno("check", "-q", "--doc-only", ...folders.filter((f) => f !== "tests")) },
  { name: "documentation", run: deno("doc", "--lint", ...entryPoints()) },
  { name: "publish dry run", run: deno("publish", "--dry-run", "--allow-dirty") },
  {
    name: "project",
    run: () => {
      const problems = checkProject();
      return Promise.resolve({ ok: problems.length === 0, output: problems.join("\n") });
    },
  },
];

if (import.meta.main) {
  requireSupportedDeno();
  const failed: string[] = [];
  for (const { name, run } of steps) {
    const start = performance.now();
    const { ok, output } = await run();
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(`${ok ? "ok    " : "FAILED"} ${name} (${seconds} s)`);
    if (!ok) {
      failed.push(name);
      console.log(output.trimEnd().replace(/^/gm, "    "));
    }
  }
  console.log(
    failed.length === 0
      ? "\nAll checks passed"
      : `\n${failed.length} of ${steps.length} checks failed: ${failed.join(", ")}`,
  );
  Deno.exit(failed.length === 0 ? 0 : 1);
}
