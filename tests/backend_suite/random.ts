// The pseudo-random numbers from which cases are drawn: a small generator of its own (sfc32, Doty-Humphrey), seeded by
// the suite's seed and the case's number, so that any single case can be drawn again without those before it.

/** A seeded stream of draws. */
export class Draw {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** A stream for the given seeds; equal seeds give equal streams. */
  constructor(...seeds: (number | string)[]) {
    let hash = 0x811c9dc5;
    const text = seeds.join("/");
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    this.#a = hash | 0;
    this.#b = Math.imul(hash, 0x9e3779b1) | 0;
    this.#c = ~hash;
    for (let i = 0; i < 12; i++) this.bits();
  }

  /** 32 bits as a signed integer. */
  bits(): number {
    const result = (this.#a + this.#b + this.#counter++) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21 | this.#c >>> 11) + result) | 0;
    return result;
  }

  /** Uniform in [0, 1). */
  unit(): number {
    return (this.bits() >>> 0) / 0x100000000;
  }

  /** An integer from `low` to `high`, both included. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.unit() * (high - low + 1));
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  /** One of the items. */
  pick<T>(items: readonly T[]): T {
    return items[this.integer(0, items.length - 1)];
  }

  /** One of the keys, with the probability of its weight among all. */
  weighted<K extends string>(weights: { readonly [key in K]: number }): K {
    const keys = Object.keys(weights) as K[];
    let rest = this.unit() * keys.reduce((sum, key) => sum + weights[key], 0);
    for (const key of keys) {
      rest -= weights[key];
      if (rest < 0) return key;
    }
    return keys[keys.length - 1];
  }

  /** The items in random order. */
  shuffled<T>(items: readonly T[]): T[] {
    const list = [...items];
    for (let i = list.length - 1; i > 0; i--) {
      const j = this.integer(0, i);
      [list[i], list[j]] = [list[j], list[i]];
    }
    return list;
  }

  /** Bell-shaped with mean 0 and variance 1, between −6 and 6. */
  bell(): number {
    let sum = -6;
    for (let i = 0; i < 12; i++) sum += this.unit();
    return sum;
  }
}
