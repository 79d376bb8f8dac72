/**
 * The named errors of the tensor library. Each carries its facts as fields (`op`, `expected`, `actual`, `hint`)
 * and one function words them all: what was expected, what came, what to do.
 */

/** The facts of an error, from which {@linkcode describeError} makes the message. */
export interface ErrorDetails {
  /** The operation or constructor that refused, as the user wrote it. */
  readonly op: string;
  /** What would have been right, in the affirmative. */
  readonly expected: string;
  /** What came instead. */
  readonly actual: string;
  /** What to do: the option, the flag, the package, the layer to use instead. */
  readonly hint?: string;
}

/** Words an error: `op: expected …, got …. hint.` */
export function describeError(details: ErrorDetails): string {
  const { op, expected, actual, hint } = details;
  // A cause that is quoted as `actual` may end its own sentence.
  const end = actual.endsWith(".") ? "" : ".";
  return `${op}: expected ${expected}, got ${actual}${end}${hint ? ` ${hint}${/[.!)]$/.test(hint) ? "" : "."}` : ""}`;
}

/** A shape, rank or size that an operation cannot take. */
export class ShapeError extends RangeError {
  /** The facts of the error. */
  readonly details: ErrorDetails;
  /** Makes the error from its facts. */
  constructor(details: ErrorDetails) {
    super(describeError(details));
    this.name = "ShapeError";
    this.details = details;
  }
}

/** An element type that an operation cannot take. */
export class DTypeError extends TypeError {
  /** The facts of the error. */
  readonly details: ErrorDetails;
  /** Makes the error from its facts. */
  constructor(details: ErrorDetails) {
    super(describeError(details));
    this.name = "DTypeError";
    this.details = details;
  }
}

/** An argument or option outside its range. */
export class ArgumentError extends RangeError {
  /** The facts of the error. */
  readonly details: ErrorDetails;
  /** Makes the error from its facts. */
  constructor(details: ErrorDetails) {
    super(describeError(details));
    this.name = "ArgumentError";
    this.details = details;
  }
}

/** Tensors that live on different backends, or on one that has been disposed. */
export class BackendMismatchError extends TypeError {
  /** The facts of the error. */
  readonly details: ErrorDetails;
  /** Makes the error from its facts. */
  constructor(details: ErrorDetails) {
    super(describeError(details));
    this.name = "BackendMismatchError";
    this.details = details;
  }
}

/** A backend that cannot start here, or an operation that it lacks. */
export class BackendError extends Error {
  /** The facts of the error. */
  readonly details: ErrorDetails;
  /** Makes the error from its facts. */
  constructor(details: ErrorDetails, options?: ErrorOptions) {
    super(describeError(details), options);
    this.name = "BackendError";
    this.details = details;
  }
}

/** Use of a tensor, module or backend after it was disposed. */
export class DisposedError extends Error {
  /** The facts of the error. */
  readonly details: ErrorDetails;
  /** Makes the error from its facts. */
  constructor(details: ErrorDetails) {
    super(describeError(details));
    this.name = "DisposedError";
    this.details = details;
  }
}

/** A gradient that cannot be computed: no graph, a freed graph, a non-scalar root. */
export class GradientError extends Error {
  /** The facts of the error. */
  readonly details: ErrorDetails;
  /** Makes the error from its facts. */
  constructor(details: ErrorDetails) {
    super(describeError(details));
    this.name = "GradientError";
    this.details = details;
  }
}

/** Memory that a backend cannot give: names the request, the live bytes and the limit. */
export class OutOfMemoryError extends RangeError {
  /** The facts of the error. */
  readonly details: ErrorDetails;
  /** Makes the error from its facts. */
  constructor(details: ErrorDetails) {
    super(describeError(details));
    this.name = "OutOfMemoryError";
    this.details = details;
  }
}

/** Scopes that end out of order, or a tensor kept outside any scope that could hold it. */
export class ScopeError extends Error {
  /** The facts of the error. */
  readonly details: ErrorDetails;
  /** Makes the error from its facts. */
  constructor(details: ErrorDetails) {
    super(describeError(details));
    this.name = "ScopeError";
    this.details = details;
  }
}

/** NaN or an infinity where numbers must be finite: a loss, a gradient. */
export class NonFiniteError extends RangeError {
  /** The facts of the error. */
  readonly details: ErrorDetails;
  /** Makes the error from its facts. */
  constructor(details: ErrorDetails) {
    super(describeError(details));
    this.name = "NonFiniteError";
    this.details = details;
  }
}
