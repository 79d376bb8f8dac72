// A user's own source of batches, as a module that loading_test.ts loads in workers: it imports others and has types.

import { type BatchSource, rotateImage } from "../../src/data/mod.ts";

export interface Params {
  readonly length: number;
  readonly seed: number;
  /** The batch that fails, if any. */
  readonly fails?: number;
  /** How the source itself fails, if at all. */
  readonly start?: "throws" | "length";
  /** The batch at which the thread ends itself. */
  readonly exits?: number;
}

export interface RotatedBatch {
  readonly image: Float32Array;
  readonly name: string;
}

export default async function rotatingSource(params: Params): Promise<BatchSource<RotatedBatch>> {
  await new Promise((resolve) => setTimeout(resolve, 1));
  if (params.start === "throws") throw new TypeError("no such data");
  return {
    length: params.start === "length" ? -1 : params.length,
    async batch(epoch, index) {
      if (index === params.fails) throw new RangeError(`image ${index} is damaged`);
      if (index === params.exits) (globalThis as unknown as { process: { exit(code: number): void } }).process.exit(3);
      // The first batches take longest: they would arrive out of order if nothing held them.
      await new Promise((resolve) => setTimeout(resolve, 6 - 2 * Math.min(index, 3)));
      const source = Float32Array.from({ length: 81 }, (_, i) => Math.fround(Math.sin(i * params.seed)));
      const image = new Float32Array(81);
      rotateImage(source, 0, image, 0, 9, 9, 0.1 + epoch + index / 7);
      return { image, name: `${epoch}/${index}` };
    },
  };
}
