/**
 * What backends that generate kernels from expressions share: the leaves of expressions, keys and caches of what was compiled, strides
 * of positions, and the check that a view lies within its buffer.
 */

import type { View } from "./backend.ts";
import { BYTES_PER_ELEMENT } from "./dtype.ts";
import { ShapeError } from "./errors.ts";
import { type Expr, type IndexExpr, type InputExpr, type ScalarExpr, topologicalOrder } from "./expr.ts";
import { contiguousStrides, formatShape, type Shape } from "./layout.ts";

/** The leaves of some expressions, each once, in the order in which kernels number them. */
export interface Leaves {
  /** Input nodes. */
  readonly inputs: readonly InputExpr[];
  /** Positions. */
  readonly indices: readonly IndexExpr[];
  /** Runtime scalars. */
  readonly scalars: readonly ScalarExpr[];
}

/** Collects the leaves of expressions. */
export function leavesOf(expressions: readonly Expr[]): Leaves {
  const inputs: InputExpr[] = [];
  const indices: IndexExpr[] = [];
  const scalars: ScalarExpr[] = [];
  for (const node of topologicalOrder(expressions)) {
    if (node.kind === "input") inputs.push(node);
    else if (node.kind === "index") indices.push(node);
    else if (node.kind === "scalar") scalars.push(node);
  }
  return { inputs, indices, scalars };
}

/** A position along an axis, or the row-major one, as strides in elements over a shape. */
export function indexStrides(axis: IndexExpr["axis"], shape: Shape): readonly number[] {
  return axis === "linear" ? contiguousStrides(shape) : shape.map((_, other) => other === axis ? 1 : 0);
}

/** The key of a call in a cache of plans: expressions, shape and strides. */
export function callKey(
  prefix: string,
  expressions: readonly Expr[],
  shape: Shape,
  inputs: readonly View[],
  outputs: readonly View[],
): string {
  let key = prefix;
  for (const expression of expressions) key += expression.key;
  key += `|${shape}`;
  for (const view of outputs) key += `|${view.strides}`;
  for (const view of inputs) key += `|${view.strides}`;
  return key;
}

/** A map that forgets everything when it has grown beyond a limit, so that changing shapes do not pile up. */
export class PlanCache<T> {
  readonly #plans = new Map<string, T>();
  readonly #limit: number;

  /** A cache of at most `limit` plans. */
  constructor(limit = 8192) {
    this.#limit = limit;
  }

  /** The plan under a key, made when it is missing. */
  get(key: string, make: () => T): T {
    let plan = this.#plans.get(key);
    if (plan === undefined) {
      if (this.#plans.size >= this.#limit) this.#plans.clear();
      plan = make();
      this.#plans.set(key, plan);
    }
    return plan;
  }
}

/**
 * Checks that a view's elements lie within a buffer of `bytes` bytes: kernels do not look.
 *
 * @throws ShapeError when an element lies outside.
 */
export function requireViewWithin(view: View, bytes: number, op: string): void {
  const { shape, strides, offset } = view;
  let [first, last] = [offset, offset];
  for (let axis = 0; axis < shape.length; axis++) {
    if (shape[axis] === 0) return;
    const reach = strides[axis] * (shape[axis] - 1);
    if (reach > 0) last += reach;
    else first += reach;
  }
  if (first >= 0 && (last + 1) * BYTES_PER_ELEMENT[view.dtype] <= bytes) return;
  throw new ShapeError({
    op,
    expected: `a view within its buffer of ${bytes} bytes`,
    actual: `${view.dtype} elements ${first} to ${last}`,
    hint: `Check shape ${formatShape(shape)}, strides ${formatShape(strides)} and offset ${offset}`,
  });
}
