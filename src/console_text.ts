/**
 * What consoles show of the library's objects: their text, instead of every field of every part.
 */

/**
 * Lets the consoles of Deno, Bun and Node show instances of a class by their `toString()`. To be called in a static block, because a method
 * under the consoles' symbol would be part of the public type.
 *
 * @param prototype The prototype of the class.
 */
export function showAsText(prototype: { toString(): string }): void {
  Object.defineProperty(prototype, Symbol.for("nodejs.util.inspect.custom"), {
    value(this: { toString(): string }): string {
      return this.toString();
    },
  });
}
