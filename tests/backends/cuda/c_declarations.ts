// Compares symbol tables with the C declarations of header files: how many arguments a function has, how wide they are, what it returns.

import type { ParameterType, ResultType, SymbolTable } from "../../../ffi/mod.ts";

type NativeType = ParameterType | ResultType;

/** Types by their words in C. */
const PLAIN: { readonly [name: string]: NativeType } = {
  "void": "void",
  "int": "i32",
  "unsigned int": "u32",
  // Passed as an int, of which the low byte counts.
  "unsigned char": "u32",
  "size_t": "usize",
  "long long": "i64",
  "long long int": "i64",
  "unsigned long long": "u64",
  "float": "f32",
  "double": "f64",
  "CUdevice": "i32",
  "CUdeviceptr": "pointer",
};

/** What header files declare. */
export class Declarations {
  readonly #text: string;
  /** Names that a macro gives to functions: `cuMemAlloc_v2` is declared as `cuMemAlloc`. */
  readonly #declaredAs = new Map<string, string>();
  readonly #handles = new Set<string>();
  readonly #enums = new Set<string>();

  /** @param headers Their texts. */
  constructor(headers: readonly string[]) {
    const text = headers.join("\n").replace(/\/\*[\s\S]*?\*\//g, " ").replace(/\/\/[^\n]*/g, " ");
    for (
      const [, name, target] of text.matchAll(/^[ \t]*#define\s+(\w+)\s+(?:__CUDA_API_PT[DS]\w?\()?(\w+)\)?\s*$/gm)
    ) {
      if (target !== undefined && target !== name && target.startsWith(name)) this.#declaredAs.set(target, name);
    }
    for (const [, name] of text.matchAll(/typedef\s+(?:\w+\s+)?struct\s+\w+\s*\*\s*(\w+)[^;]*;/g)) {
      this.#handles.add(name);
    }
    for (const [, name] of text.matchAll(/\benum\b[^{};]*\{[^{}]*\}\s*(\w+)[^;]*;/g)) this.#enums.add(name);
    this.#text = text.replace(/^[ \t]*#.*(?:\\\n.*)*$/gm, " ").replace(/\s+/g, " ");
  }

  /** One line for each function of a table that is not declared, or not so. */
  differences(table: SymbolTable): string[] {
    const lines: string[] = [];
    for (const [name, { parameters, result }] of Object.entries(table)) {
      const declared = this.#find(this.#declaredAs.get(name) ?? name);
      if (declared === undefined) {
        lines.push(`${name} is not declared`);
        continue;
      }
      if (declared.parameters.join() !== parameters.join()) {
        lines.push(`${name}: declared (${declared.parameters.join(", ")}), table (${parameters.join(", ")})`);
      }
      if (declared.result !== result) lines.push(`${name}: declared ${declared.result}, table ${result}`);
    }
    return lines;
  }

  #find(name: string): { readonly parameters: readonly string[]; readonly result: string } | undefined {
    for (const match of this.#text.matchAll(new RegExp(`\\b${name} ?\\(`, "g"))) {
      const start = match.index + match[0].length;
      const end = this.#text.indexOf(")", start);
      const after = this.#text.slice(end + 1, end + 80).trimStart();
      const before = this.#text.slice(Math.max(0, match.index - 200), match.index);
      const words = before.slice(
        Math.max(before.lastIndexOf(";"), before.lastIndexOf("}"), before.lastIndexOf("{")) + 1,
      );
      // A declaration has a type in front and ends here; anything else is a use of the name.
      if (!/^(?:[A-Z_]+ ?)?;/.test(after) || !/\w/.test(words)) continue;
      const list = this.#text.slice(start, end).trim();
      return {
        parameters: list === "void" || list === "" ? [] : list.split(",").map((text) => this.#typeOf(text, true)),
        result: this.#typeOf(words, false),
      };
    }
    return undefined;
  }

  #typeOf(declaration: string, named: boolean): string {
    const text = declaration.replace(/\b(?:const|extern|[A-Z]+API|CUDNN_DEPRECATED|__host__)\b/g, " ").trim();
    if (/[*[]/.test(text)) return "pointer";
    const words = text.split(/\s+/);
    if (named && words.length > 1) words.pop();
    const type = words.join(" ");
    if (this.#handles.has(type)) return "pointer";
    if (this.#enums.has(type)) return "i32";
    return PLAIN[type] ?? PLAIN[text] ?? `unknown "${type}"`;
  }
}
