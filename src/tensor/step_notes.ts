/**
 * Where the recording of a training step listens: what the library does on the host in a step, and has to do again when the step's work on
 * the device runs again by itself. Absent by default, so that all that it costs then is the look whether it is there. `src/optim` has the
 * one that there is.
 */

import type { TensorCore } from "./core.ts";
import type { Storage } from "./storage.ts";

/** What is told while a step is recorded. */
export interface StepNotes {
  /** `scalars` are those of calls to come, and `next` gives the ones of a later step. `undo` takes back what was done for this step. */
  changing(scalars: readonly number[], next: () => readonly number[], undo?: () => void): void;
  /** `scalars` consists of `parts`, some of which may change. */
  joined(scalars: readonly number[], parts: readonly (readonly number[])[]): void;
  /** `action` belongs to each step, in the order of what is told. */
  again(action: () => void): void;
  /** The values of a storage change in each step. */
  changed(storage: Storage): void;
  /** A leaf's gradient is cleared. */
  cleared(leaf: TensorCore): void;
  /** Something is added to a leaf's gradient, which was `present` before. */
  accumulates(leaf: TensorCore, present: boolean): void;
}

/** The notes of the step that is being recorded, if one is. */
export let stepNotes: StepNotes | undefined;

/** Sets the notes, or with `undefined` takes them away. */
export function setStepNotes(next: StepNotes | undefined): void {
  stepNotes = next;
}

/** All scalars of a call as one array; notes learn what it consists of. */
export function joinScalars(...parts: readonly (readonly number[])[]): readonly number[] {
  const scalars = parts.flat();
  stepNotes?.joined(scalars, parts);
  return scalars;
}
