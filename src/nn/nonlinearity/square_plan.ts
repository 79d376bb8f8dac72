/**
 * The structured plan of a tensor product of each field with itself: in the irrep basis, fused kernels that form only those products of
 * two components that Clebsch-Gordan coefficients join, and add them up with the trained numbers, where the other plan writes all products
 * and multiplies them by an expanded matrix.
 */

import type { Representation } from "../../group/types.ts";
import { basisChangeFactors } from "../../kernels/normalization.ts";
import { type WeightLayout, weightsOfEntries } from "../../kernels/weight_layout.ts";
import { needsGrad, record, viewOf } from "../../tensor/core.ts";
import type { FloatDType } from "../../tensor/dtype.ts";
import * as E from "../../tensor/expr.ts";
import type { Expr } from "../../tensor/expr.ts";
import { runMap } from "../../tensor/fused.ts";
import { type FusedPlan, fusedPlan } from "../../tensor/fused_plan.ts";
import { stack, type Tensor, zeros } from "../../tensor/mod.ts";
import { localScope } from "../../tensor/scope.ts";
import { Rearrangement } from "../conv/rearrangement.ts";
import { Constant } from "../plain/persistent.ts";
import { type SquareForm, squareForms, type SquareSlot, type SquareTerm } from "./square_forms.ts";

/** Inputs, trained numbers and results of a kernel: with its gradient's, so that second derivatives are kernels too. */
const MOST_OPERANDS = 30;

/** Terms of a kernel: larger ones take long to compile. */
const MOST_TERMS = 240;

/** Terms with one trained number for one row. */
interface Unit {
  readonly form: number;
  readonly row: number;
  readonly terms: readonly SquareTerm[];
}

/** A kernel: which components and trained numbers it reads, and which rows it gives. */
interface Piece {
  readonly components: readonly number[];
  readonly forms: readonly number[];
  readonly rows: readonly number[];
  readonly units: readonly Unit[];
}

/** What {@linkcode StructuredSquare} does at each position of a field, for the cost model. */
export interface SquareWork {
  /** Multiplications and additions of the kernels. */
  readonly terms: number;
  /** Multiply-adds of the changes of basis. */
  readonly basisChange: number;
  /** Numbers read and written. */
  readonly touched: number;
  /** Operations of a pass. */
  readonly calls: number;
}

/** The map x ↦ W (x ⊗ x) of each field by irreps. */
export class StructuredSquare {
  /** What a pass costs. */
  readonly work: SquareWork;
  readonly #fields: number;
  readonly #size: number;
  readonly #outSize: number;
  /** From flat weights to those of each field, [fields, slots]. */
  readonly #order: Rearrangement | undefined;
  readonly #factors: Constant | undefined;
  /** [slots, forms]; `undefined` where every trained number has a form of its own. */
  readonly #combination: Constant | undefined;
  readonly #formCount: number;
  readonly #pieces: readonly Piece[];
  /** For each row of the result the pieces that add to it and their positions in those. */
  readonly #sums: readonly (readonly (readonly [piece: number, position: number])[])[];
  readonly #plans = new Map<FloatDType, readonly FusedPlan[]>();
  /** [size, size] to the irrep basis, and [out size, rows] back; `undefined` where nothing changes. */
  readonly #before: Constant | undefined;
  readonly #after: Constant | undefined;

  /**
   * The plan of a module.
   *
   * @param layout The meaning of the weights of a map from one field of ρ ⊗ ρ to the output's fields.
   * @param fields The number of fields.
   * @param rho ρ.
   * @param product ρ ⊗ ρ.
   * @param out The output's representation.
   */
  constructor(layout: WeightLayout, fields: number, rho: Representation, product: Representation, out: Representation) {
    const { slots, forms, combination } = squareForms(layout, rho, product, out);
    this.#fields = fields;
    this.#size = rho.size;
    this.#outSize = out.size;
    this.#formCount = forms.length;
    this.#order = Rearrangement.of(weightPositions(layout, fields, slots), layout.size);
    const factors = basisChangeFactors(layout, [product], new Array<Representation>(fields).fill(out));
    this.#factors = factors === undefined ? undefined : new Constant(factors, [factors.length]);
    const own = slots.length === forms.length &&
      combination.every((value, i) => value === (i % (slots.length + 1) === 0 ? 1 : 0));
    this.#combination = own ? undefined : new Constant(combination, [slots.length, forms.length]);
    this.#pieces = cutPieces(forms);
    const rows = [...new Set(this.#pieces.flatMap((piece) => piece.rows))].sort((a, b) => a - b);
    this.#sums = rows.map((row) =>
      this.#pieces.flatMap((piece, p): [number, number][] => {
        const position = piece.rows.indexOf(row);
        return position < 0 ? [] : [[p, position]];
      })
    );
    this.#before = rho.isIrrepBasis ? undefined : new Constant(rho.changeOfBasisInverse, [rho.size, rho.size]);
    if (!out.isIrrepBasis || rows.length < out.size) {
      const columns = new Float64Array(out.size * rows.length);
      for (let channel = 0; channel < out.size; channel++) {
        rows.forEach((row, i) => columns[channel * rows.length + i] = out.changeOfBasis[channel * out.size + row]);
      }
      this.#after = new Constant(columns, [out.size, rows.length]);
    }
    this.work = {
      terms: this.#pieces.reduce((sum, { units }) => sum + units.reduce((n, { terms }) => n + terms.length + 1, 0), 0),
      basisChange: (this.#before === undefined ? 0 : rho.size ** 2) +
        (this.#after === undefined ? 0 : out.size * rows.length),
      touched: (this.#before === undefined ? 0 : rho.size) + (this.#after === undefined ? 1 : 2) * out.size +
        this.#pieces.reduce((sum, piece) => sum + piece.components.length + piece.rows.length, 0),
      calls: this.#pieces.length + rows.length + 3 + (this.#before === undefined ? 0 : 1) +
        (this.#after === undefined ? 0 : 1),
    };
  }

  /** Whether all forms vanish, as that from vectors to vectors, which is antisymmetric: then there is nothing to compute. */
  get isEmpty(): boolean {
    return this.#pieces.length === 0;
  }

  /** The map of `x` `[batch, fields · size, …spatial]` with the flat weights. */
  apply(x: Tensor, weights: Tensor): Tensor {
    return localScope(() => {
      const [batch, , ...spatial] = x.shape, positions = spatial.reduce((a, b) => a * b, 1);
      const fields = this.#fields, view = x.reshape([batch, fields, this.#size, positions]);
      const components = unstack(this.#before === undefined ? view : changed(this.#before, view));
      const numbers = this.#numbers(weights);
      const shape = [batch, fields, positions], plans = this.#plansOf(x.dtype as FloatDType);
      const results = this.#pieces.map((piece, p) =>
        runMap(
          "tensor square",
          plans[p],
          [...piece.components.map((i) => components[i]), ...piece.forms.map((form) => numbers[form])],
          [],
          shape,
        )
      );
      const rows = this.#sums.map((parts) =>
        parts.map(([piece, position]) => results[piece][position]).reduce((sum, part) => sum.add(part))
      );
      const stacked = stack(rows, 2);
      return (this.#after === undefined ? stacked : changed(this.#after, stacked))
        .reshape([batch, fields * this.#outSize, ...spatial]);
    });
  }

  /** The numbers of the forms, [1, fields, 1] each. */
  #numbers(weights: Tensor): Tensor[] {
    const scaled = this.#factors === undefined ? weights : weights.mul(this.#factors.like(weights));
    const ordered = this.#order === undefined ? scaled : this.#order.apply(scaled.reshape([1, scaled.size]));
    const slots = ordered.reshape([this.#fields, ordered.size / this.#fields]);
    const numbers = this.#combination === undefined ? slots : slots.matmul(this.#combination.like(slots));
    return unstack(numbers.reshape([1, this.#fields, this.#formCount, 1]));
  }

  #plansOf(dtype: FloatDType): readonly FusedPlan[] {
    let plans = this.#plans.get(dtype);
    if (plans === undefined) this.#plans.set(dtype, plans = this.#pieces.map((piece) => pieceKernel(piece, dtype)));
    return plans;
  }
}

/** The matrix applied to the third axis of `[batch, fields, size, positions]`. */
function changed(matrix: Constant, x: Tensor): Tensor {
  const [batch, fields, size, positions] = x.shape, [rows] = matrix.shape;
  if (positions !== 1) return matrix.like(x).matmul(x);
  return x.reshape([batch * fields, size]).matmul(matrix.like(x).transpose(0, 1)).reshape([batch, fields, rows, 1]);
}

/** The components `[a, b, positions]` of `[a, b, size, positions]` as views, whose gradients are joined in one pass. */
function unstack(x: Tensor): Tensor[] {
  const [a, b, size, positions] = x.shape, [first, second, third, fourth] = x.strides;
  const views = Array.from(
    { length: size },
    (_, i) => viewOf(x, { shape: [a, b, positions], strides: [first, second, fourth], offset: x.offset + i * third }),
  );
  if (needsGrad([x])) {
    const { dtype, backend } = x;
    record("components", [x], views, [], (gradients) => [
      stack(gradients.map((gradient) => gradient ?? zeros([a, b, positions], { dtype, backend })), 2),
    ]);
  }
  return views;
}

/** The weight of each slot of each field, −1 where a filter removed it: [fields · slots]. */
function weightPositions(layout: WeightLayout, fields: number, slots: readonly SquareSlot[]): Int32Array {
  const weightOf = weightsOfEntries(layout), positions = new Int32Array(fields * slots.length);
  slots.forEach(({ matrix, position, column }, slot) =>
    matrix.copies.forEach((copy, row) => {
      if (copy.position !== position) return;
      positions[copy.field * slots.length + slot] = weightOf[matrix.offset + row * matrix.columns + column];
    })
  );
  return positions;
}

/** Cuts the forms into kernels of few operands and terms; rows of an irrep stay together where that goes. */
function cutPieces(forms: readonly SquareForm[]): Piece[] {
  const pieces: Unit[][] = [];
  let open: Unit[] = [];
  const add = (units: readonly Unit[]): void => {
    if (fits([...open, ...units])) open.push(...units);
    else if (fits(units)) {
      pieces.push(open);
      open = [...units];
    } else if (units.length > 1) {
      add(units.slice(0, units.length >> 1));
      add(units.slice(units.length >> 1));
    } else {
      const [{ form, row, terms }] = units, half = terms.length >> 1;
      add([{ form, row, terms: terms.slice(0, half) }]);
      add([{ form, row, terms: terms.slice(half) }]);
    }
  };
  // Forms that reach the same rows follow each other.
  const groups = new Map<number, Unit[]>();
  forms.forEach(({ rows }, form) => {
    const units = rows.map(({ row, terms }): Unit => ({ form, row, terms }));
    const key = Math.min(...rows.map(({ row }) => row)), group = groups.get(key);
    if (group === undefined) groups.set(key, units);
    else group.push(...units);
  });
  for (const units of groups.values()) add(units);
  pieces.push(open);
  return pieces.filter((units) => units.length > 0).map((units): Piece => ({ ...operandsOf(units), units }));
}

function operandsOf(units: readonly Unit[]): Omit<Piece, "units"> {
  const sorted = (values: Iterable<number>) => [...new Set(values)].sort((a, b) => a - b);
  return {
    components: sorted(units.flatMap(({ terms }) => terms.flatMap(({ i, j }) => [i, j]))),
    forms: sorted(units.map(({ form }) => form)),
    rows: sorted(units.map(({ row }) => row)),
  };
}

function fits(units: readonly Unit[]): boolean {
  const { components, forms, rows } = operandsOf(units);
  return components.length + forms.length + rows.length <= MOST_OPERANDS &&
    (units.length <= 1 || units.reduce((sum, { terms }) => sum + terms.length, 0) <= MOST_TERMS);
}

/** The kernel of a piece: Σ over forms of the trained number · Σ value · z_i z_j, for each row. */
function pieceKernel({ components, forms, rows, units }: Piece, dtype: FloatDType): FusedPlan {
  const inputs = [...components, ...forms].map((_, i) => E.input(i, dtype));
  const component = new Map(components.map((c, i) => [c, inputs[i]]));
  const number = new Map(forms.map((form, i) => [form, inputs[components.length + i]]));
  const sum = (parts: readonly Expr[]): Expr => parts.reduce((a, b) => E.add(a, b));
  const expressions = rows.map((row) =>
    sum(
      units.filter((unit) => unit.row === row).map(({ form, terms }) =>
        E.mul(
          number.get(form)!,
          sum(terms.map(({ i, j, value }) => {
            const product = E.mul(component.get(i)!, component.get(j)!);
            return value === 1 ? product : E.mul(product, value);
          })),
        )
      ),
    )
  );
  return fusedPlan(expressions, inputs.map(() => dtype));
}
