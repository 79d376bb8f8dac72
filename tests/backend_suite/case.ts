// A case of the suite: operands, one call of the Backend interface, and what may come out. This file runs a case on a
// backend and on the oracle, compares the whole buffers (what lies between and around the elements of an output, and all
// inputs, must stay untouched), and makes a failing case smaller as long as it fails.

import type { Backend, DeviceBuffer, View } from "../../src/tensor/backend.ts";
import { BYTES_PER_ELEMENT, type DType, type TypedArray } from "../../src/tensor/dtype.ts";
import { contiguousLayout, type Shape } from "../../src/tensor/layout.ts";
import { elementPositions } from "../../backends/reference/buffer.ts";
import { arrange, describeOperand, type Operand, plain, simplerOperands, values } from "./operand.ts";

/** What may stand in an output: for each element (row-major) an interval and whether NaN is right (empty interval: NaN only). */
export interface Acceptance {
  readonly low: Float64Array;
  readonly high: Float64Array;
  readonly nan: Uint8Array;
}

/** A call with all its parameters. */
export interface Case {
  /** The primitive it belongs to. */
  readonly primitive: string;
  /** Its operands, inputs and outputs. */
  readonly operands: readonly Operand[];
  /** Shape of each operand. */
  readonly shapes: readonly Shape[];
  /** Which operands the call writes. */
  readonly outputs: readonly number[];
  /** The call; may be asynchronous where it reads. */
  run(backend: Backend, views: readonly View[]): void | Promise<void>;
  /**
   * What may come out, one for each output; `undefined` means exactly what the oracle gives.
   *
   * @param logical The operands' elements before the call, row-major.
   * @param expected The outputs' elements after the oracle's call, row-major.
   */
  accept(logical: readonly TypedArray[], expected: readonly TypedArray[], oracle: Backend): (Acceptance | undefined)[];
  /** The same call with other operands. */
  withOperands(operands: readonly Operand[]): Case;
  /** Simpler calls of the same kind, the simplest first; `element` is the output's element that was wrong, if known. */
  simpler(element?: number): Iterable<Case>;
  /** The call and its parameters as text, without the operands. */
  describe(): string;
}

/** Why a case failed. */
export interface Failure {
  readonly message: string;
  /** The first wrong element of the output, row-major. */
  readonly element?: number;
}

/** A view of one operand in a buffer of its own. */
interface Placed {
  readonly view: View;
  /** The whole buffer as one row. */
  readonly whole: View;
}

function place(backend: Backend, operand: Operand, shape: Shape, buffers: DeviceBuffer[]): Placed {
  const { layout, length } = arrange(shape, operand.arrangement);
  const buffer = backend.allocate(length * BYTES_PER_ELEMENT[operand.dtype]);
  buffers.push(buffer);
  return {
    view: { ...layout, buffer, dtype: operand.dtype },
    whole: { ...contiguousLayout([length]), buffer, dtype: operand.dtype },
  };
}

/** Runs a case and gives all buffers' contents afterwards. */
async function execute(backend: Backend, one: Case, contents: readonly TypedArray[]): Promise<TypedArray[]> {
  const buffers: DeviceBuffer[] = [];
  try {
    const placed = one.operands.map((operand, i) => place(backend, operand, one.shapes[i], buffers));
    placed.forEach(({ whole }, i) => backend.write(whole, contents[i]));
    await one.run(backend, placed.map(({ view }) => view));
    const results: TypedArray[] = [];
    for (const { whole } of placed) {
      results.push(backend.canReadSync ? backend.readSync(whole) : await backend.read(whole));
    }
    return results;
  } finally {
    for (const buffer of buffers) backend.free(buffer);
  }
}

const same = (a: number, b: number): boolean => a === b || (a !== a && b !== b);

/** The elements of a buffer at the given positions. */
function pickAt(all: TypedArray, positions: Int32Array): TypedArray {
  const pick = (_: unknown, i: number): number => all[positions[i]];
  const shape = { length: positions.length };
  if (all instanceof Float32Array) return Float32Array.from(shape, pick);
  if (all instanceof Float64Array) return Float64Array.from(shape, pick);
  if (all instanceof Int32Array) return Int32Array.from(shape, pick);
  return Uint8Array.from(shape, pick);
}

/** Runs a case on both backends; `undefined` if the tested one answers rightly. */
export async function check(one: Case, tested: Backend, oracle: Backend): Promise<Failure | undefined> {
  const arranged = one.operands.map((operand, i) => arrange(one.shapes[i], operand.arrangement));
  const contents = one.operands.map((operand, i) => values(operand, arranged[i].length));
  let actual: TypedArray[];
  try {
    actual = await execute(tested, one, contents);
  } catch (error) {
    return { message: `threw ${error instanceof Error ? error.stack ?? error.message : String(error)}` };
  }
  const expected = await execute(oracle, one, contents);
  const positions = arranged.map(({ layout }) => elementPositions(layout));
  const logical = contents.map((content, i) => pickAt(content, positions[i]));
  const results = one.outputs.map((i) => pickAt(expected[i], positions[i]));
  const acceptances = one.accept(logical, results, oracle);
  for (let i = 0; i < one.operands.length; i++) {
    const output = one.outputs.indexOf(i);
    const acceptance = output < 0 ? undefined : acceptances[output];
    const failure = compareBuffer(i, one.operands[i].dtype, actual[i], expected[i], positions[i], acceptance);
    if (failure !== undefined) return failure;
  }
  return undefined;
}

function compareBuffer(
  operand: number,
  dtype: DType,
  actual: TypedArray,
  expected: TypedArray,
  positions: Int32Array,
  acceptance: Acceptance | undefined,
): Failure | undefined {
  if (actual.length !== expected.length || actual.constructor !== expected.constructor) {
    return { message: `operand ${operand}: read gave ${actual.length} elements of ${actual.constructor.name}` };
  }
  const inside = new Int32Array(actual.length).fill(-1);
  for (let i = 0; i < positions.length; i++) inside[positions[i]] = i;
  let wrong = 0;
  let message = "";
  let element: number | undefined;
  for (let at = 0; at < actual.length; at++) {
    const i = inside[at];
    const a = actual[at];
    if (i < 0 || acceptance === undefined) {
      if (same(a, expected[at])) continue;
      element ??= i < 0 ? undefined : i;
      message ||= i < 0
        ? `operand ${operand}: wrote ${a} over ${expected[at]} at position ${at} of its buffer, outside of the view`
        : `operand ${operand} (${dtype}), element ${i}: got ${a}, expected exactly ${expected[at]}`;
    } else {
      const right = a !== a ? acceptance.nan[i] === 1 : acceptance.low[i] <= a && a <= acceptance.high[i];
      if (right) continue;
      const { low, high, nan } = acceptance;
      element ??= i;
      const set = low[i] > high[i] ? "NaN" : `from ${low[i]} to ${high[i]}${nan[i] ? " or NaN" : ""}`;
      message ||= `operand ${operand} (${dtype}), element ${i}: got ${a}, the oracle has ${
        expected[at]
      }, right is ${set}`;
    }
    wrong++;
  }
  return wrong === 0 ? undefined : {
    message: `${message}; ${wrong} of ${positions.length} elements wrong`,
    element,
  };
}

/** Acceptance of a float result with an absolute error of at most `tolerance[i]`; where the oracle has NaN, of NaN. */
export function within(expected: TypedArray, tolerance: (i: number) => number): Acceptance {
  const count = expected.length;
  const acceptance = { low: new Float64Array(count), high: new Float64Array(count), nan: new Uint8Array(count) };
  for (let i = 0; i < count; i++) {
    const value = expected[i];
    const error = tolerance(i);
    acceptance.nan[i] = value !== value ? 1 : 0;
    acceptance.low[i] = value !== value ? Infinity : Number.isFinite(value) ? value - error : value;
    acceptance.high[i] = value !== value ? -Infinity : Number.isFinite(value) ? value + error : value;
  }
  return acceptance;
}

function* candidates(one: Case, failure: Failure): Iterable<Case> {
  const simple = one.operands.map((operand) => ({ ...operand, arrangement: plain(operand.arrangement.order.length) }));
  if (JSON.stringify(simple) !== JSON.stringify(one.operands)) yield one.withOperands(simple);
  yield* one.simpler(failure.element);
  for (let i = 0; i < one.operands.length; i++) {
    // The arrangement of an output must not repeat elements; simplerOperands never adds broadcasting.
    for (const operand of simplerOperands(one.operands[i])) {
      yield one.withOperands(one.operands.map((other, j) => i === j ? operand : other));
    }
  }
}

/** The smallest case that still fails, found by trying simpler ones, with its failure; at most `limit` are tried. */
export async function shrink(
  failing: Case,
  failure: Failure,
  tested: Backend,
  oracle: Backend,
  limit = 2000,
): Promise<{ one: Case; failure: Failure; tried: number }> {
  let smallest = { one: failing, failure };
  let tried = 0;
  let progress = true;
  while (progress && tried < limit) {
    progress = false;
    for (const candidate of candidates(smallest.one, smallest.failure)) {
      if (++tried >= limit) break;
      const found = await check(candidate, tested, oracle);
      if (found !== undefined) {
        smallest = { one: candidate, failure: found };
        progress = true;
        break;
      }
    }
  }
  return { ...smallest, tried };
}

/** A case as text. */
export function describeCase(one: Case): string {
  const operands = one.operands.map((operand, i) =>
    `  ${one.outputs.includes(i) ? "output" : "input "} ${i}: ${describeOperand(operand, one.shapes[i])}`
  );
  return [one.describe(), ...operands].join("\n");
}
