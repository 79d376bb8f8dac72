/**
 * The elementary functions that src/ and the backends' normal random numbers use in the place of `Math.sin` and its
 * kind: engines differ in the last bits of theirs, these give the same bits everywhere.
 */

export { cbrt, exp, hypot, log, pow } from "./exponential.ts";
export { cosh, expm1, log1p, sinh, tanh } from "./hyperbolic.ts";
export { acos, asin, atan, atan2, cos, sin } from "./trigonometry.ts";
