/**
 * Steerable kernels as small tables: for each pair of irreps the coefficients of every basis kernel over the scalar
 * functions of a filter basis. K(x)[o, n] = Σ_c C[o, n, s, c] (E_kᵀ y_t(x))_c with Clebsch-Gordan coefficients C of
 * out ⊗ in → j, an endomorphism E_k of j, and y_t the t-th part of type j of a harmonic (Wigner-Eckart, restricted to
 * the group). A dense basis is never stored.
 */

import { irrepKey } from "../group/ids.ts";
import type { IrrepId } from "../group/types.ts";
import { rowSpace } from "../math/linear_algebra.ts";
import type { BasisOptions } from "./basis_parameters.ts";
import { KernelError } from "./errors.ts";
import { type FilterBasis, functionCount } from "./filter_basis.ts";

/** One element of the basis of a pair of irreps, on one ring. */
export interface KernelPath {
  /** The irrep of the harmonic in the large group. */
  readonly harmonic: IrrepId;
  /** The frequency of the harmonic. */
  readonly frequency: number;
  /** The radius of the ring. */
  readonly radius: number;
  /** The width of the ring. */
  readonly sigma: number;
  /** The index of the ring. */
  readonly ringIndex: number;
  /** The irrep j of the group that the harmonic's part transforms by. */
  readonly partIrrep: IrrepId;
  /** The position of the part among the parts of the harmonic. */
  readonly part: number;
  /** The copy of j in out ⊗ in. */
  readonly clebschGordanCopy: number;
  /** The endomorphism of j. */
  readonly endomorphism: number;
  /** How far the part is aliased, see {@linkcode partOffsets}. */
  readonly offset: number;
  /** The order of the differential operator, for bases of these. */
  readonly order?: number;
  /** The first function of {@linkcode KernelTables} that the kernel uses. */
  readonly functionOffset: number;
  /** How many functions it uses, side by side. */
  readonly functionCount: number;
}

/** What a filter of basis elements sees: an element and where in the fields it stands. */
export interface KernelAttributes extends KernelPath {
  /** The input irrep. */
  readonly inIrrep: IrrepId;
  /** The output irrep. */
  readonly outIrrep: IrrepId;
  /** The index of the input field. */
  readonly inField: number;
  /** The index of the output field. */
  readonly outField: number;
  /** The position of the input irrep among the irreps of its field. */
  readonly inPosition: number;
  /** The position of the output irrep among the irreps of its field. */
  readonly outPosition: number;
}

/** Which basis elements to keep. */
export type BasisFilter = (attributes: KernelAttributes) => boolean;

/** The basis of a pair of irreps. */
export interface IrrepPairTable {
  /** The input irrep. */
  readonly inIrrep: IrrepId;
  /** The output irrep. */
  readonly outIrrep: IrrepId;
  /** The dimension of the input irrep. */
  readonly inSize: number;
  /** The dimension of the output irrep. */
  readonly outSize: number;
  /** The number of elements. */
  readonly pathCount: number;
  /** The elements: harmonic, part, copy, endomorphism, ring, the last running fastest. */
  readonly paths: readonly KernelPath[];
  /** [paths, outSize, inSize, functions]; each path touches only its own functions. */
  readonly coefficients: Float64Array;
  /** The kernels on the points: [paths, outSize, inSize, points]. Σ over all entries of a path of the squares is outSize. */
  sampled(): Float64Array;
  /** The table of some of the elements, by their positions in `paths`. */
  select(kept: readonly number[]): IrrepPairTable;
}

/** A scalar function of {@linkcode KernelTables}. */
export interface KernelFunction {
  /** Its frequency. */
  readonly frequency: number;
  /** The index of its ring. */
  readonly ringIndex: number;
  /** Its component in the harmonic: for circular ones 0 for the cosine, 1 for the sine. */
  readonly component: number;
}

/** What decides the kernels of a convolution layer. */
export interface ConvolutionOptions extends BasisOptions {
  /** The highest frequency of all rings. Default: the integer part of the greatest band-limit. */
  readonly maximumFrequency?: number;
  /** How far harmonics may be aliased at most, see {@linkcode partOffsets}. Default: as far as the frequencies go. */
  readonly maximumOffset?: number;
  /** Which basis elements to keep; it may tell fields and positions of irreps apart. Default all. */
  readonly basisFilter?: BasisFilter;
}

/** Options of {@linkcode KernelTables}. */
export interface KernelTableOptions {
  /** Scale each element so that the sum of its squares over all points and entries is the output irrep's size. Default true. */
  readonly normalize?: boolean;
  /** Elements for which this sum, divided by the output irrep's size, is smaller before scaling vanish. Default 1e-12. */
  readonly dropBelow?: number;
  /** Multiply each element by the size of its output irrep, as convolutions on points do. Default false. */
  readonly scaleBySize?: boolean;
  /** How far harmonics may be aliased at most. Default: without limit. */
  readonly maximumOffset?: number;
  /** Which elements to keep, applied by {@linkcode weightLayout}. Default all. */
  readonly basisFilter?: BasisFilter;
  /** What would give elements, for the error of an empty basis. */
  readonly hint?: string;
}

/** An orthonormal basis of the span of the functions of {@linkcode KernelTables}. */
export interface FunctionSpan {
  /** The number of independent functions. */
  readonly rank: number;
  /** Orthonormal functions at the points: [rank, points]. */
  readonly basis: Float64Array;
  /** [functions, rank]: functions = coordinates · basis, to 1e-9 of the greatest function. */
  readonly coordinates: Float64Array;
}

function spanOf(functions: Float64Array, count: number, points: number): FunctionSpan {
  const basis = rowSpace(functions, count, points);
  const rank = points === 0 ? 0 : basis.length / points;
  const coordinates = new Float64Array(count * rank);
  for (let f = 0; f < count; f++) {
    for (let k = 0; k < rank; k++) {
      let sum = 0;
      for (let p = 0; p < points; p++) sum += functions[f * points + p] * basis[k * points + p];
      coordinates[f * rank + k] = sum;
    }
  }
  return { rank, basis, coordinates };
}

/** The steerable kernels of a filter basis at fixed points, for any pair of irreps. */
export class KernelTables {
  /** The filter basis. */
  readonly basis: FilterBasis;
  /** The number of points. */
  readonly points: number;
  /** The number of scalar functions that do not vanish on the points; dependent ones count, see `span`. */
  readonly functionCount: number;
  /** These functions at the points: [functionCount, points]. */
  readonly functions: Float64Array;
  /** What each function is. */
  readonly functionInfo: readonly KernelFunction[];
  /** What would give elements where there are none. */
  readonly hint: string | undefined;
  /** Which elements layers keep. */
  readonly basisFilter: BasisFilter | undefined;

  readonly #options: KernelTableOptions;
  readonly #pairs = new Map<string, IrrepPairTable>();
  #span: FunctionSpan | undefined;
  // For each harmonic and ring: the first kept function, which components are kept, and their inner products.
  readonly #shells: readonly (readonly Shell[])[];

  /**
   * The kernels at points.
   *
   * @param basis The scalar filters.
   * @param points [count, dimensionality].
   * @param options Scaling, dropping and filtering.
   */
  constructor(basis: FilterBasis, points: Float64Array, options: KernelTableOptions = {}) {
    this.basis = basis;
    this.#options = options;
    this.hint = options.hint;
    this.basisFilter = options.basisFilter;
    const { maximumOffset } = options;
    if (maximumOffset !== undefined && !(maximumOffset >= 0)) {
      throw new KernelError({ op: "maximumOffset", expected: "a number of 0 or more", actual: String(maximumOffset) });
    }
    const all = basis.sample(points);
    const total = functionCount(basis);
    const count = all.length / total;
    this.points = total === 0 ? 0 : count;
    const rows: number[] = [];
    const info: KernelFunction[] = [];
    let row = 0;
    this.#shells = basis.harmonics.map(({ frequency, size, rings }) =>
      rings.map((ringIndex) => {
        const first = row;
        row += size;
        const gram = new Float64Array(size * size);
        for (let a = 0; a < size; a++) {
          for (let b = 0; b < size; b++) {
            let sum = 0;
            for (let p = 0; p < count; p++) sum += all[(first + a) * count + p] * all[(first + b) * count + p];
            gram[a * size + b] = sum;
          }
        }
        const offset = rows.length;
        const components: number[] = [];
        for (let component = 0; component < size; component++) {
          // Far below what an element must reach to be kept.
          if (options.dropBelow !== 0 && gram[component * size + component] < 1e-14) continue;
          components.push(component);
          rows.push(first + component);
          info.push({ frequency, ringIndex, component });
        }
        return { ringIndex, gram, offset, components };
      })
    );
    this.functionCount = rows.length;
    this.functionInfo = info;
    this.functions = new Float64Array(rows.length * this.points);
    rows.forEach((from, to) => this.functions.set(all.subarray(from * count, (from + 1) * count), to * count));
  }

  /**
   * The span of the functions on the points. Its rank is the number of functions that count: fewer than `functionCount` where
   * they are dependent, as with dilation or on few points.
   */
  get span(): FunctionSpan {
    return this.#span ??= spanOf(this.functions, this.functionCount, this.points);
  }

  /** The basis of a pair of irreps of the group, without the basis filter. */
  pair(inIrrep: IrrepId, outIrrep: IrrepId): IrrepPairTable {
    const key = irrepKey(inIrrep) + irrepKey(outIrrep);
    let table = this.#pairs.get(key);
    if (table === undefined) {
      table = this.#solve(inIrrep, outIrrep);
      this.#pairs.set(key, table);
    }
    return table;
  }

  #solve(inIrrep: IrrepId, outIrrep: IrrepId): IrrepPairTable {
    const { group, harmonics, rings } = this.basis;
    const { normalize = true, dropBelow = 1e-12, scaleBySize = false, maximumOffset = Infinity } = this.#options;
    const inSize = group.irrep(...inIrrep).size;
    const outSize = group.irrep(...outIrrep).size;
    const entries = inSize * outSize;
    const paths: KernelPath[] = [];
    const values: Float64Array[] = []; // of each path: [entries, its functions]

    harmonics.forEach(({ irrep, frequency, size, parts, components, offsets, partFrequencies, orders }, h) => {
      let row = 0;
      parts.forEach((partIrrep, part) => {
        const psi = group.irrep(...partIrrep);
        const offset = offsets?.[part] ?? 0;
        if (offset > maximumOffset) {
          row += psi.size;
          return;
        }
        const { copies, coefficients } = group.clebschGordan(outIrrep, inIrrep, partIrrep);
        const width = copies * psi.size;
        for (let s = 0; s < copies; s++) {
          psi.endomorphisms.forEach((e, k) => {
            // [entries, size]: the kernel's entries over the functions of the harmonic
            const kernel = new Float64Array(entries * size);
            for (let c = 0; c < psi.size; c++) {
              for (let y = 0; y < size; y++) {
                let v = 0;
                for (let d = 0; d < psi.size; d++) v += e[d * psi.size + c] * components[(row + d) * size + y];
                if (v === 0) continue;
                for (let i = 0; i < entries; i++) {
                  kernel[i * size + y] += coefficients[i * width + s * psi.size + c] * v;
                }
              }
            }
            this.#shells[h].forEach((shell, onRing) => {
              const norm = innerProduct(kernel, shell.gram, entries, size) / outSize;
              if (norm < dropBelow || shell.components.length === 0) return;
              const ring = rings[shell.ringIndex];
              const path: KernelPath = {
                harmonic: irrep,
                frequency: partFrequencies?.[part] ?? frequency,
                radius: ring.radius,
                sigma: ring.sigma,
                ringIndex: shell.ringIndex,
                partIrrep,
                part,
                clebschGordanCopy: s,
                endomorphism: k,
                offset,
                order: orders?.[onRing],
                functionOffset: shell.offset,
                functionCount: shell.components.length,
              };
              const scale = (normalize ? 1 / Math.sqrt(norm) : 1) * (scaleBySize ? outSize : 1);
              const width = shell.components.length;
              const scaled = new Float64Array(entries * width);
              for (let i = 0; i < entries; i++) {
                shell.components.forEach((y, f) => scaled[i * width + f] = scale * kernel[i * size + y]);
              }
              paths.push(path);
              values.push(scaled);
            });
          });
        }
        row += psi.size;
      });
    });
    return new PairTable(this, inIrrep, outIrrep, inSize, outSize, paths, values);
  }
}

interface Shell {
  readonly ringIndex: number;
  readonly gram: Float64Array;
  readonly offset: number;
  readonly components: readonly number[];
}

// Σ over entries of the squared norm of the function with coefficients kernel[entry, ·]
function innerProduct(kernel: Float64Array, gram: Float64Array, entries: number, size: number): number {
  let sum = 0;
  for (let i = 0; i < entries; i++) {
    for (let a = 0; a < size; a++) {
      const v = kernel[i * size + a];
      if (v === 0) continue;
      for (let b = 0; b < size; b++) sum += v * kernel[i * size + b] * gram[a * size + b];
    }
  }
  return sum;
}

class PairTable implements IrrepPairTable {
  readonly pathCount: number;
  readonly inIrrep: IrrepId;
  readonly outIrrep: IrrepId;
  readonly inSize: number;
  readonly outSize: number;
  readonly paths: readonly KernelPath[];
  readonly #tables: KernelTables;
  // Of each path: [entries, its functions].
  readonly #values: readonly Float64Array[];
  #coefficients: Float64Array | undefined;

  constructor(
    tables: KernelTables,
    inIrrep: IrrepId,
    outIrrep: IrrepId,
    inSize: number,
    outSize: number,
    paths: readonly KernelPath[],
    values: readonly Float64Array[],
  ) {
    this.#tables = tables;
    this.inIrrep = inIrrep;
    this.outIrrep = outIrrep;
    this.inSize = inSize;
    this.outSize = outSize;
    this.paths = paths;
    this.pathCount = paths.length;
    this.#values = values;
  }

  get coefficients(): Float64Array {
    if (this.#coefficients === undefined) {
      const entries = this.inSize * this.outSize;
      const functions = this.#tables.functionCount;
      const out = new Float64Array(this.pathCount * entries * functions);
      this.paths.forEach(({ functionOffset, functionCount }, p) => {
        for (let i = 0; i < entries; i++) {
          for (let f = 0; f < functionCount; f++) {
            out[(p * entries + i) * functions + functionOffset + f] = this.#values[p][i * functionCount + f];
          }
        }
      });
      this.#coefficients = out;
    }
    return this.#coefficients;
  }

  sampled(): Float64Array {
    const { functions, points } = this.#tables;
    const entries = this.inSize * this.outSize;
    const out = new Float64Array(this.pathCount * entries * points);
    this.paths.forEach(({ functionOffset, functionCount }, p) => {
      const values = this.#values[p];
      for (let i = 0; i < entries; i++) {
        const to = (p * entries + i) * points;
        for (let f = 0; f < functionCount; f++) {
          const v = values[i * functionCount + f];
          if (v === 0) continue;
          const from = (functionOffset + f) * points;
          for (let x = 0; x < points; x++) out[to + x] += v * functions[from + x];
        }
      }
    });
    return out;
  }

  select(kept: readonly number[]): IrrepPairTable {
    return new PairTable(
      this.#tables,
      this.inIrrep,
      this.outIrrep,
      this.inSize,
      this.outSize,
      kept.map((p) => this.paths[p]),
      kept.map((p) => this.#values[p]),
    );
  }
}
