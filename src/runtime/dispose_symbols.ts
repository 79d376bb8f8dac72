// The symbols of explicit resource management where the engine lacks them: Safari, and browsers of before 2025. Classes take
// their dispose methods under these symbols when they are defined, and compilers lower `using` to calls through them, so
// this module is evaluated before all others.

const symbols = Symbol as unknown as { dispose?: symbol; asyncDispose?: symbol };

/**
 * Defines `Symbol.dispose` and `Symbol.asyncDispose` where they are missing, under the registry names that compilers fall back to.
 *
 * @param target Where they belong. Default: `Symbol`.
 */
export function defineDisposeSymbols(target: { dispose?: symbol; asyncDispose?: symbol } = symbols): void {
  for (const name of ["dispose", "asyncDispose"] as const) {
    if (target[name] === undefined) Object.defineProperty(target, name, { value: Symbol.for(`Symbol.${name}`) });
  }
}

defineDisposeSymbols();
