// What every runner of the fixtures shares: reading cases, comparing numbers as the fixtures' README says, and the two
// ways in which a case does not count as passed: a failed check, and a kind or group that is not supported.

/** A value of a fixture file. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** An object of a fixture file. */
export type JsonObject = { readonly [key: string]: Json };

/** A case of a fixture file. */
export interface Case extends JsonObject {
  readonly id: string;
  readonly kind: string;
  readonly tolerance: number;
  readonly expect: JsonObject;
}

/** The runners of one fixture file by kind; each throws to fail. */
export type Runners = Readonly<Record<string, (testCase: Case) => void | Promise<void>>>;

/** A check of a case that failed. */
export class CheckFailure extends Error {}

/** A case that this library does not support, with the reason. */
export class Unsupported extends Error {}

/** The fields of a value that must be an object. */
export function object(value: Json | undefined): JsonObject {
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    throw new CheckFailure(`malformed case: an object was expected, got ${JSON.stringify(value)}`);
  }
  return value as JsonObject;
}

/** The entries of a value that must be an array. */
export function list(value: Json | undefined): readonly Json[] {
  if (!Array.isArray(value)) {
    throw new CheckFailure(`malformed case: an array was expected, got ${JSON.stringify(value)}`);
  }
  return value;
}

/** A number. */
export function number(value: Json | undefined): number {
  if (typeof value !== "number") {
    throw new CheckFailure(`malformed case: a number was expected, got ${JSON.stringify(value)}`);
  }
  return value;
}

/** Numbers. */
export function numbers(value: Json | undefined): number[] {
  return list(value).map(number);
}

/** The i-th element of a probe: the formula of the fixtures' README. */
export function probe(p: number, length: number): Float64Array {
  const out = new Float64Array(length);
  for (let i = 0; i < length; i++) {
    out[i] = Math.sin((i + 1) * 0.7390851332 * (1 + p / 7) + p) + 0.5 * Math.cos((i + 1) * (i + 1) * 0.0129 + 2 * p);
  }
  return out;
}

/** The shape and the numbers of a tensor, a probe or nested arrays. */
export function tensor(value: Json | undefined): { shape: number[]; data: Float64Array } {
  if (Array.isArray(value)) {
    const shape: number[] = [];
    for (let v: Json = value; Array.isArray(v); v = v[0]) shape.push(v.length);
    return { shape, data: Float64Array.from((value as Json[]).flat(8) as number[]) };
  }
  const fields = object(value);
  const shape = numbers(fields.shape);
  const length = shape.reduce((a, b) => a * b, 1);
  if (typeof fields.probe === "number") return { shape, data: probe(fields.probe, length) };
  return { shape, data: Float64Array.from(numbers(fields.data)) };
}

/** The error of numbers as the fixtures measure it: the largest difference over max(1, the largest expected). */
export function relativeError(got: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (got.length !== expected.length) return Infinity;
  let scale = 1;
  let error = 0;
  for (let i = 0; i < expected.length; i++) scale = Math.max(scale, Math.abs(expected[i]));
  for (let i = 0; i < expected.length; i++) {
    const d = Math.abs(got[i] - expected[i]);
    if (!(d <= error)) error = d;
  }
  return error / scale;
}

/** Fails unless the numbers agree to the tolerance. */
export function close(what: string, got: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  if (got.length !== expected.length) {
    throw new CheckFailure(`${what}: ${got.length} numbers, expected ${expected.length}`);
  }
  const error = relativeError(got, expected);
  if (!(error <= tolerance)) throw new CheckFailure(`${what}: error ${error}, tolerance ${tolerance}`);
}

/** Fails unless both are equal as JSON. */
export function same(what: string, got: unknown, expected: unknown): void {
  const [a, b] = [JSON.stringify(got), JSON.stringify(expected)];
  if (a !== b) throw new CheckFailure(`${what}: got ${a}, expected ${b}`);
}

/** Fails unless both are equal as JSON after sorting. */
export function sameSet(what: string, got: readonly unknown[], expected: readonly unknown[]): void {
  const sorted = (values: readonly unknown[]): string[] => values.map((v) => JSON.stringify(v)).sort();
  same(what, sorted(got), sorted(expected));
}

/** Fails unless the condition holds. */
export function holds(what: string, condition: boolean): void {
  if (!condition) throw new CheckFailure(what);
}
