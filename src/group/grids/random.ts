/**
 * A small seeded source of random numbers for sampling groups: the same seed gives the same numbers on every machine.
 * The generator is a counter scrambled by two rounds of xor-shift and multiply.
 */

/**
 * A source of uniform numbers in [0, 1), multiples of 2⁻⁵³, determined by the seed.
 *
 * @param seed An integer; others are truncated to 32 bits.
 *
 * @example
 * ```ts
 * import { randomSource } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(randomSource(7)(), randomSource(7)());
 * ```
 */
export function randomSource(seed: number): () => number {
  let counter = Math.imul(seed | 0, 0x9e3779b1) ^ 0x5bf03635;
  const next = (): number => {
    counter = (counter + 0x9e3779b9) | 0;
    let x = counter ^ (counter >>> 16);
    x = Math.imul(x, 0x21f0aaad);
    x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
    return (x ^ (x >>> 15)) >>> 0;
  };
  return () => ((next() >>> 5) * 67108864 + (next() >>> 6)) / 9007199254740992;
}
