/**
 * What each number of a convolution's flat weight vector means. For each output irrep type, in the group's order, a
 * row-major matrix [copies out × K]; K runs over the input irrep types in order, their copies, and the elements of the
 * pair's basis. Copies are in the order of fields, then of occurrence in the field. This meaning never changes.
 */

import { irrepKey } from "../group/ids.ts";
import type { IrrepId } from "../group/types.ts";
import { EmptyBasisError } from "./errors.ts";
import type { IrrepPairTable, KernelTables } from "./kernel_tables.ts";

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
  /** The position of the matrix in the flat vector. */
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
 */
export function weightLayout(
  tables: KernelTables,
  inFields: readonly (readonly IrrepId[])[],
  outFields: readonly (readonly IrrepId[])[],
): WeightLayout {
  const inTypes = irrepTypes(tables, inFields);
  const matrices: WeightMatrix[] = [];
  let size = 0;
  for (const { irrep: outIrrep, copies } of irrepTypes(tables, outFields)) {
    const blocks: WeightBlock[] = [];
    let columns = 0;
    for (const { irrep: inIrrep, copies: inCopies } of inTypes) {
      const table = tables.pair(inIrrep, outIrrep);
      if (table.pathCount === 0) continue;
      blocks.push({ inIrrep, copies: inCopies, columnOffset: columns, table });
      columns += inCopies.length * table.pathCount;
    }
    if (columns === 0) continue;
    matrices.push({ outIrrep, copies, offset: size, columns, blocks });
    size += copies.length * columns;
  }
  if (size === 0) {
    const describe = (fields: readonly (readonly IrrepId[])[]): string =>
      irrepTypes(tables, fields).map(({ irrep }) => irrepKey(irrep)).join(", ") || "no irreps";
    throw new EmptyBasisError({
      op: "weightLayout",
      expected: "at least one steerable kernel between the fields",
      actual: `none from ${describe(inFields)} to ${describe(outFields)} of ${tables.basis.group.name}, with rings ${
        tables.basis.rings.map((r) => `${r.radius} (sigma ${r.sigma})`).join(", ")
      }`,
      hint: tables.hint ?? "Allow higher frequencies, more rings, or other fields.",
    });
  }
  return { size, matrices, tables };
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

/** The standard deviations of all weights for the generalized He initialization: [size]. */
export function heStandardDeviations(layout: WeightLayout): Float64Array {
  const out = new Float64Array(layout.size);
  for (const matrix of layout.matrices) {
    for (const block of matrix.blocks) {
      const std = heStandardDeviation(matrix, block);
      const width = block.copies.length * block.table.pathCount;
      for (let row = 0; row < matrix.copies.length; row++) {
        const start = matrix.offset + row * matrix.columns + block.columnOffset;
        out.fill(std, start, start + width);
      }
    }
  }
  return out;
}
