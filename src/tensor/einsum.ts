/**
 * Sums of products in Einstein's notation: `einsum("bij,bjk->bik", a, b)`. Each pair of operands becomes one batched matrix product
 * of permuted views; more than two operands are contracted from the left.
 */

import { commonBackend } from "./core.ts";
import { ArgumentError, ShapeError } from "./errors.ts";
import { elementCount, formatShape, type Layout } from "./layout.ts";
import { matmul } from "./matmul.ts";
import { sum } from "./reductions.ts";
import type { Tensor } from "./tensor.ts";
import { permute, reshape, selectView } from "./views.ts";

/** A tensor whose axes have labels. */
interface Labelled {
  readonly tensor: Tensor;
  readonly labels: readonly string[];
}

interface Subscripts {
  readonly inputs: readonly (readonly string[])[];
  readonly output: readonly string[];
}

const parsed = new Map<string, Subscripts>();

function parse(equation: string): Subscripts {
  const known = parsed.get(equation);
  if (known !== undefined) return known;
  const match = /^([A-Za-z,]*)(?:->([A-Za-z]*))?$/.exec(equation.replaceAll(" ", ""));
  if (match === null) {
    throw new ArgumentError({
      op: "einsum",
      expected: 'an equation such as "bij,bjk->bik" with one letter for each axis',
      actual: `"${equation}"`,
    });
  }
  const inputs = match[1].split(",").map((labels) => [...labels]);
  const all = inputs.flat();
  const once = all.filter((label) => all.indexOf(label) === all.lastIndexOf(label));
  const output = match[2] === undefined ? once.sort() : [...match[2]];
  if (new Set(output).size !== output.length || output.some((label) => !all.includes(label))) {
    throw new ArgumentError({
      op: "einsum",
      expected: "output letters that are distinct and occur in the inputs",
      actual: `"${equation}"`,
    });
  }
  const result = { inputs, output };
  parsed.set(equation, result);
  return result;
}

function validate(equation: string, { inputs }: Subscripts, operands: readonly Tensor[]): void {
  if (inputs.length !== operands.length || inputs.some((labels, i) => labels.length !== operands[i].rank)) {
    throw new ShapeError({
      op: "einsum",
      expected: `operands of ranks ${inputs.map((labels) => labels.length).join(", ")} for "${equation}"`,
      actual: operands.map((operand) => formatShape(operand.shape)).join(", "),
    });
  }
  commonBackend(operands, "einsum");
  const sizes = new Map<string, number>();
  inputs.forEach((labels, i) =>
    labels.forEach((label, axis) => {
      const size = operands[i].shape[axis];
      const known = sizes.get(label) ?? size;
      if (known !== size) {
        throw new ShapeError({
          op: "einsum",
          expected: `one size for the letter ${label} of "${equation}"`,
          actual: `${known} and ${size}`,
        });
      }
      sizes.set(label, size);
    })
  );
}

/** A letter that occurs twice in an operand means the diagonal: one axis with the sum of the strides. */
function diagonal({ tensor, labels }: Labelled): Labelled {
  const unique = [...new Set(labels)];
  if (unique.length === labels.length) return { tensor, labels };
  const pick = (layout: Layout): Layout => ({
    shape: unique.map((label) => layout.shape[labels.indexOf(label)]),
    strides: unique.map((label) =>
      labels.reduce((stride, other, axis) => other === label ? stride + layout.strides[axis] : stride, 0)
    ),
    offset: layout.offset,
  });
  return { tensor: selectView("einsum", tensor, pick), labels: unique };
}

/** Sums over the letters that nothing else needs. */
function dropUnused({ tensor, labels }: Labelled, needed: ReadonlySet<string>): Labelled {
  const axes = labels.flatMap((label, axis) => needed.has(label) ? [] : [axis]);
  if (axes.length === 0) return { tensor, labels };
  return { tensor: sum(tensor, axes), labels: labels.filter((label) => needed.has(label)) };
}

function arrange({ tensor, labels }: Labelled, order: readonly string[]): Tensor {
  return permute(tensor, order.map((label) => labels.indexOf(label)));
}

/** The product of two operands, summed over the letters of both that `needed` lacks. */
function contract(a: Labelled, b: Labelled, needed: ReadonlySet<string>): Labelled {
  const shared = a.labels.filter((label) => b.labels.includes(label));
  const batch = shared.filter((label) => needed.has(label));
  const inner = shared.filter((label) => !needed.has(label));
  const left = a.labels.filter((label) => !shared.includes(label));
  const right = b.labels.filter((label) => !shared.includes(label));
  const size = (operand: Labelled, labels: readonly string[]): number[] =>
    labels.map((label) => operand.tensor.shape[operand.labels.indexOf(label)]);
  const batchSizes = size(a, batch);
  const k = elementCount(size(a, inner));
  const m = elementCount(size(a, left));
  const n = elementCount(size(b, right));
  const stack = batch.length === 0 ? [] : [elementCount(batchSizes)];
  using leftAxes = arrange(a, [...batch, ...left, ...inner]);
  using rightAxes = arrange(b, [...batch, ...inner, ...right]);
  using leftMatrix = reshape(leftAxes, [...stack, m, k]);
  using rightMatrix = reshape(rightAxes, [...stack, k, n]);
  using product = matmul(leftMatrix, rightMatrix);
  return {
    tensor: reshape(product, [...batchSizes, ...size(a, left), ...size(b, right)]),
    labels: [...batch, ...left, ...right],
  };
}

/**
 * The sum of products that `equation` describes: one letter for each axis, commas between operands, the output's letters after `->`
 * (without it: the letters that occur once, in alphabetical order). A letter twice in one operand means its diagonal.
 * Throws {@linkcode ArgumentError} for an equation that cannot be read and {@linkcode ShapeError} for sizes that differ.
 *
 * @example
 * ```ts
 * import { einsum, tensor, useBackend } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("reference");
 * const a = tensor([[1, 2], [3, 4]]);
 * assertEquals(await einsum("ij,kj->ik", a, a).data(), new Float32Array([5, 11, 11, 25]));
 * assertEquals(await einsum("ii->", a).item(), 5);
 * ```
 */
export function einsum(equation: string, ...operands: Tensor[]): Tensor {
  const subscripts = parse(equation);
  validate(equation, subscripts, operands);
  const made: Tensor[] = [];
  const track = (step: Labelled, before?: Labelled): Labelled => {
    if (step.tensor !== before?.tensor) made.push(step.tensor);
    return step;
  };
  const list = operands.map((tensor, i): Labelled => {
    const given = { tensor, labels: subscripts.inputs[i] };
    return track(diagonal(given), given);
  });
  const neededAfter = (index: number): Set<string> =>
    new Set([...subscripts.output, ...list.slice(index).flatMap((operand) => operand.labels)]);
  let current = track(dropUnused(list[0], neededAfter(1)), list[0]);
  for (let i = 1; i < list.length; i++) {
    const alone = new Set([...neededAfter(i + 1), ...current.labels]);
    const next = track(dropUnused(list[i], alone), list[i]);
    current = track(contract(current, next, neededAfter(i + 1)));
  }
  const result = arrange(current, subscripts.output);
  for (const tensor of made) tensor.dispose();
  return result;
}
