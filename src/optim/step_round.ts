/**
 * What a training step did on the host while it was rehearsed or recorded, and how that is done again for each later run: new scalars,
 * actions in their order, versions of changed storages, gradients of leaves.
 */

import { GradientError } from "../tensor/errors.ts";
import { getRandomState, setRandomState, type Tensor, type TensorCore } from "../tensor/mod.ts";
import { setStepNotes, type StepNotes } from "../tensor/step_notes.ts";
import type { Storage } from "../tensor/storage.ts";

/** New numbers for arrays of scalars, by the object that was in the recorded calls. */
export type NewScalars = Map<readonly number[], readonly number[]>;

/** A leaf with the gradient that each run of a recording computes. */
interface LeafGradient {
  readonly leaf: TensorCore;
  readonly gradient: Tensor;
}

/** The notes of one step. */
export class StepRound implements StepNotes {
  readonly #randomState = getRandomState();
  readonly #repeats: ((values: NewScalars) => void)[] = [];
  readonly #undo: (() => void)[] = [];
  readonly #changing = new Set<readonly number[]>();
  readonly #storages = new Set<Storage>();
  readonly #cleared = new Set<TensorCore>();
  readonly #leaves = new Set<TensorCore>();
  readonly #gradients: LeafGradient[] = [];

  /** Whether an array of scalars gets new numbers in later runs. */
  readonly isChanging = (scalars: readonly number[]): boolean => this.#changing.has(scalars);

  /** Runs the step with these notes taken. */
  note<R>(step: () => R): R {
    setStepNotes(this);
    try {
      return step();
    } finally {
      setStepNotes(undefined);
    }
  }

  changing(scalars: readonly number[], next: () => readonly number[], undo?: () => void): void {
    this.#changing.add(scalars);
    this.#repeats.push((values) => values.set(scalars, next()));
    if (undo !== undefined) this.#undo.push(undo);
  }

  joined(scalars: readonly number[], parts: readonly (readonly number[])[]): void {
    if (!parts.some(this.isChanging)) return;
    this.#changing.add(scalars);
    this.#repeats.push((values) => values.set(scalars, parts.flatMap((part) => values.get(part) ?? part)));
  }

  again(action: () => void): void {
    this.#repeats.push(action);
  }

  changed(storage: Storage): void {
    this.#storages.add(storage);
  }

  cleared(leaf: TensorCore): void {
    this.#cleared.add(leaf);
  }

  accumulates(leaf: TensorCore, present: boolean): void {
    if (present && !this.#cleared.has(leaf) && !this.#leaves.has(leaf)) throw notCleared(leaf);
    this.#leaves.add(leaf);
  }

  /**
   * To be called when the step has run.
   *
   * @throws GradientError for a leaf with a gradient that the step does not clear: the next step would add to it.
   */
  requireCleared(): void {
    for (const leaf of this.#leaves) {
      if (leaf.grad !== undefined && !this.#cleared.has(leaf)) throw notCleared(leaf);
    }
  }

  /** Keeps the gradients' memory, into which each run of the recording writes. */
  holdGradients(): void {
    for (const leaf of this.#leaves) {
      if (leaf.grad !== undefined) this.#gradients.push({ leaf, gradient: held(leaf.grad) });
    }
  }

  /** What the step does on the host, once more; gives the new scalars. */
  repeat(): NewScalars {
    const values: NewScalars = new Map();
    for (const action of this.#repeats) action(values);
    return values;
  }

  /** What changes without the tape's notice when the recording runs: versions of storages, and whose gradient is where. */
  settle(): void {
    for (const storage of this.#storages) storage.version++;
    for (const { leaf, gradient } of this.#gradients) {
      if (leaf.isDisposed) continue;
      const present = leaf.grad;
      if (present !== undefined && !present.isDisposed && present.storage === gradient.storage) continue;
      present?.dispose();
      leaf.grad = held(gradient);
    }
  }

  /** Takes back what the host did in a step whose work on the device was not done. Gradients are gone. */
  undo(): void {
    setRandomState(this.#randomState);
    for (const step of this.#undo) step();
    for (const leaf of this.#leaves) {
      leaf.grad?.dispose();
      leaf.grad = undefined;
    }
  }

  /** The host's state before a run of the recording: what is undone where it fails. */
  snapshot(): () => void {
    const state = getRandomState();
    return () => {
      setRandomState(state);
      for (const step of this.#undo) step();
    };
  }

  /** Lets the gradients' memory go. */
  dispose(): void {
    for (const { gradient } of this.#gradients.splice(0)) gradient.dispose();
  }
}

/** The same memory without history, in no scope. */
function held(tensor: Tensor): Tensor {
  const view = tensor.detach();
  view.owner?.remove(view);
  return view;
}

function notCleared(leaf: TensorCore): GradientError {
  return new GradientError({
    op: "RecordedStep.run",
    expected: "a step that clears gradients before it computes new ones",
    actual: `${leaf.describe()}, whose gradient would be added to that of the step before`,
    hint: "Call optimizer.zeroGrad() at the beginning of the step",
  });
}
