// Reads the JUnit reports that the test runners of Deno, Bun and Node all write, so that their results add up in one
// count whatever their text output looks like.

/** The result of one run. */
export interface TestCounts {
  /** Tests that passed. */
  passed: number;
  /** Names of those that failed. */
  failed: string[];
  /** Names of those that were skipped. */
  skipped: string[];
}

const ENTITIES: Record<string, string> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

function decode(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) => {
    if (hex) return String.fromCodePoint(parseInt(hex, 16));
    return decimal ? String.fromCodePoint(Number(decimal)) : ENTITIES[name] ?? whole;
  });
}

/**
 * Counts the test cases of a report.
 *
 * @param report A JUnit report as XML.
 */
export function countTests(report: string): TestCounts {
  const counts: TestCounts = { passed: 0, failed: [], skipped: [] };
  const cases = /<testcase\b((?:[^>"]|"[^"]*")*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g;
  for (const [, attributes, body = ""] of report.matchAll(cases)) {
    const name = decode(/\bname="([^"]*)"/.exec(attributes)?.[1] ?? "(no name)");
    if (/<(?:failure|error)\b/.test(body)) counts.failed.push(name);
    else if (/<skipped\b/.test(body)) counts.skipped.push(name);
    else counts.passed++;
  }
  return counts;
}

/**
 * Adds the failures that a report cannot show: a runner that crashed, or that ran nothing. Under a filter the runners
 * report what it leaves out as skipped; those are dropped.
 *
 * @param counts What the report says; `undefined` when there is none.
 * @param code The runner's exit code.
 * @param filtered Whether a filter is set, so that no test at all is right.
 */
export function withCrashes(counts: TestCounts | undefined, code: number, filtered: boolean): TestCounts {
  const { passed, failed, skipped: all } = counts ?? { passed: 0, failed: [], skipped: [] };
  const skipped = filtered ? all.filter((name) => name.includes("[skipped:")) : all;
  const total = passed + failed.length + skipped.length;
  const add = (failure: string) => ({ passed, failed: [...failed, failure], skipped });
  if (code === 124) return add("(the runner was ended by its time limit)");
  if (code !== 0 && failed.length === 0 && !(filtered && total === 0)) {
    return add(`(the runner ended with exit code ${code}: a file failed to load, its error stands above)`);
  }
  if (total === 0 && !filtered) return add("(the runner ran no test)");
  return { passed, failed, skipped };
}
