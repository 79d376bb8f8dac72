/**
 * The error of state dicts: it lists everything that does not fit at once, so that one attempt tells the whole story.
 * It carries its facts as fields, as every error of the library does.
 */

import { describeError, type ErrorDetails } from "../../tensor/errors.ts";

/** What does not fit between a state dict and a module. */
export interface StateDictProblems {
  /** Names that the module has and the state dict lacks. */
  readonly missing: readonly string[];
  /** Names that the state dict has and the module lacks. */
  readonly unexpected: readonly string[];
  /** Entries of another shape or kind of number, each as `name: expected …, got …`. */
  readonly misshapen: readonly string[];
}

/** A state dict that does not fit the module into which it is loaded. Nothing has been changed. */
export class StateDictError extends TypeError {
  /** The facts of the error. */
  readonly details: ErrorDetails;
  /** All names that do not fit. */
  readonly problems: StateDictProblems;
  /** Makes the error from its facts. */
  constructor(details: ErrorDetails, problems: StateDictProblems = { missing: [], unexpected: [], misshapen: [] }) {
    super(describeError(details));
    this.name = "StateDictError";
    this.details = details;
    this.problems = problems;
  }
}
