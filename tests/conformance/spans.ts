// Spans of steerable kernels, computed in the irrep basis: the dimension of the space of filters between two fields and the
// orthogonal projection of a filter onto it. Independent of how the basis is normalized or ordered.

import type { Representation } from "../../src/group/types.ts";
import type { IrrepPairTable, KernelTables } from "../../src/kernels/kernel_tables.ts";
import { multiplyMatrices, symmetricEigen, transposeMatrix } from "../../src/math/linear_algebra.ts";

/** An orthonormal basis of the kernels of a pair of irreps, before any cut-off of small singular values. */
interface PairSpan {
  readonly values: Float64Array; // squared singular values
  readonly vectors: readonly Float64Array[]; // [outSize, inSize, points], orthonormal, one for each value
}

function pairSpan(table: IrrepPairTable): PairSpan {
  const n = table.pathCount;
  const sampled = table.sampled();
  const length = n === 0 ? 0 : sampled.length / n;
  const gram = multiplyMatrices(sampled, transposeMatrix(sampled, n, length), n, length, n);
  const { values, vectors } = symmetricEigen(gram, n);
  return {
    values,
    vectors: Array.from(values, (value, i) => {
      const v = multiplyMatrices(vectors.subarray(i * n, (i + 1) * n), sampled, 1, n, length);
      const scale = value > 0 ? 1 / Math.sqrt(value) : 0;
      return v.map((x) => x * scale);
    }),
  };
}

/** The span of the filters between two fields. */
export class FieldPairSpan {
  readonly #source: Representation;
  readonly #target: Representation;
  readonly #tables: KernelTables;
  readonly #pairs = new Map<IrrepPairTable, PairSpan>();

  constructor(tables: KernelTables, source: Representation, target: Representation) {
    this.#tables = tables;
    this.#source = source;
    this.#target = target;
    for (const o of target.irreps) {
      for (const i of source.irreps) {
        const table = tables.pair(i, o);
        if (!this.#pairs.has(table)) this.#pairs.set(table, pairSpan(table));
      }
    }
  }

  /** The greatest squared singular value. */
  get greatest(): number {
    let greatest = 0;
    for (const { values } of this.#pairs.values()) for (const v of values) greatest = Math.max(greatest, v);
    return greatest;
  }

  /** The number of singular values above 1e-6 of the greatest one. */
  rank(greatest: number): number {
    let rank = 0;
    this.#eachPair((table) => {
      for (const v of this.#pairs.get(table)!.values) if (v > 1e-12 * greatest) rank += 1;
    });
    return rank;
  }

  /** The number of basis elements. */
  dimension(): number {
    let count = 0;
    this.#eachPair((table) => count += table.pathCount);
    return count;
  }

  #eachPair(visit: (table: IrrepPairTable, row: number, column: number) => void): void {
    let row = 0;
    for (const o of this.#target.constituents) {
      let column = 0;
      for (const i of this.#source.constituents) {
        visit(this.#tables.pair(i.id, o.id), row, column);
        column += i.size;
      }
      row += o.size;
    }
  }

  /** The projection of a filter [target size, source size, points] onto the span. */
  project(filter: Float64Array, greatest: number): Float64Array {
    const [n, m, points] = [this.#target.size, this.#source.size, this.#tables.points];
    const inIrreps = this.#conjugate(filter, this.#target.changeOfBasisInverse, this.#source.changeOfBasis);
    const out = new Float64Array(n * m * points);
    this.#eachPair((table, row, column) => {
      const { outSize, inSize } = table;
      const span = this.#pairs.get(table)!;
      span.vectors.forEach((v, k) => {
        if (!(span.values[k] > 1e-12 * greatest)) return;
        const at = (a: number, b: number): number => ((row + a) * m + column + b) * points;
        let inner = 0;
        for (let a = 0; a < outSize; a++) {
          for (let b = 0; b < inSize; b++) {
            for (let x = 0; x < points; x++) inner += v[(a * inSize + b) * points + x] * inIrreps[at(a, b) + x];
          }
        }
        for (let a = 0; a < outSize; a++) {
          for (let b = 0; b < inSize; b++) {
            for (let x = 0; x < points; x++) out[at(a, b) + x] += inner * v[(a * inSize + b) * points + x];
          }
        }
      });
    });
    return this.#conjugate(out, this.#target.changeOfBasis, this.#source.changeOfBasisInverse);
  }

  // left · filter · right at every point
  #conjugate(filter: Float64Array, left: Float64Array, right: Float64Array): Float64Array {
    const [n, m, points] = [this.#target.size, this.#source.size, this.#tables.points];
    const half = multiplyMatrices(left, filter, n, n, m * points);
    const out = new Float64Array(n * m * points);
    for (let a = 0; a < n; a++) {
      for (let b = 0; b < m; b++) {
        for (let c = 0; c < m; c++) {
          const v = right[b * m + c];
          if (v === 0) continue;
          for (let x = 0; x < points; x++) out[(a * m + c) * points + x] += half[(a * m + b) * points + x] * v;
        }
      }
    }
    return out;
  }
}
