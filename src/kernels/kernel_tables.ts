/**
 * Steerable kernels as small tables: for each pair of irreps the coefficients of every basis kernel over the scalar
 * functions of a filter basis. K(x)[o, n] = Σ_c C[o, n, s, c] (E_kᵀ y_t(x))_c with Clebsch-Gordan coefficients C of
 * out ⊗ in → j, an endomorphism E_k of j, and y_t the t-th part of type j of a harmonic (Wigner-Eckart, restricted to
 * the group). A dense basis is never stored.
 */

import { irrepKey } from "../group/ids.ts";
import type { IrrepId } from "../group/types.ts";
import type { BasisOptions } from "./basis_parameters.ts";
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
  /** The first function of {@linkcode KernelTables} that the kernel uses. */
  readonly functionOffset: number;
  /** How many functions it uses, side by side. */
  readonly functionCount: number;
}

/** What a filter of basis elements sees. */
export interface KernelAttributes extends KernelPath {
  /** The input irrep. */
  readonly inIrrep: IrrepId;
  /** The output irrep. */
  readonly outIrrep: IrrepId;
}

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
  /** [paths, outSize, inSize, functions]. */
  readonly coefficients: Float64Array;
  /** The kernels on the points: [paths, outSize, inSize, points]. Σ over all entries of a path of the squares is outSize. */
  sampled(): Float64Array;
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
  /** Which basis elements to keep. Default all. */
  readonly basisFilter?: (attributes: KernelAttributes) => boolean;
}

/** Options of {@linkcode KernelTables}. */
export interface KernelTableOptions {
  /** Scale each element so that the sum of its squares over all points and entries is the output irrep's size. Default true. */
  readonly normalize?: boolean;
  /** Elements for which this sum, divided by the output irrep's size, is smaller before scaling vanish. Default 1e-12. */
  readonly dropBelow?: number;
  /** Which elements to keep. Default all. */
  readonly basisFilter?: (attributes: KernelAttributes) => boolean;
  /** What would give elements, for the error of an empty basis. */
  readonly hint?: string;
}

/** The steerable kernels of a filter basis at fixed points, for any pair of irreps. */
export class KernelTables {
  /** The filter basis. */
  readonly basis: FilterBasis;
  /** The number of points. */
  readonly points: number;
  /** The number of scalar functions that do not vanish on the points. */
  readonly functionCount: number;
  /** These functions at the points: [functionCount, points]. */
  readonly functions: Float64Array;
  /** What each function is. */
  readonly functionInfo: readonly KernelFunction[];
  /** What would give elements where there are none. */
  readonly hint: string | undefined;

  readonly #options: KernelTableOptions;
  readonly #pairs = new Map<string, IrrepPairTable>();
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

  /** The basis of a pair of irreps of the group. */
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
    const { normalize = true, dropBelow = 1e-12, basisFilter } = this.#options;
    const inSize = group.irrep(...inIrrep).size;
    const outSize = group.irrep(...outIrrep).size;
    const entries = inSize * outSize;
    const paths: KernelPath[] = [];
    const values: Float64Array[] = []; // of each path: [entries, its functions]

    harmonics.forEach(({ irrep, frequency, size, parts, components }, h) => {
      let row = 0;
      parts.forEach((partIrrep, part) => {
        const psi = group.irrep(...partIrrep);
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
            for (const shell of this.#shells[h]) {
              const norm = innerProduct(kernel, shell.gram, entries, size) / outSize;
              if (norm < dropBelow || shell.components.length === 0) continue;
              const ring = rings[shell.ringIndex];
              const path: KernelPath = {
                harmonic: irrep,
                frequency,
                radius: ring.radius,
                sigma: ring.sigma,
                ringIndex: shell.ringIndex,
                partIrrep,
                part,
                clebschGordanCopy: s,
                endomorphism: k,
                functionOffset: shell.offset,
                functionCount: shell.components.length,
              };
              if (basisFilter !== undefined && !basisFilter({ ...path, inIrrep, outIrrep })) continue;
              const scale = normalize ? 1 / Math.sqrt(norm) : 1;
              const width = shell.components.length;
              const scaled = new Float64Array(entries * width);
              for (let i = 0; i < entries; i++) {
                shell.components.forEach((y, f) => scaled[i * width + f] = scale * kernel[i * size + y]);
              }
              paths.push(path);
              values.push(scaled);
            }
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
  readonly coefficients: Float64Array;
  readonly inIrrep: IrrepId;
  readonly outIrrep: IrrepId;
  readonly inSize: number;
  readonly outSize: number;
  readonly paths: readonly KernelPath[];
  readonly #tables: KernelTables;

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
    const entries = inSize * outSize;
    const functions = tables.functionCount;
    this.coefficients = new Float64Array(paths.length * entries * functions);
    paths.forEach(({ functionOffset, functionCount }, p) => {
      for (let i = 0; i < entries; i++) {
        for (let f = 0; f < functionCount; f++) {
          this.coefficients[(p * entries + i) * functions + functionOffset + f] = values[p][i * functionCount + f];
        }
      }
    });
  }

  sampled(): Float64Array {
    const { functions, functionCount: width, points } = this.#tables;
    const entries = this.inSize * this.outSize;
    const out = new Float64Array(this.pathCount * entries * points);
    this.paths.forEach(({ functionOffset, functionCount }, p) => {
      for (let i = p * entries; i < (p + 1) * entries; i++) {
        for (let f = functionOffset; f < functionOffset + functionCount; f++) {
          const v = this.coefficients[i * width + f];
          if (v === 0) continue;
          for (let x = 0; x < points; x++) out[i * points + x] += v * functions[f * points + x];
        }
      }
    });
    return out;
  }
}
