// One `test` function for the three runtimes: it registers with Deno.test, bun:test or node:test, whichever runs the file.
// Every test file imports it from here, so the same file counts in all runners.

/** What a test does; it fails by throwing or by rejecting. */
export type TestBody = () => void | Promise<void>;

/** Registers tests with the test runner of the current runtime. */
export interface TestFunction {
  /**
   * Registers a test.
   *
   * @param name A sentence with the symbol first and the bound in it: "exp is within 2 ulp of Math.exp on [-87, 88]".
   * @param fn The body.
   */
  (name: string, fn: TestBody): void;

  /**
   * Registers a test that cannot run here. It counts as skipped and is listed by name with its reason.
   *
   * @param name The test's name.
   * @param reason What is missing: "OpenBLAS is not installed".
   */
  skip(name: string, reason: string): void;

  /**
   * Registers a test that runs only when a condition holds, else counts as skipped.
   *
   * @param condition Whether what the test needs is there.
   * @param name The test's name.
   * @param reason Why it is skipped when the condition is false.
   * @param fn The body.
   */
  runIf(condition: boolean, name: string, reason: string, fn: TestBody): void;
}

/** The runtimes in which tests run. */
export type TestRuntime = "deno" | "bun" | "node";

interface Registrar {
  add(name: string, fn: TestBody): void;
  skip(name: string): void;
}

/** Milliseconds after which Bun stops a test; the other runners set no limit of their own. */
const BUN_TIMEOUT = 600_000;

/** The runtime that runs this file. */
export const testRuntime: TestRuntime = detectRuntime();

function detectRuntime(): TestRuntime {
  const globals = globalThis as { Deno?: unknown; Bun?: unknown };
  if (globals.Deno !== undefined) return "deno";
  return globals.Bun !== undefined ? "bun" : "node";
}

interface BunTest {
  (name: string, fn: TestBody, timeout?: number): void;
  skip(name: string, fn: TestBody): void;
}

interface NodeTest {
  (name: string, fn: TestBody): unknown;
  skip(name: string, fn: TestBody): unknown;
}

interface BuiltinModules {
  getBuiltinModule(name: string): unknown;
}

/** The runtime that the test command meant to start: a run in another one would prove nothing about it. */
function checkRuntime(): void {
  const { process } = globalThis as unknown as { process: { env: Record<string, string | undefined> } };
  const expected = process.env.ESCNN_TEST_RUNTIME;
  if (expected !== undefined && expected !== testRuntime) {
    throw new Error(`Expected the tests to run in ${expected}, they run in ${testRuntime}`);
  }
}

async function registrar(): Promise<Registrar> {
  if (testRuntime === "deno") {
    const deno = (globalThis as unknown as { Deno: typeof Deno }).Deno;
    // Worker pools and opened libraries outlive a test on purpose, hence no sanitizers for resources and operations.
    const options = { sanitizeOps: false, sanitizeResources: false };
    return {
      add: (name, fn) => deno.test({ name, fn, ...options }),
      skip: (name) => deno.test({ name, fn: () => {}, ignore: true }),
    };
  }
  if (testRuntime === "bun") {
    // A name in a variable keeps type checkers and bundlers of other runtimes from resolving the module.
    const name = "bun:test";
    const { test: bunTest } = await import(name) as { test: BunTest };
    return {
      add: (name, fn) => bunTest(name, fn, BUN_TIMEOUT),
      skip: (name) => bunTest.skip(name, () => {}),
    };
  }
  const builtins = (globalThis as unknown as { process: BuiltinModules }).process;
  const { test: nodeTest } = builtins.getBuiltinModule("node:test") as { test: NodeTest };
  return {
    add: (name, fn) => void nodeTest(name, () => fn()),
    skip: (name) => void nodeTest.skip(name, () => {}),
  };
}

checkRuntime();
const runner: Registrar = await registrar();
const names = new Set<string>();

function unique(name: string): string {
  if (names.has(name)) throw new Error(`Two tests of one file have the name "${name}": give each its own name`);
  names.add(name);
  return name;
}

function register(name: string, fn: TestBody): void {
  runner.add(unique(name), fn);
}

function skip(name: string, reason: string): void {
  runner.skip(`${unique(name)} [skipped: ${reason}]`);
}

/** Registers a test; `test.skip` registers one that is counted as skipped. */
export const test: TestFunction = Object.assign(register, {
  skip,
  runIf(condition: boolean, name: string, reason: string, fn: TestBody): void {
    if (condition) register(name, fn);
    else skip(name, reason);
  },
});
