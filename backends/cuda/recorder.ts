/**
 * Work recorded as a CUDA graph: many operations become one call, without the host's work for each. What the graph uses (blocks
 * that were allocated meanwhile, scratch memory, its operands) is kept from everybody else for as long as it lives. Scalars that change
 * between runs are read from memory.
 */

import type { DeviceBuffer, Recording, RecordOptions, Rehearsal, View } from "../../src/tensor/backend.ts";
import { BackendError, DisposedError, OutOfMemoryError } from "../../src/tensor/errors.ts";
import { formatShape } from "../../src/tensor/layout.ts";
import type { CudaAllocator } from "./allocator.ts";
import type { Driver } from "./driver.ts";
import { CudaError } from "./errors.ts";
import { ScalarSlots } from "./scalar_slots.ts";
import type { ScratchSlots } from "./scratch.ts";
import type { Staging } from "./staging.ts";

/** What a recorder needs of the device. */
export interface RecorderParts {
  readonly driver: Driver;
  readonly stream: number;
  readonly allocator: CudaAllocator;
  readonly scratchSlots: ScratchSlots;
  readonly staging: Staging;
  /** Whether every operation is waited for, by `synchronize`. */
  readonly synchronous: boolean;
  synchronize(): void;
}

/** What a round consisted of, in the order of the calls. */
class RoundLog implements Rehearsal {
  /** Operations with the shape of what they write. */
  readonly work: string[] = [];
  /** Scalars of each call that had some which do not change. */
  readonly scalars: (readonly number[])[] = [];

  get operations(): number {
    return this.work.length;
  }
}

/** A rehearsal or a recording under way. */
interface Round {
  /** Whether work is recorded instead of run. */
  readonly records: boolean;
  readonly changing: (scalars: readonly number[]) => boolean;
  readonly slots: ScalarSlots;
  readonly log: RoundLog;
  /** What the rehearsal had. */
  readonly expected: RoundLog | undefined;
  /** What the graph keeps alive. */
  readonly held: Set<object>;
  /** Operands that were there before. */
  readonly pinned: Set<DeviceBuffer>;
}

const NO_CHANGES: ReadonlyMap<readonly number[], readonly number[]> = new Map();

/** Records and keeps graphs. */
export class Recorder {
  readonly #parts: RecorderParts;
  readonly #live = new Set<() => void>();
  #round: Round | undefined;

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
    return this.#round?.records === true;
  }

  /** Refuses what cannot be part of a recording: what waits for the device, and data that only the host has. */
  refuseWhileRecording(op: string): void {
    if (this.#round === undefined) return;
    throw new BackendError({
      op,
      expected: "operations on the device only while work is recorded",
      actual: `${op}, which needs the host`,
      hint: "Write inputs before, and read results after the recording",
    });
  }

  /** Keeps an object as long as what is being recorded lives, because device memory that is freed with the object is used by the graph. */
  hold(object: object): void {
    if (this.isRecording) this.#round?.held.add(object);
  }

  /**
   * Notes an operation of the work under way and keeps the memory of its operands.
   *
   * @throws BackendError where the rehearsal had another operation in its place.
   */
  note(op: string, operands: readonly View[]): void {
    const round = this.#round;
    if (round === undefined) return;
    const { work } = round.log, before = round.expected?.work[work.length];
    const now = `${op} of ${formatShape(operands.at(-1)?.shape ?? [])}`;
    work.push(now);
    if (round.expected !== undefined && before !== now) {
      throw otherWork(`${now} after ${before ?? "the last operation"}`);
    }
    if (!round.records) return;
    for (const { buffer } of operands) {
      if (!round.pinned.has(buffer) && this.#parts.allocator.pin(buffer)) round.pinned.add(buffer);
    }
  }

  /** See `CudaContext.scalarsInMemory`. */
  scalarsInMemory(scalars: readonly number[]): number {
    const round = this.#round;
    if (round === undefined || scalars.length === 0) return 0;
    if (round.changing(scalars)) {
      const address = round.slots.addressOf(scalars);
      if (!round.records) round.slots.uploadOne(scalars);
      return address;
    }
    const logged = round.log.scalars, before = round.expected?.scalars[logged.length];
    logged.push([...scalars]);
    if (round.expected !== undefined) requireSame(before, scalars);
    return 0;
  }

  /** See `Backend.rehearse`. */
  rehearse(issue: () => void, changing: Round["changing"]): Rehearsal {
    this.refuseWhileRecording("rehearse");
    const round = this.#begin(false, { changing });
    try {
      issue();
    } finally {
      this.#round = undefined;
      // What was issued may use the memory: the stream's order protects it.
      round.slots.dispose();
    }
    return round.log;
  }

  /** See `Backend.record`. */
  record(issue: () => void, options: RecordOptions = {}): Recording {
    this.refuseWhileRecording("record");
    // Once for real: kernels are compiled, algorithms chosen and scratch memory grown, none of which a graph could hold.
    const rehearsal = options.rehearsal ?? this.rehearse(issue, options.changing ?? (() => false));
    const { driver, stream, allocator, scratchSlots } = this.#parts;
    driver.beginCapture(stream);
    allocator.startReservation();
    scratchSlots.startRecording();
    const round = this.#round = this.#begin(true, { ...options, rehearsal });
    const { held, pinned, slots } = round;
    let graph = 0;
    let executable = 0;
    const releases = [() => held.clear(), () => slots.dispose()];
    let failure: { readonly error: unknown } | undefined;
    try {
      try {
        issue();
        requireSameCount(round);
        this.#requireAlive(pinned, "reads or writes memory that it frees, and that was there before");
      } catch (error) {
        failure = { error };
      }
      this.#round = undefined;
      releases.push(scratchSlots.endRecording());
      const reservation = allocator.endReservation();
      releases.push(() => pinned.forEach((buffer) => allocator.unpin(buffer)), () => reservation.release());
      try {
        graph = this.#endCapture();
      } catch (error) {
        failure ??= { error };
      }
      // What the capture's end says of a call that broke it is that something did.
      if (failure !== undefined) throw failure.error;
      executable = driver.instantiateGraph(graph);
    } catch (error) {
      for (const release of releases) release();
      // While work is recorded no memory can go back to the device: it does now, so that another attempt finds room.
      if (error instanceof OutOfMemoryError) allocator.reclaim();
      throw error;
    } finally {
      if (graph !== 0) driver.destroyGraph(graph);
    }
    return this.#recordingOf(executable, round, releases);
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

  #begin(records: boolean, { changing = () => false, rehearsal }: RecordOptions): Round {
    const { allocator, staging } = this.#parts;
    return this.#round = {
      records,
      changing,
      slots: new ScalarSlots(allocator, staging),
      log: new RoundLog(),
      expected: rehearsal instanceof RoundLog ? rehearsal : undefined,
      held: new Set(),
      pinned: new Set(),
    };
  }

  #requireAlive(operands: ReadonlySet<DeviceBuffer>, what: string): void {
    for (const buffer of operands) {
      if (!this.#parts.allocator.isFreed(buffer)) continue;
      throw new DisposedError({
        op: "a recording",
        expected: "operands that live as long as the recording",
        actual: `one that ${what} (${buffer.bytes} bytes)`,
        hint:
          "Change tensors in place, pass what is new each time as an input, and dispose the recording before its operands",
      });
    }
  }

  #recordingOf(executable: number, { slots, pinned }: Round, releases: readonly (() => void)[]): Recording {
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
      run: (values = NO_CHANGES) => {
        this.refuseWhileRecording("run");
        if (live.has(end)) {
          this.#requireAlive(pinned, "uses memory that has been freed since");
          slots.upload(values);
          driver.launchGraph(executable, stream);
          if (this.#parts.synchronous) this.#parts.synchronize();
          return;
        }
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

/** Scalars that are arguments of recorded kernels stay as they are: those that were others in the rehearsal would be forgotten silently. */
function requireSame(before: readonly number[] | undefined, now: readonly number[]): void {
  if (before === undefined || before.length !== now.length) throw otherWork("an operation with other numbers");
  const at = now.findIndex((value, i) => !Object.is(value, before[i]));
  if (at < 0) return;
  throw new BackendError({
    op: "record",
    expected: "numbers that are the same in each round, but for learning rates, random draws and loss scales",
    actual: `${before[at]} and then ${now[at]} as a number of an elementwise operation`,
    hint: "Pass it as an input, a tensor of one element",
  });
}

function requireSameCount({ log, expected }: Round): void {
  if (expected === undefined || log.operations === expected.operations) return;
  throw otherWork(`${log.operations} operations after ${expected.operations}`);
}

function otherWork(actual: string): BackendError {
  return new BackendError({
    op: "record",
    expected: "work that is the same in each round",
    actual,
    hint: "Decide on the host before the recorded work, and record each case by itself",
  });
}
