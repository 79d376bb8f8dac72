/**
 * Fuses elementwise computations, small reductions and small products with constant matrices (changes of basis) into the computations
 * that use their results, so that a chain between two convolutions is one pass over memory.
 */

import * as E from "../../tensor/expr.ts";
import { type Expr, topologicalOrder } from "../../tensor/expr.ts";
import type { View } from "../../tensor/backend.ts";
import { type Access, type Nest, nestOf, Operands, permuted, simplified, splitAxis, stepOf, unrolled } from "./nest.ts";
import { canMove, type PlanBuffer, type Step, usesOf } from "./program.ts";

/** The longest axis that is unrolled. */
export const MAX_UNROLLED = 16;

/** The most operands and nodes of a fused computation: more do not fit a processor's registers and caches. */
const MAX_OPERANDS = 64, MAX_NODES = 1400;

/** A step with its nest, if it has one. */
interface Item {
  readonly step: Step;
  readonly nest: Nest | undefined;
  /** Whether it is worth its nest only as a part of another: a product with a matrix. */
  readonly tentative: boolean;
}

/** A step that could be a nest, and the nest. */
export type Candidate = (step: Step) => Nest | undefined;

/**
 * The program with all that fits fused.
 *
 * @param candidate Gives nests of steps that are none by themselves; they stay as they were where they are not fused.
 */
export function fused(steps: readonly Step[], output: View, candidate: Candidate): Step[] {
  let items = steps.map((step): Item => {
    const nest = nestOf(step);
    if (nest !== undefined) return { step, nest: withoutSmallReduction(nest), tentative: false };
    return { step, nest: candidate(step), tentative: true };
  });
  for (let position = 0; position < items.length; position++) {
    for (let next = fuseInto(items, position, output); next !== undefined; next = fuseInto(items, position, output)) {
      items = next.items;
      position = next.position;
    }
  }
  return items.map(({ step, nest, tentative }) => nest === undefined || tentative ? step : stepOf(nest));
}

/** A reduction over few elements is a sum, product or extremum written out. */
function withoutSmallReduction(nest: Nest): Nest {
  const count = nest.sizes.reduce((product, size, axis) => nest.reduced[axis] ? product * size : product, 1);
  if (count > MAX_UNROLLED || !nest.reduced.includes(true)) return nest;
  let made = nest;
  while (made.reduced.includes(true)) made = unrolled(made, made.reduced.indexOf(true));
  return simplified(made);
}

/** Fuses one producer into the item at a position; the new list, or nothing where there is none. */
function fuseInto(
  items: readonly Item[],
  position: number,
  output: View,
): { readonly items: Item[]; readonly position: number } | undefined {
  const consumer = items[position];
  if (consumer.nest === undefined) return undefined;
  const uses = usesOf(items.map(({ step }) => step), output);
  const buffers = new Set(consumer.nest.inputs.map(({ buffer }) => buffer));
  for (const buffer of buffers) {
    if (buffer.role !== "planned") continue;
    const { writers = [] } = uses.get(buffer) ?? {};
    if (writers.length !== 1 || writers[0] >= position) continue;
    const from = writers[0], producer = items[from];
    if (producer.nest === undefined || (producer.tentative && consumer.tentative)) continue;
    if (!canMove(producer.step, from, position, uses)) continue;
    const kept = new Set(
      producer.nest.outputs.map((access) => access.buffer)
        .filter((made) => uses.get(made)?.readers.some((reader) => reader !== position)),
    );
    const nest = fusion(producer.nest, consumer.nest, buffer, kept);
    if (nest === undefined) continue;
    const made = { step: stepOf(nest), nest, tentative: false };
    return {
      items: items.flatMap((item, i) => i === from ? [] : i === position ? [made] : [item]),
      position: position - 1,
    };
  }
  return undefined;
}

/**
 * The consumer with the producer's expressions in the place of what it reads of the producer's results, first of all `buffer`; results in
 * `kept` are stored too.
 */
function fusion(
  producer: Nest,
  consumer: Nest,
  buffer: PlanBuffer,
  kept: ReadonlySet<PlanBuffer>,
): Nest | undefined {
  if (producer.reduced.includes(true)) return undefined;
  if (consumer.reduced.includes(true) && kept.size > 0) return undefined;
  const aligned = align(producer, consumer, buffer);
  if (aligned === undefined) return undefined;
  const [p, c] = aligned, operands = new Operands();
  const fromProducer = p.inputs.map((access) => operands.add(access));
  const made = new Map<string, Expr>(), results = new Set(p.outputs.map((access) => access.buffer));
  const own = p.expressions.map((e) => E.substitute(e, (index, dtype) => E.input(fromProducer[index], dtype)));
  p.outputs.forEach((access, j) => made.set(placeOf(access), own[j]));
  const sources = c.inputs.map((access) => results.has(access.buffer) ? made.get(placeOf(access)) : undefined);
  // What the producer wrote elsewhere in a result cannot be had without it.
  if (c.inputs.some((access, i) => results.has(access.buffer) && sources[i]?.dtype !== access.dtype)) return undefined;
  const places = c.inputs.map((access, i) => sources[i] === undefined ? operands.add(access) : -1);
  const expressions = c.expressions.map((expression) =>
    E.substitute(
      expression,
      (index, dtype) => sources[index] ?? E.input(places[index], dtype),
      (index, dtype) => E.scalar(index + p.scalars.length, dtype),
    )
  );
  const outputs = [...c.outputs], reductions = [...c.reductions];
  p.outputs.forEach((access, j) => {
    if (!kept.has(access.buffer)) return;
    outputs.push(access);
    expressions.push(own[j]);
    reductions.push("sum");
  });
  if (operands.list.length + outputs.length > MAX_OPERANDS) return undefined;
  if (topologicalOrder(expressions).length > MAX_NODES) return undefined;
  const modules = [...new Set([...p.modules, ...c.modules])];
  const scalars = [...p.scalars, ...c.scalars];
  return simplified({ ...c, inputs: operands.list, outputs, expressions, reductions, scalars, modules });
}

/** Which elements an access meets, as text. */
function placeOf({ buffer, dtype, offset, strides }: Access): string {
  return `${buffer.id} ${dtype} ${offset} ${strides}`;
}

/** The strides along a buffer that all accesses to it have in common. */
function commonStrides(list: readonly Access[], buffer: PlanBuffer): readonly number[] | undefined {
  const [first, ...rest] = list.filter((access) => access.buffer === buffer);
  const same = rest.every(({ strides }) => strides.every((stride, axis) => stride === first.strides[axis]));
  return same && first.strides.every((stride) => stride >= 0) ? first.strides : undefined;
}

/** Both nests with the same axes in the same order, along which their accesses to `buffer` step alike. */
function align(producer: Nest, consumer: Nest, buffer: PlanBuffer): [Nest, Nest] | undefined {
  let p = producer, c: Nest | undefined = consumer;
  const pOf = (): readonly number[] | undefined => commonStrides(p.outputs, buffer);
  const cOf = (): readonly number[] | undefined => commonStrides(c!.inputs, buffer);
  // Where the consumer repeats an element, it does so in the body.
  let along = cOf();
  while (along !== undefined && along.includes(0)) {
    const axis = along.indexOf(0);
    if (c.sizes[axis] > MAX_UNROLLED || c.expressions.length * c.sizes[axis] > MAX_OPERANDS) return undefined;
    c = unrolled(c, axis);
    along = cOf();
  }
  const pAlong = pOf();
  if (along === undefined || pAlong === undefined || pAlong.includes(0)) return undefined;
  const bounds = new Set<number>();
  const note = (nest: Nest, strides: readonly number[]): void =>
    strides.forEach((stride, axis) => bounds.add(stride).add(stride * nest.sizes[axis]));
  note(p, pAlong);
  note(c, along);
  const sorted = [...bounds].sort((a, b) => a - b);
  const pSplit = splitAt(p, pOf, (next) => p = next, sorted);
  const cSplit = splitAt(c, cOf, (next) => c = next, sorted);
  if (!pSplit || !cSplit) return undefined;
  // Axes that only one of them has are written out in the other: there its parts have places of their own.
  const pAxes = new Set(pOf()), cAxes = new Set(cOf());
  for (const stride of cAxes) {
    if (pAxes.has(stride)) continue;
    const axis = cOf()!.indexOf(stride);
    if (c.sizes[axis] > MAX_UNROLLED || c.expressions.length * c.sizes[axis] > MAX_OPERANDS) return undefined;
    c = unrolled(c, axis);
  }
  for (const stride of pAxes) {
    if (cAxes.has(stride)) continue;
    const axis = pOf()!.indexOf(stride);
    if (p.sizes[axis] > MAX_UNROLLED || p.expressions.length * p.sizes[axis] > MAX_OPERANDS) return undefined;
    p = unrolled(p, axis);
  }
  const target = cOf()!, source = pOf()!;
  const order = target.map((stride) => source.indexOf(stride));
  if (order.length !== source.length || order.includes(-1)) return undefined;
  if (target.some((_, axis) => c!.sizes[axis] !== p.sizes[order[axis]])) return undefined;
  return [permuted(p, order), c];
}

/** Splits axes so that none goes across a bound; whether that was possible. */
function splitAt(
  nest: Nest,
  along: () => readonly number[] | undefined,
  set: (next: Nest) => void,
  bounds: readonly number[],
): boolean {
  let current = nest;
  for (let axis = 0; axis < current.sizes.length; axis++) {
    const stride = along()![axis], end = stride * current.sizes[axis];
    const inner = bounds.find((bound) => bound > stride && bound < end);
    if (inner === undefined) continue;
    if (inner % stride !== 0 || end % inner !== 0) return false;
    current = splitAxis(current, axis, inner / stride);
    set(current);
    // The outer part may have to be split again.
    axis--;
  }
  return true;
}
