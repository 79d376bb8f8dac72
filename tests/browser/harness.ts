// Runs pages in a headless browser that is found on the machine: a bundle made with esbuild, a server on the loopback address that gives
// each page its own headers and takes its results, and one start of the browser that goes from page to page by itself.

import type { Results } from "./page.ts";

/** The project's root, with a slash at the end. */
const ROOT = decodeURIComponent(new URL("../../", import.meta.url).pathname);

/** Browsers that the tests know how to start. */
export type BrowserName = "chromium" | "firefox";

const PROGRAMS: { readonly [B in BrowserName]: readonly string[] } = {
  chromium: ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"],
  firefox: ["firefox", "firefox-esr"],
};

/** Folders beside the search path: where macOS has its programs. */
const FOLDERS: { readonly [B in BrowserName]: readonly [folder: string, program: string] } = {
  chromium: ["/Applications/Google Chrome.app/Contents/MacOS", "Google Chrome"],
  firefox: ["/Applications/Firefox.app/Contents/MacOS", "firefox"],
};

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** The path of a browser's program, `undefined` when none is installed. */
export function findBrowser(name: BrowserName): string | undefined {
  const folders = (Deno.env.get("PATH") ?? "").split(":").filter((folder) => folder !== "");
  const candidates = PROGRAMS[name].flatMap((program) => folders.map((folder) => `${folder}/${program}`));
  return [...candidates, FOLDERS[name].join("/")].find(isFile);
}

/** The command line of a headless start. Chromium refuses its own sandbox to root; the pages are ours. */
function commandLine(name: BrowserName, profile: string, url: string): string[] {
  return name === "chromium"
    ? ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", `--user-data-dir=${profile}`, url]
    : ["--headless", "--no-remote", "--profile", profile, url];
}

/** What esbuild tells of a file that it wrote. */
interface BundledFile {
  readonly entryPoint?: string;
  readonly bytes: number;
  readonly inputs: { readonly [path: string]: unknown };
  readonly imports: readonly { readonly path: string; readonly kind: string; readonly external?: boolean }[];
}

/** What esbuild did. */
export interface Bundle {
  /** What it printed: nothing where all is well. */
  readonly messages: string;
  /** Its files by path. */
  readonly outputs: { readonly [path: string]: BundledFile };
}

/** Bundles `main.ts` as a user would, with `options` of esbuild, into `folder`. */
export async function bundle(folder: string, options: readonly string[] = []): Promise<Bundle> {
  const metafile = `${folder}/meta.json`;
  const { code, stderr } = await new Deno.Command("node_modules/.bin/esbuild", {
    cwd: ROOT,
    args: [
      "tests/browser/main.ts",
      "tests/browser/rotating_source.ts",
      "--bundle",
      "--splitting",
      "--format=esm",
      "--platform=browser",
      "--log-level=warning",
      `--metafile=${metafile}`,
      `--outdir=${folder}`,
      ...options,
    ],
    stdout: "null",
    stderr: "piped",
  }).output();
  const messages = new TextDecoder().decode(stderr);
  if (code !== 0) throw new Error(`esbuild ended with ${code}:\n${messages}`);
  const { outputs } = JSON.parse(await Deno.readTextFile(metafile)) as { outputs: Bundle["outputs"] };
  return { messages, outputs };
}

/** A page to run. */
export interface Page {
  /** Its name. */
  readonly name: string;
  /** The folder with its bundle. */
  readonly folder: string;
  /** Headers beside the type. */
  readonly headers?: { readonly [name: string]: string };
  /** Checks to run. Default: all. */
  readonly checks?: readonly string[];
  /** Whether the checks run in a worker of the page. Default false. */
  readonly worker?: boolean;
  /** A script that runs first. */
  readonly before?: string;
}

/** What a page sent. */
export interface PageResults {
  /** Milliseconds from the entry's start to the library being there. */
  readonly loaded: number;
  /** The user agent. */
  readonly agent: string;
  /** Errors and warnings of page and console. */
  readonly problems: readonly string[];
  /** Results by check, and milliseconds by `"CHECK ms"`. */
  readonly results: Results;
}

/** Headers that make a page cross-origin isolated. */
export const ISOLATION: { readonly [name: string]: string } = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

/** Collects what goes wrong; a worker has no console of the page. */
const COLLECT = `globalThis.problems = [];
for (const kind of ["error", "warn"]) {
  const write = console[kind];
  console[kind] = (...parts) => { problems.push(kind + ": " + parts.join(" ")); write.apply(console, parts); };
}
addEventListener("error", (event) => problems.push("uncaught: " + event.message));
addEventListener("unhandledrejection", (event) => problems.push("unhandled: " + event.reason));
if (typeof document !== "undefined") {
  addEventListener("securitypolicyviolation", (event) => problems.push("policy: " + event.violatedDirective + " " + event.blockedURI));
}
`;

const START_WORKER = `const worker = new Worker("main.js" + location.search, { type: "module" });
worker.onmessage = (event) => { if (event.data !== "") location.href = event.data; };
`;

function addressOf(pages: readonly Page[], index: number): string {
  if (index >= pages.length) return "";
  const { checks } = pages[index];
  return `/${index}/?page=${index}${checks === undefined ? "" : `&checks=${checks.join(",")}`}`;
}

/** The file of a page's folder that an address names. */
async function fileOf(page: Page, name: string): Promise<{ type: string; body: string } | undefined> {
  if (name === "") {
    const script = page.worker ? "start_worker.js" : "main.js";
    const head = `<!doctype html><meta charset="utf-8"><title>${page.name}</title>`;
    const body = `${head}<script src="before.js"></script><script type="module" src="${script}"></script>`;
    return { type: "text/html", body };
  }
  const type = "text/javascript";
  if (name === "before.js") return { type, body: `${COLLECT}${page.before ?? ""}` };
  if (name === "start_worker.js") return { type, body: START_WORKER };
  try {
    return { type, body: await Deno.readTextFile(`${page.folder}/${name}`) };
  } catch {
    return undefined;
  }
}

/**
 * Runs pages one after the other in one browser.
 *
 * @param name Which browser.
 * @param program Its program.
 * @param pages The pages.
 * @param limit Seconds for all of them.
 * @returns What each page sent, by its name; a page that is missing did not answer, nor did those behind it.
 */
export async function runPages(
  name: BrowserName,
  program: string,
  pages: readonly Page[],
  limit: number,
): Promise<Map<string, PageResults>> {
  const results = new Map<string, PageResults>();
  const done = Promise.withResolvers<void>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const url = new URL(request.url);
    if (url.pathname === "/result") {
      const index = Number(url.searchParams.get("page"));
      results.set(pages[index].name, await request.json());
      const next = addressOf(pages, index + 1);
      if (next === "") done.resolve();
      return new Response(next);
    }
    const [, index, file] = /^\/(\d+)\/(.*)$/.exec(url.pathname) ?? [];
    const page = pages[Number(index)];
    const found = page && await fileOf(page, file);
    if (found === undefined) return new Response("not found", { status: 404 });
    return new Response(found.body, { headers: { "content-type": found.type, ...page.headers } });
  });
  const profile = await Deno.makeTempDir({ prefix: "escnn-browser-" });
  const url = `http://localhost:${server.addr.port}${addressOf(pages, 0)}`;
  const browser = new Deno.Command(program, {
    args: commandLine(name, profile, url),
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const timer = setTimeout(() => done.resolve(), limit * 1000);
  try {
    await done.promise;
  } finally {
    clearTimeout(timer);
    browser.kill("SIGTERM");
    await browser.status;
    await server.shutdown();
    await Deno.remove(profile, { recursive: true }).catch(() => {});
  }
  return results;
}
