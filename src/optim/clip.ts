/**
 * Gradient clipping: by the norm of all gradients together, or by value. Norms stay on the device; nothing waits.
 */

import * as E from "../tensor/expr.ts";
import { mapInPlace, noGrad, reduce, type Tensor } from "../tensor/mod.ts";
import { checkOption } from "./parameter_groups.ts";

function gradientsOf(parameters: Iterable<Tensor>): Tensor[] {
  return [...parameters].flatMap((parameter) => parameter.grad === undefined ? [] : [parameter.grad]);
}

/**
 * Scales all gradients by one factor so that their common Euclidean norm is at most `maximum`; returns the norm before, a scalar
 * tensor. Parameters without gradient are passed over; `undefined` is returned when none has one.
 */
export function clipGradientNorm(parameters: Iterable<Tensor>, maximum: number): Tensor | undefined {
  checkOption("clipGradientNorm", "maximum", maximum);
  const gradients = gradientsOf(parameters);
  if (gradients.length === 0) return undefined;
  return noGrad(() => {
    const squares = gradients.map((gradient) => reduce([gradient], "sum", undefined, (g) => E.square(g)));
    const norm = squares.slice(1).reduce((sum, square) => sum.add(square), squares[0]).sqrt();
    for (const gradient of gradients) {
      // The small constant is PyTorch's: it keeps the factor finite at norm zero.
      mapInPlace([gradient], [norm], [maximum], ([g], [n], [limit]) => [
        E.mul(g, E.minimum(E.div(limit, E.add(E.cast(n, g.dtype), 1e-6)), 1)),
      ]);
    }
    return norm;
  });
}

/** Limits each element of each gradient to `[−maximum, maximum]`. */
export function clipGradientValue(parameters: Iterable<Tensor>, maximum: number): void {
  checkOption("clipGradientValue", "maximum", maximum);
  noGrad(() => {
    for (const gradient of gradientsOf(parameters)) {
      mapInPlace([gradient], [], [maximum], ([g], _, [limit]) => [E.maximum(E.minimum(g, limit), E.neg(limit))]);
    }
  });
}
