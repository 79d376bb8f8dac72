/**
 * Work recorded as a CUDA graph: many operations become one call, without the host's work for each. What the graph uses (blocks
 * that were allocated meanwhile, scratch memory) is kept from everybody else for as long as it lives.
 */

import type { Recording } from "../../src/tensor/backend.ts";
import { BackendError, DisposedError } from "../../src/tensor/errors.ts";
import type { CudaAllocator } from "./allocator.ts";
import type { Driver } from "./driver.ts";
import { CudaError } from "./errors.ts";
import type { ScratchSlots } from "./scratch.ts";

/** What a recorder needs of the device. */
export interface RecorderParts {
  readonly driver: Driver;
  readonly stream: number;
  readonly allocator: CudaAllocator;
  readonly scratchSlots: ScratchSlots;
}

/** Records and keeps graphs. */
export class Recorder {
  readonly #parts: RecorderParts;
  readonly #live = new Set<() => void>();
  /** What the graph under way keeps alive. */
  #held = new Set<object>();
  #recording = false;

  /** @param parts The device. */
  constructor(parts: RecorderParts) {
    this.#parts = parts;
  }

  /** How many recordings have not been disposed. */
  get liveRecordings(): number {
    return this.#live.size;
  }

  /** Whether what is issued is recorded instead of run. */
  get isRecording(): boolean {
    return this.#recording;
  }

  /** Refuses what cannot be part of a recording: what waits for the device, and data that only the host has. */
  refuseWhileRecording(op: string): void {
    if (!this.#recording) return;
    throw new BackendError({
      op,
      expected: "operations on the device only while work is recorded",
      actual: `${op}, which needs the host`,
      hint: "Write inputs before, and read results after the recording",
    });
  }

  /** Keeps an object as long as what is being recorded lives, because device memory that is freed with the object is used by the graph. */
  hold(object: object): void {
    if (this.#recording) this.#held.add(object);
  }

  /** See `Backend.record`. */
  record(issue: () => void): Recording {
    this.refuseWhileRecording("record");
    // Once for real: kernels are compiled, algorithms chosen and scratch memory grown, none of which a graph could hold.
    issue();
    const { driver, stream, allocator, scratchSlots } = this.#parts;
    driver.beginCapture(stream);
    allocator.startReservation();
    scratchSlots.startRecording();
    this.#recording = true;
    let graph = 0;
    let executable = 0;
    const held = this.#held = new Set<object>();
    const releases = [() => held.clear()];
    try {
      try {
        issue();
      } finally {
        this.#recording = false;
        this.#held = new Set();
        releases.push(scratchSlots.endRecording());
        const reservation = allocator.endReservation();
        releases.push(() => reservation.release());
        graph = this.#endCapture();
      }
      executable = driver.instantiateGraph(graph);
    } catch (error) {
      for (const release of releases) release();
      throw error;
    } finally {
      if (graph !== 0) driver.destroyGraph(graph);
    }
    return this.#recordingOf(executable, releases);
  }

  /** Frees all recordings. `attempt` runs each step and keeps its error. */
  dispose(attempt: (step: () => void) => void): void {
    for (const end of [...this.#live]) attempt(end);
  }

  /** Ends the capture, also where ending it fails: the stream must not go on recording. */
  #endCapture(): number {
    const { driver, stream } = this.#parts;
    try {
      return driver.endCapture(stream);
    } catch (error) {
      try {
        const broken = driver.endCapture(stream);
        if (broken !== 0) driver.destroyGraph(broken);
      } catch (again) {
        // The usual case: the first call has ended it.
        if (!(again instanceof CudaError)) throw again;
      }
      throw error;
    }
  }

  #recordingOf(executable: number, releases: readonly (() => void)[]): Recording {
    const { driver, stream } = this.#parts;
    const live = this.#live;
    const end = (): void => {
      live.delete(end);
      // Work under way may use the memory: the stream's order protects it, as it does for what is freed.
      for (const release of releases) release();
      driver.destroyExecutable(executable);
    };
    live.add(end);
    return {
      run: () => {
        this.refuseWhileRecording("run");
        if (live.has(end)) return driver.launchGraph(executable, stream);
        throw new DisposedError({
          op: "run",
          expected: "a live recording",
          actual: "one that was disposed, by itself or with its backend",
        });
      },
      dispose: () => {
        if (live.has(end)) end();
      },
    };
  }
}
