// The task `profile`: runs any script that uses the library, and prints where its time went, by operation of the backends and by module.
// Writes a trace that Chrome (chrome://tracing) and Perfetto (https://ui.perfetto.dev) open.
//
//   deno task profile -- examples/snippet.ts
//   deno task profile -- --trace=trace.json --top=40 train.ts --epochs 3

import { ROOT } from "./process.ts";
import { parseProfileArguments, PROFILE_USAGE } from "./profile_options.ts";
import { requireSupportedDeno } from "./versions.ts";

requireSupportedDeno();
// A task runs in the project's folder; paths are meant where it was called.
const from = Deno.env.get("INIT_CWD") ?? Deno.cwd();
const parsed = parseProfileArguments(Deno.args);
if (typeof parsed === "string") {
  console.error(`${parsed}\n\n${PROFILE_USAGE}`);
  Deno.exit(2);
}
const { script, args, ...options } = parsed;
const resolve = (path: string): string => new URL(path, new URL(`file://${from}/`)).pathname;
const path = decodeURIComponent(resolve(script));
if (!(await Deno.stat(path).catch(() => undefined))?.isFile) {
  console.error(`Expected a script, found none at ${path}`);
  Deno.exit(2);
}
const { code } = await new Deno.Command(Deno.execPath(), {
  args: [
    "run",
    "-A",
    "--no-check",
    `--config=${ROOT}deno.json`,
    `--preload=${ROOT}tools/profile_preload.ts`,
    path,
    ...args,
  ],
  cwd: from,
  env: { ESCNN_PROFILE: JSON.stringify({ ...options, trace: decodeURIComponent(resolve(options.trace)) }) },
  stdin: "inherit",
  stdout: "inherit",
  stderr: "inherit",
}).output();
if (code !== 0) console.error(`The script ended with ${code}.`);
Deno.exit(code);
