// The functions of @std/assert that the tests use, with their documented signatures, on top of structural comparison of
// our own. The import map points `@std/assert` here because the registry of the original is not reachable everywhere;
// one line in deno.json switches to the original.

/** The error that a failed assertion throws. */
export class AssertionError extends Error {
  override name = "AssertionError";
}

/** A class, abstract or not. */
// deno-lint-ignore no-explicit-any -- constructors of every signature must be accepted
export type AnyConstructor = abstract new (...args: any[]) => any;

function suffix(message: string | undefined): string {
  return message === undefined ? "" : `: ${message}`;
}

function show(value: unknown): string {
  return showAt(value, 0);
}

function showAt(value: unknown, depth: number): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return `${value}n`;
  if (Object.is(value, -0)) return "-0";
  if (typeof value === "function") return `[function ${value.name}]`;
  if (typeof value !== "object" || value === null) return String(value);
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (value instanceof Date || value instanceof RegExp) return String(value);
  if (depth > 4) return "…";
  const name = value.constructor?.name ?? "";
  if (ArrayBuffer.isView(value) || Array.isArray(value)) {
    const items = Array.from(value as unknown as ArrayLike<unknown>);
    const text = items.slice(0, 64).map((item) => showAt(item, depth + 1)).join(", ");
    return `${Array.isArray(value) ? "" : name}[${text}${items.length > 64 ? `, … ${items.length} in all` : ""}]`;
  }
  if (value instanceof Map) return `Map(${showAt([...value], depth + 1)})`;
  if (value instanceof Set) return `Set(${showAt([...value], depth + 1)})`;
  const entries = Object.entries(value);
  const text = entries.slice(0, 64).map(([key, item]) => `${key}: ${showAt(item, depth + 1)}`).join(", ");
  const rest = entries.length > 64 ? `, … ${entries.length} in all` : "";
  return `${name === "Object" ? "" : name}{${text}${rest}}`;
}

/** Whether two values are structurally equal: SameValueZero for primitives, prototypes compared by constructor. */
export function equal(actual: unknown, expected: unknown): boolean {
  return equalWithin(actual, expected, new Map());
}

function equalWithin(a: unknown, b: unknown, seen: Map<unknown, unknown>): boolean {
  if (Object.is(a, b) || a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (seen.get(a) === b) return true;
  seen.set(a, b);
  if ((a as object).constructor !== (b as object).constructor) {
    const plain = (value: object) => value.constructor === Object || value.constructor === undefined;
    if (!plain(a) || !plain(b)) return false;
  }
  if (a instanceof Date) return a.getTime() === (b as Date).getTime();
  if (a instanceof RegExp) return String(a) === String(b);
  if (a instanceof ArrayBuffer || (typeof SharedArrayBuffer !== "undefined" && a instanceof SharedArrayBuffer)) {
    return equalWithin(new Uint8Array(a), new Uint8Array(b as ArrayBuffer), seen);
  }
  if (a instanceof DataView) {
    const other = b as DataView;
    const bytes = (view: DataView) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    return equalWithin(bytes(a), bytes(other), seen);
  }
  if (ArrayBuffer.isView(a)) {
    const left = a as unknown as ArrayLike<number | bigint>, right = b as unknown as ArrayLike<number | bigint>;
    if (left.length !== right.length) return false;
    for (let i = 0; i < left.length; i++) {
      if (left[i] !== right[i] && !Object.is(left[i], right[i])) return false;
    }
    return true;
  }
  if (a instanceof Set) {
    const other = b as Set<unknown>;
    if (a.size !== other.size) return false;
    for (const item of a) {
      if (!other.has(item) && ![...other].some((candidate) => equalWithin(item, candidate, new Map(seen)))) {
        return false;
      }
    }
    return true;
  }
  if (a instanceof Map) {
    const other = b as Map<unknown, unknown>;
    if (a.size !== other.size) return false;
    for (const [key, value] of a) {
      if (other.has(key)) {
        if (!equalWithin(value, other.get(key), seen)) return false;
      } else if (![...other].some((entry) => equalWithin([key, value], entry, new Map(seen)))) return false;
    }
    return true;
  }
  if (Array.isArray(a) && a.length !== (b as unknown[]).length) return false;
  if (a instanceof Error && (a.name !== (b as Error).name || a.message !== (b as Error).message)) return false;
  const left = a as Record<PropertyKey, unknown>, right = b as Record<PropertyKey, unknown>;
  const keys = (value: object) =>
    Reflect.ownKeys(value).filter((key) => Object.prototype.propertyIsEnumerable.call(value, key));
  const leftKeys = keys(a);
  if (leftKeys.length !== keys(b).length) return false;
  return leftKeys.every((key) => Object.hasOwn(right, key) && equalWithin(left[key], right[key], seen));
}

function firstDifference(actual: unknown, expected: unknown): string {
  const indexed = (value: unknown): value is ArrayLike<unknown> =>
    Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
  if (!indexed(actual) || !indexed(expected)) return "";
  if (actual.length !== expected.length) return `\n  lengths: ${actual.length} and ${expected.length}`;
  for (let i = 0; i < actual.length; i++) {
    if (!equal(actual[i], expected[i])) {
      return `\n  first difference at index ${i}: got ${show(actual[i])}, expected ${show(expected[i])}`;
    }
  }
  return "";
}

/** Asserts that `expr` is truthy. */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg || "Expected a truthy value");
}

/** A value that is falsy. */
export type Falsy = false | 0 | 0n | "" | null | undefined;

/** Asserts that `expr` is falsy. */
export function assertFalse(expr: unknown, msg = ""): asserts expr is Falsy {
  if (expr) throw new AssertionError(msg || `Expected a falsy value, got ${show(expr)}`);
}

/** Asserts that two values are structurally equal. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  if (equal(actual, expected)) return;
  const detail = firstDifference(actual, expected);
  throw new AssertionError(
    `Values are not equal${suffix(msg)}\n  got:      ${show(actual)}\n  expected: ${show(expected)}${detail}`,
  );
}

/** Asserts that two values are structurally unequal. */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  if (equal(actual, expected)) {
    throw new AssertionError(`Expected values to differ, both are ${show(actual)}${suffix(msg)}`);
  }
}

/** Asserts that two values are the same by `Object.is`. */
export function assertStrictEquals<T>(actual: unknown, expected: T, msg?: string): asserts actual is T {
  if (Object.is(actual, expected)) return;
  const reason = equal(actual, expected) ? "Values are equal but not the same object" : "Values are not strictly equal";
  throw new AssertionError(`${reason}${suffix(msg)}\n  got:      ${show(actual)}\n  expected: ${show(expected)}`);
}

/** Asserts that two values are not the same by `Object.is`. */
export function assertNotStrictEquals<T>(actual: T, expected: T, msg?: string): void {
  if (Object.is(actual, expected)) {
    throw new AssertionError(`Expected values not to be strictly equal, both are ${show(actual)}${suffix(msg)}`);
  }
}

/**
 * Asserts that two numbers are within a tolerance of each other.
 * The default tolerance is 1e-7 of the expected number's magnitude, and 1e-7 where it is 0.
 */
export function assertAlmostEquals(actual: number, expected: number, tolerance?: number, msg?: string): void {
  if (Object.is(actual, expected)) return;
  const bound = tolerance ?? (Number.isFinite(expected) && expected !== 0 ? Math.abs(expected * 1e-7) : 1e-7);
  const delta = Math.abs(expected - actual);
  if (delta <= bound) return;
  throw new AssertionError(
    `Expected actual ${actual} to be within ${bound} of expected ${expected}, the difference is ${delta}${suffix(msg)}`,
  );
}

/** Asserts that a string contains another. */
export function assertStringIncludes(actual: string, expected: string, msg?: string): void {
  if (!actual.includes(expected)) {
    throw new AssertionError(`Expected ${show(actual)} to contain ${show(expected)}${suffix(msg)}`);
  }
}

/** Asserts that a string matches a regular expression. */
export function assertMatch(actual: string, expected: RegExp, msg?: string): void {
  if (!expected.test(actual)) throw new AssertionError(`Expected ${show(actual)} to match ${expected}${suffix(msg)}`);
}

/** Asserts that a string does not match a regular expression. */
export function assertNotMatch(actual: string, expected: RegExp, msg?: string): void {
  if (expected.test(actual)) {
    throw new AssertionError(`Expected ${show(actual)} not to match ${expected}${suffix(msg)}`);
  }
}

/** Asserts that a value is neither `null` nor `undefined`. */
export function assertExists<T>(actual: T, msg?: string): asserts actual is NonNullable<T> {
  if (actual === null || actual === undefined) {
    throw new AssertionError(`Expected a value, got ${show(actual)}${suffix(msg)}`);
  }
}

/** Asserts that a value is an instance of a class. */
export function assertInstanceOf<T extends AnyConstructor>(
  actual: unknown,
  expectedType: T,
  msg = "",
): asserts actual is InstanceType<T> {
  if (actual instanceof expectedType) return;
  const got = actual !== null && typeof actual === "object"
    ? actual instanceof Error ? show(actual) : actual.constructor?.name ?? "an object without a prototype"
    : show(actual);
  throw new AssertionError(`Expected an instance of ${expectedType.name}, got ${got}${suffix(msg || undefined)}`);
}

/** Asserts that an array contains every one of the expected items, compared structurally. */
export function assertArrayIncludes<T>(actual: ArrayLike<T>, expected: ArrayLike<T>, msg?: string): void {
  const items = Array.from(actual);
  const missing = Array.from(expected).filter((wanted) => !items.some((item) => equal(item, wanted)));
  if (missing.length > 0) {
    throw new AssertionError(`Expected ${show(actual)} to include ${show(missing)}${suffix(msg)}`);
  }
}

/** Asserts that an object contains every one of the expected properties, compared structurally and recursively. */
export function assertObjectMatch(
  actual: Record<PropertyKey, unknown>,
  expected: Record<PropertyKey, unknown>,
  msg?: string,
): void {
  const matches = (a: unknown, e: unknown): boolean => {
    if (typeof e !== "object" || e === null || Array.isArray(e) || ArrayBuffer.isView(e)) return equal(a, e);
    if (typeof a !== "object" || a === null) return false;
    return Reflect.ownKeys(e).every((key) =>
      matches((a as Record<PropertyKey, unknown>)[key], (e as Record<PropertyKey, unknown>)[key])
    );
  };
  if (!matches(actual, expected)) {
    throw new AssertionError(`Expected ${show(actual)} to match ${show(expected)}${suffix(msg)}`);
  }
}

/** Asserts that `actual > expected`. */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual > expected)) throw new AssertionError(`Expected ${show(actual)} > ${show(expected)}${suffix(msg)}`);
}

/** Asserts that `actual >= expected`. */
export function assertGreaterOrEqual<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual >= expected)) throw new AssertionError(`Expected ${show(actual)} >= ${show(expected)}${suffix(msg)}`);
}

/** Asserts that `actual < expected`. */
export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual < expected)) throw new AssertionError(`Expected ${show(actual)} < ${show(expected)}${suffix(msg)}`);
}

/** Asserts that `actual <= expected`. */
export function assertLessOrEqual<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual <= expected)) throw new AssertionError(`Expected ${show(actual)} <= ${show(expected)}${suffix(msg)}`);
}

/** Asserts that an error is an instance of a class (if given) whose message includes a text (if given). */
export function assertIsError<E extends Error = Error>(
  error: unknown,
  // deno-lint-ignore no-explicit-any -- constructors of every signature must be accepted
  ErrorClass?: abstract new (...args: any[]) => E,
  msgMatches?: string | RegExp,
  msg?: string,
): asserts error is E {
  if (!(error instanceof Error)) throw new AssertionError(`Expected an Error, got ${show(error)}${suffix(msg)}`);
  if (ErrorClass && !(error instanceof ErrorClass)) {
    throw new AssertionError(
      `Expected error to be an instance of ${ErrorClass.name}, got ${error.constructor.name}: ${error.message}${
        suffix(msg)
      }`,
    );
  }
  const matches = msgMatches === undefined ||
    (typeof msgMatches === "string" ? error.message.includes(msgMatches) : msgMatches.test(error.message));
  if (!matches) {
    const wanted = typeof msgMatches === "string" ? show(msgMatches) : String(msgMatches);
    throw new AssertionError(`Expected error message to include ${wanted}, got ${show(error.message)}${suffix(msg)}`);
  }
}

interface ThrowArguments {
  errorClass?: AnyConstructor;
  msgIncludes?: string;
  msg?: string;
}

function throwArguments(first: unknown, second?: string, third?: string): ThrowArguments {
  if (typeof first !== "function") return { msg: first as string | undefined };
  return { errorClass: first as AnyConstructor, msgIncludes: second, msg: third };
}

function checkThrown(error: unknown, { errorClass, msgIncludes, msg }: ThrowArguments): void {
  if (errorClass) assertIsError(error, errorClass as abstract new () => Error, msgIncludes, msg);
}

/** Asserts that a function throws, and returns what it threw. */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
/** Asserts that a function throws an instance of a class whose message includes a text, and returns the error. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  // deno-lint-ignore no-explicit-any -- constructors of every signature must be accepted
  ErrorClass: abstract new (...args: any[]) => E,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows(fn: () => unknown, first?: unknown, second?: string, third?: string): unknown {
  const expected = throwArguments(first, second, third);
  let result: unknown;
  try {
    result = fn();
  } catch (error) {
    checkThrown(error, expected);
    return error;
  }
  if (result instanceof Promise) result.catch(() => {});
  const hint = result instanceof Promise ? "; it returned a promise: use assertRejects" : "";
  throw new AssertionError(`Expected function to throw${hint}${suffix(expected.msg)}`);
}

/** Asserts that a promise rejects, and resolves to the reason. */
export function assertRejects(fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
/** Asserts that a promise rejects with an instance of a class whose message includes a text, and resolves to it. */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  // deno-lint-ignore no-explicit-any -- constructors of every signature must be accepted
  ErrorClass: abstract new (...args: any[]) => E,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects(
  fn: () => PromiseLike<unknown>,
  first?: unknown,
  second?: string,
  third?: string,
): Promise<unknown> {
  const expected = throwArguments(first, second, third);
  let promise: PromiseLike<unknown>;
  try {
    promise = fn();
  } catch (error) {
    throw new AssertionError(`Function threw before it returned a promise: ${show(error)}${suffix(expected.msg)}`);
  }
  try {
    await promise;
  } catch (error) {
    checkThrown(error, expected);
    return error;
  }
  throw new AssertionError(`Expected function to reject${suffix(expected.msg)}`);
}

/** Fails always. */
export function fail(msg?: string): never {
  throw new AssertionError(`Failed assertion${suffix(msg)}`);
}

/** Fails: says that the line should not be reached. */
export function unreachable(msg?: string): never {
  throw new AssertionError(`Unreachable${suffix(msg)}`);
}
