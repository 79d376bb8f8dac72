/**
 * Runs chains of products and elementwise work piece by piece: where a large intermediate result (the samples of functions on a group,
 * before and after a non-linearity) is made from columns and used by columns, a few columns at a time go through the whole chain, and
 * what lies between stays in the cache and takes a piece's memory.
 */

import type { View } from "../../tensor/backend.ts";
import { BYTES_PER_ELEMENT } from "../../tensor/dtype.ts";
import { coalesce, elementCount, isContiguous } from "../../tensor/layout.ts";
import { type Access, type Nest, nestOf, simplified, splitAxis, stepOf } from "./nest.ts";
import { bufferOf, isWhole, PlanBuffer, type Step, type Uses, usesOf, viewIn, writesOf } from "./program.ts";

/** Chains are divided whose intermediate results are at least so many times as large as a piece may be. */
const LEAST_PIECES = 4;

/** The fewest columns of a piece. */
const LEAST_COLUMNS = 64;

/** What all results of a chain have in common: `[batch, rows, columns]`, the rows of each its own. */
interface Columns {
  readonly batch: number;
  readonly columns: number;
}

/** A part of the columns. */
interface Piece {
  readonly batch: number;
  readonly start: number;
  readonly count: number;
}

/** A step that works on each column by itself: a product, or a nest whose axes go over batches, rows or columns alone. */
interface Link {
  readonly step: Step;
  readonly nest: Nest | undefined;
}

/** Results between two steps of a chain, by the memory of a piece of each. */
type Between = ReadonlyMap<PlanBuffer, PlanBuffer>;

/**
 * The program with chains in pieces.
 *
 * @param bytes How much the results between the steps of a piece may take together; `Infinity` leaves all as it is.
 */
export function tiled(steps: readonly Step[], output: View, bytes: number): Step[] {
  if (!Number.isFinite(bytes)) return [...steps];
  const uses = usesOf(steps, output), made: Step[] = [];
  for (let first = 0; first < steps.length;) {
    const chain = chainAt(steps, first, uses);
    const pieces = chain === undefined ? undefined : piecesOf(chain, bytes);
    if (pieces === undefined) made.push(steps[first++]);
    else {
      made.push(...pieces);
      first += chain!.links.length;
    }
  }
  return made;
}

/** Steps that follow each other, each reading the one result of the one before, which nobody else reads. */
interface Chain {
  readonly links: readonly Link[];
  readonly columns: Columns;
}

/** The longest chain from a step on. */
function chainAt(steps: readonly Step[], first: number, uses: ReadonlyMap<PlanBuffer, Uses>): Chain | undefined {
  // At most one elementwise step stands before the first product.
  const columns = columnsOf(steps[first]) ?? (first + 1 < steps.length ? columnsOf(steps[first + 1]) : undefined);
  if (columns === undefined) return undefined;
  const links: Link[] = [];
  for (let position = first; position < steps.length; position++) {
    const link = linkOf(steps[position], columns);
    const joins = position === first || resultFor(steps[position - 1], position, uses) !== undefined;
    if (link === undefined || !joins) break;
    links.push(link);
  }
  return links.length < 2 ? undefined : { links, columns };
}

/** The columns of a product with a matrix that is the same for all batches. */
function columnsOf(step: Step): Columns | undefined {
  if (step.op !== "matmul" || step.call.beta !== 0) return undefined;
  const { a, b, output } = step.call, lead = a.shape.length - 2;
  const same = a.strides.slice(0, lead).every((stride, axis) => stride === 0 || a.shape[axis] === 1);
  if (!same || bufferOf(a).role !== "constant" || batchStride(b) === undefined) return undefined;
  if (!isContiguous(output) || !isWhole(output) || output.shape.includes(0)) return undefined;
  return { batch: elementCount(output.shape.slice(0, lead)), columns: output.shape[lead + 1] };
}

/** The step from batch to batch of a view `[…batch, rows, columns]`, if it is one. */
function batchStride({ shape, strides }: View): number | undefined {
  const lead = shape.length - 2, loop = coalesce(shape.slice(0, lead), [strides.slice(0, lead)]);
  return loop.shape.length === 0 ? 0 : loop.shape.length === 1 ? loop.strides[0][0] : undefined;
}

/** The one result of a step, where the next step and nobody else reads it. */
function resultFor({ op, call }: Step, next: number, uses: ReadonlyMap<PlanBuffer, Uses>): PlanBuffer | undefined {
  const writes = writesOf(op, call), [buffer] = writes.map(bufferOf);
  const { writers, readers } = uses.get(buffer)!;
  const alone = writers.length === 1 && readers.length === 1 && readers[0] === next;
  return alone && writes.every((view) => view.buffer === buffer) ? buffer : undefined;
}

function linkOf(step: Step, columns: Columns): Link | undefined {
  const own = columnsOf(step);
  if (own !== undefined) {
    return own.batch === columns.batch && own.columns === columns.columns ? { step, nest: undefined } : undefined;
  }
  const nest = step.op === "map" ? nestOf(step) : undefined;
  const divided = nest === undefined ? undefined : dividedNest(nest, columns);
  return divided === undefined ? undefined : { step, nest: divided };
}

/** Rows of a buffer; a whole number where it is `[batch, rows, columns]`. */
function rowsOf({ buffer, dtype }: Pick<Access, "buffer" | "dtype">, { batch, columns }: Columns): number {
  return buffer.bytes / BYTES_PER_ELEMENT[dtype] / (batch * columns);
}

/** The nest with axes split so that each goes over batches, rows or columns of its results alone; the columns are one axis. */
function dividedNest(nest: Nest, columns: Columns): Nest | undefined {
  const [first, ...others] = nest.outputs, rows = rowsOf(first, columns);
  if (!Number.isInteger(rows)) return undefined;
  const alike = others.every((access) =>
    access.buffer === first.buffer && access.strides.every((stride, axis) => stride === first.strides[axis])
  );
  if (!alike || first.strides.some((stride) => stride <= 0)) return undefined;
  let made = nest;
  for (const bound of [columns.columns, rows * columns.columns]) {
    for (let axis = 0; axis < made.sizes.length; axis++) {
      const step = made.outputs[0].strides[axis];
      if (step >= bound || step * made.sizes[axis] <= bound) continue;
      if (bound % step !== 0 || made.sizes[axis] % (bound / step) !== 0) return undefined;
      made = splitAxis(made, axis, bound / step);
    }
  }
  const along = made.outputs[0].strides, inRow = along.filter((stride) => stride < columns.columns);
  const axis = along.indexOf(1);
  const whole = inRow.length === 1 && axis >= 0 && made.sizes[axis] === columns.columns;
  const inside = made.outputs.every(({ offset }) => offset % columns.columns === 0 && offset < rows * columns.columns);
  return whole && inside ? made : undefined;
}

/** The chain piece by piece; nothing where it is not worth it, or where the steps do not see their results alike. */
function piecesOf(
  { links, columns }: Chain,
  bytes: number,
): Step[] | undefined {
  const results = links.slice(0, -1).map(({ step: { op, call } }) => writesOf(op, call)[0]);
  const size = results.reduce((sum, { buffer }) => sum + buffer.bytes, 0);
  if (size < LEAST_PIECES * bytes) return undefined;
  const perColumn = size / (columns.batch * columns.columns);
  const count = Math.min(columns.columns, Math.max(LEAST_COLUMNS, Math.floor(bytes / perColumn)));
  const between = new Map<PlanBuffer, PlanBuffer>();
  for (const view of results) {
    const buffer = bufferOf(view), rows = rowsOf({ buffer, dtype: view.dtype }, columns);
    between.set(buffer, new PlanBuffer(rows * count * BYTES_PER_ELEMENT[view.dtype], "planned"));
  }
  for (const { nest } of links) if (nest !== undefined) shareInPlace(nest, between);
  const made: Step[] = [];
  for (let batch = 0; batch < columns.batch; batch++) {
    for (let start = 0; start < columns.columns; start += count) {
      const piece = { batch, start, count: Math.min(count, columns.columns - start) };
      for (const { step, nest } of links) {
        const part = nest === undefined
          ? productPiece(step, columns, piece, between)
          : nestPiece(nest, columns, piece, between);
        if (part === undefined) return undefined;
        made.push({ ...part, whole: step });
      }
    }
  }
  return made;
}

/** An elementwise step between two results that reads each element where it writes it works in one piece of memory. */
function shareInPlace(nest: Nest, between: Map<PlanBuffer, PlanBuffer>): void {
  const place = ({ offset, strides, dtype }: Access): string => `${dtype} ${offset} ${strides}`;
  const [{ buffer: result }] = nest.outputs, written = new Set(nest.outputs.map(place));
  const sources = nest.inputs.filter(({ buffer }) => between.has(buffer));
  if (!between.has(result) || sources.length === 0) return;
  const [{ buffer: source }] = sources;
  if (source.bytes === result.bytes && sources.every((access) => written.has(place(access)))) {
    between.set(result, between.get(source)!);
  }
}

/** A piece of a matrix product. */
function productPiece(step: Step, columns: Columns, piece: Piece, between: Between): Step | undefined {
  if (step.op !== "matmul") return undefined;
  const { call, modules } = step, [rows, inner] = call.a.shape.slice(-2);
  const part = (view: View, count: number): View => {
    const own = between.get(bufferOf(view)), [rowStep, columnStep] = view.strides.slice(-2);
    const shape = [count, piece.count];
    if (own !== undefined) return { ...viewIn(own, view), shape, strides: [piece.count, 1], offset: 0 };
    const offset = view.offset + piece.batch * batchStride(view)! + piece.start * columnStep;
    return { ...viewIn(view.buffer, view), shape, strides: [rowStep, columnStep], offset };
  };
  const { b } = call, whole = between.has(bufferOf(b));
  // The result before must be read as it lies.
  if (
    whole && !(isContiguous(b) && b.offset === 0 && inner === rowsOf({ buffer: bufferOf(b), dtype: b.dtype }, columns))
  ) {
    return undefined;
  }
  const a = { ...viewIn(call.a.buffer, call.a), shape: [rows, inner], strides: call.a.strides.slice(-2) };
  return { op: "matmul", call: { ...call, a, b: part(b, inner), output: part(call.output, rows) }, modules };
}

/** A piece of an elementwise step. */
function nestPiece(nest: Nest, columns: Columns, piece: Piece, between: Between): Step | undefined {
  const [result] = nest.outputs, block = rowsOf(result, columns) * columns.columns;
  const inBatch = result.strides.map((stride) => stride >= block), axis = result.strides.indexOf(1);
  const kept = nest.sizes.map((_, i) => i).filter((i) => !inBatch[i]);
  let fits = true;
  const part = (access: Access): Access => {
    const own = between.get(access.buffer), { strides, offset } = access;
    if (own === undefined) {
      const moved = strides.reduce(
        (sum, stride, i) =>
          inBatch[i] ? sum + stride * (Math.floor(piece.batch * block / result.strides[i]) % nest.sizes[i]) : sum,
        offset + piece.start * strides[axis],
      );
      return { ...access, offset: moved, strides: kept.map((i) => strides[i]) };
    }
    const ownBlock = rowsOf(access, columns) * columns.columns, wide = columns.columns;
    // Batches and columns must be those of the result.
    fits &&= offset % wide === 0 && offset < ownBlock && strides[axis] === 1 &&
      strides.every((stride, i) =>
        i === axis ||
        (inBatch[i] ? stride === result.strides[i] / block * ownBlock : stride % wide === 0 && stride < ownBlock)
      );
    const narrow = (distance: number): number => distance / wide * piece.count;
    return {
      ...access,
      buffer: own,
      offset: narrow(offset),
      strides: kept.map((i) => i === axis ? 1 : narrow(strides[i])),
    };
  };
  const sizes = kept.map((i) => i === axis ? piece.count : nest.sizes[i]);
  const made: Nest = {
    ...nest,
    sizes,
    reduced: sizes.map(() => false),
    inputs: nest.inputs.map(part),
    outputs: nest.outputs.map(part),
  };
  return fits ? stepOf(simplified(made)) : undefined;
}
