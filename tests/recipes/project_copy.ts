// A copy of the project in a temporary folder, to which a recipe of CONTRIBUTING.md is applied: blocks of new files, and
// blocks of differences whose lines in front of an addition say where it goes.

import { fail } from "@std/assert";
import { temporaryDirectory } from "../support/files.ts";
import { type CodeBlock, codeBlocks } from "../support/markdown.ts";

const COPIED = ["mod.ts", "src", "backends", "ffi", "tests"];

/** What a program in the copy left behind. */
export interface CopyOutcome {
  readonly code: number;
  readonly output: string;
}

/** A copy of the project. */
export interface ProjectCopy extends AsyncDisposable {
  /** Follows a recipe: adds files and applies differences. Returns the paths of what was added or changed. */
  apply(recipe: readonly CodeBlock[]): Promise<string[]>;
  /** Runs Deno in the copy. */
  deno(...args: string[]): Promise<CopyOutcome>;
}

/** The blocks of code between a heading of CONTRIBUTING.md and the next. */
export async function recipe(heading: string, language: string): Promise<CodeBlock[]> {
  const text = await Deno.readTextFile("CONTRIBUTING.md");
  const [, ...sections] = text.split(/^## /m);
  const section = sections.find((candidate) => candidate.startsWith(`${heading}\n`));
  if (section === undefined) fail(`CONTRIBUTING.md has no heading "${heading}"`);
  return codeBlocks(section, language);
}

/**
 * Applies a difference. A line `--- path` names the file. A line that begins with a space is looked for, in order; one that
 * begins with `+` goes behind it, one that begins with `-` is looked for and removed.
 */
export function applyDifference(difference: string, read: (path: string) => string): Map<string, string> {
  const files = new Map<string, string[]>();
  let path = "", at = 0;
  for (const line of difference.trimEnd().split("\n")) {
    if (line.startsWith("--- ")) {
      path = line.slice(4);
      at = 0;
      files.set(path, read(path).split("\n"));
      continue;
    }
    const lines = files.get(path);
    if (lines === undefined) fail(`a difference must begin with "--- path", got ${line}`);
    const text = line.slice(1);
    if (line.startsWith("+")) lines.splice(at++, 0, text);
    else {
      const found = lines.indexOf(text, at);
      if (found < 0) fail(`CONTRIBUTING.md: ${path} has no line\n${text}`);
      if (line.startsWith("-")) lines.splice(at = found, 1);
      else at = found + 1;
    }
  }
  return new Map([...files].map(([name, lines]) => [name, lines.join("\n")]));
}

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (name === "fixtures") continue;
    if (isDirectory) await copyFolder(`${from}/${name}`, `${to}/${name}`);
    else await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}

/** Copies the project's sources and tests. */
export async function copyProject(): Promise<ProjectCopy> {
  const folder = await temporaryDirectory();
  for (const name of COPIED) {
    if (name.endsWith(".ts")) await Deno.copyFile(name, `${folder.path}/${name}`);
    else await copyFolder(name, `${folder.path}/${name}`);
  }
  // Of the configuration all that needs no package.
  const { imports, compilerOptions, fmt, lint } = JSON.parse(await Deno.readTextFile("deno.json"));
  await Deno.writeTextFile(`${folder.path}/deno.json`, JSON.stringify({ imports, compilerOptions, fmt, lint }));
  return {
    async apply(blocks) {
      const changed: string[] = [];
      const write = async (path: string, text: string): Promise<void> => {
        await Deno.writeTextFile(`${folder.path}/${path}`, text);
        changed.push(path);
      };
      for (const { info, code } of blocks) {
        const [language, path] = info.split(" ");
        if (language === "ts" && path !== undefined) await write(path, code);
        if (language !== "diff") continue;
        const result = applyDifference(code, (name) => Deno.readTextFileSync(`${folder.path}/${name}`));
        for (const [name, text] of result) await write(name, text);
      }
      return changed;
    },
    async deno(...args) {
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args,
        cwd: folder.path,
        env: { NO_COLOR: "1" },
        stdin: "null",
      }).output();
      const decoder = new TextDecoder();
      return { code, output: decoder.decode(stdout) + decoder.decode(stderr) };
    },
    [Symbol.asyncDispose]: folder.remove,
  };
}
