/**
 * A profile: what each operation and each module took, as lists, as tables, and as a trace in the event format of Chrome, which Perfetto
 * (https://ui.perfetto.dev) opens.
 */

import type { Module } from "../plain/module.ts";
import type { Operation } from "./operations.ts";
import { nameSubjects } from "./names.ts";
import { profileTables } from "./tables.ts";

/** The pass in which time went: the forward pass and all that is outside of both, or the backward pass. */
export type Pass = "forward" | "backward";

/** What is booked for a module, an optimizer, or all that is outside of them. Times in milliseconds. */
export interface Account {
  /** A number of its own. */
  readonly id: number;
  /** Whose it is; `undefined` outside. */
  readonly subject: object | undefined;
  calls: number;
  forward: number;
  forwardOwn: number;
  backward: number;
  backwardOwn: number;
}

/** What is booked for equal calls of an operation. */
export interface OperationAccount {
  readonly operation: Operation;
  readonly detail: string;
  readonly account: Account;
  readonly pass: Pass;
  calls: number;
  milliseconds: number;
  longest: number;
  flops: number;
  bytes: number;
}

/** A stretch of time: a module's forward pass, a derivative, or an operation. Milliseconds since the start. */
export interface Span {
  readonly account: Account;
  readonly pass: Pass;
  /** Which operation of the backend it is, if it is one. */
  readonly operation?: Operation;
  /** Expression and shapes of an operation, the name of a derivative. */
  readonly detail: string | undefined;
  readonly start: number;
  readonly end: number;
}

/** What a profiler hands over. */
export interface ProfileParts {
  /** From start to end. */
  readonly milliseconds: number;
  /** Accounts, what is outside first. */
  readonly accounts: readonly Account[];
  /** Operations. */
  readonly operations: readonly OperationAccount[];
  /** Modules that were called outside of others, or given. */
  readonly roots: readonly Module[];
  /** Spans in the order of their ends. */
  readonly spans: readonly Span[];
  /** How many more spans there were. */
  readonly dropped: number;
}

/** Calls of one operation of a backend with the same expression and shapes, from one module and pass. */
export interface OperationProfile {
  /** The backend's method, such as `map`, `matmul`, `convolutionWeightGradient`. */
  readonly operation: string;
  /** Expression, shapes and sizes. */
  readonly detail: string;
  /** The name of the module that called it, or whose derivative did. */
  readonly module: string;
  /** In which pass. */
  readonly pass: Pass;
  /** Number of calls. */
  readonly calls: number;
  /** What all calls took. */
  readonly milliseconds: number;
  /** What the longest took: the first one compiles kernels. */
  readonly longest: number;
  /** Floating-point operations of all calls; 0 where nobody counts them. */
  readonly flops: number;
  /** Bytes that all calls read and write at the least. */
  readonly bytes: number;
}

/** What a module, or an optimizer's `step`, took. */
export interface ModuleProfile {
  /** The class of the outermost module, and the dotted name in it: `Net.body.2`. */
  readonly name: string;
  /** Its class. */
  readonly layer: string;
  /** Calls of `forward`. */
  readonly calls: number;
  /** Milliseconds in `forward`, with the modules that it calls. */
  readonly forward: number;
  /** Milliseconds in `forward`, without them. */
  readonly forwardOwn: number;
  /** Milliseconds in the derivatives of what its forward pass recorded, with those of the modules that it calls. */
  readonly backward: number;
  /** The same without them. */
  readonly backwardOwn: number;
}

/** An event of a trace: `X` has a beginning and a duration, `M` names process and thread. Times in microseconds. */
export interface TraceEvent {
  /** What is shown. */
  readonly name: string;
  /** `module`, `derivative` or `operation`. */
  readonly cat: string;
  /** Kind of event. */
  readonly ph: "X" | "M";
  /** When it began. */
  readonly ts: number;
  /** How long it took. */
  readonly dur: number;
  /** Process; always 1. */
  readonly pid: number;
  /** Thread; always 1. */
  readonly tid: number;
  /** More to show. */
  readonly args: { readonly [name: string]: string | number };
}

/** A trace in the JSON object format of Chrome. */
export interface ChromeTrace {
  /** Unit for display. */
  readonly displayTimeUnit: "ms";
  /** Events, outer ones before those inside them. */
  readonly traceEvents: readonly TraceEvent[];
}

/** Options of {@linkcode Profile.toString}. */
export interface ProfileTextOptions {
  /** How many single operations are listed. Default 25. */
  readonly top?: number;
}

/** The name of what happens in no module. */
const OUTSIDE = "(outside modules)";

/** What {@linkcode profile} found. */
export class Profile {
  /** Milliseconds from start to end. */
  readonly milliseconds: number;
  /** Operations of the backends, those that took longest first. */
  readonly operations: readonly OperationProfile[];
  /** Modules and optimizers, and what is outside of them; the own times of all add up to `milliseconds`. Those that took longest first. */
  readonly modules: readonly ModuleProfile[];
  /** Events that the trace lacks because there were too many. */
  readonly droppedEvents: number;
  readonly #spans: readonly Span[];
  readonly #names: ReadonlyMap<Account, string>;

  /**
   * Puts the parts together.
   * @internal
   */
  constructor({ milliseconds, accounts, operations, roots, spans, dropped }: ProfileParts) {
    const subjects = nameSubjects(accounts.flatMap(({ subject }) => subject ?? []), roots);
    const nameOf = (account: Account): string =>
      account.subject === undefined ? OUTSIDE : subjects.get(account.subject)!;
    this.milliseconds = milliseconds;
    this.droppedEvents = dropped;
    this.#spans = spans;
    this.#names = new Map(accounts.map((account) => [account, nameOf(account)]));
    this.operations = operations
      .map(({ account, ...rest }) => ({ ...rest, module: nameOf(account) }))
      .sort((a, b) => b.milliseconds - a.milliseconds);
    this.modules = accounts.map(({ id: _, subject, ...times }) => ({
      name: subject === undefined ? OUTSIDE : subjects.get(subject)!,
      layer: subject === undefined ? "" : subject.constructor.name,
      ...times,
    })).sort((a, b) => b.forwardOwn + b.backwardOwn - a.forwardOwn - a.backwardOwn);
  }

  /** Every module's forward pass, every derivative and every operation as an event. */
  trace(): ChromeTrace {
    const named = (name: string, text: string): TraceEvent => ({
      name,
      cat: "__metadata",
      ph: "M",
      ts: 0,
      dur: 0,
      pid: 1,
      tid: 1,
      args: { name: text },
    });
    // Whole nanoseconds on both sides, so that what lies inside stays inside.
    const nanoseconds = (milliseconds: number): number => Math.round(milliseconds * 1e6);
    const events = this.#spans.map((span): TraceEvent => {
      const { account, pass, operation, detail, start, end } = span, module = this.#names.get(account)!;
      const begin = nanoseconds(start);
      return {
        name: operation ?? (pass === "forward" ? module : `${module} backward`),
        cat: operation === undefined ? (pass === "forward" ? "module" : "derivative") : "operation",
        ph: "X",
        ts: begin / 1000,
        dur: (nanoseconds(end) - begin) / 1000,
        pid: 1,
        tid: 1,
        args: operation === undefined
          ? (detail === undefined ? { layer: account.subject?.constructor.name ?? "" } : { of: detail })
          : { ...(detail === "" || detail === undefined ? {} : { detail }), module, pass },
      };
    });
    events.sort((a, b) => a.ts - b.ts || b.dur - a.dur);
    return {
      displayTimeUnit: "ms",
      traceEvents: [named("process_name", "@escnn/escnn"), named("thread_name", "main"), ...events],
    };
  }

  /** Tables: time by kind of operation, by module, and the single operations that took longest. */
  toString({ top = 25 }: ProfileTextOptions = {}): string {
    return profileTables(this, top);
  }
}
