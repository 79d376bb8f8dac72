// Conventions of the project that no general tool knows, each a small check that names file and line: how files open,
// where tests register, that examples and tasks agree, and that versions are the same everywhere.

import { matchesOf, readSources, type SourceFile } from "../tests/support/sources.ts";
import { existsInRoot, ROOT } from "./process.ts";

interface Manifest {
  name: string;
  version: string;
  tasks?: Record<string, string>;
  license?: string;
}

function readManifest(path: string): Manifest {
  return JSON.parse(Deno.readTextFileSync(ROOT + path)) as Manifest;
}

/** Every file opens with a comment that says what it is. */
function checkHeaders(files: readonly SourceFile[]): string[] {
  return files.filter(({ text }) => !/^(#!.*\n)?(\/\/ \S|\/\*)/.test(text)).map(({ path }) =>
    `${path}:1: opens without a comment: say in two or three sentences what the file is`
  );
}

/** Notes to oneself do not stay in the project. */
function checkMarks(files: readonly SourceFile[]): string[] {
  const marks = /\b(?:TODO|FIXME|XXX|HACK)\b/;
  return files.flatMap(({ path, text }) =>
    text.split("\n").flatMap((line, index) =>
      marks.test(line) && !path.startsWith("tools/project_checks")
        ? [`${path}:${index + 1}: "${marks.exec(line)?.[0]}": do it, or leave it out`]
        : []
    )
  );
}

/** Tests register through tests/support/test.ts, so that every runner counts them. */
function checkTests(files: readonly SourceFile[]): string[] {
  return files.filter(({ path }) => path.startsWith("tests/") && path !== "tests/support/test.ts").flatMap((file) => {
    const direct = matchesOf(file, /\bDeno\s*\.\s*test\b/g).map(({ line }) =>
      `${file.path}:${line}: registers with Deno.test: import test from tests/support/test.ts`
    );
    const only = matchesOf(file, /\btest\s*\.\s*only\b/g).map(({ line }) =>
      `${file.path}:${line}: test.only hides other tests`
    );
    const silent = file.path.endsWith("_test.ts") && !file.imports.some(({ specifier }) =>
        specifier.endsWith("/test.ts")
      ) &&
        !file.imports.some(({ specifier }) => specifier.includes("suite"))
      ? [`${file.path}:1: does not import test from tests/support/test.ts`]
      : [];
    return [...direct, ...only, ...silent];
  });
}

/** Every example is a task, and every task's script exists. */
function checkTasks(manifest: Manifest): string[] {
  const tasks = manifest.tasks ?? {};
  const problems: string[] = [];
  const examples = existsInRoot("examples")
    ? [...Deno.readDirSync(`${ROOT}examples`)].filter(({ isFile, name }) => isFile && name.endsWith(".ts"))
    : [];
  for (const { name } of examples) {
    const task = name === "demo.ts" ? "demo" : `example:${name.replace(/\.ts$/, "")}`;
    if (!tasks[task]?.includes(`examples/${name}`)) {
      problems.push(`examples/${name}:1: is no task: add "${task}": "deno run -A examples/${name}" to deno.json`);
    }
  }
  for (const [task, command] of Object.entries(tasks)) {
    for (const [script] of command.matchAll(/[\w./-]+\.ts\b/g)) {
      if (!existsInRoot(script)) problems.push(`deno.json: task "${task}" runs ${script}, which does not exist`);
    }
  }
  for (const task of ["demo", "test", "check", "conformance", "bench"]) {
    if (tasks[task] === undefined) problems.push(`deno.json: has no task "${task}"`);
  }
  return problems;
}

/** The manifests of the two package managers say the same. */
function checkManifests(ours: Manifest, npm: Manifest): string[] {
  return (["name", "version", "license"] as const).filter((key) => ours[key] !== npm[key]).map((key) =>
    `package.json: "${key}" is ${JSON.stringify(npm[key])}, in deno.json ${JSON.stringify(ours[key])}: make them equal`
  );
}

/** Runs the project's own checks. @returns One line for each problem. */
export function checkProject(): string[] {
  const directory = Deno.cwd();
  Deno.chdir(ROOT);
  try {
    const files = readSources(["mod.ts", "src", "backends", "ffi", "tests", "tools", "examples", "bench"]);
    const ours = readManifest("deno.json"), npm = readManifest("package.json");
    return [
      ...checkHeaders(files),
      ...checkMarks(files),
      ...checkTests(files),
      ...checkTasks(ours),
      ...checkManifests(ours, npm),
    ];
  } finally {
    Deno.chdir(directory);
  }
}
