/**
 * Errors of datasets and their files: what was looked for, what was found, what to do.
 */

import { describeError, DisposedError, type ErrorDetails } from "../tensor/errors.ts";

/** A data file that is missing, truncated, or not in the format that was expected. */
export class DataError extends Error {
  /** The facts of the error. */
  readonly details: ErrorDetails;
  /** Makes the error from its facts. */
  constructor(details: ErrorDetails, options?: ErrorOptions) {
    super(describeError(details), options);
    this.name = "DataError";
    this.details = details;
  }
}

/** A batch that could not be prepared: in a worker, or by a module of the user's. `cause` is the error that was thrown there. */
export class LoaderError extends Error {
  /** The facts of the error. */
  readonly details: ErrorDetails;
  /** Makes the error from its facts. */
  constructor(details: ErrorDetails, options?: ErrorOptions) {
    super(describeError(details), options);
    this.name = "LoaderError";
    this.details = details;
  }
}

/** The error of a loader that is used after it was disposed of. */
export function loaderDisposed(op: string): DisposedError {
  return new DisposedError({ op, expected: "a loader in use", actual: "one that was disposed of" });
}
