/**
 * A profile as text: where the time went by kind of operation, by module and in single operations.
 */

import type { ModuleProfile, OperationProfile, Profile } from "./report.ts";

type Row = readonly string[];

/** Columns set flush left up to `left` of them, the others flush right; the last column that is flush left may be long. */
function table(rows: readonly Row[], left: readonly number[]): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    row.map((cell, column) => left.includes(column) ? cell.padEnd(widths[column]) : cell.padStart(widths[column]))
      .join("  ").trimEnd()
  );
}

function ms(value: number): string {
  return value.toFixed(value < 10 ? 3 : value < 1000 ? 1 : 0);
}

function rate(amount: number, milliseconds: number): string {
  return amount === 0 || milliseconds === 0 ? "" : (amount / milliseconds / 1e6).toFixed(1);
}

function byOperation({ operations, milliseconds }: Profile): string[] {
  const kinds = new Map<string, { calls: number; milliseconds: number; flops: number; bytes: number }>();
  for (const entry of operations) {
    const name = entry.pass === "backward" ? `${entry.operation} (backward)` : entry.operation;
    const sum = kinds.get(name) ?? { calls: 0, milliseconds: 0, flops: 0, bytes: 0 };
    sum.calls += entry.calls;
    sum.milliseconds += entry.milliseconds;
    sum.flops += entry.flops;
    sum.bytes += entry.bytes;
    kinds.set(name, sum);
  }
  const rows = [...kinds].sort(([, a], [, b]) => b.milliseconds - a.milliseconds).map(([name, sum]) => [
    name,
    String(sum.calls),
    ms(sum.milliseconds),
    `${(100 * sum.milliseconds / milliseconds).toFixed(1)} %`,
    rate(sum.flops, sum.milliseconds),
    rate(sum.bytes, sum.milliseconds),
  ]);
  const total = operations.reduce((sum, entry) => sum + entry.milliseconds, 0);
  const calls = operations.reduce((sum, entry) => sum + entry.calls, 0);
  const last = ["all operations", String(calls), ms(total), `${(100 * total / milliseconds).toFixed(1)} %`, "", ""];
  return table([["operation", "calls", "ms", "share", "GFLOP/s", "GB/s"], ...rows, last], [0]);
}

function byModule({ modules, milliseconds }: Profile): string[] {
  const row = ({ name, layer, calls, forward, forwardOwn, backward, backwardOwn }: ModuleProfile): Row => [
    name,
    layer,
    String(calls),
    ms(forward),
    ms(forwardOwn),
    ms(backward),
    ms(backwardOwn),
    `${(100 * (forwardOwn + backwardOwn) / milliseconds).toFixed(1)} %`,
  ];
  const head = ["module", "layer", "calls", "forward ms", "own", "backward ms", "own", "share of own"];
  return table([head, ...modules.map(row)], [0, 1]);
}

function single({ operations }: Profile, top: number): string[] {
  const row = (entry: OperationProfile): Row => [
    String(entry.calls),
    ms(entry.milliseconds),
    ms(entry.longest),
    rate(entry.flops, entry.milliseconds),
    rate(entry.bytes, entry.milliseconds),
    entry.module + (entry.pass === "backward" ? " backward" : ""),
    `${entry.operation} ${entry.detail}`,
  ];
  const head = ["calls", "ms", "longest", "GFLOP/s", "GB/s", "module", "operation"];
  return table([head, ...operations.slice(0, top).map(row)], [5, 6]);
}

/** The tables of a profile; `top` single operations. */
export function profileTables(profile: Profile, top: number): string {
  const { milliseconds, operations, droppedEvents } = profile;
  const parts = [
    [`${ms(milliseconds)} ms in all`],
    byOperation(profile),
    byModule(profile),
    top > 0 && operations.length > 0 ? single(profile, top) : [],
    droppedEvents > 0 ? [`The trace lacks the last ${droppedEvents} events.`] : [],
  ];
  return parts.filter((lines) => lines.length > 0).map((lines) => lines.join("\n")).join("\n\n");
}
