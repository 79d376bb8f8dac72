// Errors of the native-call layer: there are no native calls, a library was not found, a symbol is missing. Each says
// what was tried, on which platform, which permission is missing and what to install.

/** One attempt to open a library. */
export interface OpenAttempt {
  /** The path or name. */
  path: string;
  /** Why it failed: the loader's words, or the missing permission. */
  reason: string;
}

/** This process cannot call native code at all. */
export class FfiUnavailableError extends Error {
  override name = "FfiUnavailableError";
  /** What was looked for: "Deno.dlopen", "bun:ffi", "node:ffi", "koffi". */
  readonly tried: readonly string[];
  /** Operating system and machine: "linux-x64". */
  readonly platform: string;
  /** The flag that grants the missing permission: "--allow-ffi"; `undefined` when it is not a matter of permission. */
  readonly missingPermission: string | undefined;
  /** A command that installs what is missing; `undefined` when nothing can be installed. */
  readonly install: string | undefined;

  /**
   * @param reason Why, without a final period.
   * @param fields The same as data.
   */
  constructor(
    reason: string,
    { tried, platform, missingPermission, install }: {
      tried: readonly string[];
      platform: string;
      missingPermission?: string;
      install?: string;
    },
  ) {
    const advice = missingPermission ? `: run with ${missingPermission}` : install ? `: ${install}` : "";
    const list = tried.length === 0 ? "" : ` (tried ${tried.join(", ")})`;
    super(`Native libraries cannot be called on ${platform}${list}, ${reason}${advice}`);
    this.tried = tried;
    this.platform = platform;
    this.missingPermission = missingPermission;
    this.install = install;
  }
}

/** No candidate of a library could be opened. */
export class LibraryNotFoundError extends Error {
  override name = "LibraryNotFoundError";
  /** The library's name for people. */
  readonly library: string;
  /** Each attempt with its reason. */
  readonly tried: readonly OpenAttempt[];
  /** Operating system and machine. */
  readonly platform: string;
  /** The flag that grants the missing permission, when that is the reason. */
  readonly missingPermission: string | undefined;
  /** The command that installs the library. */
  readonly install: string;
  /** Whether the environment variable switched the library off. */
  readonly disabled: boolean;

  /** @param fields What was looked for, where, and how to install it. */
  constructor({ library, tried, platform, missingPermission, install, env, disabled = false }: {
    library: string;
    tried: readonly OpenAttempt[];
    platform: string;
    missingPermission?: string;
    install: string;
    env?: string;
    disabled?: boolean;
  }) {
    const list = tried.map(({ path, reason }) => `\n  ${path}: ${reason}`).join("");
    const variable = env ? `, or set ${env} to its path` : "";
    const advice = missingPermission ? `run with ${missingPermission}` : `${install}${variable}`;
    super(
      disabled
        ? `${library} is switched off by ${env}=off; unset it to use the library`
        : `${library} was not found on ${platform}, tried:${list}\n${advice}`,
    );
    this.library = library;
    this.tried = tried;
    this.platform = platform;
    this.missingPermission = missingPermission;
    this.install = install;
    this.disabled = disabled;
  }
}

/** A library was opened, but lacks functions that are needed. */
export class MissingSymbolError extends Error {
  override name = "MissingSymbolError";
  /** The library's name for people. */
  readonly library: string;
  /** The file that was opened. */
  readonly path: string;
  /** The missing functions. */
  readonly missing: readonly string[];

  /** @param fields The library, its file, the functions, and how to install a right one. */
  constructor({ library, path, missing, install }: {
    library: string;
    path: string;
    missing: readonly string[];
    install: string;
  }) {
    super(
      `${library} at ${path} lacks ${missing.map((name) => `"${name}"`).join(", ")}; it is another version: ${install}`,
    );
    this.library = library;
    this.path = path;
    this.missing = missing;
  }
}

/** A function of a library was called after the library was closed. */
export class LibraryClosedError extends Error {
  override name = "LibraryClosedError";

  /**
   * @param library The library's name for people.
   * @param symbol The function.
   */
  constructor(library: string, symbol: string) {
    super(`"${symbol}" was called after ${library} was closed: close a library only after its last call`);
  }
}
