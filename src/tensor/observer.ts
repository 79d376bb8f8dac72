/**
 * Where a profiler listens: one observer of the whole library, absent by default, so that all that it costs then is the look whether it
 * is there. `src/nn/profiling` is the one that there is.
 */

import type { Backend } from "./backend.ts";
import type { GradNode } from "./node.ts";

/** What an observer is told. */
export interface Observer {
  /** An object was made (a module, an optimizer) whose `method` is a unit of work. Called from its base class's constructor. */
  made(subject: object, method: string): void;
  /** A backend has started. */
  started(backend: Backend): void;
  /** An operation was put on the tape. */
  recorded(node: GradNode): void;
  /** Runs the derivative of a recorded operation and gives what it gives. */
  differentiate<R>(node: GradNode, derivative: () => R): R;
}

/** The observer, if there is one. */
export let observer: Observer | undefined;

/** Sets the observer, or with `undefined` takes it away. */
export function setObserver(next: Observer | undefined): void {
  observer = next;
}
