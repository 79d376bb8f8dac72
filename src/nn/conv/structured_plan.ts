/**
 * The two faster plans of a steerable convolution (DESIGN of kernels by the Wigner-Eckart theorem, Lang & Weiler 2021). Harmonic:
 * filters as coefficients of the scalar functions on the grid. Structured: in the irrep basis, one plane for each path and
 * output component, whose weights are the layer's weights themselves.
 */

import { basisChangeFactors } from "../../kernels/normalization.ts";
import type { KernelTables } from "../../kernels/kernel_tables.ts";
import {
  type WeightBlock,
  type WeightLayout,
  type WeightMatrix,
  weightsOfEntries,
} from "../../kernels/weight_layout.ts";
import type { ConvolutionOptions } from "../../tensor/conv_geometry.ts";
import {
  type PlanInput,
  type PlanOutput,
  steerableConvolution,
  type SteerablePlan,
  steerablePlan,
  type Tensor,
} from "../../tensor/mod.ts";
import type { FieldType } from "../field_type.ts";
import { Constant, selectAt } from "../plain/persistent.ts";
import { type FilterCoordinates, FilterExpansion } from "./filter_expansion.ts";
import { InputBasis, OutputBasis, type ProductBlock } from "./plan_basis.ts";

/** What both plans are made from: one group's part of a layer. */
export interface LayerParts {
  /** The kernel tables. */
  readonly tables: KernelTables;
  /** The meaning of the weights of one group. */
  readonly layout: WeightLayout;
  /** Fields of the input of one group. */
  readonly inType: FieldType;
  /** Fields of the output of one group. */
  readonly outType: FieldType;
  /** Number of groups. */
  readonly groups: number;
  /** Sizes of the filter. */
  readonly kernelSize: readonly number[];
}

/** A way to compute a layer's convolution without its filter. */
export interface FastConvolution {
  /** What is computed in the middle. */
  readonly plan: SteerablePlan;
  /** The convolution `[batch, out channels, …]` of `x` with the filter that the flat weights of all groups stand for. */
  apply(x: Tensor, weights: Tensor, options: Omit<ConvolutionOptions, "groups">): Tensor;
}

/** The functions that filters are combinations of, and how elements are written in them. */
function functionsOf(tables: KernelTables): { readonly functions: Float64Array } & FilterCoordinates {
  const { functionCount, points } = tables;
  if (functionCount <= points && tables.span.rank === functionCount) {
    return { functions: tables.functions, count: functionCount, of: (table) => table.coefficients };
  }
  // Dependent functions: an orthonormal basis of their span has fewer.
  const { rank, basis, coordinates } = tables.span;
  return {
    functions: basis,
    count: rank,
    of: ({ coefficients }) => {
      const rows = coefficients.length / functionCount;
      const out = new Float64Array(rows * rank);
      for (let row = 0; row < rows; row++) {
        for (let f = 0; f < functionCount; f++) {
          const value = coefficients[row * functionCount + f];
          if (value === 0) continue;
          for (let r = 0; r < rank; r++) out[row * rank + r] += value * coordinates[f * rank + r];
        }
      }
      return out;
    },
  };
}

function range(count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => i);
}

/** Filters as coefficients of the functions on the grid. */
export class HarmonicConvolution implements FastConvolution {
  readonly plan: SteerablePlan;
  readonly #groups: number;
  readonly #expansion: FilterExpansion;

  /** The plan of a layer. */
  constructor({ tables, layout, inType, outType, groups, kernelSize }: LayerParts) {
    const { functions, count, of } = functionsOf(tables);
    this.#groups = groups;
    this.#expansion = new FilterExpansion(tables, layout, inType, outType, groups, { count, of });
    const coefficients = new Float64Array(count * count);
    for (let f = 0; f < count; f++) coefficients[f * count + f] = 1;
    this.plan = steerablePlan({
      functions,
      kernelSize,
      inChannels: inType.size,
      outChannels: outType.size,
      inputs: [{ size: 1, channels: range(inType.size), parts: [{ output: 0, paths: count, coefficients }] }],
      outputs: [{ size: 1, channels: range(outType.size) }],
    });
  }

  apply(x: Tensor, weights: Tensor, options: Omit<ConvolutionOptions, "groups">): Tensor {
    const filter = this.#expansion.apply(weights).reshape([-1]);
    return steerableConvolution(x, filter, this.plan, { ...options, groups: this.#groups });
  }
}

/** An element that is made from a plane: which one, by which endomorphism of the output, with which sign. */
interface Derived {
  readonly plane: number;
  readonly endomorphism: number;
  readonly sign: number;
}

/** The planes of an output irrep type: some paths of each block, from which the others follow on the output. */
interface OutputPlanes {
  readonly matrix: WeightMatrix;
  readonly size: number;
  /** Endomorphisms of the output that are applied; the first is the identity. */
  readonly actions: readonly (Float64Array | undefined)[];
  /** For each block the paths that get planes. */
  readonly primaries: readonly (readonly number[])[];
  /** For each block and path how it comes from a plane. */
  readonly derived: readonly (readonly Derived[])[];
}

/** sign with `a ≈ sign · b`, 0 if there is none. */
function signOf(a: Float64Array, b: Float64Array): number {
  let same = 0, opposite = 0, scale = 0;
  for (let i = 0; i < a.length; i++) {
    same = Math.max(same, Math.abs(a[i] - b[i]));
    opposite = Math.max(opposite, Math.abs(a[i] + b[i]));
    scale = Math.max(scale, Math.abs(a[i]));
  }
  const tolerance = 1e-10 * scale;
  return same <= tolerance ? 1 : opposite <= tolerance ? -1 : 0;
}

/** `e · kernel` for row-major [size, size] and [size, rest]. */
function act(e: Float64Array, kernel: Float64Array, size: number): Float64Array {
  const rest = kernel.length / size;
  const out = new Float64Array(kernel.length);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      const factor = e[i * size + j];
      if (factor === 0) continue;
      for (let r = 0; r < rest; r++) out[i * rest + r] += factor * kernel[j * rest + r];
    }
  }
  return out;
}

/** Paths that are another path followed by an endomorphism of the output need no plane of their own. */
function outputPlanes(tables: KernelTables, matrix: WeightMatrix, coordinates: FilterCoordinates): OutputPlanes {
  const { size, endomorphisms } = tables.basis.group.irrep(...matrix.outIrrep);
  const primaries: number[][] = [], derived: Derived[][] = [];
  let paths = 0, planes = 0;
  for (const { table } of matrix.blocks) {
    const values = coordinates.of(table), length = values.length / table.pathCount;
    const chosen: number[] = [], list: Derived[] = [];
    const images: Float64Array[][] = [];
    for (let path = 0; path < table.pathCount; path++) {
      const kernel = values.subarray(path * length, (path + 1) * length);
      let found: Derived | undefined;
      for (let plane = 0; plane < chosen.length && found === undefined; plane++) {
        for (let e = 1; e < endomorphisms.length && found === undefined; e++) {
          // With dependent functions several elements can be the same up to sign; each needs a weight of its own.
          if (list.some((other) => other.plane === plane && other.endomorphism === e)) continue;
          const sign = signOf(kernel, images[plane][e - 1]);
          if (sign !== 0) found = { plane, endomorphism: e, sign };
        }
      }
      if (found === undefined) {
        found = { plane: chosen.length, endomorphism: 0, sign: 1 };
        chosen.push(path);
        images.push(endomorphisms.slice(1).map((e) => act(e, kernel, size)));
      }
      list.push(found);
    }
    primaries.push(chosen);
    derived.push(list);
    paths += table.pathCount * table.inSize;
    planes += chosen.length * table.inSize;
  }
  if (endomorphisms.length > 1 && planes * endomorphisms.length <= paths) {
    const actions = endomorphisms.map((e, i) => i === 0 ? undefined : e);
    return { matrix, size, actions, primaries, derived };
  }
  return {
    matrix,
    size,
    actions: [undefined],
    primaries: matrix.blocks.map(({ table }) => Array.from(range(table.pathCount))),
    derived: matrix.blocks.map(({ table }) =>
      Array.from({ length: table.pathCount }, (_, plane) => ({ plane, endomorphism: 0, sign: 1 }))
    ),
  };
}

/** The irrep basis: planes for paths and output components, weights as they are. */
export class StructuredConvolution implements FastConvolution {
  readonly plan: SteerablePlan;
  readonly #groups: number;
  readonly #inputBasis: InputBasis;
  readonly #outputBasis: OutputBasis;
  /** The weight at each entry of the plan's matrices, all groups; `undefined` where they are the same. */
  readonly #order: Constant | undefined;
  /** What each is multiplied by; 0 for entries without a weight. */
  readonly #factors: Constant | undefined;

  /** The plan of a layer. */
  constructor({ tables, layout, inType, outType, groups, kernelSize }: LayerParts) {
    const coordinates = functionsOf(tables);
    this.#groups = groups;
    this.#inputBasis = new InputBasis(inType);
    const outputs = layout.matrices.map((matrix) => outputPlanes(tables, matrix, coordinates));
    const blocks = outType.classes.map(({ fields }) => {
      const list: (ProductBlock & { readonly output: number; readonly endomorphism: number })[] = [];
      outputs.forEach(({ matrix, actions }, output) => {
        for (const { field, position } of matrix.copies) {
          if (field !== fields[0]) continue;
          actions.forEach((action, endomorphism) => list.push({ position, action, output, endomorphism }));
        }
      });
      return list;
    });
    this.#outputBasis = new OutputBasis(outType, blocks);
    const blockOf = new Map<string, number>();
    outType.classes.forEach(({ fields }, c) => {
      for (const field of fields) {
        blocks[c].forEach(({ position, endomorphism }, i) =>
          blockOf.set(`${field} ${position} ${endomorphism}`, this.#outputBasis.channels[field][i])
        );
      }
    });
    const planOutputs = outputs.map(({ matrix, size, actions }): PlanOutput => ({
      size,
      channels: Int32Array.from(
        actions.flatMap((_, endomorphism) =>
          matrix.copies.map(({ field, position }) => blockOf.get(`${field} ${position} ${endomorphism}`)!)
        ),
      ),
    }));
    this.plan = steerablePlan({
      functions: coordinates.functions,
      kernelSize,
      inChannels: this.#inputBasis.size,
      outChannels: this.#outputBasis.size,
      inputs: planInputs(outputs, this.#inputBasis, coordinates),
      outputs: planOutputs,
    });
    const { order, factors } = this.#weightOrder(outputs, layout, inType, outType);
    this.#order = order;
    this.#factors = factors;
  }

  /** The weight and the factor of each entry of the plan's matrices. */
  #weightOrder(
    outputs: readonly OutputPlanes[],
    layout: WeightLayout,
    inType: FieldType,
    outType: FieldType,
  ): { readonly order: Constant | undefined; readonly factors: Constant | undefined } {
    const { plan } = this, groups = this.#groups;
    const order = new Int32Array(groups * plan.weightCount);
    const factors = new Float64Array(groups * plan.weightCount);
    const weightOf = weightsOfEntries(layout);
    const scales = basisChangeFactors(layout, inType.representations, outType.representations);
    const kinds = inputKinds(outputs);
    outputs.forEach(({ matrix, derived, primaries, actions }, o) => {
      // Columns of a block in the plan: kinds of input in their order.
      let column = 0;
      for (const kind of kinds) {
        const b = matrix.blocks.findIndex((block) => block.copies === kind.copies);
        if (b < 0) continue;
        const block = matrix.blocks[b], planes = primaries[b].length;
        matrix.copies.forEach((_, row) =>
          block.copies.forEach((_, copy) =>
            derived[b].forEach(({ plane, endomorphism, sign }, path) => {
              const entry = matrix.offset + row * matrix.columns + block.columnOffset + copy * block.table.pathCount +
                path;
              const weight = weightOf[entry];
              if (weight < 0) return;
              const target = plan.offsets[o] + (endomorphism * matrix.copies.length + row) * plan.columns[o] + column +
                copy * planes + plane;
              for (let group = 0; group < groups; group++) {
                order[group * plan.weightCount + target] = group * layout.size + weight;
                factors[group * plan.weightCount + target] = sign * (scales?.[weight] ?? 1);
              }
            })
          )
        );
        column += block.copies.length * planes;
      }
      if (column !== plan.columns[o] || actions.length === 0) throw new RangeError("columns of a plan do not add up");
    });
    const same = order.length === groups * layout.size && order.every((weight, i) => weight === i);
    return {
      order: same ? undefined : new Constant(order, [order.length]),
      factors: factors.every((factor) => factor === 1) ? undefined : new Constant(factors, [factors.length]),
    };
  }

  apply(x: Tensor, weights: Tensor, options: Omit<ConvolutionOptions, "groups">): Tensor {
    const groups = this.#groups, [batch, channels, ...size] = x.shape;
    const pixels = size.reduce((count, length) => count * length, 1);
    const irreps = this.#inputBasis.apply(x.reshape([batch, groups, channels / groups, pixels]))
      .reshape([batch, groups * this.plan.inChannels, ...size]);
    const ordered = this.#order === undefined ? weights : selectAt(weights, 0, this.#order);
    const matrices = this.#factors === undefined ? ordered : ordered.mul(this.#factors.like(ordered));
    const products = steerableConvolution(irreps, matrices, this.plan, { ...options, groups });
    const outSize = products.shape.slice(2);
    const outPixels = outSize.reduce((count, length) => count * length, 1);
    const y = this.#outputBasis.apply(products.reshape([batch, groups, this.plan.outChannels, outPixels]));
    return y.reshape([batch, groups * y.shape[2], ...outSize]);
  }
}

/** A kind of input: the copies of one irrep type. */
interface InputKind {
  readonly copies: WeightBlock["copies"];
  readonly size: number;
}

/** The input irrep types that any output takes, in the order of the layout. */
function inputKinds(outputs: readonly OutputPlanes[]): InputKind[] {
  const kinds = new Map<WeightBlock["copies"], number>();
  for (const { matrix } of outputs) {
    for (const { copies, table } of matrix.blocks) kinds.set(copies, table.inSize);
  }
  return [...kinds].map(([copies, size]) => ({ copies, size })).sort((a, b) => a.copies[0].offset - b.copies[0].offset);
}

function planInputs(
  outputs: readonly OutputPlanes[],
  basis: InputBasis,
  coordinates: FilterCoordinates,
): PlanInput[] {
  return inputKinds(outputs).map(({ copies, size }) => ({
    size,
    channels: Int32Array.from(copies, ({ field, position }) => basis.channels[field][position]),
    parts: outputs.flatMap(({ matrix, primaries }, output) => {
      const b = matrix.blocks.findIndex((block) => block.copies === copies);
      if (b < 0) return [];
      const values = coordinates.of(matrix.blocks[b].table);
      const length = values.length / matrix.blocks[b].table.pathCount;
      const chosen = primaries[b];
      const coefficients = new Float64Array(chosen.length * length);
      chosen.forEach((path, i) => coefficients.set(values.subarray(path * length, (path + 1) * length), i * length));
      return [{ output, paths: chosen.length, coefficients }];
    }),
  }));
}
