/**
 * Changes of basis of feature maps for steerable convolutions in the irrep basis: fields ρ = Q (⊕ψ) Q⁻¹ of one class by one
 * matrix product. Channels of the irrep basis stand in the order of classes, fields, irreps.
 */

import { concatenate, type Tensor } from "../../tensor/mod.ts";
import type { FieldType } from "../field_type.ts";
import { Constant, selectAt } from "../plain/persistent.ts";

/** One class of fields: where its channels are, and the matrix that is applied to each field. */
interface ClassBasis {
  readonly count: number;
  readonly size: number;
  /** Its channels in the type; `undefined` where they lie side by side from `start`. */
  readonly channels: Constant | undefined;
  readonly start: number;
  /** `undefined` where it is the identity. */
  readonly matrix: Constant | undefined;
  /** Rows of the matrix. */
  readonly width: number;
}

/** The channel of the type's irrep basis at which each irrep of each field begins. */
export type IrrepChannels = readonly (readonly number[])[];

function classBases(
  type: FieldType,
  matrixOf: (representation: number) => { readonly matrix: Constant | undefined; readonly width: number },
): ClassBasis[] {
  return type.classes.map(({ representation, fields }, index) => {
    const { size } = representation, start = type.fieldsStart[fields[0]];
    const channels = fields.flatMap((field) => Array.from({ length: size }, (_, i) => type.fieldsStart[field] + i));
    const together = channels.every((channel, i) => channel === start + i);
    return {
      count: fields.length,
      size,
      channels: together ? undefined : new Constant(Int32Array.from(channels), [channels.length]),
      start,
      ...matrixOf(index),
    };
  });
}

/** From the channels of a type to the irreps of its fields, for each of `groups` blocks: `[batch, groups, channels, pixels]`. */
export class InputBasis {
  /** Where each irrep of each field begins. */
  readonly channels: IrrepChannels;
  /** Channels of the irrep basis. */
  readonly size: number;
  readonly #classes: readonly ClassBasis[];

  /** For the fields of one group. */
  constructor(type: FieldType) {
    const channels: number[][] = type.representations.map(() => []);
    let next = 0;
    for (const { representation, fields } of type.classes) {
      for (const field of fields) {
        for (const irrep of representation.constituents) {
          channels[field].push(next);
          next += irrep.size;
        }
      }
    }
    this.channels = channels;
    this.size = next;
    this.#classes = classBases(type, (index) => {
      const { representation } = type.classes[index], { size } = representation;
      const matrix = representation.isIrrepBasis
        ? undefined
        : new Constant(representation.changeOfBasisInverse, [size, size]);
      return { matrix, width: size };
    });
  }

  /** `x` `[batch, groups, channels, pixels]` in the irrep basis. */
  apply(x: Tensor): Tensor {
    const [batch, groups, , pixels] = x.shape;
    const parts = this.#classes.map(({ count, size, channels, start, matrix }) => {
      const whole = start === 0 && count * size === x.shape[2] && channels === undefined;
      const fields = channels !== undefined
        ? selectAt(x, 2, channels)
        : whole
        ? x
        : x.slice(2, start, start + count * size);
      if (matrix === undefined) return fields;
      const product = matrix.like(x).matmul(fields.reshape([batch * groups, count, size, pixels]));
      return product.reshape([batch, groups, count * size, pixels]);
    });
    return parts.length === 1 ? parts[0] : concatenate(parts, 2);
  }
}

/** A channel block of the products: some multiple of an irrep of a field, moved by a matrix into the irrep. */
export interface ProductBlock {
  /** The irrep's position in its field. */
  readonly position: number;
  /** What the block is multiplied by: row-major [irrep size, irrep size], `undefined` for the identity. */
  readonly action: Float64Array | undefined;
}

/** From products `[batch, groups, products, pixels]` to the channels of a type: y = Σ Q · action · product. */
export class OutputBasis {
  /** Where each block of each field begins, in the order of the class's blocks. */
  readonly channels: IrrepChannels;
  /** Channels of the products. */
  readonly size: number;
  readonly #classes: readonly ClassBasis[];
  readonly #order: Constant | undefined;

  /**
   * For the fields of one group.
   *
   * @param blocks For each class of the type what its products are.
   */
  constructor(type: FieldType, blocks: readonly (readonly ProductBlock[])[]) {
    const channels: number[][] = type.representations.map(() => []);
    let next = 0;
    type.classes.forEach(({ representation, fields }, c) => {
      for (const field of fields) {
        for (const { position } of blocks[c]) {
          channels[field].push(next);
          next += representation.constituents[position].size;
        }
      }
    });
    this.channels = channels;
    this.size = next;
    let start = 0;
    this.#classes = type.classes.map(({ representation, fields }, c): ClassBasis => {
      const matrix = productMatrix(representation, blocks[c]), width = matrix.length / representation.size;
      const made = {
        count: fields.length,
        size: representation.size,
        channels: undefined,
        start,
        matrix: isIdentity(matrix, representation.size, width)
          ? undefined
          : new Constant(matrix, [representation.size, width]),
        width,
      };
      start += fields.length * width;
      return made;
    });
    const inClassOrder = type.classes.flatMap(({ fields }) =>
      fields.flatMap((field) => Array.from({ length: type.sizes[field] }, (_, i) => type.fieldsStart[field] + i))
    );
    if (!inClassOrder.every((channel, i) => channel === i)) {
      const order = new Int32Array(inClassOrder.length);
      inClassOrder.forEach((channel, i) => order[channel] = i);
      this.#order = new Constant(order, [order.length]);
    }
  }

  /** The channels `[batch, groups, channels, pixels]`. */
  apply(products: Tensor): Tensor {
    const [batch, groups, , pixels] = products.shape;
    const parts = this.#classes.map(({ count, size, start, matrix, width }) => {
      if (width === 0) {
        const zero = new Constant(new Float64Array(1), [1, 1, 1, 1]).like(products);
        return zero.expand([batch, groups, count * size, pixels]);
      }
      const whole = this.#classes.length === 1;
      const fields = whole ? products : products.slice(2, start, start + count * width);
      if (matrix === undefined) return fields;
      const product = matrix.like(products).matmul(fields.reshape([batch * groups, count, width, pixels]));
      return product.reshape([batch, groups, count * size, pixels]);
    });
    const stacked = parts.length === 1 ? parts[0] : concatenate(parts, 2);
    return this.#order === undefined ? stacked : selectAt(stacked, 2, this.#order);
  }
}

/** Row-major [size, width]: the columns of Q of each block times its action. */
function productMatrix(
  representation: FieldType["representations"][number],
  blocks: readonly ProductBlock[],
): Float64Array {
  const { size, changeOfBasis, constituents } = representation;
  const starts: number[] = [];
  constituents.reduce((start, irrep) => {
    starts.push(start);
    return start + irrep.size;
  }, 0);
  const width = blocks.reduce((sum, { position }) => sum + constituents[position].size, 0);
  const matrix = new Float64Array(size * width);
  let column = 0;
  for (const { position, action } of blocks) {
    const d = constituents[position].size, start = starts[position];
    for (let row = 0; row < size; row++) {
      for (let j = 0; j < d; j++) {
        let sum = 0;
        for (let i = 0; i < d; i++) {
          sum += changeOfBasis[row * size + start + i] * (action === undefined ? (i === j ? 1 : 0) : action[i * d + j]);
        }
        matrix[row * width + column + j] = sum;
      }
    }
    column += d;
  }
  return matrix;
}

function isIdentity(matrix: Float64Array, size: number, width: number): boolean {
  return size === width && matrix.every((value, i) => value === (i % (size + 1) === 0 ? 1 : 0));
}
