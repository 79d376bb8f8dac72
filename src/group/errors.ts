/**
 * The error of group and representation theory: what a group, element, irrep, subgroup or representation refuses.
 * It carries its facts as fields and words them as every error of the library does.
 */

/** The facts of a {@linkcode GroupError}. */
export interface GroupErrorDetails {
  /** The function or constructor that refused, as the user wrote it. */
  readonly op: string;
  /** What would have been right. */
  readonly expected: string;
  /** What came instead. */
  readonly actual: string;
  /** What to do. */
  readonly hint?: string;
}

/** A value that is no element, irrep id, subgroup id or representation of the group at hand. */
export class GroupError extends RangeError {
  /** The facts of the error. */
  readonly details: GroupErrorDetails;
  /** Makes the error from its facts. */
  constructor(details: GroupErrorDetails) {
    const { op, expected, actual, hint } = details;
    super(`${op}: expected ${expected}, got ${actual}.${hint ? ` ${hint}` : ""}`);
    this.name = "GroupError";
    this.details = details;
  }
}
