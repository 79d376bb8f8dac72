/**
 * The structured plan of an equivariant linear map (Schur's lemma): in the irrep basis it only mixes copies of the same irrep, so that one
 * small matrix of weights for each irrep type takes the place of the expanded matrix. Columns of features in that basis stand by irrep type,
 * component and copy, so that all components of a type are multiplied in place.
 */

import { basisChangeFactors } from "../../kernels/normalization.ts";
import { type WeightLayout, type WeightMatrix, weightsOfEntries } from "../../kernels/weight_layout.ts";
import { concatenate, type Tensor } from "../../tensor/mod.ts";
import { localScope } from "../../tensor/scope.ts";
import type { FieldType } from "../field_type.ts";
import { Constant } from "../plain/persistent.ts";
import { type BlockProduct, blockProduct, type ProductBlock } from "./block_product.ts";
import { copyOrder, InputSide, type IrrepRow, OutputSide, sliceOf } from "./linear_sides.ts";
import { Rearrangement } from "./rearrangement.ts";

/** Irrep types between which weights act by matrices of the endomorphisms, expanded together. */
interface Expansion {
  readonly types: number;
  readonly size: number;
  readonly pairs: readonly [outCopies: number, inCopies: number];
  readonly paths: number;
  /** Where its weights begin among the entries. */
  readonly start: number;
  /** [types, paths, size²]. */
  readonly table: Constant;
}

/** What {@linkcode StructuredLinear} does for each sample and in each pass, for the cost model. */
export interface LinearWork {
  /** Multiply-adds of the products with weights, for each sample; thin ones take as long as wider ones. */
  readonly product: number;
  /** Multiply-adds of the changes of basis of input and output, for each sample. */
  readonly basisChange: number;
  /** Numbers that are written on the way to the result, for each sample. */
  readonly written: number;
  /** Numbers that are written to bring the weights into the products' form. */
  readonly weights: number;
  /** Operations on the weights. */
  readonly weightCalls: number;
  /** Operations on features. */
  readonly calls: number;
}

/** Rows and columns of a matrix below which a product gets no faster. */
const THIN = 16;

/** A linear map `[batch, in channels]` → `[batch, out channels]` by irrep types. */
export class StructuredLinear {
  /** What a pass costs. */
  readonly work: LinearWork;
  readonly #product: BlockProduct;
  /** The same with all matrices in one source. */
  readonly #joined: BlockProduct;
  readonly #expansions: readonly Expansion[];
  /** Weights that are matrices as they are: the first of the entries. */
  readonly #plainCount: number;
  /** From weights to the entries of the products' matrices; `undefined` where they are the same. */
  readonly #order: Rearrangement | undefined;
  /** What entries are multiplied by; `undefined` where that is 1. */
  readonly #factors: Constant | undefined;
  readonly #input: InputSide;
  readonly #output: OutputSide;

  /** The plan of a layer with these weights and fields. */
  constructor(layout: WeightLayout, inType: FieldType, outType: FieldType) {
    const inOrder = copyOrder(inType), outOrder = copyOrder(outType);
    const inRows: IrrepRow[] = [], outRows: IrrepRow[] = [];
    // Each entry of the layer's matrices is one of a block's: they only stand in another order.
    const sources = new Int32Array(layout.entryCount),
      weightOf = layout.kept === undefined ? undefined : weightsOfEntries(layout);
    const signs: [start: number, end: number, sign: number][] = [];
    // Where irrep types begin.
    const inBreaks: number[] = [], outBreaks: number[] = [], entryBreaks: number[] = [];
    const blocks: ProductBlock[] = [], expansions: Expansion[] = [], weightSizes: number[] = [];
    let plainCount = 0, next = 0;
    for (const matrices of groupByForm(layout)) {
      const [first] = matrices, { outSize: size, pathCount } = first.blocks[0].table;
      const plain = isMultiple(first), start = next, repeats = plain ? size : 1;
      const inCopies = first.blocks[0].copies.length, outCopies = first.copies.length;
      if (plain) plainCount += matrices.length * inCopies * outCopies;
      else {
        const table = new Float64Array(matrices.length * pathCount * size * size);
        matrices.forEach(({ blocks: [block] }, i) => table.set(block.table.sampled(), i * pathCount * size * size));
        expansions.push({
          types: matrices.length,
          size,
          pairs: [outCopies, inCopies],
          paths: pathCount,
          start,
          table: new Constant(table, [matrices.length, pathCount, size * size]),
        });
      }
      blocks.push({
        types: matrices.length,
        repeats,
        inSize: inCopies * size / repeats,
        outSize: outCopies * size / repeats,
        inStart: inRows.length,
        outStart: outRows.length,
        source: 0,
        start,
      });
      for (const { blocks: [block], copies, offset, columns } of matrices) {
        const ins = inOrder(block.copies), outs = outOrder(copies), begin = next;
        inBreaks.push(inRows.length);
        outBreaks.push(outRows.length);
        entryBreaks.push(next);
        for (let component = 0; component < size; component++) {
          for (const copy of ins) inRows.push({ ...block.copies[copy], component });
          for (const copy of outs) outRows.push({ ...copies[copy], component });
        }
        for (const row of outs) {
          for (const column of ins) {
            const entry = offset + row * columns + column * pathCount;
            for (let path = 0; path < pathCount; path++) {
              sources[next++] = weightOf === undefined ? entry + path : weightOf[entry + path];
            }
          }
        }
        if (plain) signs.push([begin, next, block.table.sampled()[0]]);
      }
    }
    // Sources of matrices: the plain weights, if there are any, and each expansion.
    if (plainCount > 0) weightSizes.push(plainCount);
    for (const { types, size, pairs } of expansions) weightSizes.push(types * size * size * pairs[0] * pairs[1]);
    let expanded = plainCount > 0 ? 1 : 0;
    const placed = blocks.map((block) => block.start < plainCount ? block : { ...block, source: expanded++, start: 0 });
    this.#product = { blocks: placed, inSize: inRows.length, outSize: outRows.length, weightSizes };
    const starts = weightSizes.map((_, source) => weightSizes.slice(0, source).reduce((sum, size) => sum + size, 0));
    this.#joined = {
      ...this.#product,
      blocks: placed.map((block) => ({ ...block, source: 0, start: starts[block.source] + block.start })),
      weightSizes: [weightSizes.reduce((sum, size) => sum + size, 0)],
    };
    this.#expansions = expansions;
    this.#plainCount = plainCount;
    this.#order = Rearrangement.of(sources, layout.size, entryBreaks);
    const scales = basisChangeFactors(layout, inType.representations, outType.representations);
    if (scales !== undefined || signs.some(([, , sign]) => sign !== 1)) {
      const factors = new Float64Array(next).fill(1);
      for (const [from, to, sign] of signs) factors.fill(sign, from, to);
      if (scales !== undefined) sources.forEach((weight, i) => factors[i] *= weight < 0 ? 1 : scales[weight]);
      this.#factors = new Constant(factors, [next]);
    }
    this.#input = new InputSide(inType, inRows, inBreaks);
    this.#output = new OutputSide(outType, outRows, outBreaks);
    this.work = this.#count();
  }

  /** The map of `x` with the flat weights. */
  apply(x: Tensor, weights: Tensor): Tensor {
    return localScope(() =>
      this.#output.apply(blockProduct(this.#product, this.#input.apply(x), this.#matrices(weights)))
    );
  }

  /** What {@linkcode applyPrepared} takes, of the flat weights. */
  prepare(weights: Tensor): Tensor {
    return localScope(() => concatenate(this.#matrices(weights), 0));
  }

  /** The map of `x` with weights from {@linkcode prepare}. */
  applyPrepared(x: Tensor, prepared: Tensor): Tensor {
    return localScope(() => this.#output.apply(blockProduct(this.#joined, this.#input.apply(x), [prepared])));
  }

  /** The matrices of all blocks. */
  #matrices(weights: Tensor): Tensor[] {
    const ordered = this.#order === undefined ? weights : this.#order.apply(weights.reshape([1, -1])).reshape([-1]);
    const entries = this.#factors === undefined ? ordered : ordered.mul(this.#factors.like(ordered));
    const [count] = entries.shape, plain = this.#plainCount;
    const expanded = this.#expansions.map(({ types, size, pairs: [outs, ins], paths, start, table }) =>
      sliceOf(entries, 0, start, types * outs * ins * paths)
        .reshape([types, outs * ins, paths])
        .matmul(table.like(entries))
        .reshape([types, outs, ins, size, size])
        .permute([0, 3, 1, 4, 2])
        .reshape([types * size * outs * size * ins])
    );
    if (plain === 0) return expanded;
    return [plain === count ? entries : sliceOf(entries, 0, 0, plain), ...expanded];
  }

  #count(): LinearWork {
    const { blocks, inSize, outSize, weightSizes } = this.#product;
    const all = weightSizes.reduce((sum, size) => sum + size, 0);
    const ordered = (this.#order === undefined ? 0 : 1) + (this.#factors === undefined ? 0 : 1);
    return {
      product: blocks.reduce(
        (sum, { types, repeats, inSize: from, outSize: to }) =>
          sum + types * repeats * Math.max(THIN, from) * Math.max(THIN, to),
        0,
      ),
      basisChange: this.#input.products + this.#output.products,
      written: this.#input.passes * inSize + (1 + this.#output.passes) * outSize,
      weights: ordered * all + 2 * (all - this.#plainCount),
      weightCalls: ordered + 2 * this.#expansions.length,
      calls: blocks.length + this.#input.calls + this.#output.calls,
    };
  }
}

/** Whether the basis of an irrep type is one multiple of the identity. */
function isMultiple({ blocks: [{ table }] }: WeightMatrix): boolean {
  if (table.pathCount !== 1) return false;
  const size = table.outSize, values = table.sampled();
  return values.every((value, i) => Math.abs(value - (i % (size + 1) === 0 ? values[0] : 0)) < 1e-12);
}

/** The irrep types, those whose products have one shape together; those whose weights are matrices as they are come first. */
function groupByForm({ matrices }: WeightLayout): WeightMatrix[][] {
  const forms = new Map<string, WeightMatrix[]>();
  for (const matrix of matrices) {
    const [{ copies, table }] = matrix.blocks;
    const key = `${table.outSize} ${copies.length} ${matrix.copies.length} ${table.pathCount} ${isMultiple(matrix)}`;
    const list = forms.get(key);
    if (list === undefined) forms.set(key, [matrix]);
    else list.push(matrix);
  }
  return [...forms.values()].sort(([a], [b]) => Number(isMultiple(b)) - Number(isMultiple(a)));
}
