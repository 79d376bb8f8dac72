// The rules of the project's layout as functions of scanned sources: who may import whom, no cycles, every file tested,
// no file too long, and what must not stand in the sources. Each violation names file, line, rule and what to do.

import { matchesOf, type SourceFile } from "./sources.ts";

/** One broken rule. */
export interface Violation {
  /** The file. */
  path: string;
  /** The line, from 1. */
  line: number;
  /** What is wrong and what to do. */
  message: string;
}

/** Lines beyond which a file says more than one thing. */
export const MAX_LINES = 600;

/** The files of src/tensor that describe a backend's work; backends import nothing else of it. */
export const BACKEND_CONTRACT: readonly string[] = [
  "backend",
  "conv_geometry",
  "dtype",
  "errors",
  "expr",
  "expr_evaluate",
  "expr_ops",
  "kernel_calls",
  "layout",
  "philox",
  "pool_geometry",
  "separable_filter",
  "steerable_map",
  "steerable_plan",
].map((name) => `src/tensor/${name}.ts`);

/** For each part, from the most special, the folders (or files) that its files may import besides the part itself. */
export const MAY_IMPORT: readonly (readonly [part: string, allowed: readonly string[]])[] = [
  ["src/console_text.ts", []],
  ["src/math", []],
  ["src/runtime", []],
  ["src/group", ["src/math", "src/console_text.ts"]],
  ["src/kernels", ["src/group", "src/math"]],
  ["src/gspaces", ["src/kernels", "src/group", "src/math", "src/console_text.ts"]],
  ["src/tensor", ["src/runtime", "src/math", "src/console_text.ts"]],
  ["src/nn/plain", ["src/tensor", "src/math", "src/console_text.ts"]],
  ["src/nn", [
    "src/gspaces",
    "src/kernels",
    "src/group",
    "src/tensor",
    "src/runtime",
    "src/math",
    "src/console_text.ts",
  ]],
  ["src/optim", ["src/tensor", "src/math"]],
  ["src/data", ["src/tensor", "src/runtime", "src/math"]],
  ["src/io", ["src/nn", "src/gspaces", "src/kernels", "src/group", "src/tensor", "src/runtime", "src/math"]],
  ["src/plain.ts", ["src/nn/plain", "src/io", "src/tensor"]],
  ["ffi", ["src/runtime"]],
  ["mod.ts", ["src"]],
];

/** The one place of src/ that imports backends, and only by `import()`. */
const REGISTRY = "src/tensor/registry.ts";

function isIn(path: string, part: string): boolean {
  return path === part || path.startsWith(`${part}/`);
}

function allowedFor(path: string): { part: string; allowed: readonly string[] } | undefined {
  if (path.startsWith("backends/")) {
    const part = path.split("/").slice(0, 2).join("/");
    return { part, allowed: [...BACKEND_CONTRACT, "ffi", "src/runtime", "src/math"] };
  }
  const entry = MAY_IMPORT.find(([part]) => isIn(path, part));
  return entry && { part: entry[0], allowed: entry[1] };
}

/** Imports that point the wrong way, or at nothing, or at a package. */
export function checkImports(files: readonly SourceFile[]): Violation[] {
  const violations: Violation[] = [];
  const known = new Set(files.map(({ path }) => path));
  for (const { path, imports } of files) {
    const rule = allowedFor(path);
    if (rule === undefined) {
      violations.push({
        path,
        line: 1,
        message: "is in no part of the layout: move it, or add its folder to the rules",
      });
      continue;
    }
    for (const { specifier, target, line, dynamic } of imports) {
      if (target === undefined) {
        if (dynamic && /^(node|bun):/.test(specifier)) continue;
        violations.push({
          path,
          line,
          message: `imports "${specifier}": sources import only relative files; ` +
            "take built-in modules through process.getBuiltinModule in src/runtime",
        });
      } else if (!known.has(target)) {
        violations.push({ path, line, message: `imports ${target}, which does not exist` });
      } else if (path === REGISTRY && dynamic && target.startsWith("backends/")) {
        continue;
      } else if (!isIn(target, rule.part) && !rule.allowed.some((part) => isIn(target, part))) {
        const allowed = rule.allowed.length === 0 ? "nothing else" : rule.allowed.join(", ");
        violations.push({ path, line, message: `imports ${target}: ${rule.part} may import ${allowed}` });
      }
    }
  }
  return violations;
}

/** Circles of imports that remain at run time. Each is reported once, at its first file. */
export function checkCycles(files: readonly SourceFile[]): Violation[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const state = new Map<string, "open" | "done">();
  const stack: string[] = [];
  const violations: Violation[] = [];
  const visit = (path: string): void => {
    state.set(path, "open");
    stack.push(path);
    for (const { target, typeOnly, dynamic, line } of byPath.get(path)?.imports ?? []) {
      if (target === undefined || typeOnly || dynamic || !byPath.has(target)) continue;
      if (state.get(target) === "open") {
        const circle = [...stack.slice(stack.indexOf(target)), target].join(" → ");
        violations.push({
          path,
          line,
          message: `closes a circle of imports: ${circle}; move what both need to a third file`,
        });
      } else if (!state.has(target)) visit(target);
    }
    stack.pop();
    state.set(path, "done");
  };
  for (const { path } of files) if (!state.has(path)) visit(path);
  return violations;
}

/** The path of the test that belongs to a source: tests/ mirrors src/, backends/ and ffi/. */
export function testPathOf(path: string): string {
  return `tests/${path.replace(/^src\//, "").replace(/\.[jt]s$/, "_test.ts")}`;
}

/**
 * The sources that a test's comments say it covers: lines "// covers: src/a.ts, src/b.ts". A line that ends with a comma
 * goes on in the next comment line.
 */
export function coveredBy(test: SourceFile): { path: string; line: number }[] {
  const found: { path: string; line: number }[] = [];
  let open = false;
  test.text.split("\n").forEach((text, index) => {
    const match = /^\/\/ covers: (.*)$/.exec(text) ?? (open ? /^\/\/ +(.*)$/.exec(text) : null);
    open = match !== null && match[1].trimEnd().endsWith(",");
    for (const path of match?.[1].split(",") ?? []) {
      if (path.trim() !== "") found.push({ path: path.trim(), line: index + 1 });
    }
  });
  return found;
}

/** Whether a file only re-exports. */
function onlyReExports(file: SourceFile): boolean {
  const rest = file.uncommented.replace(
    /export\s+(type\s+)?(\*(\s+as\s+\w+)?|\{[^}]*\})\s*from\s*"[^"]*";|export\s*\{\s*\};/g,
    "",
  );
  return rest.trim() === "";
}

/**
 * Sources without a test, and claims of coverage that are not true: a test covers a source when it imports it, directly
 * or through other files.
 */
export function checkTested(sources: readonly SourceFile[], tests: readonly SourceFile[]): Violation[] {
  const violations: Violation[] = [];
  const byPath = new Map([...sources, ...tests].map((file) => [file.path, file]));
  const covered = new Set<string>();
  const reach = (start: string): Set<string> => {
    const seen = new Set<string>([start]);
    for (const path of seen) {
      for (const { target, specifier } of byPath.get(path)?.imports ?? []) {
        const file = target ?? (specifier === "@escnn/escnn" ? "mod.ts" : undefined);
        if (file !== undefined) seen.add(file);
      }
    }
    return seen;
  };
  for (const test of tests) {
    if (!test.path.endsWith("_test.ts")) continue;
    const claims = coveredBy(test);
    if (claims.length === 0) continue;
    const reached = reach(test.path);
    for (const { path, line } of claims) {
      if (!byPath.has(path)) {
        violations.push({
          path: test.path,
          line,
          message: `says it covers ${path}, which does not exist: correct the line`,
        });
      } else if (!reached.has(path)) {
        violations.push({ path: test.path, line, message: `says it covers ${path}, but does not import it` });
      } else covered.add(path);
    }
  }
  for (const file of sources) {
    const expected = testPathOf(file.path);
    if (byPath.has(expected) || covered.has(file.path) || onlyReExports(file)) continue;
    violations.push({
      path: file.path,
      line: 1,
      message:
        `has no test: write ${expected}, or name the file in a line "// covers: ${file.path}" of the test that covers it`,
    });
  }
  return violations;
}

/** Files that are too long. */
export function checkLength(files: readonly SourceFile[]): Violation[] {
  return files.flatMap(({ path, text }) => {
    const lines = text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
    return lines <= MAX_LINES
      ? []
      : [{ path, line: MAX_LINES + 1, message: `has ${lines} lines, at most ${MAX_LINES}: split it by concept` }];
  });
}

interface TextRule {
  pattern: RegExp;
  message: string;
  /** Folders in which it holds; default everywhere. */
  folders?: readonly string[];
}

const INEXACT =
  /\bMath\s*\.\s*(?:sin|cos|tan|asin|acos|atan|atan2|sinh|cosh|tanh|asinh|acosh|atanh|exp|expm1|log|log2|log10|log1p|pow|hypot|cbrt)\b/g;

const TEXT_RULES: readonly TextRule[] = [
  {
    pattern: INEXACT,
    message: "differs between engines in the last bits: take the function of src/math",
    folders: ["src/group", "src/kernels", "src/gspaces", "src/math"],
  },
  {
    pattern: /\*\*/g,
    message: "differs between engines in the last bits: multiply, or take pow of src/math",
    folders: ["src/group", "src/kernels", "src/gspaces", "src/math"],
  },
  {
    pattern: /(?<![.\w$])any\b(?!\s*[(:?])/g,
    message: "switches type checking off: name the type, or use unknown",
  },
  { pattern: /\bdeclare\s+(?:global|module)\b/g, message: "is rejected by the registry: type a local interface" },
  {
    pattern: /^[ \t]*(?:export\s+)?(?:declare\s+)?(?:const\s+)?(?:enum|namespace)\s+\w/gm,
    message: "is not plain type erasure: use a union and a const object",
  },
  {
    pattern: /\bconstructor\s*\((?:[^)]*,)?\s*(?:private|public|protected|readonly)\s+\w/g,
    message: "parameter properties are not plain type erasure: declare the field and assign it",
  },
  {
    pattern: /\bDeno\s*\.\s*(?!\w*Error\b)\w+/g,
    message: "belongs to one runtime: go through src/runtime",
    folders: ["src"],
  },
];

const COMMENT_RULES: readonly { pattern: RegExp; message: string }[] = [
  { pattern: /@ts-(?:ignore|expect-error|nocheck)/, message: "hides a type error: mend the type" },
];

/** What must not stand in the sources. */
export function checkText(files: readonly SourceFile[]): Violation[] {
  const violations: Violation[] = [];
  for (const file of files) {
    for (const { pattern, message, folders } of TEXT_RULES) {
      if (folders !== undefined && !folders.some((folder) => isIn(file.path, folder))) continue;
      if (file.path.startsWith("src/runtime/") && message.includes("src/runtime")) continue;
      for (const { line, text } of matchesOf(file, pattern)) {
        violations.push({ path: file.path, line, message: `"${text.trim()}" ${message}` });
      }
    }
    file.text.split("\n").forEach((text, index) => {
      for (const { pattern, message } of COMMENT_RULES) {
        const match = pattern.exec(text);
        if (match) violations.push({ path: file.path, line: index + 1, message: `"${match[0]}" ${message}` });
      }
    });
  }
  return violations;
}

/** Violations as text, one a line: "path:line: message". */
export function describeViolations(violations: readonly Violation[]): string {
  return violations.map(({ path, line, message }) => `${path}:${line}: ${message}`).join("\n");
}
