/**
 * An epoch as a sequence of batches that are prepared ahead of the loop over them, in order, at most a given number at a time.
 */

/** How an epoch is prepared. */
export interface PrefetchOptions<B> {
  /** Number of the first batch. */
  readonly first: number;
  /** Number of batches in the epoch. */
  readonly length: number;
  /** Batches prepared ahead of the one in use. */
  readonly prefetch: number;
  /** Starts the preparation of a batch. */
  readonly prepare: (index: number) => Promise<B>;
  /** Called with a batch that is no longer in use, before the next one is started. */
  readonly release?: (batch: B) => void;
  /** Called at the end, with whether the epoch came to its end: false after `break`, an exception in the loop, or a failed batch. */
  readonly end?: (complete: boolean) => Promise<void>;
}

/** The batches `first` to `length` − 1 in order. */
export async function* prefetched<B>(options: PrefetchOptions<B>): AsyncGenerator<B, void, undefined> {
  const { first, length, prefetch, prepare, release, end } = options;
  const ready: Promise<B>[] = [];
  let complete = false;
  try {
    for (let next = first; next < length || ready.length > 0;) {
      while (next < length && ready.length <= prefetch) {
        const batch = prepare(next++);
        // Whoever waits for this batch sees its error; a loop that has ended meanwhile does not want to.
        batch.catch(() => {});
        ready.push(batch);
      }
      const batch = await ready.shift()!;
      yield batch;
      if (next < length || ready.length > 0) release?.(batch);
    }
    complete = true;
  } finally {
    await end?.(complete);
  }
}
