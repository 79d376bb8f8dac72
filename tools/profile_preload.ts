// Loaded before a script by the task `profile`: takes the profile of all that the script does, and prints it when the script ends, also by
// Deno.exit, an error that nobody catches, or Ctrl-C. The options come in the environment, so that the script's arguments stay its own.

import { Profiler } from "../src/nn/profiling/profiler.ts";
import type { ProfileArguments } from "./profile_options.ts";

const text = Deno.env.get("ESCNN_PROFILE");
if (text === undefined) throw new Error("profile_preload.ts is loaded by deno task profile");
const { trace, top, events } = JSON.parse(text) as Pick<ProfileArguments, "trace" | "top" | "events">;
const profiler = new Profiler({ maxSpans: events });

let reported = false;

function report(): void {
  if (reported) return;
  reported = true;
  const profile = profiler.stop();
  console.log(`\n── profile ${"─".repeat(69)}\n${profile.toString({ top })}`);
  Deno.writeTextFileSync(trace, JSON.stringify(profile.trace()));
  console.log(`\ntrace: ${trace} (open it in https://ui.perfetto.dev)`);
}

// An error that nobody catches ends the process without the event "unload".
for (const end of ["unload", "error", "unhandledrejection"]) globalThis.addEventListener(end, report);
Deno.addSignalListener("SIGINT", () => Deno.exit(130));
