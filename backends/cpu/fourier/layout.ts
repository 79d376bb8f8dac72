/**
 * How the tiles of a problem are cut into blocks, and where the planes of a block lie. It depends on the shape alone, never
 * on the number of threads, so that results do not either.
 */

import { evenParts } from "../convolution/plan.ts";
import { outputScratchBytes, rowPhases, tileScratchBytes } from "./tile_sizes.ts";
import type { PlaneSizes } from "./problem.ts";

/** A range of tiles: all tiles of some rows of tiles of some samples. */
export interface Block {
  /** First sample. */
  readonly sample: number;
  /** Number of samples. */
  readonly samples: number;
  /** First row of tiles. */
  readonly tileRow: number;
  /** Number of rows of tiles of each sample. */
  readonly tileRows: number;
  /** Number of tiles. */
  readonly tiles: number;
}

/** The tiles of a problem. */
export interface Tiling {
  /** Points of a tile's transform along each axis. */
  readonly n: number;
  /** Output pixels of a tile along each axis. */
  readonly step: number;
  /** Tiles in a row. */
  readonly tileColumns: number;
  /** The blocks. */
  readonly blocks: readonly Block[];
  /** Tiles of the largest block. */
  readonly tiles: number;
}

/** Cuts into blocks of about `wanted` tiles. */
export function tilePlanes(problem: PlaneSizes, n: number, wanted: number): Tiling {
  const { batch, taps, outputs: [height, width] } = problem;
  const step = n - taps + 1;
  const tileColumns = Math.ceil(width / step), allRows = Math.ceil(height / step);
  const plane = tileColumns * allRows;
  const rowsOfBlock = plane > wanted ? evenParts(allRows, wanted / tileColumns) : allRows;
  const samplesOfBlock = plane > wanted ? 1 : evenParts(batch, wanted / plane);
  const blocks: Block[] = [];
  let tiles = 0;
  for (let sample = 0; sample < batch; sample += samplesOfBlock) {
    const samples = Math.min(samplesOfBlock, batch - sample);
    for (let tileRow = 0; tileRow < allRows; tileRow += rowsOfBlock) {
      const tileRows = Math.min(rowsOfBlock, allRows - tileRow);
      const block = { sample, samples, tileRow, tileRows, tiles: samples * tileRows * tileColumns };
      tiles = Math.max(tiles, block.tiles);
      blocks.push(block);
    }
  }
  return { n, step, tileColumns, blocks, tiles };
}

/** Where the planes of a block lie, in bytes: `[pair][real, imaginary][channel][tile]`. */
export interface PlaneLayout {
  /** From a channel to the next in a plane. */
  readonly channelBytes: number;
  /** From a real plane to its imaginary one: all channels, so that both are one matrix. */
  readonly imaginaryBytes: number;
  /** From a pair of planes to the next. */
  readonly pairBytes: number;
  /** All planes. */
  readonly bytes: number;
}

/** Lays out the planes of `channels` channels and at most `tiles` tiles. */
export function layPlanes(n: number, channels: number, tiles: number): PlaneLayout {
  // Kernels write and read up to three tiles beyond a row.
  let channelBytes = 16 * Math.ceil((tiles + 3) / 4);
  if (channelBytes % 512 === 0) channelBytes += 64;
  const imaginaryBytes = channels * channelBytes;
  // Pairs begin in different sets of a first-level cache: one transform writes to all of them.
  const pairBytes = 2 * imaginaryBytes + 64 + ((4096 - ((2 * imaginaryBytes) % 4096)) % 4096);
  return { channelBytes, imaginaryBytes, pairBytes, bytes: (n * n * pairBytes) / 2 + 64 };
}

/** Bytes that the kernels of a tiling need for their rows. */
export function scratchBytes({ n, step, tileColumns, blocks }: Tiling): number {
  const tileRows = Math.max(...blocks.map((block) => block.tileRows));
  const lineBytes = 16 * step * Math.ceil(tileColumns / 4);
  return Math.max(
    tileScratchBytes(n, step, n, tileRows, rowPhases(tileColumns, step, n)),
    outputScratchBytes(n, step, lineBytes),
  );
}

/** Bytes of the transformed filters of a group. */
export function filterBytes(n: number, { inChannels, outChannels }: PlaneSizes): number {
  return 8 * n * n * inChannels * outChannels;
}
