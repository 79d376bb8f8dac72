/** Sizes that the kernels of tiles and the layout of their memory have in common, in bytes. */

/** Scratch memory of the kernel that transforms tiles: a row, the rows of a sample, and the transforms of a row of tiles. */
export function tileScratchBytes(n: number, step: number, span: number, tileRows: number, phaseBytes: number): number {
  return step * phaseBytes * (1 + tileRows * step + (span - step) + n) + 64;
}

/** A phase of a row of tiles that span `span` pixels: whole vectors of tiles, and the overlap of the last. */
export function phaseBytes(tileColumns: number, step: number, span: number): number {
  const tiles = 4 * Math.ceil(tileColumns / 4);
  return 16 * Math.ceil((tiles + Math.floor((span - 1) / step)) / 4);
}

/** Scratch memory of the kernel that brings tiles back: the transforms of four tiles, and rows of pixels. */
export function outputScratchBytes(n: number, step: number, lineBytes: number): number {
  return 16 * n * step + step * lineBytes;
}

/** Scratch memory of the kernels of filters. */
export function filterScratchBytes(n: number, taps: number): number {
  return 16 * (taps * taps + n * taps);
}
