// The library in real browsers, where they are installed: a page like a user's, with and without cross-origin isolation, in a worker, under
// a content security policy, and on an engine that lacks what older ones and phones lack. Expected values are those of this process.

import { assert, assertAlmostEquals, assertEquals, assertLess, assertMatch, assertStringIncludes } from "@std/assert";
import { useBackend } from "../../src/tensor/mod.ts";
import { temporaryDirectory } from "../support/files.ts";
import { test } from "../support/test.ts";
import { type BrowserName, bundle, findBrowser, ISOLATION, type Page, type PageResults, runPages } from "./harness.ts";
import { type Results, runChecks } from "./page.ts";

/** Seconds for all pages of a browser. */
const LIMIT = 240;

/** The memory of a phone: no room for more than 1 GiB. */
const SMALL_MEMORY = `const { Memory } = WebAssembly;
WebAssembly.Memory = class extends Memory {
  constructor(descriptor) {
    if (descriptor.maximum > 16384) throw new RangeError("could not allocate memory");
    super(descriptor);
  }
};
`;

/** An engine without explicit resource management: its own symbols cannot be removed, so `Symbol` is another function. */
const NO_DISPOSE_SYMBOLS = `const EngineSymbol = Symbol;
globalThis.Symbol = function (...args) { return EngineSymbol(...args); };
for (const name of Object.getOwnPropertyNames(EngineSymbol)) {
  if (!["dispose", "asyncDispose", "length", "name", "prototype"].includes(name)) Symbol[name] = EngineSymbol[name];
}
Symbol.prototype = EngineSymbol.prototype;
if (Symbol.dispose !== undefined) problems.push("Symbol.dispose is still there");
`;

function policy(text: string): Page["headers"] {
  return { ...ISOLATION, "content-security-policy": text };
}

const WORKING = ["snippet", "threads", "loading", "info"];

function pagesOf(plain: string, compiled: string): Page[] {
  return [
    { name: "isolated", folder: plain, headers: ISOLATION },
    { name: "ordinary", folder: plain },
    { name: "worker", folder: plain, headers: ISOLATION, worker: true },
    {
      name: "policy",
      folder: plain,
      headers: policy("default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src blob:"),
      checks: WORKING,
    },
    {
      name: "policy without workers",
      folder: plain,
      headers: policy("default-src 'self'; script-src 'self' 'wasm-unsafe-eval'"),
      checks: WORKING,
    },
    { name: "policy without WebAssembly", folder: plain, headers: policy("default-src 'self'"), checks: ["snippet"] },
    { name: "old engine", folder: compiled, headers: ISOLATION, before: SMALL_MEMORY + NO_DISPOSE_SYMBOLS },
  ];
}

let expected: Promise<Results> | undefined;

/** What the checks give in this process, on WebAssembly as in a browser. */
function expectedResults(): Promise<Results> {
  return expected ??= (async () => {
    await useBackend("cpu", { openblas: "off" });
    return await runChecks(["random", "training", "threads", "checkpoint", "loading"]);
  })();
}

const runs = new Map<BrowserName, Promise<Map<string, PageResults>>>();

/** What the pages sent from a browser, which is started once. */
async function resultsOf(name: BrowserName, program: string, page: string): Promise<PageResults> {
  let run = runs.get(name);
  if (run === undefined) {
    run = (async () => {
      await using folder = await temporaryDirectory();
      const [plain, compiled] = [`${folder.path}/plain`, `${folder.path}/compiled`];
      await bundle(plain);
      await bundle(compiled, ["--target=es2022", "--minify", "--keep-names"]);
      return await runPages(name, program, pagesOf(plain, compiled), LIMIT);
    })();
    runs.set(name, run);
  }
  const results = (await run).get(page);
  assert(results !== undefined, `The page "${page}" sent nothing in ${LIMIT} s`);
  return results;
}

/** A result of a check that is an object. */
function part<T = { readonly [name: string]: unknown }>(results: Results, check: string): T {
  return results[check] as T;
}

function assertSnippet(results: Results): void {
  const { shape, sum, norm } = part<{ shape: number[]; sum: number; norm: number }>(results, "snippet");
  assertEquals(shape, [16, 80, 28, 28]);
  assertAlmostEquals(sum / 325272.0625, 1, 1e-5);
  assertAlmostEquals(norm / 579.7896118164062, 1, 1e-5);
}

/** Workers took part where there are some, and the sums are those of this process. */
async function assertThreads(results: Results, threads: boolean): Promise<void> {
  type Threads = { ready: number; wanted: number; cores: number; sums: number[]; grown: boolean };
  const { ready, wanted, cores, sums, grown } = part<Threads>(results, "threads");
  assertEquals(wanted, threads ? cores - 1 : 0);
  assertEquals(ready, wanted);
  assertEquals(grown, true);
  const own = part<Threads>(await expectedResults(), "threads").sums;
  sums.forEach((sum, i) => assertAlmostEquals(sum / own[i], 1, 1e-5));
}

async function assertLoading(results: Results): Promise<void> {
  type Loading = { threads: number; digests: number[] }[];
  const loading = part<Loading>(results, "loading");
  assertEquals(loading.map(({ threads }) => threads), [0, 1, 2]);
  assertEquals(loading, part<Loading>(await expectedResults(), "loading"));
}

/** Everything that a page can do. */
async function assertWhole({ problems, results }: PageResults, threads: boolean): Promise<void> {
  const own = await expectedResults();
  assertEquals(problems, []);
  assertSnippet(results);
  assertEquals(results.random, own.random);
  const losses = results.training as number[];
  (own.training as number[]).forEach((loss, i) => assertAlmostEquals(losses[i], loss, 1e-4));
  assertLess(losses.slice(-4).reduce((a, b) => a + b), 0.75 * losses.slice(0, 4).reduce((a, b) => a + b));
  await assertThreads(results, threads);
  const [first, second] = results.concurrentScopes as string[];
  assertMatch(first, /^ScopeError: .*scopes that end in the reverse order .* Use await scope\(async/);
  assertEquals(second, "fulfilled");
  assertEquals(results.sequentialScopes, { value: 14, more: 1 });
  assertEquals(results.checkpoint, own.checkpoint);
  const { values, features } = part(results, "checkpoint");
  assertEquals([values, features], [[{ epochs: 2 }, { epochs: 2 }], 1]);
  assertMatch(
    String(part(results, "save").error),
    /^RuntimeUnsupportedError: writeFile .* offer the bytes .* as a download/,
  );
  const { exported, compiled, scale } = part<{ [name: string]: number }>(results, "exported");
  assertLess(Math.max(exported, compiled), 1e-5 * scale);
  await assertLoading(results);
  assertEquals(results.moduleLoading, { threads: 1, batches: [[6, 0, 3], [6, 3, 3], [6, 6, 3]] });
}

/** What the backend says of itself. */
function infoOf(results: Results): { text: string; details: { [name: string]: unknown }; [name: string]: unknown } {
  return part(results, "info");
}

for (const name of ["chromium", "firefox"] as const) {
  const program = findBrowser(name);
  if (program === undefined) {
    test.skip(`${name} runs the library`, `${name} is not installed`);
    continue;
  }
  const page = (title: string, key: string, check: (sent: PageResults) => void | Promise<void>): void =>
    test(`${name}: ${title}`, async () => await check(await resultsOf(name, program, key)));

  page("an isolated page has threads, and the numbers of this process", "isolated", async (sent) => {
    await assertWhole(sent, true);
    const { text, runtime, cores, canWait, isolated } = infoOf(sent.results);
    assertEquals([runtime, canWait, isolated], ["browser", false, true]);
    assertStringIncludes(
      text,
      `cpu: WebAssembly SIMD, ${Number(cores) > 1 ? `${cores} threads` : "1 thread"}; OpenBLAS not used`,
    );
  });

  page("a page without isolation has one thread, the same numbers, and says why", "ordinary", async (sent) => {
    await assertWhole(sent, false);
    const { text, details } = infoOf(sent.results);
    assertStringIncludes(text, "1 thread (no shared memory here: a page must be cross-origin isolated)");
    assertEquals(details.sharedMemory, false);
  });

  page("a worker of a page has threads and may wait", "worker", async (sent) => {
    await assertWhole(sent, true);
    assertEquals(infoOf(sent.results).canWait, true);
  });

  page("wasm-unsafe-eval and worker-src blob: are all that a policy must allow", "policy", async (sent) => {
    assertEquals(sent.problems, []);
    assertSnippet(sent.results);
    await assertThreads(sent.results, true);
    await assertLoading(sent.results);
  });

  page(
    "a policy without worker-src leaves one thread, and it is said",
    "policy without workers",
    ({ problems, results }) => {
      assertSnippet(results);
      assertStringIncludes(String(part(results, "loading").error), "LoaderError: BatchLoader: expected a worker");
      assertStringIncludes(String(part(results, "loading").error), "Content-Security-Policy lack worker-src blob:");
      // On one core nobody wants workers for kernels.
      if (infoOf(results).cores === 1) return;
      assertStringIncludes(
        String(infoOf(results).details.workerError),
        "Content-Security-Policy lack worker-src blob:",
      );
      assertStringIncludes(infoOf(results).text, " threads, of which a worker failed (");
      const warnings = problems.filter((problem) => problem.startsWith("warn: "));
      assertEquals(warnings.length, 1);
      assertStringIncludes(warnings[0], "cpu backend: a worker failed");
    },
  );

  page("a policy without wasm-unsafe-eval is named at the start", "policy without WebAssembly", ({ results }) => {
    const error = String(part(results, "snippet").error);
    assertMatch(error, /^BackendError: .*Add 'wasm-unsafe-eval' to script-src in the page's Content-Security-Policy/);
  });

  page("an engine with 1 GiB and without Symbol.dispose runs a minified bundle", "old engine", async (sent) => {
    await assertWhole(sent, true);
    assertEquals(infoOf(sent.results).details.heapLimit, 2 ** 30);
  });
}

test("esbuild bundles the library without a word, and leaves backends to be loaded when they are asked for", async () => {
  await using folder = await temporaryDirectory();
  const { messages, outputs } = await bundle(folder.path, ["--minify"]);
  assertEquals(messages, "");
  const files = Object.values(outputs);
  assertEquals(files.flatMap(({ imports }) => imports.filter(({ external }) => external)), []);
  const byPath = new Map(Object.entries(outputs));
  const start = files.find(({ entryPoint }) => entryPoint === "tests/browser/page.ts");
  assert(start !== undefined);
  const loaded = new Set([start]);
  for (const { imports } of loaded) {
    for (const { path, kind } of imports) {
      if (kind === "import-statement") loaded.add(byPath.get(path)!);
    }
  }
  const sources = [...loaded].flatMap(({ inputs }) => Object.keys(inputs));
  assert(sources.includes("src/tensor/tensor.ts"));
  assertEquals(sources.filter((path) => /^(backends|ffi)\//.test(path)), []);
  assertLess([...loaded].reduce((sum, { bytes }) => sum + bytes, 0), 600_000);
});
