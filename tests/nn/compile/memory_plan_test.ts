// Planned memory: results that are needed at the same time never share a byte, and chains need no more than two of them.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { aligned, ALIGNMENT, packed, planMemory } from "../../../src/nn/compile/memory_plan.ts";
import { bufferOf, PlanBuffer, readsOf, type Step, usesOf, writesOf } from "../../../src/nn/compile/program.ts";
import type { View } from "../../../src/tensor/backend.ts";
import * as E from "../../../src/tensor/expr.ts";
import { test } from "../../support/test.ts";

const view = (buffer: PlanBuffer): View => ({
  buffer,
  dtype: "float32",
  shape: [buffer.bytes / 4],
  strides: [1],
  offset: 0,
});

/** A step that reads some buffers and writes another, element by element or not. */
function step(from: readonly PlanBuffer[], to: PlanBuffer, elementwise: boolean): Step {
  const inputs = from.map(view), outputs = [view(to)];
  const [first, ...rest] = inputs.map((_, i) => E.input(i, "float32"));
  const sum = rest.reduce((a, b) => E.add(a, b), first);
  const call = { expressions: [sum], shape: outputs[0].shape, inputs, scalars: [], outputs };
  return elementwise
    ? { op: "map", call, modules: [] }
    : { op: "mapReduce", call: { ...call, reductions: ["sum"], axes: [] }, modules: [] };
}

test("a chain of elementwise steps works in one place, other chains in two", () => {
  for (const [elementwise, places] of [[true, 1], [false, 2]] as const) {
    const input = new PlanBuffer(4000, "input");
    const chain = Array.from({ length: 6 }, () => new PlanBuffer(4000, "planned"));
    const steps = chain.map((buffer, i) => step([i === 0 ? input : chain[i - 1]], buffer, elementwise));
    const plan = planMemory(steps, view(chain[5]));
    assertEquals(plan.bytes, places * aligned(4000));
    assertEquals([...plan.offsets.keys()].length, 6);
  }
});

test("places begin at multiples of the alignment; packed buffers follow each other", () => {
  const buffers = [100, 0, 300].map((bytes) => new PlanBuffer(bytes, "constant"));
  const { offsets, bytes } = packed(buffers);
  assertEquals(buffers.map((buffer) => offsets.get(buffer)), [0, ALIGNMENT, ALIGNMENT]);
  assertEquals(bytes, 3 * ALIGNMENT);
});

test("in random programs no two live results overlap, but for those that an elementwise step makes in place", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(), fc.nat(), fc.boolean(), fc.integer({ min: 1, max: 3 })), {
        minLength: 2,
        maxLength: 25,
      }),
      (choices) => {
        const buffers = [new PlanBuffer(400, "input")], steps: Step[] = [];
        for (const [a, b, elementwise, size] of choices) {
          const made = new PlanBuffer(elementwise ? 400 : 400 * size, "planned");
          const from = [buffers[a % buffers.length], buffers[b % buffers.length]];
          steps.push(step(from, made, elementwise && from.every(({ bytes }) => bytes === 400)));
          buffers.push(made);
        }
        const output = view(buffers[buffers.length - 1]),
          plan = planMemory(steps, output),
          uses = usesOf(steps, output);
        for (const one of plan.offsets.keys()) {
          assert(plan.offsets.get(one)! % ALIGNMENT === 0 && plan.offsets.get(one)! + one.bytes <= plan.bytes);
          for (const other of plan.offsets.keys()) {
            if (one === other || !apartInTime(steps, uses, one, other)) continue;
            const start = Math.max(plan.offsets.get(one)!, plan.offsets.get(other)!);
            const end = Math.min(plan.offsets.get(one)! + one.bytes, plan.offsets.get(other)! + other.bytes);
            assert(end <= start, "two results that are needed at once overlap");
          }
        }
      },
    ),
    { numRuns: 200, seed: 5 },
  );
});

/** Whether two results are needed at the same time, and not as operand and result of one elementwise step. */
function apartInTime(
  steps: readonly Step[],
  uses: ReturnType<typeof usesOf>,
  one: PlanBuffer,
  other: PlanBuffer,
): boolean {
  const life = (buffer: PlanBuffer): [number, number] => {
    const { writers, readers } = uses.get(buffer)!;
    return [Math.min(...writers, ...readers), Math.max(...writers, ...readers)];
  };
  const [[from, to], [begin, end]] = [life(one), life(other)];
  const meets = Math.max(from, begin);
  if (meets > Math.min(to, end)) return false;
  if (meets < Math.min(to, end)) return true;
  const { op, call } = steps[meets];
  const reads = readsOf(op, call).map(bufferOf), writes = writesOf(op, call).map(bufferOf);
  const inPlace = op === "map" && ((reads.includes(one) && writes.includes(other)) ||
    (reads.includes(other) && writes.includes(one)));
  return !inPlace;
}
