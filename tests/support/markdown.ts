// Code blocks and tables of the project's Markdown files, so that tests can run what the documents say.

/** A fenced block of code. */
export interface CodeBlock {
  /** What stands behind the opening fence: "ts", "ts row of UNARY_OPS". */
  readonly info: string;
  /** The code, with a line break at its end. */
  readonly code: string;
  /** The line of the opening fence, from 1. */
  readonly line: number;
}

/** All fenced blocks of a text whose first word behind the fence is `language`. */
export function codeBlocks(markdown: string, language: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  for (const match of markdown.matchAll(/^```(\S+)([^\n]*)\n([\s\S]*?)^```$/gm)) {
    const [, first, rest, code] = match;
    if (first !== language) continue;
    blocks.push({ info: `${first}${rest}`.trim(), code, line: markdown.slice(0, match.index).split("\n").length });
  }
  return blocks;
}

/** The rows of the table with this heading, each as its cells' text, without the heading. */
export function tableRows(markdown: string, heading: readonly string[]): string[][] {
  const cells = (line: string): string[] => line.split(/(?<!\\)\|/).slice(1, -1).map((cell) => cell.trim());
  const lines = markdown.split("\n");
  const start = lines.findIndex((line) => line.startsWith("|") && cells(line).join("|") === heading.join("|"));
  if (start < 0) throw new Error(`No table with the heading ${heading.join(" | ")}`);
  const end = lines.findIndex((line, index) => index > start && !line.startsWith("|"));
  return lines.slice(start + 2, end < 0 ? undefined : end).map(cells);
}
