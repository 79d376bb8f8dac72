/**
 * Memory shared by tensors and the tape: one buffer of a backend with a reference count. The last user's `release` frees the
 * buffer at once; a `FinalizationRegistry` frees those whose users were all lost to the garbage collector, as a backstop.
 */

import type { Backend, DeviceBuffer } from "./backend.ts";
import { DisposedError } from "./errors.ts";

/** Tensors that exist on a backend. */
interface TensorCounter {
  tensors: number;
}

/** What is left to do when a storage is lost: free its buffer and forget the tensors that were views of it. */
interface Remains {
  readonly backend: Backend;
  readonly buffer: DeviceBuffer;
  readonly counter: TensorCounter;
  tensors: number;
}

const counters = new WeakMap<Backend, TensorCounter>();
const disposedBackends = new WeakSet<Backend>();

function counterOf(backend: Backend): TensorCounter {
  let counter = counters.get(backend);
  if (counter === undefined) {
    counter = { tensors: 0 };
    counters.set(backend, counter);
  }
  return counter;
}

/** Gives a buffer back. One of a backend that was disposed by its own method, unknown to the registry, is gone already. */
function free(backend: Backend, buffer: DeviceBuffer): void {
  if (disposedBackends.has(backend)) return;
  try {
    backend.free(buffer);
  } catch (error) {
    if (!(error instanceof DisposedError)) throw error;
    disposedBackends.add(backend);
  }
}

const finalizer = new FinalizationRegistry<Remains>((remains) => {
  remains.counter.tensors -= remains.tensors;
  free(remains.backend, remains.buffer);
});

/** A reference-counted buffer of one backend. A new one has one reference. */
export class Storage {
  /** Where the memory is. */
  readonly backend: Backend;
  /** The memory. */
  readonly buffer: DeviceBuffer;
  /** Grows with every change in place, so that the tape notices when a value that it saved has changed. */
  version = 0;
  readonly #remains: Remains;
  #references = 1;

  /** Allocates `bytes` bytes with arbitrary contents. Throws `OutOfMemoryError` when the backend has none. */
  constructor(backend: Backend, bytes: number) {
    this.backend = backend;
    this.buffer = backend.allocate(bytes);
    this.#remains = { backend, buffer: this.buffer, counter: counterOf(backend), tensors: 0 };
    finalizer.register(this, this.#remains, this);
  }

  /** How many tensors and tape entries use it. */
  get references(): number {
    return this.#references;
  }

  /** One more user. */
  retain(): void {
    this.#references++;
  }

  /** One user less; the last one frees the buffer. */
  release(): void {
    if (--this.#references > 0) return;
    finalizer.unregister(this);
    free(this.backend, this.buffer);
  }

  /** Counts a tensor that a user can see. */
  countTensor(change: 1 | -1): void {
    this.#remains.tensors += change;
    this.#remains.counter.tensors += change;
  }
}

/** Number of tensors on a backend that have been neither disposed nor collected. */
export function liveTensors(backend: Backend): number {
  return counters.get(backend)?.tensors ?? 0;
}

/** Whether a backend has been disposed: its buffers are gone. */
export function isBackendDisposed(backend: Backend): boolean {
  return disposedBackends.has(backend);
}

/** Marks a backend as disposed, so that storages left on it are dropped without a call to it. */
export function markBackendDisposed(backend: Backend): void {
  disposedBackends.add(backend);
}
