// Errors of the runtime adapters. Each carries what was attempted and what to do about it as fields, so that callers can
// react without reading messages.

/** Fields of a {@linkcode RuntimeAdapterError}. */
export interface RuntimeErrorFields {
  /** The operation that failed: "readFile". */
  op: string;
  /** What it was applied to: a path, a variable, a script. */
  subject?: string;
  /** What to do: a flag, another call. */
  hint?: string;
  /** The runtime's own error. */
  cause?: unknown;
}

/** Base class of the errors of `src/runtime`. */
export class RuntimeAdapterError extends Error {
  /** The class's name. */
  override name = "RuntimeAdapterError";
  /** The operation that failed. */
  readonly op: string;
  /** What it was applied to. */
  readonly subject: string | undefined;
  /** What to do about it. */
  readonly hint: string | undefined;

  /**
   * Makes the error from its facts.
   *
   * @param what What happened, without a final period.
   * @param fields The same as data.
   */
  constructor(what: string, { op, subject, hint, cause }: RuntimeErrorFields) {
    super(hint === undefined ? what : `${what}: ${hint}`, { cause });
    this.op = op;
    this.subject = subject;
    this.hint = hint;
  }
}

/** A file or folder could not be read or written. `code` is the system's code, for example "ENOENT". */
export class FileError extends RuntimeAdapterError {
  /** The class's name. */
  override name = "FileError";
  /** The system's code: "ENOENT" (not found), "EACCES", "ENOTDIR", "EISDIR", …; "" when there is none. */
  readonly code: string;

  /**
   * Makes the error from its facts.
   *
   * @param what What happened.
   * @param code The system's code.
   * @param fields The same as data.
   */
  constructor(what: string, code: string, fields: RuntimeErrorFields) {
    super(what, fields);
    this.code = code;
  }
}

/** The runtime was started without a permission that the operation needs. `flag` is what to add to the command line. */
export class RuntimePermissionError extends RuntimeAdapterError {
  /** The class's name. */
  override name = "RuntimePermissionError";
  /** The flag that grants the permission: "--allow-read". */
  readonly flag: string;

  /**
   * Makes the error from its facts.
   *
   * @param flag The flag that grants the permission.
   * @param fields The operation and its subject.
   */
  constructor(flag: string, fields: RuntimeErrorFields) {
    super(`${fields.op} of ${fields.subject} is not permitted`, { hint: `run with ${flag}`, ...fields });
    this.flag = flag;
  }
}

/** The runtime has no such facility: files in a browser, for example. */
export class RuntimeUnsupportedError extends RuntimeAdapterError {
  /** The class's name. */
  override name = "RuntimeUnsupportedError";

  /**
   * Makes the error from its facts.
   *
   * @param runtime The runtime's name.
   * @param fields The operation and what to do instead.
   */
  constructor(runtime: string, fields: RuntimeErrorFields) {
    super(`${fields.op} does not exist in the runtime "${runtime}"`, fields);
  }
}

/** Scopes of a context storage without asynchronous tracking ended in another order than they began. */
export class ScopeOrderError extends RuntimeAdapterError {
  /** The class's name. */
  override name = "ScopeOrderError";
  /** Which scope ended while which other was current. */
  readonly detail: string;

  /**
   * Makes the error from its facts.
   *
   * @param detail Which scope ended while which other was current.
   */
  constructor(detail: string) {
    super(`Scopes ended out of order (${detail})`, {
      op: "leave",
      hint:
        "this runtime cannot follow concurrent asynchronous scopes; end each scope before the one around it ends, " +
        "or await one asynchronous scope before the next begins",
    });
    this.detail = detail;
  }
}
