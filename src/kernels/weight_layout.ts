/**
 * What each number of a convolution's flat weight vector means. For each output irrep type, in the group's order, a
 * row-major matrix [copies out × K]; K runs over the input irrep types in order, their copies, and the elements of the
 * pair's basis. Copies are in the order of fields, then of occurrence in the field. Elements that a filter removes have no
 * weight: the vector closes up over them. This meaning never changes.
 */

import { irrepKey } from "../group/ids.ts";
import type { IrrepId } from "../group/types.ts";
import { EmptyBasisError } from "./errors.ts";
import type { BasisFilter, IrrepPairTable, KernelTables } from "./kernel_tables.ts";

/** An occurrence of an irrep in a list of fields. */
export interface IrrepCopy {
  /** The index of the field. */
  readonly field: number;
  /** The position of the irrep in the field's list of irreps. */
  readonly position: number;
  /** The first component of the irrep, counted in the irreps of all fields one after the other. */
  readonly offset: number;
}

/** The columns of one input irrep type in the matrix of an output irrep type. */
export interface WeightBlock {
  /** The input irrep. */
  readonly inIrrep: IrrepId;
  /** Its copies in the input. */
  readonly copies: readonly IrrepCopy[];
  /** The first column; copy c, path p is in column columnOffset + c · pathCount + p. */
  readonly columnOffset: number;
  /** The basis. */
  readonly table: IrrepPairTable;
}

/** The matrix of one output irrep type. */
export interface WeightMatrix {
  /** The output irrep. */
  readonly outIrrep: IrrepId;
  /** Its copies in the output, one row each. */
  readonly copies: readonly IrrepCopy[];
  /** The position of the matrix among the entries of all matrices: in the flat vector, unless `kept` says otherwise. */
  readonly offset: number;
  /** K, the number of columns. */
  readonly columns: number;
  /** The input irrep types with a non-empty basis, in order. */
  readonly blocks: readonly WeightBlock[];
}

/** The meaning of a flat weight vector. */
export interface WeightLayout {
  /** The number of weights. */
  readonly size: number;
  /** The number of entries of all matrices, `size` unless a filter keeps an element at some positions only. */
  readonly entryCount: number;
  /** The entry of each weight, ascending, [size], where a filter keeps an element at some positions only; the others are 0. */
  readonly kept?: Int32Array;
  /** The matrices of the output irrep types with a non-empty basis, in order. */
  readonly matrices: readonly WeightMatrix[];
  /** The tables. */
  readonly tables: KernelTables;
}

/**
 * The layout of the weights from fields to fields.
 *
 * @param tables The kernel tables of the layer.
 * @param inFields The irreps of each input field.
 * @param outFields The irreps of each output field.
 * @throws {@linkcode EmptyBasisError} when no pair of irreps has a kernel.
 *
 * @example
 * ```ts
 * import { gspaces, kernels } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * const space = gspaces.octaOnR3();
 * const { irreps } = space.regularRepr;
 * const layout = kernels.weightLayout(space.kernelTables({ kernelSize: 5 }), [irreps], [irreps]);
 * assertEquals(layout.size, 456);
 * assertEquals(layout.matrices.map(({ outIrrep }) => outIrrep), [[0], [1], [-1], [2], [3]]);
 * ```
 */
export function weightLayout(
  tables: KernelTables,
  inFields: readonly (readonly IrrepId[])[],
  outFields: readonly (readonly IrrepId[])[],
): WeightLayout {
  const inTypes = irrepTypes(tables, inFields);
  const matrices: WeightMatrix[] = [];
  // Which entries of each block a filter keeps, where it keeps some and not others.
  const masks = new Map<WeightBlock, Uint8Array>();
  let entryCount = 0;
  for (const { irrep: outIrrep, copies } of irrepTypes(tables, outFields)) {
    const blocks: WeightBlock[] = [];
    let columns = 0;
    for (const { irrep: inIrrep, copies: inCopies } of inTypes) {
      const { table, mask } = filterTable(tables.pair(inIrrep, outIrrep), copies, inCopies, tables.basisFilter);
      if (table.pathCount === 0) continue;
      const block = { inIrrep, copies: inCopies, columnOffset: columns, table };
      if (mask !== undefined) masks.set(block, mask);
      blocks.push(block);
      columns += inCopies.length * table.pathCount;
    }
    if (columns === 0) continue;
    matrices.push({ outIrrep, copies, offset: entryCount, columns, blocks });
    entryCount += copies.length * columns;
  }
  if (entryCount === 0) {
    const describe = (fields: readonly (readonly IrrepId[])[]): string =>
      irrepTypes(tables, fields).map(({ irrep }) => irrepKey(irrep)).join(", ") || "no irreps";
    throw new EmptyBasisError({
      op: "steerable kernels",
      expected: "at least one steerable kernel between the fields",
      actual: `none from ${describe(inFields)} to ${describe(outFields)} of ${tables.basis.group.name}, with rings ${
        tables.basis.rings.map((r) => `${r.radius} (sigma ${r.sigma})`).join(", ")
      }`,
      hint: tables.hint ?? "Allow higher frequencies, more rings, or other fields.",
    });
  }
  if (masks.size === 0) return { size: entryCount, entryCount, matrices, tables };
  const kept = keptEntries(matrices, masks);
  return { size: kept.length, entryCount, kept, matrices, tables };
}

// The elements of a pair that a filter keeps anywhere, and where: [out copies, in copies, paths].
function filterTable(
  table: IrrepPairTable,
  outCopies: readonly IrrepCopy[],
  inCopies: readonly IrrepCopy[],
  filter: BasisFilter | undefined,
): { readonly table: IrrepPairTable; readonly mask?: Uint8Array } {
  if (filter === undefined) return { table };
  const { paths, pathCount, inIrrep, outIrrep } = table;
  const all = new Uint8Array(outCopies.length * inCopies.length * pathCount);
  const counts = new Int32Array(pathCount);
  let at = 0;
  for (const { field: outField, position: outPosition } of outCopies) {
    for (const { field: inField, position: inPosition } of inCopies) {
      for (let p = 0; p < pathCount; p++, at++) {
        if (!filter({ ...paths[p], inIrrep, outIrrep, inField, outField, inPosition, outPosition })) continue;
        all[at] = 1;
        counts[p] += 1;
      }
    }
  }
  const pairs = outCopies.length * inCopies.length;
  const kept = paths.map((_, p) => p).filter((p) => counts[p] > 0);
  const selected = kept.length === pathCount ? table : table.select(kept);
  if (kept.every((p) => counts[p] === pairs)) return { table: selected };
  const mask = Uint8Array.from(
    { length: pairs * kept.length },
    (_, i) => all[Math.floor(i / kept.length) * pathCount + kept[i % kept.length]],
  );
  return { table: selected, mask };
}

function keptEntries(matrices: readonly WeightMatrix[], masks: ReadonlyMap<WeightBlock, Uint8Array>): Int32Array {
  const kept: number[] = [];
  for (const { copies, offset, columns, blocks } of matrices) {
    copies.forEach((_, row) => {
      for (const block of blocks) {
        const width = block.copies.length * block.table.pathCount;
        const mask = masks.get(block);
        for (let i = 0; i < width; i++) {
          if (mask === undefined || mask[row * width + i] === 1) {
            kept.push(offset + row * columns + block.columnOffset + i);
          }
        }
      }
    });
  }
  return Int32Array.from(kept);
}

/**
 * The weight of each entry of the matrices, −1 where a filter removed the element: [entryCount]. The identity unless the
 * layout has `kept`.
 */
export function weightsOfEntries({ entryCount, kept }: WeightLayout): Int32Array {
  if (kept === undefined) return Int32Array.from({ length: entryCount }, (_, i) => i);
  const out = new Int32Array(entryCount).fill(-1);
  kept.forEach((entry, weight) => out[entry] = weight);
  return out;
}

function irrepTypes(
  tables: KernelTables,
  fields: readonly (readonly IrrepId[])[],
): { irrep: IrrepId; copies: IrrepCopy[] }[] {
  const { group } = tables.basis;
  const types = new Map<string, { irrep: IrrepId; copies: IrrepCopy[] }>();
  let offset = 0;
  fields.forEach((irreps, field) =>
    irreps.forEach((irrep, position) => {
      const key = irrepKey(irrep);
      let type = types.get(key);
      if (type === undefined) {
        type = { irrep, copies: [] };
        types.set(key, type);
      }
      type.copies.push({ field, position, offset });
      offset += group.irrep(...irrep).size;
    })
  );
  return [...types.values()].sort((a, b) => group.compareIrreps(a.irrep, b.irrep));
}

/**
 * The standard deviation of each block's weights for the generalized He initialization (Weiler & Cesa 2019): an output
 * irrep gets the variance 1 / (number of input irrep types with a kernel to it), shared equally among the weights of each
 * type.
 */
export function heStandardDeviation(matrix: WeightMatrix, block: WeightBlock): number {
  return 1 / Math.sqrt(matrix.blocks.length * block.copies.length * block.table.pathCount);
}

/**
 * The standard deviations of all weights for the generalized He initialization: [size]. Where a filter keeps elements at some
 * positions only, types and weights are counted for each output copy on its own.
 */
export function heStandardDeviations(layout: WeightLayout): Float64Array {
  const entries = new Float64Array(layout.entryCount);
  const weights = layout.kept === undefined ? undefined : weightsOfEntries(layout);
  for (const matrix of layout.matrices) {
    for (let row = 0; row < matrix.copies.length; row++) {
      const starts = matrix.blocks.map((block) => matrix.offset + row * matrix.columns + block.columnOffset);
      const counts = matrix.blocks.map((block, b) => {
        const width = block.copies.length * block.table.pathCount;
        if (weights === undefined) return width;
        return weights.subarray(starts[b], starts[b] + width).reduce((n, w) => w < 0 ? n : n + 1, 0);
      });
      const types = counts.filter((n) => n > 0).length;
      matrix.blocks.forEach((block, b) => {
        const width = block.copies.length * block.table.pathCount;
        entries.fill(1 / Math.sqrt(types * counts[b]), starts[b], starts[b] + width);
      });
    }
  }
  return layout.kept === undefined ? entries : Float64Array.from(layout.kept, (entry) => entries[entry]);
}
