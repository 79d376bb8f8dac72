/**
 * Norms of kernels after the changes of basis of their fields. For orthogonal ones an element has the same norm wherever its
 * irreps stand; for any other it gets a factor for each position, so that the filter of every weight has the size of the
 * output irrep as its sum of squares.
 */

import { irrepKey } from "../group/ids.ts";
import type { Representation } from "../group/types.ts";
import { KernelError } from "./errors.ts";
import type { IrrepPairTable } from "./kernel_tables.ts";
import type { IrrepCopy, WeightLayout } from "./weight_layout.ts";

// The inner products of the columns of Q that belong to an irrep: [size, size].
function outputGram(rho: Representation, position: number): Float64Array {
  const { start, size } = irrepRange(rho, position);
  const [n, q] = [rho.size, rho.changeOfBasis];
  const gram = new Float64Array(size * size);
  for (let i = 0; i < n; i++) {
    for (let a = 0; a < size; a++) {
      for (let b = 0; b < size; b++) gram[a * size + b] += q[i * n + start + a] * q[i * n + start + b];
    }
  }
  return gram;
}

// The inner products of the rows of Q⁻¹ that belong to an irrep: [size, size].
function inputGram(rho: Representation, position: number): Float64Array {
  const { start, size } = irrepRange(rho, position);
  const [n, q] = [rho.size, rho.changeOfBasisInverse];
  const gram = new Float64Array(size * size);
  for (let a = 0; a < size; a++) {
    for (let b = 0; b < size; b++) {
      for (let i = 0; i < n; i++) gram[a * size + b] += q[(start + a) * n + i] * q[(start + b) * n + i];
    }
  }
  return gram;
}

function irrepRange(rho: Representation, position: number): { readonly start: number; readonly size: number } {
  let start = 0;
  for (let i = 0; i < position; i++) start += rho.constituents[i].size;
  return { start, size: rho.constituents[position].size };
}

/**
 * The factor of each element of a pair's table for one position in the output and the input: √(size of the output irrep /
 * Σ over taps and entries of (Q_out K Q_in⁻¹)²). [paths].
 */
function pairFactors(table: IrrepPairTable, left: Float64Array, right: Float64Array): Float64Array {
  const { outSize, inSize, pathCount } = table;
  const sampled = table.sampled();
  const points = pathCount === 0 ? 0 : sampled.length / (pathCount * outSize * inSize);
  return Float64Array.from({ length: pathCount }, (_, p) => {
    // Σ_x tr(L K(x) R K(x)ᵀ)
    let sum = 0;
    for (let a = 0; a < outSize; a++) {
      for (let b = 0; b < outSize; b++) {
        for (let c = 0; c < inSize; c++) {
          for (let d = 0; d < inSize; d++) {
            const weight = left[a * outSize + b] * right[c * inSize + d];
            if (weight === 0) continue;
            const [u, v] = [((p * outSize + a) * inSize + c) * points, ((p * outSize + b) * inSize + d) * points];
            let inner = 0;
            for (let x = 0; x < points; x++) inner += sampled[u + x] * sampled[v + x];
            sum += weight * inner;
          }
        }
      }
    }
    return Math.sqrt(outSize / sum);
  });
}

/**
 * The factor of each weight that makes Σ K² of its filter the size of the output irrep after the changes of basis, [size];
 * `undefined` where all changes of basis are orthogonal, because then all factors are 1.
 *
 * @param layout The layout of the weights of normalized tables.
 * @param inFields The representation of each input field.
 * @param outFields The representation of each output field.
 * @throws {@linkcode KernelError} when the fields are not those of the layout.
 */
export function basisChangeFactors(
  layout: WeightLayout,
  inFields: readonly Representation[],
  outFields: readonly Representation[],
): Float64Array | undefined {
  const irreps = (fields: readonly Representation[]): number => fields.reduce((sum, rho) => sum + rho.irreps.length, 0);
  for (const { outIrrep, copies, blocks } of layout.matrices) {
    const fits = copies.every(({ field, position }) =>
      field < outFields.length && position < outFields[field].irreps.length &&
      irrepKey(outFields[field].irreps[position]) === irrepKey(outIrrep)
    ) && blocks.every(({ inIrrep, copies: inCopies }) =>
      inCopies.every(({ field, position }) =>
        field < inFields.length && position < inFields[field].irreps.length &&
        irrepKey(inFields[field].irreps[position]) === irrepKey(inIrrep)
      )
    );
    if (!fits) {
      throw new KernelError({
        op: "basisChangeFactors",
        expected: "the fields that the layout was made for",
        actual: `${inFields.length} fields of ${irreps(inFields)} irreps to ${outFields.length} of ${
          irreps(outFields)
        }`,
      });
    }
  }
  if ([...inFields, ...outFields].every((rho) => rho.isOrthogonal)) return undefined;
  const factors = new Float64Array(layout.entryCount);
  const cache = new Map<string, Float64Array>();
  const numbers = new Map<Representation, number>();
  const place = (rho: Representation, { position }: IrrepCopy): string => {
    if (!numbers.has(rho)) numbers.set(rho, numbers.size);
    return `${numbers.get(rho)}.${position}`;
  };
  for (const { copies, offset, columns, blocks } of layout.matrices) {
    copies.forEach((out, row) => {
      const target = outFields[out.field];
      for (const { copies: inCopies, columnOffset, table } of blocks) {
        inCopies.forEach((input, column) => {
          const source = inFields[input.field];
          const key = `${place(target, out)} ${place(source, input)}`;
          let values = cache.get(key);
          if (values === undefined) {
            values = pairFactors(table, outputGram(target, out.position), inputGram(source, input.position));
            cache.set(key, values);
          }
          factors.set(values, offset + row * columns + columnOffset + column * table.pathCount);
        });
      }
    });
  }
  return layout.kept === undefined ? factors : Float64Array.from(layout.kept, (entry) => factors[entry]);
}
