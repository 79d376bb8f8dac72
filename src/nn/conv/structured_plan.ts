/**
 * The structured plan of a steerable convolution, which keeps the sparsity of the Wigner-Eckart theorem (Lang & Weiler 2021): in the
 * irrep basis, harmonics of a field are contracted with Clebsch-Gordan coefficients to one plane for each path and output
 * component, whose weights are the layer's weights themselves.
 */

import type { IrreducibleRepresentation } from "../../group/types.ts";
import { basisChangeFactors } from "../../kernels/normalization.ts";
import type { KernelTables } from "../../kernels/kernel_tables.ts";
import { type IrrepCopy, type WeightLayout, weightsOfEntries } from "../../kernels/weight_layout.ts";
import { type PlanInput, type PlanOutput, type SteerablePlan, steerablePlan } from "../../tensor/steerable_plan.ts";
import type { Tensor } from "../../tensor/mod.ts";
import type { FieldType } from "../field_type.ts";
import { Constant, selectAt } from "../plain/persistent.ts";
import type { FilterCoordinates } from "./filter_expansion.ts";
import { type FieldBlock, FromFields, plainBlocks, ToFields } from "./plan_basis.ts";
import {
  type FastConvolution,
  type FastOptions,
  functionsOf,
  type LayerParts,
  type PlanForm,
  runPlan,
} from "./plan_parts.ts";

/** The elements between an irrep type on the plan's input side and one on its output side. */
interface Block {
  /** The irrep type on the input side. */
  readonly kind: number;
  /** Its elements. */
  readonly paths: number;
  /** [paths, output size, input size, functions]. */
  readonly values: Float64Array;
  /** The entry of the layer's weights for copies of both sides and a path. */
  entry(outCopy: number, inCopy: number, path: number): number;
}

/** An irrep type on one side of the plan. */
interface Kind {
  readonly irrep: IrreducibleRepresentation;
  readonly copies: readonly IrrepCopy[];
}

/** The layer as the plan sees it: sides exchanged unless the form is forward. */
interface Sides {
  readonly inputs: readonly Kind[];
  readonly outputs: readonly (Kind & { readonly blocks: readonly Block[] })[];
}

function sidesOf(tables: KernelTables, layout: WeightLayout, coordinates: FilterCoordinates, form: PlanForm): Sides {
  const { group } = tables.basis;
  const found = new Map(layout.matrices.flatMap(({ blocks }) => blocks.map((block) => [block.copies, block.inIrrep])));
  const sorted = [...found].sort(([, a], [, b]) => group.compareIrreps(a, b));
  const ins = sorted.map(([copies, irrep]): Kind => ({ irrep: group.irrep(...irrep), copies }));
  const numbers = new Map(ins.map(({ copies }, i) => [copies, i]));
  const outs = layout.matrices.map(({ outIrrep, copies }): Kind => ({ irrep: group.irrep(...outIrrep), copies }));
  const blocks = layout.matrices.flatMap((matrix, out) =>
    matrix.blocks.map((block) => ({
      in: numbers.get(block.copies)!,
      out,
      paths: block.table.pathCount,
      values: coordinates.of(block.table),
      entry: (outCopy: number, inCopy: number, path: number) =>
        matrix.offset + outCopy * matrix.columns + block.columnOffset + inCopy * block.table.pathCount + path,
    }))
  );
  if (form === "forward") {
    return {
      inputs: ins,
      outputs: outs.map((kind, out) => ({
        ...kind,
        blocks: blocks.filter((block) => block.out === out).sort((a, b) => a.in - b.in)
          .map((block) => ({ ...block, kind: block.in })),
      })),
    };
  }
  return {
    inputs: outs,
    outputs: ins.map((kind, from) => ({
      ...kind,
      blocks: blocks.filter((block) => block.in === from).map((block) => ({
        kind: block.out,
        paths: block.paths,
        values: exchange(block.values, outs[block.out].irrep.size, kind.irrep.size, coordinates.count),
        entry: (outCopy: number, inCopy: number, path: number) => block.entry(inCopy, outCopy, path),
      })),
    })),
  };
}

/** [paths, a, b, functions] → [paths, b, a, functions]. */
function exchange(values: Float64Array, a: number, b: number, count: number): Float64Array {
  const out = new Float64Array(values.length), size = a * b * count;
  for (let p = 0; p < values.length / Math.max(1, size); p++) {
    for (let i = 0; i < a; i++) {
      for (let j = 0; j < b; j++) {
        for (let f = 0; f < count; f++) {
          out[p * size + (j * a + i) * count + f] = values[p * size + (i * b + j) * count + f];
        }
      }
    }
  }
  return out;
}

/** An element that is made from a plane: which one, by which endomorphism of the output, with which sign. */
interface Derived {
  readonly plane: number;
  readonly endomorphism: number;
  readonly sign: number;
}

/** The planes of an output irrep type: some paths of each block, from which the others follow on the output. */
interface OutputPlanes {
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
function outputPlanes(output: Sides["outputs"][number], inputs: readonly Kind[]): OutputPlanes {
  const { size, endomorphisms } = output.irrep;
  const primaries: number[][] = [], derived: Derived[][] = [];
  let paths = 0, planes = 0;
  for (const block of output.blocks) {
    const { values } = block, length = values.length / block.paths;
    const chosen: number[] = [], list: Derived[] = [];
    const images: Float64Array[][] = [];
    for (let path = 0; path < block.paths; path++) {
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
    const copies = inputs[block.kind].copies.length;
    paths += block.paths * copies;
    planes += chosen.length * copies;
  }
  if (endomorphisms.length > 1 && planes * endomorphisms.length <= paths) {
    return { actions: endomorphisms.map((e, i) => i === 0 ? undefined : e), primaries, derived };
  }
  const all = (count: number) => Array.from({ length: count }, (_, i) => i);
  return {
    actions: [undefined],
    primaries: output.blocks.map((block) => all(block.paths)),
    derived: output.blocks.map((block) => all(block.paths).map((plane) => ({ plane, endomorphism: 0, sign: 1 }))),
  };
}

/** What is multiplied for each field of a class: irreps that outputs have, with each of their endomorphisms. */
function productBlocks(type: FieldType, sides: Sides, planes: readonly OutputPlanes[]): FieldBlock[][] {
  return type.classes.map(({ fields }) =>
    sides.outputs.flatMap(({ copies }, o) =>
      copies.filter(({ field }) => field === fields[0]).flatMap(({ position }) =>
        planes[o].actions.map((action) => ({ position, action }))
      )
    )
  );
}

/** The irrep basis: planes for paths and output components, weights as they are. */
export class StructuredConvolution implements FastConvolution {
  readonly plan: SteerablePlan;
  readonly form: PlanForm;
  readonly basisWork: FastConvolution["basisWork"];
  readonly #groups: number;
  readonly #before: FromFields;
  readonly #after: ToFields;
  readonly #makeOrder: () => WeightOrder;
  /** Made when it is first applied: a plan that is only weighed against others needs none. */
  #order: WeightOrder | undefined;

  /** The plan of a layer in a form. */
  constructor({ tables, layout, inType, outType, groups, kernelSize }: LayerParts, form: PlanForm = "forward") {
    const coordinates = functionsOf(tables, form);
    const sides = sidesOf(tables, layout, coordinates, form);
    const planes = sides.outputs.map((output) => outputPlanes(output, sides.inputs));
    this.form = form;
    this.#groups = groups;
    const forward = form === "forward";
    const products = productBlocks(forward ? outType : inType, sides, planes);
    this.#before = new FromFields(inType, forward ? plainBlocks(inType) : products);
    this.#after = new ToFields(outType, forward ? products : plainBlocks(outType));
    this.basisWork = { before: this.#before.work, after: this.#after.work };
    const [source, target] = forward ? [this.#before, this.#after] : [this.#after, this.#before];
    this.plan = steerablePlan({
      functions: coordinates.functions,
      kernelSize,
      inChannels: source.size,
      outChannels: target.size,
      inputs: sides.inputs.map(({ irrep, copies }, kind): PlanInput => ({
        size: irrep.size,
        channels: Int32Array.from(copies, ({ field, position }) => source.channel(field, position, 0)),
        parts: sides.outputs.flatMap(({ blocks }, output) => {
          const b = blocks.findIndex((block) => block.kind === kind);
          if (b < 0) return [];
          const { values, paths } = blocks[b], length = values.length / paths, chosen = planes[output].primaries[b];
          const coefficients = new Float64Array(chosen.length * length);
          chosen.forEach((path, i) =>
            coefficients.set(values.subarray(path * length, (path + 1) * length), i * length)
          );
          return [{ output, paths: chosen.length, coefficients }];
        }),
      })),
      outputs: sides.outputs.map(({ irrep, copies }, o): PlanOutput => ({
        size: irrep.size,
        channels: Int32Array.from(
          planes[o].actions.flatMap((_, e) => copies.map(({ field, position }) => target.channel(field, position, e))),
        ),
      })),
    });
    this.#makeOrder = () => {
      const scales = basisChangeFactors(layout, inType.representations, outType.representations);
      return weightOrder(this.plan, sides, planes, layout, groups, scales);
    };
  }

  apply(x: Tensor, weights: Tensor, options: FastOptions): Tensor {
    const groups = this.#groups, [batch, channels, ...size] = x.shape;
    const count = (sizes: readonly number[]) => sizes.reduce((product, length) => product * length, 1);
    const irreps = this.#before.apply(x.reshape([batch, groups, channels / groups, count(size)]));
    const { order, factors } = this.#order ??= this.#makeOrder();
    const ordered = order === undefined ? weights : selectAt(weights, 0, order);
    const matrices = factors === undefined ? ordered : ordered.mul(factors.like(ordered));
    const middle = runPlan(this, irreps.reshape([batch, groups * irreps.shape[2], ...size]), matrices, groups, options);
    const outSize = middle.shape.slice(2);
    const y = this.#after.apply(middle.reshape([batch, groups, this.#after.size, count(outSize)]));
    return y.reshape([batch, groups * y.shape[2], ...outSize]);
  }
}

/** The weight and the factor of each entry of a plan's matrices. */
interface WeightOrder {
  /** The weight at each entry, all groups; `undefined` where they are the same. */
  readonly order: Constant | undefined;
  /** What each is multiplied by, 0 for entries without a weight; `undefined` where all are 1. */
  readonly factors: Constant | undefined;
}

function weightOrder(
  plan: SteerablePlan,
  sides: Sides,
  planes: readonly OutputPlanes[],
  layout: WeightLayout,
  groups: number,
  scales: Float64Array | undefined,
): WeightOrder {
  const order = new Int32Array(groups * plan.weightCount), factors = new Float64Array(groups * plan.weightCount);
  const weightOf = weightsOfEntries(layout);
  sides.outputs.forEach(({ copies, blocks }, o) => {
    let column = 0;
    blocks.forEach((block, b) => {
      const inCopies = sides.inputs[block.kind].copies.length, width = planes[o].primaries[b].length;
      for (let row = 0; row < copies.length; row++) {
        for (let copy = 0; copy < inCopies; copy++) {
          planes[o].derived[b].forEach(({ plane, endomorphism, sign }, path) => {
            const weight = weightOf[block.entry(row, copy, path)];
            if (weight < 0) return;
            const target = plan.offsets[o] + (endomorphism * copies.length + row) * plan.columns[o] + column +
              copy * width + plane;
            for (let group = 0; group < groups; group++) {
              order[group * plan.weightCount + target] = group * layout.size + weight;
              factors[group * plan.weightCount + target] = sign * (scales?.[weight] ?? 1);
            }
          });
        }
      }
      column += inCopies * width;
    });
  });
  const same = order.length === groups * layout.size && order.every((weight, i) => weight === i);
  return {
    order: same ? undefined : new Constant(order, [order.length]),
    factors: factors.every((factor) => factor === 1) ? undefined : new Constant(factors, [factors.length]),
  };
}
