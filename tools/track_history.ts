// The history of figures that the task `bench:track` keeps: one JSON line for each run, and what got slower from one run to the next on the
// same processor.

/** One figure: a rate, so that more is better. */
export interface Figure {
  /** How much in a second. */
  readonly rate: number;
  /** Of what: `GFLOP/s`, `GB/s`, `steps/s`, `1/s`. */
  readonly unit: string;
  /** The rate divided by the run's sgemm peak in GFLOP/s, which makes runs at different clocks comparable. */
  readonly ofPeak: number;
}

/** A run. */
export interface TrackLine {
  /** The commit, with a `+` behind it where files differed from it. */
  readonly commit: string;
  /** When, as ISO text. */
  readonly date: string;
  /** The processor and its number of cores. */
  readonly cpu: string;
  /** The runtime and its version. */
  readonly runtime: string;
  /** Threads that computed. */
  readonly threads: number;
  /** Which OpenBLAS, or why there was none. */
  readonly openblas: string;
  /** sgemm of this run on all threads in GFLOP/s, by OpenBLAS where it is. */
  readonly sgemm: number;
  /** The figures by name. */
  readonly figures: { readonly [name: string]: Figure };
}

/** A figure in two runs. */
export interface Change {
  /** Its name. */
  readonly name: string;
  /** In the earlier run. */
  readonly before: Figure;
  /** In the later run. */
  readonly after: Figure;
  /** How many times longer the work took. */
  readonly slower: number;
  /** The same as fractions of the runs' peaks. */
  readonly slowerOfPeak: number;
}

/** The factor beyond which a figure got slower. */
export const SLOWER = 1.1;

/** Reads a history; empty lines do not count. Throws SyntaxError with the line's number. */
export function parseHistory(text: string): TrackLine[] {
  return text.split("\n").flatMap((line, i) => {
    if (line.trim() === "") return [];
    let value: Partial<TrackLine>;
    try {
      value = JSON.parse(line) as Partial<TrackLine>;
    } catch (error) {
      throw new SyntaxError(`line ${i + 1} is no JSON: ${error instanceof Error ? error.message : error}`);
    }
    if (typeof value?.cpu !== "string" || typeof value.figures !== "object") {
      throw new SyntaxError(`line ${i + 1} has no "cpu" or no "figures"`);
    }
    return [value as TrackLine];
  });
}

/** The last run on a processor. */
export function lastOf(history: readonly TrackLine[], cpu: string): TrackLine | undefined {
  return history.findLast((line) => line.cpu === cpu);
}

/** How the figures changed that both runs have, those that got slowest first. */
export function changes(before: TrackLine, after: TrackLine): Change[] {
  return Object.entries(after.figures).flatMap(([name, figure]): Change[] => {
    const earlier = before.figures[name];
    if (earlier === undefined || earlier.unit !== figure.unit) return [];
    return [{
      name,
      before: earlier,
      after: figure,
      slower: earlier.rate / figure.rate,
      slowerOfPeak: earlier.ofPeak / figure.ofPeak,
    }];
  }).sort((a, b) => b.slower - a.slower);
}

function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

function percent(factor: number): string {
  const change = 100 * (factor - 1);
  return `${change < 0 ? "−" : "+"}${Math.abs(change).toFixed(0)} %`;
}

/** The figures of a run as lines. */
export function figureLines({ figures }: TrackLine): string[] {
  const width = Math.max(...Object.keys(figures).map((name) => name.length));
  return Object.entries(figures).map(([name, { rate, unit, ofPeak }]) =>
    `${name.padEnd(width)}  ${digits(rate).padStart(8)} ${unit.padEnd(16)} ${ofPeak.toPrecision(3)} of the peak`
  );
}

/** What got slower by more than 10 %, and what is no longer there, as lines. */
export function comparisonLines(before: TrackLine, after: TrackLine): string[] {
  const lines = [`against ${before.commit} of ${before.date.slice(0, 10)} on the same processor:`];
  for (const key of ["runtime", "threads", "openblas"] as const) {
    if (before[key] !== after[key]) lines.push(`  ${key} was ${before[key]}, is ${after[key]}`);
  }
  const found = changes(before, after);
  const slow = found.filter(({ slower }) => slower > SLOWER);
  for (const { name, before: { rate: from, unit }, after: { rate: to }, slower, slowerOfPeak } of slow) {
    lines.push(
      `  slower: ${name}: ${digits(from)} → ${digits(to)} ${unit}, time ${percent(slower)} ` +
        `(${percent(slowerOfPeak)} as part of the peak)`,
    );
  }
  const gone = Object.keys(before.figures).filter((name) => after.figures[name] === undefined);
  if (gone.length > 0) lines.push(`  not measured any more: ${gone.join(", ")}`);
  if (slow.length === 0) lines.push(`  nothing of ${found.length} figures got slower by more than 10 %`);
  lines.push(`  sgemm peak ${digits(before.sgemm)} → ${digits(after.sgemm)} GFLOP/s`);
  return lines;
}
