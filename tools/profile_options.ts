// The command line of the task `profile`: its own options stand before the script, all that follows the script is the script's.

/** What the task is told. */
export interface ProfileArguments {
  /** The script. */
  readonly script: string;
  /** Its arguments. */
  readonly args: readonly string[];
  /** Where the trace goes. */
  readonly trace: string;
  /** Single operations that are listed. */
  readonly top: number;
  /** Events that the trace keeps. */
  readonly events: number;
}

/** What may be written. */
export const PROFILE_USAGE = `deno task profile -- [--trace=PATH] [--top=COUNT] [--events=COUNT] SCRIPT [ARGUMENTS]

  --trace   where the trace is written, for https://ui.perfetto.dev (default profile.trace.json)
  --top     how many single operations are listed (default 25)
  --events  how many events the trace keeps (default 400000)`;

/** Reads the command line; a text says what is wrong with it. */
export function parseProfileArguments(args: readonly string[]): ProfileArguments | string {
  const options = { trace: "profile.trace.json", top: 25, events: 400_000 };
  const rest = args[0] === "--" ? args.slice(1) : [...args];
  while (rest[0]?.startsWith("--")) {
    const [, name, value] = /^--([a-z]+)=(.+)$/.exec(rest[0]) ?? [];
    if (name === "trace") options.trace = value;
    else if (name === "top" || name === "events") {
      if (!/^\d+$/.test(value)) return `Expected a whole number for --${name}, got "${value}"`;
      options[name] = Number(value);
    } else return `Expected one of --trace=, --top=, --events= before the script, got "${rest[0]}"`;
    rest.shift();
  }
  const [script, ...own] = rest;
  return script === undefined ? "Expected a script" : { script, args: own, ...options };
}
