// A source of batches for `loadInWorker` in a browser: a module that a worker imports by its address.

/** Batches of three numbers. */
export default function source(
  { scale }: { scale: number },
): { length: number; batch(epoch: number, index: number): number[] } {
  return { length: 3, batch: (epoch, index) => [epoch * scale, index * scale, scale] };
}
