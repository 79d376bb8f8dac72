// Einstein's notation: values against loops, diagonals, sums, and equations that are refused.

import { assertEquals, assertThrows } from "@std/assert";
import { assertClose } from "../support/close.ts";
import { test } from "../support/test.ts";
import { float64, values } from "./support.ts";
import { arange, ones, tensor } from "../../src/tensor/creation.ts";
import { einsum } from "../../src/tensor/einsum.ts";
import { ArgumentError, ShapeError } from "../../src/tensor/errors.ts";
import { memory } from "../../src/tensor/memory.ts";
import { scope } from "../../src/tensor/scope.ts";

/** The definition: a loop over all letters. */
function naive(equation: string, sizes: Record<string, number>, operands: { data: number[] }[]): number[] {
  const [left, output] = equation.split("->");
  const inputs = left.split(",");
  const letters = Object.keys(sizes);
  const position = (labels: string, at: Record<string, number>) =>
    [...labels].reduce((index, label) => index * sizes[label] + at[label], 0);
  const result = new Array<number>([...output].reduce((n, label) => n * sizes[label], 1)).fill(0);
  const total = letters.reduce((n, label) => n * sizes[label], 1);
  for (let i = 0; i < total; i++) {
    const at: Record<string, number> = {};
    let rest = i;
    for (const label of letters) {
      at[label] = rest % sizes[label];
      rest = Math.floor(rest / sizes[label]);
    }
    result[position(output, at)] += operands.reduce((p, { data }, k) => p * data[position(inputs[k], at)], 1);
  }
  return result;
}

const sizes = { a: 2, b: 3, c: 4, d: 2, e: 3 };

for (
  const equation of [
    "ab,bc->ac",
    "ab,cb->ca",
    "dab,dbc->dac",
    "dab,bc->cda",
    "ab,ab->",
    "ab,cd->acbd",
    "ab->b",
    "abc->cab",
    "abc,ac->b",
    "ab,bc,cd->da",
    "ab,b,e->ea",
    "abc,cbd,de->ae",
  ]
) {
  test(`einsum "${equation}" agrees with loops to 1e-13`, () => {
    using _ = scope();
    const inputs = equation.split("->")[0].split(",");
    const operands = inputs.map((labels, i) => float64([...labels].map((l) => sizes[l as keyof typeof sizes]), i));
    const used = Object.fromEntries(Object.entries(sizes).filter(([label]) => equation.includes(label)));
    const expected = naive(equation, used, operands.map((operand) => ({ data: values(operand) })));
    assertClose(values(einsum(equation, ...operands)), expected, { absolute: 1e-13, relative: 1e-13 });
  });
}

test("einsum takes diagonals, traces, and equations without output", () => {
  using _ = scope();
  const x = arange(9).reshape([3, 3]);
  assertEquals(values(einsum("ii->i", x)), [0, 4, 8]);
  assertEquals(einsum("ii", x).itemSync(), 12);
  assertEquals(values(einsum("ij,j", x, tensor([1, 0, 0]))), [0, 3, 6]);
  assertEquals(einsum("ba", ones([2, 3])).shape, [3, 2]);
});

test("einsum leaves only its result", () => {
  using current = scope();
  const a = float64([2, 3, 3]);
  const b = float64([3, 2], 1);
  const buffers = memory().reference.liveBuffers;
  const size = current.size;
  einsum("aii,ib->ab", a, b);
  assertEquals([current.size, memory().reference.liveBuffers], [size + 1, buffers + 1]);
});

test("einsum refuses equations that cannot be read and operands that do not fit", () => {
  using _ = scope();
  const x = ones([2, 3]);
  assertThrows(() => einsum("i1->i", x), ArgumentError, "one letter for each axis");
  assertThrows(() => einsum("ij->k", x), ArgumentError, "occur in the inputs");
  assertThrows(() => einsum("ij->ii", x), ArgumentError, "distinct");
  assertThrows(() => einsum("ijk->i", x), ShapeError, "operands of ranks 3");
  assertThrows(() => einsum("ij,jk->ik", x), ShapeError, "ranks 2, 2");
  assertThrows(() => einsum("ij,jk->ik", x, x), ShapeError, "one size for the letter j");
  assertThrows(() => einsum("ii->i", x), ShapeError, "2 and 3");
});
