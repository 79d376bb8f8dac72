/**
 * The training step that `recordStep` makes: it counts how often inputs of the same shapes came, runs, rehearses or records the step, and
 * repeats recordings with new inputs and scalars.
 */

import type { Backend, Recording, Rehearsal } from "../tensor/backend.ts";
import {
  ArgumentError,
  BackendMismatchError,
  DisposedError,
  GradientError,
  OutOfMemoryError,
} from "../tensor/errors.ts";
import { currentBackend, noGrad, release, scope, Tensor } from "../tensor/mod.ts";
import { assign } from "../tensor/map.ts";
import { isBackendDisposed } from "../tensor/storage.ts";
import type { RecordStepOptions, StepResult } from "./record_step.ts";
import { StepRound } from "./step_round.ts";

const OP = "RecordedStep.run";

/** Combinations of shapes whose steps are counted; beyond them the count begins anew. */
const MOST_COUNTED = 64;

/** The steps with inputs of the same shapes and types. */
interface Series {
  /** How many there were. */
  steps: number;
  /** Where the recorded inputs lie. */
  inputs: Tensor[];
  rehearsal?: Rehearsal;
  recorded?: {
    readonly recording: Recording;
    readonly round: StepRound;
    readonly result: StepResult;
  };
}

/** A training step made by {@linkcode recordStep}. `dispose()` (or `using`) gives the memory of its recordings back. */
export class RecordedStep<A extends readonly Tensor[] = readonly Tensor[], R extends StepResult = StepResult> {
  readonly #step: (...inputs: A) => R;
  readonly #most: number;
  readonly #series = new Map<string, Series>();
  #backend: Backend | undefined;
  #disposed = false;

  /** Use {@linkcode recordStep}. @internal */
  constructor(step: (...inputs: A) => R, { recordings = 1 }: RecordStepOptions) {
    if (!Number.isInteger(recordings) || recordings < 0) {
      throw new ArgumentError({
        op: "recordStep",
        expected: "recordings as a number from 0 on",
        actual: String(recordings),
      });
    }
    this.#step = step;
    this.#most = recordings;
  }

  /** How many combinations of input shapes are recorded. */
  get recordings(): number {
    let count = 0;
    for (const { recorded } of this.#series.values()) if (recorded !== undefined) count++;
    return count;
  }

  /**
   * Takes a step.
   *
   * @param inputs On one backend, and without gradients.
   * @returns What `step` gives, each tensor without history and in the scope of the caller.
   * @throws What `step` throws. BackendError for reads and writes of the host, numbers that change, and operations that differ from step to step;
   *   GradientError where gradients are not cleared; DisposedError where tensors that the recorded step uses were disposed. Where the error comes
   *   from the step that is recorded (the third), or a later one, nothing has changed on the device, counters and draws are as before, and
   *   gradients are cleared; where it comes from one before, the step was taken up to the error.
   */
  run(...inputs: A): R {
    const backend = this.#checked(inputs);
    const { record, rehearse } = backend;
    if (record === undefined || rehearse === undefined || this.#most === 0) return this.#runOnce(inputs);
    const series = this.#seriesOf(inputs);
    if (series.recorded !== undefined) {
      this.#give(series, inputs);
      return this.#repeat(series.recorded);
    }
    series.steps++;
    if (series.steps === 1 || this.#isFull(series)) return this.#runOnce(inputs);
    this.#give(series, inputs);
    if (series.rehearsal === undefined) return this.#rehearse(backend, series);
    try {
      return this.#record(backend, series);
    } catch (error) {
      // The backend has given back what it could; a second attempt may find room for the recording's memory.
      if (!(error instanceof OutOfMemoryError)) throw error;
      return this.#record(backend, series);
    }
  }

  /** Gives the memory of all recordings back. Idempotent; the step cannot be run afterwards. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#forget();
  }

  /** Frees it at the end of a `using` block, as {@linkcode RecordedStep.dispose}. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  #forget(): void {
    for (const { inputs, recorded } of this.#series.values()) {
      recorded?.recording.dispose();
      recorded?.round.dispose();
      for (const tensor of [...inputs, ...tensorsOf(recorded?.result)]) tensor.dispose();
    }
    this.#series.clear();
  }

  #checked(inputs: A): Backend {
    if (this.#disposed) {
      throw new DisposedError({ op: OP, expected: "a recorded step with its memory", actual: "one that was disposed" });
    }
    const backend = inputs.length > 0 ? inputs[0].storage.backend : this.#backend ?? currentBackend();
    for (const input of inputs) {
      if (input.storage.backend !== backend) {
        throw new BackendMismatchError({
          op: OP,
          expected: `inputs on one backend, ${backend.name}`,
          actual: `${input.describe()} on ${input.backend.name}`,
          hint: "Move it with await tensor.to(backend)",
        });
      }
      if (input.requiresGrad) {
        throw new GradientError({
          op: OP,
          expected: "inputs without gradients",
          actual: `${input.describe()}, which requires one`,
          hint: "Call detach().requireGrad() on it inside the step",
        });
      }
    }
    if (this.#backend !== backend) {
      if (this.#backend !== undefined) this.#forget();
      this.#backend = backend;
    }
    return backend;
  }

  #seriesOf(inputs: A): Series {
    const key = inputs.map(({ dtype, shape }) => `${dtype} ${shape}`).join("|");
    let series = this.#series.get(key);
    if (series === undefined) {
      if (this.#series.size >= MOST_COUNTED) {
        for (const [other, { recorded, inputs }] of this.#series) {
          if (recorded === undefined && inputs.length === 0) this.#series.delete(other);
        }
      }
      this.#series.set(key, series = { steps: 0, inputs: [] });
    }
    return series;
  }

  /** Whether others have taken all places for recordings. */
  #isFull(series: Series): boolean {
    if (series.rehearsal !== undefined) return false;
    let taken = 0;
    for (const other of this.#series.values()) if (other.rehearsal !== undefined) taken++;
    return taken >= this.#most;
  }

  /** Copies inputs to where the recorded step has them. */
  #give(series: Series, inputs: A): void {
    if (series.inputs.length === 0) series.inputs = noGrad(() => inputs.map((input) => release(input.clone())));
    else noGrad(() => series.inputs.forEach((place, i) => assign(place, inputs[i])));
  }

  /** Runs the step; its results leave the scope that it runs in. */
  #runOnce(inputs: A): R {
    return scope(() => mapTensors(this.#step(...inputs), (tensor) => tensor.detach()));
  }

  #rehearse(backend: Backend, series: Series): R {
    const round = new StepRound();
    let result!: R;
    const rehearsal = round.note(() =>
      backend.rehearse!(() => result = this.#runOnce(series.inputs as readonly Tensor[] as A), round.isChanging)
    );
    round.requireCleared();
    series.rehearsal = rehearsal;
    // A result may be state of the step: nothing but the step itself should hold its memory when the step is recorded.
    const copied = copies(result) as R;
    for (const tensor of tensorsOf(result)) tensor.dispose();
    return copied;
  }

  #record(backend: Backend, series: Series): R {
    const round = new StepRound();
    let result: StepResult = undefined;
    let recording: Recording | undefined;
    try {
      recording = round.note(() =>
        backend.record!(() => {
          result = mapTensors(this.#runOnce(series.inputs as readonly Tensor[] as A), release);
        }, { changing: round.isChanging, rehearsal: series.rehearsal })
      );
      round.requireCleared();
      recording.run();
    } catch (error) {
      recording?.dispose();
      for (const tensor of tensorsOf(result)) tensor.dispose();
      if (!isBackendDisposed(backend)) round.undo();
      throw error;
    }
    round.holdGradients();
    series.recorded = { recording, round, result };
    return copies(result) as R;
  }

  #repeat({ recording, round, result }: NonNullable<Series["recorded"]>): R {
    const undo = round.snapshot();
    const values = round.repeat();
    try {
      recording.run(values);
    } catch (error) {
      undo();
      throw error;
    }
    round.settle();
    return copies(result) as R;
  }
}

/** What the recording computed, with memory of its own: the next run overwrites the recorded results. */
function copies(result: StepResult): StepResult {
  return noGrad(() => mapTensors(result, (tensor) => tensor.clone()));
}

function tensorsOf(result: StepResult): Tensor[] {
  const tensors: Tensor[] = [];
  mapTensors(result, (tensor) => {
    tensors.push(tensor);
    return tensor;
  });
  return tensors;
}

/** A result of the same form; throws ArgumentError for what is none. */
function mapTensors<R extends StepResult>(result: R, change: (tensor: Tensor) => Tensor): R {
  const changed = (value: unknown): Tensor => {
    if (value instanceof Tensor) return change(value);
    throw new ArgumentError({
      op: OP,
      expected: "a synchronous step that gives nothing, a tensor, or tensors in a list or an object",
      actual: value instanceof Promise ? "a promise" : `a ${typeof value}`,
      hint: "Read results after the step: await step.run(…).data()",
    });
  };
  if (result === undefined) return result;
  if (Array.isArray(result)) return result.map(changed) as StepResult as R;
  const plain = typeof result === "object" && result !== null && Object.getPrototypeOf(result) === Object.prototype;
  if (!plain) return changed(result) as StepResult as R;
  return Object.fromEntries(Object.entries(result).map(([name, value]) => [name, changed(value)])) as StepResult as R;
}
