/**
 * Expansion of steerable weights into pixel filters (Wigner-Eckart theorem for steerable kernels, Lang & Weiler 2021). The
 * basis is never dense over pairs of fields: for each irrep type of the output and each representation of the input one small
 * table is applied to all pairs of fields by one matrix product, then the output's change of basis by another.
 */

import { sameId } from "../../group/ids.ts";
import { irrepStarts } from "../../group/representation.ts";
import type { Representation } from "../../group/types.ts";
import type { IrrepPairTable, KernelTables } from "../../kernels/kernel_tables.ts";
import { basisChangeFactors } from "../../kernels/normalization.ts";
import { type IrrepCopy, type WeightLayout, type WeightMatrix, weightsOfEntries } from "../../kernels/weight_layout.ts";
import { concatenate, type Tensor, zeros } from "../../tensor/mod.ts";
import { localScope } from "../../tensor/scope.ts";
import type { FieldClass, FieldType } from "../field_type.ts";
import { Constant, selectAt } from "../plain/persistent.ts";

/** Weights of several output irrep types that are expanded by one batched matrix product. */
interface Chunk {
  /** Number of output irrep types. */
  readonly types: number;
  /** Occurrences of each in a field of the output. */
  readonly multiplicity: number;
  /** Dimension of each. */
  readonly dimension: number;
  /** Basis elements from one input field to one occurrence. */
  readonly elements: number;
  /** Position of the chunk among the gathered weights. */
  readonly start: number;
  /** [types, elements, dimension · input field size · taps]. */
  readonly table: Constant;
}

/** The columns of an input class that are expanded together. */
interface ColumnBlock {
  /** Channels of a field that it has. */
  readonly width: number;
  /** Occurrences of irreps in the field that lead to it. */
  readonly positions: readonly number[];
  /**
   * Whether the field is in the irrep basis and the block a run of equal irreps: each occurrence has columns of its own then, and one small
   * table serves all of them, where a table for the whole field would be mostly zeros.
   */
  readonly split: boolean;
}

/** The filter from a block of columns of all fields of one input class to all of one output class. */
interface ClassPair {
  readonly chunks: readonly Chunk[];
  /** Number of fields, or of occurrences in all fields where the block is split. */
  readonly inCount: number;
  /** Channels of each. */
  readonly inSize: number;
  /** Columns of the change of basis in the order of the chunks' rows; absent if the identity. */
  readonly basis: Constant | undefined;
}

/** An input class with its blocks of columns. */
interface InClass {
  readonly count: number;
  readonly blocks: readonly ColumnBlock[];
}

/** All filters to one output class. */
interface OutClass {
  readonly count: number;
  readonly size: number;
  /** For each input class and each of its blocks; absent where there are no kernels. */
  readonly pairs: readonly (readonly (ClassPair | undefined)[])[];
}

/** In which coordinates a filter is expanded: its values at the taps, or its coefficients of functions. */
export interface FilterCoordinates {
  /** The number of coordinates. */
  readonly count: number;
  /** Whether elements keep the scale of the tables whatever the changes of basis, as on points. Default false. */
  readonly unnormalized?: boolean;
  /** The elements of a pair's basis in them: [paths, out size, in size, count]. */
  of(table: IrrepPairTable): Float64Array;
}

/** The values at the taps. */
export function tapCoordinates(tables: KernelTables): FilterCoordinates {
  return { count: tables.points, of: (table) => table.sampled() };
}

/**
 * The linear map from a layer's weights to its filter `[out channels, in channels / groups, taps]`, as few tensor operations:
 * one gather of all weights, then for each pair of distinct representations a batched matrix product for each kind of irrep
 * and one change of basis. Differentiable to any order.
 */
export class FilterExpansion {
  /** Number of weights, all groups together. */
  readonly weightCount: number;
  readonly #groups: number;
  readonly #outChannels: number;
  readonly #inChannels: number;
  readonly #taps: number;
  readonly #gather: Constant;
  /** What each weight is multiplied by, where changes of basis are not orthogonal. */
  readonly #factors: Constant | undefined;
  /** A zero for the entries that a filter removed. */
  readonly #zero: Constant | undefined;
  readonly #classes: readonly OutClass[];
  readonly #inClasses: readonly InClass[];
  /** Rows and columns of the filter in channel order, where classes do not lie side by side. */
  readonly #rowOrder: Constant | undefined;
  readonly #columnOrder: Constant | undefined;

  /**
   * The expansion for one group's types.
   *
   * @param tables The kernel tables of the irreps that occur.
   * @param layout The meaning of the flat weight vector of one group.
   * @param inType Fields of the input of one group.
   * @param outType Fields of the output of one group.
   * @param groups Number of groups, whose weights follow each other.
   * @param coordinates What the last axis of the filter holds. Default: the values at the taps.
   */
  constructor(
    tables: KernelTables,
    layout: WeightLayout,
    inType: FieldType,
    outType: FieldType,
    groups: number,
    coordinates: FilterCoordinates = tapCoordinates(tables),
  ) {
    this.weightCount = layout.size * groups;
    this.#groups = groups;
    this.#outChannels = outType.size * groups;
    this.#inChannels = inType.size;
    this.#taps = coordinates.count;
    this.#inClasses = inType.classes.map(({ representation, fields }) => ({
      count: fields.length,
      blocks: columnBlocks(representation),
    }));
    const lists: Int32Array[] = [];
    let count = 0;
    const add = (added: readonly Int32Array[]): number => {
      const position = count;
      for (const list of added) {
        lists.push(list);
        count += list.length;
      }
      return position;
    };
    this.#classes = outType.classes.map((outClass) => ({
      count: outClass.fields.length * groups,
      size: outClass.representation.size,
      pairs: inType.classes.map((inClass, i) =>
        this.#inClasses[i].blocks.map((block) => buildPair(layout, outClass, inClass, block, groups, coordinates, add))
      ),
    }));
    const indices = new Int32Array(count);
    let offset = 0;
    for (const list of lists) {
      indices.set(list, offset);
      offset += list.length;
    }
    const factors = coordinates.unnormalized
      ? undefined
      : basisChangeFactors(layout, inType.representations, outType.representations);
    if (factors !== undefined) {
      const all = new Float64Array(this.weightCount);
      for (let group = 0; group < groups; group++) all.set(factors, group * layout.size);
      this.#factors = new Constant(all, [this.weightCount]);
    }
    if (layout.kept !== undefined) {
      const weightOf = weightsOfEntries(layout);
      indices.forEach((index, i) => {
        const weight = weightOf[index % layout.entryCount];
        const group = Math.floor(index / layout.entryCount);
        indices[i] = weight < 0 ? this.weightCount : group * layout.size + weight;
      });
      this.#zero = new Constant(new Float64Array(1), [1]);
    }
    this.#gather = new Constant(indices, [count]);
    this.#rowOrder = rowOrder(outType, groups);
    this.#columnOrder = columnOrder(inType);
  }

  /** The filter `[out channels, in channels / groups, taps]` of a flat weight vector, in the weights' element type. */
  apply(weights: Tensor): Tensor {
    return localScope(() => this.#apply(weights));
  }

  #apply(weights: Tensor): Tensor {
    const scaled = this.#factors === undefined ? weights : weights.mul(this.#factors.like(weights));
    const padded = this.#zero === undefined ? scaled : concatenate([scaled, this.#zero.like(scaled)], 0);
    const gathered = selectAt(padded, 0, this.#gather);
    const rows = this.#classes.map((outClass) => this.#outRows(outClass, gathered));
    const filter = rows.length === 1 ? rows[0] : concatenate(rows, 0);
    const ordered = this.#rowOrder === undefined ? filter : selectAt(filter, 0, this.#rowOrder);
    return this.#columnOrder === undefined ? ordered : selectAt(ordered, 1, this.#columnOrder);
  }

  #outRows({ count, size, pairs }: OutClass, gathered: Tensor): Tensor {
    const taps = this.#taps;
    const columns = pairs.map((blocks, i) => {
      const { count: fields, blocks: widths } = this.#inClasses[i];
      // Each step's parts are as large as the filter: they go as soon as the step is done.
      return localScope(() => {
        const parts = blocks.map((pair, j) => {
          const shape = [count * size, fields, widths[j].width, taps];
          return pair === undefined
            ? zeros(shape, { dtype: gathered.dtype, backend: gathered.backend })
            : expandPair(pair, gathered, count, taps, shape);
        });
        const joined = parts.length === 1 ? parts[0] : concatenate(parts, 2);
        return joined.reshape([count * size, -1, taps]);
      });
    });
    return columns.length === 1 ? columns[0] : concatenate(columns, 1);
  }

  /** Shape of the filter. */
  get shape(): readonly [number, number, number] {
    return [this.#outChannels, this.#inChannels, this.#taps];
  }

  /** Number of groups. */
  get groups(): number {
    return this.#groups;
  }
}

/** The columns of a block, of this shape. */
function expandPair(pair: ClassPair, gathered: Tensor, count: number, taps: number, shape: readonly number[]): Tensor {
  const { chunks, inCount, inSize, basis } = pair;
  return localScope(() => {
    const block = localScope(() => {
      const rows = chunks.map((chunk) => localScope(() => expandChunk(chunk, gathered, count, inCount, inSize * taps)));
      return rows.length === 1 ? rows[0] : concatenate(rows, 1);
    });
    return (basis === undefined ? block : basis.like(block).matmul(block)).reshape(shape);
  });
}

/** [out fields, types · multiplicity · dimension, in fields · in size · taps] of a chunk. */
function expandChunk(chunk: Chunk, gathered: Tensor, outCount: number, inCount: number, inWidth: number): Tensor {
  const { types, multiplicity, dimension, elements, start, table } = chunk;
  const pairs = outCount * multiplicity * inCount;
  const weights = gathered.slice(0, start, start + types * pairs * elements).reshape([types, pairs, elements]);
  return weights.matmul(table.like(weights))
    .reshape([types, outCount, multiplicity, inCount, dimension, inWidth])
    .permute([1, 0, 2, 4, 3, 5])
    .reshape([outCount, types * multiplicity * dimension, inCount * inWidth]);
}

/** A row of the irrep basis of an output field: the component of an occurrence of an irrep type. */
interface Row {
  readonly position: number;
  readonly component: number;
}

/** The columns of a field that share tables: runs of equal irreps if it is in their basis, else all of them. */
function columnBlocks({ size, isIrrepBasis, constituents }: Representation): ColumnBlock[] {
  if (!isIrrepBasis || constituents.length === 1) {
    return [{ width: size, positions: constituents.map((_, position) => position), split: false }];
  }
  const runs: { width: number; positions: number[]; split: true }[] = [];
  constituents.forEach((irrep, position) => {
    const run = runs[runs.length - 1];
    if (run !== undefined && sameId(constituents[run.positions[0]].id, irrep.id)) {
      run.width += irrep.size;
      run.positions.push(position);
    } else runs.push({ width: irrep.size, positions: [position], split: true });
  });
  return runs;
}

/** The number of each copy of an irrep type by its field and position. */
function copyNumbers(copies: readonly IrrepCopy[]): Map<number, Map<number, number>> {
  const numbers = new Map<number, Map<number, number>>();
  copies.forEach(({ field, position }, copy) => {
    let positions = numbers.get(field);
    if (positions === undefined) numbers.set(field, positions = new Map());
    positions.set(position, copy);
  });
  return numbers;
}

/** One output irrep type in one pair of classes, before types of equal form are joined. */
interface TypePart {
  readonly matrix: WeightMatrix;
  readonly positions: readonly number[];
  readonly dimension: number;
  /** Element (occurrence in the input field, path) by element: its table row [dimension · in size · taps]. */
  readonly rows: readonly Float64Array[];
  /** For each in-field copy number (by occurrence) and path: what to add to the weight index. */
  readonly sources: readonly { readonly position: number; readonly block: number; readonly path: number }[];
}

function buildPair(
  layout: WeightLayout,
  outClass: FieldClass,
  inClass: FieldClass,
  columns: ColumnBlock,
  groups: number,
  coordinates: FilterCoordinates,
  add: (indices: readonly Int32Array[]) => number,
): ClassPair | undefined {
  const parts = layout.matrices.flatMap((matrix) => typePart(matrix, outClass, inClass, columns, coordinates) ?? []);
  if (parts.length === 0) return undefined;
  const forms = new Map<string, TypePart[]>();
  for (const part of parts) {
    const form = `${part.dimension} ${part.positions.length} ${part.rows.length}`;
    const list = forms.get(form);
    if (list === undefined) forms.set(form, [part]);
    else list.push(part);
  }
  const copies = columns.split ? columns.positions.length : 1;
  const inSize = columns.width / copies, inCount = inClass.fields.length * copies, taps = coordinates.count;
  const rows: Row[] = [];
  const chunks = [...forms.values()].map((list): Chunk => {
    const { dimension, positions } = list[0], elements = list[0].rows.length;
    const table = new Float64Array(list.length * elements * dimension * inSize * taps);
    list.forEach((part, type) =>
      part.rows.forEach((row, element) => table.set(row, (type * elements + element) * row.length))
    );
    const indices = list.map((part) => weightIndices(layout, part, outClass, inClass, columns, groups));
    for (const part of list) {
      for (const position of part.positions) {
        for (let component = 0; component < dimension; component++) rows.push({ position, component });
      }
    }
    return {
      types: list.length,
      multiplicity: positions.length,
      dimension,
      elements,
      start: add(indices),
      table: new Constant(table, [list.length, elements, dimension * inSize * taps]),
    };
  });
  return { chunks, inCount, inSize, basis: basisOf(outClass.representation, rows) };
}

/** The elements from one field (or occurrence) of the input class to one occurrence of an irrep type in the output class. */
function typePart(
  matrix: WeightMatrix,
  outClass: FieldClass,
  inClass: FieldClass,
  columns: ColumnBlock,
  coordinates: FilterCoordinates,
): TypePart | undefined {
  const { fields, representation: out } = outClass, { representation: input } = inClass;
  const taps = coordinates.count;
  const positions = matrix.copies.filter((copy) => copy.field === fields[0]).map((copy) => copy.position);
  if (positions.length === 0) return undefined;
  const dimension = out.constituents[positions[0]].size;
  const inStarts = irrepStarts(input), inverse = input.changeOfBasisInverse, inSize = input.size;
  const rows: Float64Array[] = [];
  const sources: { position: number; block: number; path: number }[] = [];
  matrix.blocks.forEach((block, blockIndex) => {
    const sampled = coordinates.of(block.table), inDimension = block.table.inSize;
    const occurrences = block.copies
      .filter(({ field, position }) => field === inClass.fields[0] && columns.positions.includes(position))
      .map(({ position }) => position);
    if (columns.split) {
      if (occurrences.length === 0) return;
      const length = dimension * inDimension * taps;
      for (let path = 0; path < block.table.pathCount; path++) {
        rows.push(sampled.subarray(path * length, (path + 1) * length));
        sources.push({ position: occurrences[0], block: blockIndex, path });
      }
      return;
    }
    for (const position of occurrences) {
      for (let path = 0; path < block.table.pathCount; path++) {
        const row = new Float64Array(dimension * inSize * taps);
        for (let o = 0; o < dimension; o++) {
          for (let i = 0; i < inDimension; i++) {
            const source = ((path * dimension + o) * inDimension + i) * taps;
            for (let e = 0; e < inSize; e++) {
              const factor = inverse[(inStarts[position] + i) * inSize + e];
              if (factor === 0) continue;
              const target = (o * inSize + e) * taps;
              for (let t = 0; t < taps; t++) row[target + t] += factor * sampled[source + t];
            }
          }
        }
        rows.push(row);
        sources.push({ position, block: blockIndex, path });
      }
    }
  });
  return rows.length === 0 ? undefined : { matrix, positions, dimension, rows, sources };
}

/** Indices into the entries of all groups in the order [group, out field, occurrence, in field (and occurrence), element]. */
function weightIndices(
  layout: WeightLayout,
  { matrix, positions, sources }: TypePart,
  outClass: FieldClass,
  inClass: FieldClass,
  block: ColumnBlock,
  groups: number,
): Int32Array {
  const outCopies = copyNumbers(matrix.copies);
  const inCopies = matrix.blocks.map((block) => copyNumbers(block.copies));
  // All columns come from the sources' own occurrences, or those of a split block from each of its occurrences in turn.
  const turns = block.split ? block.positions : [undefined];
  const columns = inClass.fields.flatMap((inField) =>
    turns.flatMap((turn) =>
      sources.map(({ position, block, path }) => {
        const { columnOffset, table } = matrix.blocks[block];
        return columnOffset + inCopies[block].get(inField)!.get(turn ?? position)! * table.pathCount + path;
      })
    )
  );
  const indices = new Int32Array(groups * outClass.fields.length * positions.length * columns.length);
  let next = 0;
  for (let group = 0; group < groups; group++) {
    for (const outField of outClass.fields) {
      const copies = outCopies.get(outField)!;
      for (const position of positions) {
        const row = group * layout.entryCount + matrix.offset + copies.get(position)! * matrix.columns;
        for (const column of columns) indices[next++] = row + column;
      }
    }
  }
  return indices;
}

/** The columns of Q that belong to the rows; `undefined` when that is the identity. Irreps without elements are left out. */
function basisOf(representation: Representation, rows: readonly Row[]): Constant | undefined {
  const { size, changeOfBasis } = representation;
  const starts = irrepStarts(representation);
  const columns = rows.map(({ position, component }) => starts[position] + component);
  if (representation.isIrrepBasis && columns.length === size && columns.every((column, i) => column === i)) {
    return undefined;
  }
  const matrix = new Float64Array(size * columns.length);
  for (let i = 0; i < size; i++) {
    columns.forEach((column, j) => matrix[i * columns.length + j] = changeOfBasis[i * size + column]);
  }
  return new Constant(matrix, [size, columns.length]);
}

/** The permutation from class order to channel order, `undefined` if they are the same. */
function orderConstant(channelsInClassOrder: readonly number[]): Constant | undefined {
  if (channelsInClassOrder.every((channel, i) => channel === i)) return undefined;
  const order = new Int32Array(channelsInClassOrder.length);
  channelsInClassOrder.forEach((channel, i) => order[channel] = i);
  return new Constant(order, [order.length]);
}

function channelsOf(type: FieldType, fields: readonly number[]): number[] {
  return fields.flatMap((field) =>
    Array.from({ length: type.sizes[field] }, (_, component) => type.fieldsStart[field] + component)
  );
}

function rowOrder(outType: FieldType, groups: number): Constant | undefined {
  return orderConstant(
    outType.classes.flatMap(({ fields }) =>
      Array.from(
        { length: groups },
        (_, group) => channelsOf(outType, fields).map((channel) => group * outType.size + channel),
      ).flat()
    ),
  );
}

function columnOrder(inType: FieldType): Constant | undefined {
  return orderConstant(inType.classes.flatMap(({ fields }) => channelsOf(inType, fields)));
}
