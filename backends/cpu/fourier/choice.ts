/**
 * When tiles win over the direct form, and with which size of transform: a model of both times from the shape alone, fitted to
 * measurements over 8 to 256 channels, filters of 3, 5 and 7 taps and images of 8 to 64 pixels, with OpenBLAS and without.
 *
 * Tiles need `2 n² − 4` multiplications for `(n − k + 1)²` pixels and a pair of channels where the direct form needs k² for each
 * pixel: 3.4 for k = 3 (n = 8), 4.4 for k = 5 (n = 12), 5.1 for k = 7 (n = 16); the transforms grow with the channels, the products with
 * their square. Transforms by Fourier keep the float32 accuracy of the direct form: against float64, 29 × 29 images, C → 16
 * channels, the largest error relative to the rms of the output, in units of 1e-7:
 *
 * | C, k   | direct | n = 8 | n = 10 | n = 12 | n = 16 |
 * | ------ | ------ | ----- | ------ | ------ | ------ |
 * | 16, 3  | 6.4    | 6.1   | 6.1    | 6.2    | 6.8    |
 * | 16, 5  | 8.3    | 7.1   | 6.3    | 6.5    | 8.0    |
 * | 64, 3  | 15     | 8.5   | 8.5    | 8.7    | 10     |
 * | 64, 5  | 13     | 10    | 8.0    | 8.6    | 8.9    |
 * | 64, 7  | 11     | –     | 9.4    | 9.8    | 10     |
 * | 256, 5 | 14     | 19    | 20     | 16     | 16     |
 *
 * Minimal filtering (Winograd 1980; Lavin & Gray 2016) at its best points loses more: there 12 (64, 3) for tiles of 2 × 2, 119
 * for 4 × 4; 71 (64, 5) for 2 × 2 pixels, 280 for 4 × 4. Weight gradients in tiles are at least as accurate as direct ones. Errors are
 * relative to the largest numbers of a tile, where those of a direct sum are relative to its own terms; an infinite number or NaN
 * reaches all outputs of its tiles, as NaN.
 */

import type { ConvolutionMethod } from "../context.ts";
import type { PlaneSizes } from "./problem.ts";
import { filterBytes, tilePlanes, type Tiling } from "./layout.ts";

/** Sizes of transforms that are tried. */
export const TRANSFORM_SIZES: readonly number[] = [8, 10, 12, 16];

/** Nanoseconds of one thread. */
interface Costs {
  /** Direct multiply-add, and its growth for few channels and for small images. */
  readonly direct: readonly [number, number, number];
  /** Transforms of a channel of four tiles, there or back, for each size; and their growth by the part of a tile that is new. */
  readonly transform: readonly number[];
  readonly deal: number;
  /** Transform of a filter of four input channels. */
  readonly filter: readonly number[];
  /** Multiply-add of a product, and its growth for few channels. */
  readonly product: readonly [number, number];
  /** One product's call. */
  readonly call: number;
  /** A byte of transformed filters, read for each block; and how much slower where they are more than {@linkcode CACHED}. */
  readonly byte: readonly [number, number];
}

const NATIVE: Costs = {
  direct: [0.0231, 94, 18],
  transform: [38, 80, 115, 220],
  deal: 5,
  filter: [320, 720, 1250, 2500],
  product: [0.0225, 6],
  call: 420,
  byte: [0.04, 2.5],
};

const WEBASSEMBLY: Costs = {
  ...NATIVE,
  direct: [0.053, 120, 0],
  product: [0.046, 2],
  call: 1400,
  byte: [0.12, 1.5],
};

/** Bytes that a thread's part of the last cache holds beside all else. */
const CACHED = 5 * 1024 * 1024;

/** Part of the direct time that tiles must stay below: what the model may be wrong by. */
const MARGIN = 0.84;

/** Part of the heap's limit that transformed filters may take, and the planes of a block or a chunk. */
const MEMORY_PART = 1 / 64;

/** Output channels that a part has at least. */
const LEAST_PART = 32;

/** Multiply-adds of a product up to which OpenBLAS does not pack its operands. */
const UNPACKED = 1_000_000;

/** Blocks of one thread that there should be, and the fewest tiles for their sake. */
const BLOCKS = { count: 4, tiles: 32 } as const;

/** Bytes of a chunk of the weight gradient's planes, which all threads share. */
const CHUNK_BYTES = 4 * 1024 * 1024;

/** Tiles of a block that a thread computes. */
function blockTiles({ batch, inChannels, outChannels, taps, outputs }: PlaneSizes, n: number): number {
  const step = n - taps + 1;
  const all = batch * Math.ceil(outputs[0] / step) * Math.ceil(outputs[1] / step);
  const most = 4 * inChannels * outChannels * 48 <= UNPACKED ? 48 : 64;
  return Math.min(most, Math.max(BLOCKS.tiles, Math.ceil(all / BLOCKS.count)));
}

/** Tiles of a chunk of the weight gradient: more where there are few channels. */
function chunkTiles({ inChannels, outChannels }: PlaneSizes, n: number): number {
  return Math.min(256, Math.max(48, CHUNK_BYTES / (4 * n * n * (inChannels + outChannels))));
}

/** Estimated nanoseconds of the direct form. */
function directTime({ batch, groups, inChannels, outChannels, taps, outputs }: PlaneSizes, costs: Costs): number {
  const pixels = outputs[0] * outputs[1], [multiply, channels, small] = costs.direct;
  const work = batch * groups * inChannels * outChannels * taps * taps * pixels;
  return work * multiply * (1 + channels / (taps * taps * Math.min(inChannels, outChannels))) * (1 + small / pixels);
}

/** Estimated nanoseconds in tiles. */
function tileTime(problem: PlaneSizes, tiling: Tiling, costs: Costs): number {
  const { batch, groups, inChannels, outChannels, outputs } = problem;
  const { n, step, tileColumns, blocks } = tiling;
  const size = TRANSFORM_SIZES.indexOf(n);
  const rows = batch * Math.ceil(outputs[0] / step);
  const transforms = rows * Math.ceil(tileColumns / 4) * (inChannels + outChannels) * costs.transform[size] *
    (1 + (costs.deal * step * step) / (n * n));
  const filters = outChannels * Math.ceil(inChannels / 4) * costs.filter[size];
  const [multiply, channels] = costs.product;
  const products = rows * tileColumns * (2 * n * n - 4) * inChannels * outChannels * multiply *
    (1 + channels / Math.min(inChannels, outChannels));
  const bytes = filterBytes(n, problem), [byte, uncached] = costs.byte;
  const overhead = blocks.length * ((n * n * costs.call) / 2 + bytes * byte * (bytes > CACHED ? uncached : 1));
  return groups * (transforms + filters + products + overhead);
}

/** A problem as parts of output channels, whose transformed filters fit into memory: one after the other, input transforms and all. */
export interface PartTiling {
  /** The tiling of each part. */
  readonly tiling: Tiling;
  /** Output channels of a part, but for the last one. */
  readonly outChannels: number;
}

/** How a problem is computed. */
export interface TilingChoice {
  /** How convolutions are computed. */
  readonly method: ConvolutionMethod;
  /** Whether the weight gradient is computed. */
  readonly forWeights: boolean;
  /** Whether products run in OpenBLAS. */
  readonly native: boolean;
  /** The most bytes that the heap may have. */
  readonly limit: number;
}

/** The tiling by which a problem is computed, with the output channels of each part; `undefined` where the direct form is. */
export function chooseTiling(problem: PlaneSizes, choice: TilingChoice): PartTiling | undefined {
  return fastestTiling(problem, choice);
}

/** Part of the direct form's time that the forward pass of a problem takes, as estimated: 1 where it is computed directly. */
export function tilingShare(problem: PlaneSizes, choice: Omit<TilingChoice, "forWeights">): number {
  const fastest = fastestTiling(problem, { ...choice, forWeights: false });
  return fastest === undefined ? 1 : fastest.time / directTime(problem, choice.native ? NATIVE : WEBASSEMBLY);
}

function fastestTiling(
  problem: PlaneSizes,
  { method, forWeights, native, limit }: TilingChoice,
): PartTiling & { readonly time: number } | undefined {
  const { batch, groups, taps, outputs } = problem;
  if (method === "direct" || batch * groups * outputs[0] * outputs[1] === 0) return undefined;
  const costs = native ? NATIVE : WEBASSEMBLY;
  let least = method === "fourier" ? Infinity : MARGIN * directTime(problem, costs);
  let chosen: PartTiling | undefined;
  for (const n of TRANSFORM_SIZES) {
    const parts = Math.ceil(groups * filterBytes(n, problem) / (MEMORY_PART * limit));
    const part = { ...problem, outChannels: Math.ceil(problem.outChannels / parts) };
    if (n < taps + 1 || part.outChannels < LEAST_PART && parts > 1) continue;
    const affordable = (MEMORY_PART * limit) / (4 * n * n * (part.inChannels + part.outChannels));
    if (affordable < 16) continue;
    const wanted = forWeights ? chunkTiles(part, n) : blockTiles(part, n);
    const tiling = tilePlanes(part, n, Math.min(wanted, affordable));
    // A block has one row of tiles at least, however wide.
    if (tiling.tiles > affordable) continue;
    const time = parts * tileTime(part, tiling, costs);
    if (time >= least) continue;
    least = time;
    chosen = { tiling, outChannels: part.outChannels };
  }
  return chosen && { ...chosen, time: least };
}
