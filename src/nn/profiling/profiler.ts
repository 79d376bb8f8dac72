/**
 * Takes a profile: times every operation of the running backends, every `forward` of a module and every step of an optimizer, and books
 * what the backward pass does to the module whose forward pass recorded it.
 */

import type { Backend } from "../../tensor/backend.ts";
import { ArgumentError } from "../../tensor/errors.ts";
import type { GradNode } from "../../tensor/node.ts";
import { type Observer, observer, setObserver } from "../../tensor/observer.ts";
import { runningBackends } from "../../tensor/registry.ts";
import { Module } from "../plain/module.ts";
import { type CallFacts, factsOf, type Operation, OPERATIONS } from "./operations.ts";
import { Instruments } from "./instrument.ts";
import { type Account, type OperationAccount, type Pass, Profile, type Span } from "./report.ts";

/** Work of a subject that is under way or, for its backward pass, was. */
interface Frame {
  readonly account: Account;
  readonly pass: Pass;
  readonly start: number;
  /** Milliseconds in frames inside this one. */
  inner: number;
  /** The frame around it; for the backward pass that around the forward frame. */
  readonly parent: Frame | undefined;
}

/** Options of a {@linkcode Profiler}. */
export interface ProfilerOptions {
  /** Modules that were made before; those made while it runs are found. */
  readonly models?: readonly Module[];
  /** Spans that are kept for the trace; what comes after them is counted, but not kept. */
  readonly maxSpans?: number;
}

/** A profile that is being taken. There is one at a time. */
export class Profiler implements Observer {
  readonly #instruments = new Instruments();
  readonly #accounts = new Map<object, Account>();
  readonly #operations = new Map<string, OperationAccount>();
  readonly #frames = new WeakMap<GradNode, Frame>();
  readonly #parts = new WeakMap<object, ReadonlySet<object>>();
  readonly #roots = new Set<Module>();
  readonly #spans: Span[] = [];
  readonly #maxSpans: number;
  readonly #start: number;
  readonly #outside: Frame;
  #dropped = 0;
  #top: Frame;
  #busy = false;

  /** Starts. Throws ArgumentError while another one runs. */
  constructor({ models = [], maxSpans = 400_000 }: ProfilerOptions = {}) {
    if (observer !== undefined) {
      throw new ArgumentError({
        op: "profile",
        expected: "no profile under way",
        actual: "one that has not ended",
        hint: "Await a profile before starting the next one",
      });
    }
    this.#maxSpans = maxSpans;
    for (const model of models) {
      this.#roots.add(model);
      for (const [, module] of model.namedModules()) this.made(module, "forward");
    }
    for (const backend of runningBackends().values()) this.started(backend);
    this.#start = performance.now();
    this.#outside = this.#top = {
      account: newAccount(undefined),
      pass: "forward",
      start: this.#start,
      inner: 0,
      parent: undefined,
    };
    setObserver(this);
  }

  /** Ends: all methods are as they were. */
  stop(): Profile {
    const end = performance.now();
    setObserver(undefined);
    this.#instruments.restore();
    const { account, inner } = this.#outside;
    account.calls = 1;
    account.backward = account.backwardOwn;
    account.forward = account.forwardOwn = end - this.#start - inner;
    return new Profile({
      milliseconds: end - this.#start,
      accounts: [account, ...this.#accounts.values()],
      operations: [...this.#operations.values()],
      roots: [...this.#roots],
      spans: this.#spans,
      dropped: this.#dropped,
    });
  }

  made(subject: object, method: string): void {
    const inFrame = this.#inFrame.bind(this);
    this.#instruments.replaceInClasses(
      subject,
      method,
      (original) =>
        function (this: object, ...args: unknown[]): unknown {
          return inFrame(this, () => Reflect.apply(original, this, args));
        },
    );
  }

  started(backend: Backend): void {
    const timed = this.#timed.bind(this);
    for (const operation of OPERATIONS) {
      this.#instruments.replace(backend, operation, (original) =>
        function (this: object, ...args: unknown[]): unknown {
          return timed(operation, args, () => Reflect.apply(original, this, args));
        });
    }
  }

  recorded(node: GradNode): void {
    if (node.leaf === undefined) this.#frames.set(node, this.#top);
  }

  differentiate<R>(node: GradNode, derivative: () => R): R {
    const origin = this.#frames.get(node) ?? this.#outside;
    const around = this.#top;
    const frame: Frame = {
      account: origin.account,
      pass: "backward",
      start: performance.now(),
      inner: 0,
      parent: origin.parent,
    };
    this.#top = frame;
    try {
      return derivative();
    } finally {
      const end = performance.now(), took = end - frame.start;
      this.#top = around;
      around.inner += took;
      frame.account.backwardOwn += took - frame.inner;
      const seen = new Set<Account>();
      for (let f: Frame | undefined = origin; f !== undefined; f = f.parent) {
        if (seen.has(f.account)) continue;
        seen.add(f.account);
        f.account.backward += took - frame.inner;
      }
      this.#keep({ account: frame.account, pass: "backward", detail: node.op, start: frame.start, end });
    }
  }

  #inFrame(subject: object, run: () => unknown): unknown {
    const around = this.#top;
    if (observer !== this || this.#isPart(around.account.subject, subject)) return run();
    if (around.account.subject === undefined && subject instanceof Module) this.#roots.add(subject);
    let account = this.#accounts.get(subject);
    if (account === undefined) this.#accounts.set(subject, account = newAccount(subject));
    const frame: Frame = { account, pass: "forward", start: performance.now(), inner: 0, parent: around };
    this.#top = frame;
    try {
      return run();
    } finally {
      const end = performance.now(), took = end - frame.start;
      this.#top = around;
      around.inner += took;
      account.calls++;
      account.forwardOwn += took - frame.inner;
      // One that runs itself is counted at its outermost call.
      let outer: Frame | undefined = around;
      while (outer !== undefined && outer.account !== account) outer = outer.parent;
      if (outer === undefined) account.forward += took;
      this.#keep({ account, pass: "forward", detail: undefined, start: frame.start, end });
    }
  }

  /** Whether a subject is the one of a frame, or what does its work. */
  #isPart(whole: object | undefined, subject: object): boolean {
    if (whole === subject) return true;
    if (!(whole instanceof Module)) return false;
    let parts = this.#parts.get(whole);
    if (parts === undefined) {
      parts = new Set(whole.namedModules().filter(([name]) => name === "").map(([, module]) => module));
      this.#parts.set(whole, parts);
    }
    return parts.has(subject);
  }

  #timed(operation: Operation, args: readonly unknown[], run: () => unknown): unknown {
    // What an operation is made of on its backend is part of it. Who took a method while the profile was taken may call it later.
    if (this.#busy || observer !== this) return run();
    this.#busy = true;
    const start = performance.now();
    try {
      return run();
    } finally {
      const end = performance.now();
      this.#busy = false;
      this.#count(operation, factsOf(operation, args), start, end);
    }
  }

  #count(operation: Operation, { detail, flops, bytes }: CallFacts, start: number, end: number): void {
    const { account, pass } = this.#top;
    const key = `${operation} ${pass} ${account.id} ${detail}`;
    let entry = this.#operations.get(key);
    if (entry === undefined) {
      entry = { operation, detail, account, pass, calls: 0, milliseconds: 0, longest: 0, flops: 0, bytes: 0 };
      this.#operations.set(key, entry);
    }
    const took = end - start;
    entry.calls++;
    entry.milliseconds += took;
    entry.longest = Math.max(entry.longest, took);
    entry.flops += flops;
    entry.bytes += bytes;
    this.#keep({ account, pass, operation, detail, start, end });
  }

  #keep(span: Span): void {
    if (this.#spans.length >= this.#maxSpans) {
      this.#dropped++;
      return;
    }
    this.#spans.push({ ...span, start: span.start - this.#start, end: span.end - this.#start });
  }
}

let nextId = 0;

function newAccount(subject: object | undefined): Account {
  return { id: nextId++, subject, calls: 0, forward: 0, forwardOwn: 0, backward: 0, backwardOwn: 0 };
}
