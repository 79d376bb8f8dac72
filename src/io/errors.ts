/**
 * Errors of files that hold tensors.
 */

import { describeError, type ErrorDetails } from "../tensor/errors.ts";

/** A tensor file that is damaged, or does not hold what was asked for. */
export class TensorFileError extends Error {
  /** The facts of the error. */
  readonly details: ErrorDetails;
  /** Makes the error from its facts. */
  constructor(details: ErrorDetails, options?: ErrorOptions) {
    super(describeError(details), options);
    this.name = "TensorFileError";
    this.details = details;
  }
}
