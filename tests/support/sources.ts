// Reads the project's own sources for the layout test and the checks: which files there are, their code with comments
// and strings blanked out, and what each imports.

/** A source file of the project. */
export interface SourceFile {
  /** The path from the project's root, with slashes: "src/tensor/dtype.ts". */
  path: string;
  /** The text as it is. */
  text: string;
  /** The text with comments replaced by blanks; strings are kept. Same length and lines as `text`. */
  uncommented: string;
  /** The text with comments and the contents of strings and regular expressions replaced by blanks. */
  code: string;
  /** What the file imports or re-exports. */
  imports: ImportEntry[];
}

/** One import or re-export. */
export interface ImportEntry {
  /** The module specifier as written. */
  specifier: string;
  /** The imported file's path from the project's root, when the specifier is relative. */
  target: string | undefined;
  /** Whether only types are imported, so that nothing is left at run time. */
  typeOnly: boolean;
  /** Whether it is an `import()` expression. */
  dynamic: boolean;
  /** The line, from 1. */
  line: number;
}

interface FileSystem {
  readFileSync(path: string, encoding: "utf8"): string;
  readdirSync(path: string, options: { withFileTypes: true }): { name: string; isDirectory(): boolean }[];
  existsSync(path: string): boolean;
}

interface ProcessGlobal {
  process: { getBuiltinModule(name: string): unknown };
}

const fs = (globalThis as unknown as ProcessGlobal).process.getBuiltinModule("node:fs") as FileSystem;

/**
 * The paths of all files of TypeScript and JavaScript in some folders, sorted.
 *
 * @param roots Folders or files from the project's root, which is the current folder; absent ones are left out.
 */
export function listSources(roots: readonly string[]): string[] {
  const found: string[] = [];
  const walk = (folder: string) => {
    for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) {
        if (!entry.name.startsWith(".") && entry.name !== "node_modules") walk(path);
      } else if (/\.[jt]s$/.test(path)) found.push(path);
    }
  };
  for (const root of roots) {
    if (!fs.existsSync(root)) continue;
    if (root.endsWith(".ts")) found.push(root);
    else walk(root);
  }
  return found.sort();
}

/** Reads and scans files. */
export function readSources(roots: readonly string[]): SourceFile[] {
  return listSources(roots).map((path) => scanSource(path, fs.readFileSync(path, "utf8")));
}

/** Scans one text as the file `path`. */
export function scanSource(path: string, text: string): SourceFile {
  const { uncommented, code } = blank(text);
  return { path, text, uncommented, code, imports: findImports(path, uncommented, code) };
}

/** The line, from 1, of a position in a text. */
export function lineAt(text: string, position: number): number {
  let line = 1;
  for (let i = text.indexOf("\n"); i >= 0 && i < position; i = text.indexOf("\n", i + 1)) line++;
  return line;
}

/** All matches of a pattern in a file's code, each with its line. */
export function matchesOf(file: SourceFile, pattern: RegExp): { line: number; text: string }[] {
  return [...file.code.matchAll(pattern)].map((match) => ({ line: lineAt(file.code, match.index), text: match[0] }));
}

/** After these characters or words a slash begins a regular expression and is no division. */
const BEFORE_REGEX =
  /(?:[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|do|else|void|delete|throw|new|await))\s*$/;

function blank(text: string): { uncommented: string; code: string } {
  const uncommented = [...text].length === text.length
    ? text.split("")
    : Array.from({ length: text.length }, (_, i) => text[i]);
  const code = uncommented.slice();
  const erase = (target: string[], from: number, to: number) => {
    for (let i = from; i < to; i++) if (target[i] !== "\n") target[i] = " ";
  };
  /** Depths of braces at which a template literal goes on. */
  const templates: number[] = [];
  let depth = 0;
  let i = 0;
  const readTemplate = (start: number): number => {
    let j = start;
    while (j < text.length) {
      if (text[j] === "\\") j += 2;
      else if (text[j] === "`") break;
      else if (text[j] === "$" && text[j + 1] === "{") {
        erase(code, start, j);
        templates.push(depth++);
        return j + 2;
      } else j++;
    }
    erase(code, start, j);
    return j + 1;
  };
  while (i < text.length) {
    const c = text[i], next = text[i + 1];
    if (c === "/" && next === "/") {
      let end = text.indexOf("\n", i);
      if (end < 0) end = text.length;
      erase(uncommented, i, end);
      erase(code, i, end);
      i = end;
    } else if (c === "/" && next === "*") {
      const close = text.indexOf("*/", i + 2);
      const end = close < 0 ? text.length : close + 2;
      erase(uncommented, i, end);
      erase(code, i, end);
      i = end;
    } else if (c === '"' || c === "'") {
      let j = i + 1;
      while (j < text.length && text[j] !== c && text[j] !== "\n") j += text[j] === "\\" ? 2 : 1;
      erase(code, i + 1, j);
      i = j + 1;
    } else if (c === "`") {
      i = readTemplate(i + 1);
    } else if (c === "/" && (i === 0 || BEFORE_REGEX.test(code.slice(Math.max(0, i - 40), i).join("")))) {
      let j = i + 1, inClass = false;
      while (j < text.length && text[j] !== "\n" && (inClass || text[j] !== "/")) {
        if (text[j] === "[") inClass = true;
        if (text[j] === "]") inClass = false;
        j += text[j] === "\\" ? 2 : 1;
      }
      erase(code, i + 1, j);
      i = j + 1;
    } else {
      if (c === "{") depth++;
      if (c === "}") {
        depth--;
        if (templates.at(-1) === depth) {
          templates.pop();
          i = readTemplate(i + 1);
          continue;
        }
      }
      i++;
    }
  }
  return { uncommented: uncommented.join(""), code: code.join("") };
}

const IMPORT = /(?:^|[;\n])[ \t]*(import|export)\b(?!\s*\()([^"';]*?)(?:\bfrom\s*)?(["'])([^"'\n]*)\3/g;
const DYNAMIC = /\bimport\s*\(\s*(["'`])([^"'`]*)\1/g;

function findImports(path: string, uncommented: string, code: string): ImportEntry[] {
  const found: ImportEntry[] = [];
  const add = (specifier: string, position: number, typeOnly: boolean, dynamic: boolean) => {
    const target = specifier.startsWith(".") ? resolve(path, specifier) : undefined;
    found.push({ specifier, target, typeOnly, dynamic, line: lineAt(uncommented, position) });
  };
  for (const match of uncommented.matchAll(IMPORT)) {
    const [whole, keyword, clause, , specifier] = match;
    const position = match.index + whole.indexOf(keyword);
    // A keyword inside a string is no import.
    if (code.slice(position, position + keyword.length) !== keyword) continue;
    if (keyword === "export" && !/\bfrom\s*["']/.test(whole)) continue;
    if (keyword === "import" && clause.trim() !== "" && !/\bfrom\s*["']/.test(whole)) continue;
    add(specifier, position, isTypeOnly(clause), false);
  }
  for (const match of uncommented.matchAll(DYNAMIC)) {
    if (code.slice(match.index, match.index + 6) === "import") add(match[2], match.index, false, true);
  }
  return found;
}

function isTypeOnly(clause: string): boolean {
  const text = clause.trim();
  if (/^type\b(?!\s*,)/.test(text)) return true;
  const named = /^\{([^}]*)\}/.exec(text);
  if (named === null) return false;
  const names = named[1].split(",").map((name) => name.trim()).filter((name) => name !== "");
  return names.length > 0 && names.every((name) => name.startsWith("type "));
}

function resolve(from: string, specifier: string): string {
  const parts = from.split("/").slice(0, -1);
  for (const part of specifier.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}
