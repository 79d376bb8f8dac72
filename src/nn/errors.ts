/**
 * The named errors of equivariant modules. Each carries its facts as fields and is worded as all errors of the library are.
 */

import { describeError, type ErrorDetails } from "../tensor/errors.ts";

/** A field type that a module or operation cannot take; the message names the expected type and the one that came. */
export class FieldTypeError extends TypeError {
  /** The facts of the error. */
  readonly details: ErrorDetails;
  /** Makes the error from its facts. */
  constructor(details: ErrorDetails) {
    super(describeError(details));
    this.name = "FieldTypeError";
    this.details = details;
  }
}

/** A map that does not commute with the group: found by `checkEquivariance`. */
export class EquivarianceError extends Error {
  /** The facts of the error. */
  readonly details: ErrorDetails;
  /** Makes the error from its facts. */
  constructor(details: ErrorDetails) {
    super(describeError(details));
    this.name = "EquivarianceError";
    this.details = details;
  }
}

/** A module, or an option of it, that has no counterpart among the plain layers. */
export class ExportError extends Error {
  /** The facts of the error. */
  readonly details: ErrorDetails;
  /** Makes the error from its facts. */
  constructor(details: ErrorDetails) {
    super(describeError(details));
    this.name = "ExportError";
    this.details = details;
  }
}

/** A network that cannot be compiled, and the module that is the reason. */
export class CompileError extends Error {
  /** The facts of the error. */
  readonly details: ErrorDetails;
  /** Makes the error from its facts. */
  constructor(details: ErrorDetails) {
    super(describeError(details));
    this.name = "CompileError";
    this.details = details;
  }
}
