/**
 * The errors of kernel bases: parameters that make no sense, and bases with no element at all.
 */

/** The facts of a {@linkcode KernelError}. */
export interface KernelErrorDetails {
  /** The function or constructor that refused. */
  readonly op: string;
  /** What would have been right. */
  readonly expected: string;
  /** What came instead. */
  readonly actual: string;
  /** What to do. */
  readonly hint?: string;
}

/** Parameters of a kernel basis that make no sense. */
export class KernelError extends RangeError {
  /** The facts of the error. */
  readonly details: KernelErrorDetails;
  /** Makes the error from its facts. */
  constructor(details: KernelErrorDetails) {
    const { op, expected, actual, hint } = details;
    super(`${op}: expected ${expected}, got ${actual}.${hint ? ` ${hint}` : ""}`);
    this.name = "KernelError";
    this.details = details;
  }
}

/** A convolution none of whose pairs of fields has a steerable kernel: it could only return zeros. */
export class EmptyBasisError extends KernelError {
  /** Makes the error from its facts. */
  constructor(details: KernelErrorDetails) {
    super(details);
    this.name = "EmptyBasisError";
  }
}
