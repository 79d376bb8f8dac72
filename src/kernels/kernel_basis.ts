/**
 * The basis of the steerable kernels between two representations, sampled densely at any points: for inspection, pictures and
 * one's own layers. The library's layers keep to the tables of pairs of irreps ({@linkcode KernelTables}), which are smaller by
 * orders of magnitude.
 */

import type { GroupElement, Representation } from "../group/types.ts";
import { multiplyMatrices } from "../math/linear_algebra.ts";
import { EmptyBasisError, KernelError } from "./errors.ts";
import { type FilterBasis, requirePoints } from "./filter_basis.ts";
import { type BasisFilter, type KernelAttributes, KernelTables } from "./kernel_tables.ts";

/** Options of a {@linkcode KernelBasis}. */
export interface KernelBasisOptions {
  /** How far harmonics may be aliased at most, see {@linkcode partOffsets}. Default: as far as the frequencies go. */
  readonly maximumOffset?: number;
  /** Which elements to keep. Default all. */
  readonly basisFilter?: BasisFilter;
}

interface Element extends KernelAttributes {
  readonly path: number;
  readonly row: number;
  readonly column: number;
}

/** All steerable kernels from one representation to another that a filter basis spans; elements are not normalized. */
export class KernelBasis {
  /** The scalar filters. */
  readonly filters: FilterBasis;
  /** The representation of the input. */
  readonly inRepresentation: Representation;
  /** The representation of the output. */
  readonly outRepresentation: Representation;
  /** What each element is, in order: output irreps by position, input irreps by position, paths. */
  readonly elements: readonly KernelAttributes[];
  readonly #elements: readonly Element[];
  readonly #options: KernelBasisOptions;

  /**
   * The basis.
   *
   * @throws {@linkcode KernelError} for representations of another group, {@linkcode EmptyBasisError} when there is no kernel.
   */
  constructor(
    filters: FilterBasis,
    inRepresentation: Representation,
    outRepresentation: Representation,
    options: KernelBasisOptions = {},
  ) {
    for (const rho of [inRepresentation, outRepresentation]) {
      if (rho.group === filters.group) continue;
      throw new KernelError({
        op: "KernelBasis",
        expected: `representations of ${filters.group.name}`,
        actual: `"${rho.name}" of ${rho.group.name}`,
      });
    }
    this.filters = filters;
    this.inRepresentation = inRepresentation;
    this.outRepresentation = outRepresentation;
    this.#options = options;
    this.#elements = this.#list(this.#tables(new Float64Array(0)));
    this.elements = this.#elements;
    if (this.dimension > 0) return;
    throw new EmptyBasisError({
      op: "KernelBasis",
      expected: "at least one steerable kernel between the representations",
      actual: `none from "${inRepresentation.name}" to "${outRepresentation.name}" of ${filters.group.name}`,
      hint: "Allow higher frequencies, more rings, or other representations.",
    });
  }

  /** The number of elements. */
  get dimension(): number {
    return this.#elements.length;
  }

  #tables(points: Float64Array): KernelTables {
    const { maximumOffset } = this.#options;
    return new KernelTables(this.filters, points, { normalize: false, dropBelow: 0, maximumOffset });
  }

  #list(tables: KernelTables): Element[] {
    const elements: Element[] = [];
    const { basisFilter } = this.#options;
    let row = 0;
    this.outRepresentation.constituents.forEach((out, outPosition) => {
      let column = 0;
      this.inRepresentation.constituents.forEach((input, inPosition) => {
        tables.pair(input.id, out.id).paths.forEach((attributes, path) => {
          const place = { inIrrep: input.id, outIrrep: out.id, inField: 0, outField: 0, inPosition, outPosition };
          const element = { ...attributes, ...place, path, row, column };
          if (basisFilter === undefined || basisFilter(element)) elements.push(element);
        });
        column += input.size;
      });
      row += out.size;
    });
    return elements;
  }

  /**
   * The kernels at points.
   *
   * @param points [count, dimension of the space].
   * @returns [count, elements, output size, input size].
   * @throws {@linkcode KernelError} for points of another dimension or that are not finite.
   */
  sample(points: Float64Array): Float64Array {
    const d = this.filters.dimensionality;
    const count = d === 0 ? 1 : requirePoints("KernelBasis.sample", points, d);
    const tables = this.#tables(points);
    const [n, m] = [this.outRepresentation.size, this.inRepresentation.size];
    const { changeOfBasis: left } = this.outRepresentation;
    const { changeOfBasisInverse: right } = this.inRepresentation;
    const sampled = new Map<object, Float64Array>();
    const out = new Float64Array(count * this.dimension * n * m);
    this.#elements.forEach(({ inIrrep, outIrrep, path, row, column }, e) => {
      const table = tables.pair(inIrrep, outIrrep);
      let values = sampled.get(table);
      if (values === undefined) sampled.set(table, values = table.sampled());
      const { outSize, inSize } = table;
      const kernel = new Float64Array(outSize * inSize);
      const columns = sliceColumns(left, n, row, outSize);
      const rows = right.subarray(column * m, (column + inSize) * m);
      for (let p = 0; p < count; p++) {
        for (let i = 0; i < outSize * inSize; i++) kernel[i] = values[(path * outSize * inSize + i) * count + p];
        const half = multiplyMatrices(columns, kernel, n, outSize, inSize);
        out.set(multiplyMatrices(half, rows, n, inSize, m), (p * this.dimension + e) * n * m);
      }
    });
    return out;
  }

  /**
   * How far the basis is from K(g x) = ρ_out(g) K(x) ρ_in(g)⁻¹ at points: the largest difference over elements, points and the
   * group's test elements.
   *
   * @param points [count, dimension of the space].
   * @param action How an element moves points, [dimension, dimension].
   */
  equivarianceError(points: Float64Array, action: (g: GroupElement) => Float64Array): number {
    const d = this.filters.dimensionality;
    const count = d === 0 ? 1 : requirePoints("KernelBasis.equivarianceError", points, d);
    const [n, m] = [this.outRepresentation.size, this.inRepresentation.size];
    const at = this.sample(points);
    let worst = 0;
    for (const g of this.filters.group.testingElements) {
      const matrix = action(g);
      const moved = new Float64Array(points.length);
      for (let p = 0; p < count && d > 0; p++) {
        moved.set(multiplyMatrices(matrix, points.slice(p * d, (p + 1) * d), d, d, 1), p * d);
      }
      const there = this.sample(moved);
      const [out, inverse] = [this.outRepresentation.matrix(g), this.inRepresentation.matrix(g.inverse())];
      for (let k = 0; k < at.length; k += n * m) {
        const half = multiplyMatrices(out, at.slice(k, k + n * m), n, n, m);
        const expected = multiplyMatrices(half, inverse, n, m, m);
        for (let i = 0; i < n * m; i++) worst = Math.max(worst, Math.abs(there[k + i] - expected[i]));
      }
    }
    return worst;
  }
}

function sliceColumns(matrix: Float64Array, n: number, from: number, width: number): Float64Array {
  const out = new Float64Array(n * width);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < width; j++) out[i * width + j] = matrix[i * n + from + j];
  }
  return out;
}
