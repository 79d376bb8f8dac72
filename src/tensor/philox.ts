/**
 * Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3",
 * SC 2011) and how its four output words become a uniform or a normal number. This is the definition that the kernels of
 * every backend reproduce: bits and uniforms bit for bit, normals to 4 ulp.
 */

import { cos, log } from "../math/functions.ts";
import type { FloatDType } from "./dtype.ts";

/** Multipliers of the two halves of a round. */
export const PHILOX_MULTIPLIERS: readonly [number, number] = [0xd2511f53, 0xcd9e8d57];

/** What is added to the two words of the key after each round: the golden ratio and √3 − 1. */
export const PHILOX_KEY_STEPS: readonly [number, number] = [0x9e3779b9, 0xbb67ae85];

/** Number of rounds. */
export const PHILOX_ROUNDS = 10;

/** The four output words, as unsigned 32-bit integers. */
export type PhiloxWords = [number, number, number, number];

/** Bits 32 to 63 of the product of two unsigned 32-bit integers. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const cross = aLow * bHigh + (middle % 0x10000);
  return (aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(cross / 0x10000)) >>> 0;
}

/**
 * One block of Philox4x32-10.
 *
 * @param key Two 32-bit words (signed or unsigned).
 * @param counter Four 32-bit words (signed or unsigned).
 */
export function philox4x32(
  key: readonly [number, number],
  counter: readonly [number, number, number, number],
): PhiloxWords {
  let key0 = key[0] >>> 0;
  let key1 = key[1] >>> 0;
  let c0 = counter[0] >>> 0;
  let c1 = counter[1] >>> 0;
  let c2 = counter[2] >>> 0;
  let c3 = counter[3] >>> 0;
  for (let round = 0; round < PHILOX_ROUNDS; round++) {
    const high0 = multiplyHigh(PHILOX_MULTIPLIERS[0], c0);
    const low0 = Math.imul(PHILOX_MULTIPLIERS[0], c0) >>> 0;
    const high1 = multiplyHigh(PHILOX_MULTIPLIERS[1], c2);
    const low1 = Math.imul(PHILOX_MULTIPLIERS[1], c2) >>> 0;
    c0 = (high1 ^ c1 ^ key0) >>> 0;
    c1 = low1;
    c2 = (high0 ^ c3 ^ key1) >>> 0;
    c3 = low0;
    key0 = (key0 + PHILOX_KEY_STEPS[0]) >>> 0;
    key1 = (key1 + PHILOX_KEY_STEPS[1]) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/** An output word (default the first) as int32. */
export function bitsFromWords(words: Readonly<PhiloxWords>, word = 0): number {
  return words[word] | 0;
}

/** 53 random bits of two words as an integer. */
function mantissa53(first: number, second: number): number {
  return (first >>> 5) * 0x4000000 + (second >>> 6);
}

/** A uniform number in [0, 1): 24 bits of the first word for float32, 53 bits of the first two for float64; exact. */
export function uniformFromWords(dtype: FloatDType, words: Readonly<PhiloxWords>): number {
  return dtype === "float32" ? (words[0] >>> 8) / 0x1000000 : mantissa53(words[0], words[1]) / 0x20000000000000;
}

/**
 * A standard normal number by Box and Muller (1958): `√(−2 · log u₁) · cos(2π · u₂)` with u₁ in (0, 1], u₂ in [0, 1).
 * For float32 u₁ = (24 bits of word 0 + ½) · 2⁻²⁴ and u₂ = 24 bits of word 1 · 2⁻²⁴; for float64 u₁ = (53 bits of
 * words 0 and 1, + ½) · 2⁻⁵³ and u₂ = 53 bits of words 2 and 3 · 2⁻⁵³. The value is in float64 precision.
 */
export function normalFromWords(dtype: FloatDType, words: Readonly<PhiloxWords>): number {
  const single = dtype === "float32";
  const u1 = single ? ((words[0] >>> 8) + 0.5) / 0x1000000 : (mantissa53(words[0], words[1]) + 0.5) / 0x20000000000000;
  const u2 = single ? (words[1] >>> 8) / 0x1000000 : mantissa53(words[2], words[3]) / 0x20000000000000;
  return Math.sqrt(-2 * log(u1)) * cos(2 * Math.PI * u2);
}
