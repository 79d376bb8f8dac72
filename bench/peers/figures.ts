/**
 * Figures of single processes, and how they become medians, ratios, a table and the last line of `bench:peers`.
 */

/** Seconds of a piece of work. */
export interface Seconds {
  /** By the clock. */
  readonly clock: number;
  /** Of all processors of the process together: what a busy machine disturbs less. */
  readonly processor: number;
}

/** What is measured of a work, in the order of the table. */
export const PHASES = ["construct", "train-forward", "train-step", "inference"] as const;

/** One of {@linkcode PHASES}. */
export type Phase = typeof PHASES[number];

/** What one process measured. What was not asked for, or what a library cannot do, is absent. */
export type Measured =
  & {
    readonly [
      /** Seconds of each phase: from nothing to a network; a forward pass in train mode; forward to optimizer; the network for inference. */
      phase in Phase
    ]?: Seconds;
  }
  & {
    /** Number of trained values. */
    readonly parameters?: number;
    /** Peak resident memory of construction and training in MiB. */
    readonly peak?: number;
  };

/** One line of the table: a piece of work, ours and a peer's. */
export interface Row {
  /** `tutorial-c8/train-step`, with `@1` for one thread and `@wasm` without OpenBLAS. */
  readonly work: string;
  /** The peer. */
  readonly peer: string;
  /** What the numbers are. */
  readonly unit: "s" | "MiB";
  /** The peer's median. */
  readonly theirs: number;
  /** Our median. */
  readonly ours: number;
  /** The ratio of processor seconds, where both are known. */
  readonly processor?: number;
}

/** The middle of some numbers, the mean of the middle two of an even count. Throws for none. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError("expected at least one number, got none");
  const sorted = values.toSorted((a, b) => a - b), middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The medians of a phase over processes, or `undefined` when none measured it. */
function medianSeconds(runs: readonly Measured[], phase: Phase): Seconds | undefined {
  const found = runs.map((run) => run[phase]).filter((seconds) => seconds !== undefined);
  if (found.length === 0) return undefined;
  return { clock: median(found.map(({ clock }) => clock)), processor: median(found.map((s) => s.processor)) };
}

/**
 * The rows of a work against a peer, by the medians over the processes of each.
 *
 * @param name The work's name.
 * @param suffix The variant: empty, `@1`, `@wasm`.
 * @param peer The peer's name.
 * @param theirs What the peer's processes measured; `construct` is not taken from them.
 * @param ours What our processes measured.
 * @param phases The phases to list.
 */
export function rowsOf(
  name: string,
  suffix: string,
  peer: string,
  theirs: readonly Measured[],
  ours: readonly Measured[],
  phases: readonly Phase[],
): Row[] {
  const rows: Row[] = [];
  for (const phase of phases) {
    const a = medianSeconds(theirs, phase), b = medianSeconds(ours, phase);
    if (a === undefined || b === undefined) continue;
    const processor = b.processor > 0 ? a.processor / b.processor : undefined;
    rows.push({ work: `${name}/${phase}${suffix}`, peer, unit: "s", theirs: a.clock, ours: b.clock, processor });
  }
  const peaks = [theirs, ours].map((runs) => runs.map(({ peak }) => peak).filter((peak) => peak !== undefined));
  if (phases.includes("train-step") && peaks.every((list) => list.length > 0)) {
    const [a, b] = peaks.map(median);
    rows.push({ work: `${name}/peak${suffix}`, peer, unit: "MiB", theirs: a, ours: b });
  }
  return rows;
}

/** `{work: {peer: theirs / ours}}` with three digits. Of rows with the same work and peer the first counts. */
export function ratios(rows: readonly Row[]): Record<string, Record<string, number>> {
  const result: Record<string, Record<string, number>> = {};
  for (const { work, peer, theirs, ours } of rows) {
    const peers = result[work] ??= {};
    peers[peer] ??= Number((theirs / ours).toPrecision(3));
  }
  return result;
}

/** A duration or an amount of memory with three digits. */
function amount(value: number, unit: Row["unit"]): string {
  if (unit === "MiB") return `${value.toFixed(0)} MiB`;
  return value >= 1 ? `${Number(value.toPrecision(3))} s` : `${Number((1000 * value).toPrecision(3))} ms`;
}

/** The rows as an aligned table. */
export function tableText(rows: readonly Row[]): string {
  const cells = rows.map(({ work, peer, unit, theirs, ours, processor }) => [
    work,
    peer,
    amount(theirs, unit),
    amount(ours, unit),
    (theirs / ours).toPrecision(3),
    processor === undefined ? "" : processor.toPrecision(3),
  ]);
  const head = ["work", "peer", "theirs", "ours", "ratio", "ratio of processor time"];
  const lines = [head, ...cells];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  return lines.map((line) =>
    line.map((cell, column) => column < 2 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])).join("  ")
  ).join("\n");
}
