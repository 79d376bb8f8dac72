/** Sizes that the kernels of tiles and the layout of their memory have in common, in bytes. */

/**
 * A row of tiles dealt out into `step` phases: whole vectors of tiles, and what the last tile reads beyond its first pixels. The
 * first phases are read further than the others.
 */
export interface RowPhases {
  /** How many phases are read further. */
  readonly long: number;
  /** Bytes of each of them. */
  readonly longBytes: number;
  /** Bytes of each other phase. */
  readonly shortBytes: number;
  /** Bytes of all phases. */
  readonly rowBytes: number;
}

/** Phases that are read further: those of the last pixels of a tile of `span` pixels. */
export function longPhases(step: number, span: number): number {
  return ((span - 1) % step) + 1;
}

/** The phases of a row of tiles that span `span` pixels. */
export function rowPhases(tileColumns: number, step: number, span: number): RowPhases {
  const vectors = Math.ceil(tileColumns / 4), beyond = Math.floor((span - 1) / step);
  const long = longPhases(step, span);
  const longBytes = 16 * (vectors + Math.ceil(beyond / 4)), shortBytes = 16 * (vectors + Math.ceil((beyond - 1) / 4));
  return { long, longBytes, shortBytes, rowBytes: long * longBytes + (step - long) * shortBytes };
}

/** Scratch memory of the kernel that transforms tiles: a row, the rows of a sample, and the transforms of a row of tiles. */
export function tileScratchBytes(n: number, step: number, span: number, tileRows: number, phases: RowPhases): number {
  return step * phases.longBytes + phases.rowBytes * (tileRows * step + (span - step) + n) + 64;
}

/** Scratch memory of the kernel that brings tiles back: the transforms and the pixels of four tiles, and rows of pixels. */
export function outputScratchBytes(n: number, step: number, lineBytes: number): number {
  return 16 * step * (n + step) + step * lineBytes;
}

/** Scratch memory of the kernels of filters. */
export function filterScratchBytes(n: number, taps: number): number {
  return 16 * (taps * taps + n * taps);
}
