/**
 * Places all results of a program in one piece of memory: two of them may share a place when one is needed no more before the other is
 * made, and an elementwise step may write where it reads. The greatest are placed first (Pisarchyk & Lee 2020).
 */

import type { View } from "../../tensor/backend.ts";
import { bufferOf, type PlanBuffer, readsOf, type Step, usesOf, viewIn, viewKey, writesOf } from "./program.ts";

/** Every place begins at a multiple of so many bytes: cache lines, and what GPU libraries want. */
export const ALIGNMENT = 256;

/** Where buffers lie. */
export interface MemoryPlan {
  /** The first byte of each. */
  readonly offsets: ReadonlyMap<PlanBuffer, number>;
  /** Bytes in all. */
  readonly bytes: number;
}

/** Rounds up to whole units of alignment. */
export function aligned(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

/** Buffers one after the other. */
export function packed(buffers: Iterable<PlanBuffer>): MemoryPlan {
  const offsets = new Map<PlanBuffer, number>();
  let bytes = 0;
  for (const buffer of buffers) {
    offsets.set(buffer, bytes);
    bytes += aligned(buffer.bytes);
  }
  return { offsets, bytes };
}

/** Buffers at one place, and the steps between which it is taken. */
interface Place {
  readonly buffers: PlanBuffer[];
  readonly bytes: number;
  first: number;
  last: number;
}

/** The places of all buffers that are written in a run; `output` stays to its end. */
export function planMemory(steps: readonly Step[], output: View): MemoryPlan {
  const uses = usesOf(steps, output), places = new Map<PlanBuffer, Place>();
  for (const [buffer, { writers, readers }] of uses) {
    if (buffer.role !== "planned") continue;
    const all = [...writers, ...readers];
    places.set(buffer, {
      buffers: [buffer],
      bytes: aligned(buffer.bytes),
      first: Math.min(...all),
      last: Math.max(...all),
    });
  }
  steps.forEach((step, position) => {
    for (const [made, used] of inPlace(step)) {
      const to = places.get(made), from = places.get(used);
      if (to === undefined || from === undefined || to === from || from.last !== position) continue;
      if (to.first !== position || from.bytes !== to.bytes) continue;
      to.first = from.first;
      to.buffers.push(...from.buffers);
      for (const buffer of from.buffers) places.set(buffer, to);
    }
  });
  const offsets = new Map<PlanBuffer, number>(), placed: (Place & { readonly at: number })[] = [];
  let bytes = 0;
  const order = [...new Set(places.values())].sort((a, b) => b.bytes - a.bytes || a.first - b.first);
  for (const place of order) {
    const taken = placed.filter((other) => other.first <= place.last && place.first <= other.last)
      .sort((a, b) => a.at - b.at);
    let at = 0;
    for (const other of taken) {
      if (at + place.bytes <= other.at) break;
      at = Math.max(at, other.at + other.bytes);
    }
    placed.push({ ...place, at });
    for (const buffer of place.buffers) offsets.set(buffer, at);
    bytes = Math.max(bytes, at + place.bytes);
  }
  return { offsets, bytes };
}

/** Pairs of a result and an operand of an elementwise step that may be one memory: each element is read where it is written. */
function inPlace({ op, call }: Step): [made: PlanBuffer, used: PlanBuffer][] {
  if (op !== "map") return [];
  const elements = (view: View, buffer: PlanBuffer): string => viewKey(viewIn(buffer, view));
  const pairs: [PlanBuffer, PlanBuffer][] = [];
  const reads = readsOf(op, call), writes = writesOf(op, call);
  for (const made of new Set(writes.map(bufferOf))) {
    const written = new Set(writes.filter((view) => view.buffer === made).map((view) => elements(view, made)));
    for (const used of new Set(reads.map(bufferOf))) {
      const whole = reads.filter((view) => view.buffer === used).every((view) => written.has(elements(view, made)));
      if (whole && used !== made) pairs.push([made, used]);
    }
  }
  return pairs;
}
