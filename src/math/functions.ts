/**
 * The elementary functions that src/ and the backends' normal random numbers use in the place of `Math.sin` and its
 * kind: engines differ in the last bits of theirs, these give the same bits everywhere.
 */

export { cbrt, exp, hypot, log, pow } from "./exponential.ts";
export { acos, asin, atan, atan2, cos, sin } from "./trigonometry.ts";
