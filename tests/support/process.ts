// Runs a script of the project in a process of its own, in the runtime that runs the tests or in a named one, without
// standard input, so that a test can look at permissions, exit codes and output.

import { type TestRuntime, testRuntime } from "./test.ts";

/** What a process left behind. */
export interface Execution {
  /** The exit code; −1 when a signal or the time limit ended it. */
  code: number;
  /** Standard output. */
  stdout: string;
  /** Standard error. */
  stderr: string;
  /** How long it ran. */
  seconds: number;
}

/** Options of {@linkcode execute}. */
export interface ExecuteOptions {
  /** The runtime. Default: the one that runs the tests. */
  runtime?: TestRuntime;
  /** Flags for the runtime in front of the script: Deno's permissions. Default none. */
  flags?: string[];
  /** Variables added to the environment; `undefined` removes one. */
  env?: Record<string, string | undefined>;
  /** Seconds after which the process is ended. Default 60. */
  limit?: number;
}

interface ChildProcess {
  execFile(
    program: string,
    args: string[],
    options: Record<string, unknown>,
    done: (error: { code?: number | string } | null, stdout: string, stderr: string) => void,
  ): { stdin: { end(): void } };
}

interface ProcessGlobal {
  process: {
    getBuiltinModule(name: string): unknown;
    env: Record<string, string | undefined>;
    execPath: string;
    cwd(): string;
  };
}

/** The command that runs a script in a runtime: the program and the arguments in front of the script. */
export function runtimeCommand(runtime: TestRuntime, flags: string[] = []): [program: string, ...args: string[]] {
  const { process } = globalThis as unknown as ProcessGlobal;
  if (runtime === "deno") {
    const program = testRuntime === "deno" ? process.execPath : "deno";
    return [program, "run", "--no-check", ...flags];
  }
  return [`node_modules/.bin/${runtime === "bun" ? "bun" : "tsx"}`, ...flags];
}

/**
 * Runs a script and waits for its end.
 *
 * @param script The script's path from the project's root, which is the current folder.
 * @param args Arguments of the script.
 * @param options Runtime, flags, environment, limit.
 * @returns Exit code and output.
 */
export async function execute(
  script: string,
  args: string[],
  { runtime = testRuntime, flags, env = {}, limit = 60 }: ExecuteOptions = {},
): Promise<Execution> {
  const { process } = globalThis as unknown as ProcessGlobal;
  const [program, ...before] = runtimeCommand(runtime, flags);
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries({ ...process.env, NO_COLOR: "1", ...env })) {
    if (value !== undefined) environment[name] = value;
  }
  const start = performance.now();
  const result = testRuntime === "deno"
    ? await executeInDeno(program, [...before, script, ...args], environment, limit)
    : await executeInNode(program, [...before, script, ...args], environment, limit);
  return { ...result, seconds: (performance.now() - start) / 1000 };
}

/** Deno's own call: its node:child_process hands a child that is Deno all permissions. */
async function executeInDeno(
  program: string,
  args: string[],
  env: Record<string, string>,
  limit: number,
): Promise<Omit<Execution, "seconds">> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), limit * 1000);
  const { code, signal, stdout, stderr } = await new Deno.Command(program, {
    args,
    env,
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal: controller.signal,
  }).output();
  clearTimeout(timer);
  const decoder = new TextDecoder();
  return { code: signal === null ? code : -1, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

function executeInNode(
  program: string,
  args: string[],
  env: Record<string, string>,
  limit: number,
): Promise<Omit<Execution, "seconds">> {
  const { process } = globalThis as unknown as ProcessGlobal;
  const { execFile } = process.getBuiltinModule("node:child_process") as ChildProcess;
  return new Promise((resolve) => {
    const options = { encoding: "utf8", env, timeout: limit * 1000, maxBuffer: 1 << 28 };
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      resolve({ code, stdout, stderr });
    });
    child.stdin.end();
  });
}
