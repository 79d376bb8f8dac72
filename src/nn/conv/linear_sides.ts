/**
 * The ways between the channels of a field type and the columns of the irrep basis in which linear maps multiply: all fields of a
 * representation change basis by one product, and columns are put in order by irrep type, component and copy.
 */

import { irrepStarts } from "../../group/representation.ts";
import type { Representation } from "../../group/types.ts";
import type { WeightMatrix } from "../../kernels/weight_layout.ts";
import { concatenate, type Tensor } from "../../tensor/mod.ts";
import type { FieldType } from "../field_type.ts";
import { Constant } from "../plain/persistent.ts";
import { Rearrangement } from "./rearrangement.ts";

/** A component of an irrep of a field. */
export interface IrrepRow {
  /** The number of the field. */
  readonly field: number;
  /** The position of the irrep in the field. */
  readonly position: number;
  /** The component. */
  readonly component: number;
}

/** Consecutive slices of a tensor; the tensor itself where that is all of them. */
export function sliceOf(x: Tensor, axis: number, start: number, count: number): Tensor {
  return start === 0 && count === x.shape[axis] ? x : x.slice(axis, start, start + count);
}

/** The numbers of copies in the order in which changes of basis give them: by class, occurrence in the field, and field. */
export function copyOrder(type: FieldType): (copies: WeightMatrix["copies"]) => number[] {
  const classOf = classNumbers(type);
  return (copies) =>
    copies.map((_, i) => i).sort((i, j) => {
      const a = copies[i], b = copies[j];
      return classOf[a.field] - classOf[b.field] || a.position - b.position || a.field - b.field;
    });
}

function classNumbers(type: FieldType): Int32Array {
  const numbers = new Int32Array(type.length);
  type.classes.forEach(({ fields }, c) => fields.forEach((field) => numbers[field] = c));
  return numbers;
}

/** Fields of one representation on one side of the map. */
interface ClassSide {
  readonly fields: number;
  /** Channels of a field. */
  readonly size: number;
  /** Columns of a field that are used: components of its irreps, or all channels where it has to be turned. */
  readonly width: number;
  /** The matrix of an input [size, width] or output [width, size]; `undefined` where channels are components of irreps. */
  readonly matrix: Constant | undefined;
}

/**
 * What both sides know of the way between channels and columns of the irrep basis: channels by class, each class turned by its change of
 * basis, and columns in the order of the product.
 */
abstract class Side {
  /** Multiply-adds of the changes of basis for each sample. */
  readonly products: number;
  /** How often each number is written, in copies. */
  readonly passes: number;
  /** Operations. */
  readonly calls: number;
  readonly #classes: readonly ClassSide[];
  /** From channels to those of the classes, one after the other; `undefined` where they are in order. */
  protected readonly channels: Rearrangement | undefined;
  /** From the classes' columns, field by field, to those of the product. */
  protected readonly columns: Rearrangement | undefined;

  constructor(
    type: FieldType,
    rows: readonly IrrepRow[],
    breaks: readonly number[],
    matrixOf: (representation: Representation, components: readonly number[]) => Constant,
  ) {
    const classOf = classNumbers(type);
    const starts = type.classes.map(({ representation }) => irrepStarts(representation));
    const componentOf = ({ field, position, component }: IrrepRow) => starts[classOf[field]][position] + component;
    const used = type.classes.map(() => new Map<number, number>());
    for (const row of rows) {
      const components = used[classOf[row.field]], component = componentOf(row);
      if (!components.has(component)) components.set(component, components.size);
    }
    const channels: number[] = [], firstColumns = new Map<number, number>();
    let next = 0;
    // Where nothing is turned, channels go to the product's columns at once.
    const turned = type.classes.map(({ representation }, c) => !representation.isIrrepBasis && used[c].size > 0);
    const direct = !turned.includes(true);
    this.#classes = type.classes.map(({ representation, fields }, c): ClassSide => {
      const components = [...used[c].keys()], { size } = representation;
      const taken = turned[c] ? Array.from({ length: size }, (_, i) => i) : components;
      for (const field of fields) {
        firstColumns.set(field, next);
        next += components.length;
        for (const channel of taken) channels.push(type.fieldsStart[field] + channel);
      }
      return {
        fields: fields.length,
        size: taken.length,
        width: components.length,
        matrix: turned[c] ? matrixOf(representation, components) : undefined,
      };
    });
    const columns = Int32Array.from(
      rows,
      (row) => firstColumns.get(row.field)! + used[classOf[row.field]].get(componentOf(row))!,
    );
    if (direct) this.channels = Rearrangement.of(columns.map((column) => channels[column]), type.size, breaks);
    else {
      this.channels = Rearrangement.of(Int32Array.from(channels), type.size);
      this.columns = Rearrangement.of(columns, next, breaks);
    }
    const moves = [this.channels, this.columns].filter((move) => move !== undefined);
    const joins = !direct && this.#classes.length > 1 ? 1 : 0, turns = turned.filter((is) => is).length;
    this.products = this.#classes.reduce(
      (sum, { fields, size, width, matrix }) => matrix === undefined ? sum : sum + fields * size * width,
      0,
    );
    // Among several classes those that are turned are copied first.
    this.passes = moves.reduce((sum, move) => sum + move.cost, turns === 0 ? 0 : 1 + 2 * joins);
    this.calls = moves.length + joins + turns;
  }

  /** The changes of basis of all classes, whose columns stand one after the other. */
  protected turn(x: Tensor, from: "size" | "width"): Tensor {
    if (this.#classes.every(({ matrix }) => matrix === undefined)) return x;
    const [batch] = x.shape;
    let start = 0;
    const parts = this.#classes.flatMap((side): Tensor[] => {
      const { fields, matrix } = side, count = fields * side[from];
      if (count === 0) return [];
      const part = sliceOf(x, 1, start, count);
      start += count;
      if (matrix === undefined) return [part];
      const [rows, columns] = matrix.shape;
      return [part.reshape([batch * fields, rows]).matmul(matrix.like(x)).reshape([batch, fields * columns])];
    });
    return parts.length === 1 ? parts[0] : concatenate(parts, 1);
  }
}

/** From channels to the columns of the irrep basis. */
export class InputSide extends Side {
  /** For a type and the columns in the order of the product; at `breaks` irrep types begin. */
  constructor(type: FieldType, rows: readonly IrrepRow[], breaks: readonly number[]) {
    super(type, rows, breaks, ({ size, changeOfBasisInverse }, components) => {
      const matrix = new Float64Array(size * components.length);
      for (let channel = 0; channel < size; channel++) {
        components.forEach((component, i) =>
          matrix[channel * components.length + i] = changeOfBasisInverse[component * size + channel]
        );
      }
      return new Constant(matrix, [size, components.length]);
    });
  }

  /** `[batch, channels]` → `[batch, columns]`. */
  apply(x: Tensor): Tensor {
    const turned = this.turn(this.channels === undefined ? x : this.channels.apply(x), "size");
    return this.columns === undefined ? turned : this.columns.apply(turned);
  }
}

/** From the columns of the irrep basis to channels. */
export class OutputSide extends Side {
  /** For a type and the columns in the order of the product; at `breaks` irrep types begin. */
  constructor(type: FieldType, rows: readonly IrrepRow[], breaks: readonly number[]) {
    super(type, rows, breaks, ({ size, changeOfBasis }, components) => {
      const matrix = new Float64Array(size * components.length);
      components.forEach((component, i) => {
        for (let channel = 0; channel < size; channel++) {
          matrix[i * size + channel] = changeOfBasis[channel * size + component];
        }
      });
      return new Constant(matrix, [components.length, size]);
    });
  }

  /** `[batch, columns]` → `[batch, channels]`. */
  apply(x: Tensor): Tensor {
    const turned = this.turn(this.columns === undefined ? x : this.columns.undo(x), "width");
    return this.channels === undefined ? turned : this.channels.undo(turned);
  }
}
