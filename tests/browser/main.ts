// The entry of the page: runs the checks that the address asks for, sends results and everything that went to the console as an error to
// the server, and goes to the page that the server answers with. The same script runs in a worker that the page starts.

interface PageGlobals {
  readonly location: { search: string; href: string };
  readonly navigator: { readonly userAgent: string };
  readonly document?: unknown;
  readonly problems?: string[];
  postMessage(message: string): void;
}

const globals = globalThis as unknown as PageGlobals;
const problems: string[] = globals.problems ?? [];
const { searchParams } = new URL(globals.location.href);

const start = performance.now();
const { runChecks } = await import("./page.ts");
const loaded = performance.now() - start;
const checks = searchParams.get("checks");
const results = await runChecks(checks === null ? undefined : checks.split(","));
const body = JSON.stringify({ loaded, agent: globals.navigator.userAgent, problems, results });
const answer = await fetch(`/result${globals.location.search}`, { method: "POST", body });
const next = await answer.text();
if (globals.document === undefined) globals.postMessage(next);
else if (next !== "") globals.location.href = next;
