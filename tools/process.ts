// Running programs for the tasks: output goes through or is collected, and the project's root is the current folder.

/** The root of the project, with a slash at its end. */
export const ROOT: string = new URL("../", import.meta.url).pathname;

/** What a program left behind. */
export interface Outcome {
  /** The exit code; 124 when the time limit ended it. */
  code: number;
  /** Standard output and standard error, when they were collected. */
  output: string;
  /** How long it ran. */
  seconds: number;
}

/** Options of {@linkcode runProgram}. */
export interface RunOptions {
  /** Variables added to the environment. Default none. */
  env?: Record<string, string>;
  /** Whether to collect the output in place of showing it. Default false. */
  collect?: boolean;
  /** Seconds after which the program is ended. Default 1800. */
  limit?: number;
}

/**
 * Runs a program in the project's root, without standard input.
 *
 * @param program The program.
 * @param args Its arguments.
 * @param options Environment, output, limit.
 */
export async function runProgram(
  program: string,
  args: string[],
  { env = {}, collect = false, limit = 1800 }: RunOptions = {},
): Promise<Outcome> {
  const start = performance.now();
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), limit * 1000);
  const stream = collect ? "piped" : "inherit";
  const command = new Deno.Command(program, {
    args,
    cwd: ROOT,
    env,
    stdin: "null",
    stdout: stream,
    stderr: stream,
    signal: controller.signal,
  });
  try {
    const { code, stdout, stderr } = collect ? await command.output() : await status(command);
    const decoder = new TextDecoder();
    return {
      code: controller.signal.aborted ? 124 : code,
      output: decoder.decode(stdout) + decoder.decode(stderr),
      seconds: (performance.now() - start) / 1000,
    };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { code: 127, output: `${program}: ${message}\n`, seconds: (performance.now() - start) / 1000 };
  } finally {
    clearTimeout(timer);
  }
}

async function status(command: Deno.Command): Promise<{ code: number; stdout: Uint8Array; stderr: Uint8Array }> {
  const { code } = await command.spawn().status;
  return { code, stdout: new Uint8Array(), stderr: new Uint8Array() };
}

/** Whether a file or folder of the project exists. */
export function existsInRoot(path: string): boolean {
  try {
    Deno.statSync(ROOT + path);
    return true;
  } catch {
    return false;
  }
}

/** The runtimes' programs that come from npm; installs the packages when they are not there. */
export async function installedPrograms(): Promise<{ bun: string; tsx: string }> {
  const programs = { bun: "node_modules/.bin/bun", tsx: "node_modules/.bin/tsx" };
  if (!existsInRoot(programs.bun) || !existsInRoot(programs.tsx)) {
    const { code, output } = await runProgram(Deno.execPath(), ["install"], { collect: true, limit: 600 });
    if (code !== 0) {
      throw new Error(`The packages could not be installed (deno install ended with ${code}):\n${output}`);
    }
  }
  return programs;
}
