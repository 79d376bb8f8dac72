/**
 * What the examples share on the command line: options with defaults and help, the backend, the seed.
 */

import process from "node:process";
import { parseArgs } from "node:util";
import { backendInfo, runtime, seed, useBackend } from "@escnn/escnn";

/** A number that can be set. */
export interface NumberOption {
  /** The value when it is not given. */
  readonly value: number;
  /** What it is. */
  readonly help: string;
}

/** An example's command line. */
export interface Command<N extends string, F extends string> {
  /** What the example does, one sentence. */
  readonly title: string;
  /** Numbers by option name: integers of 0 or more. */
  readonly numbers: Readonly<Record<N, NumberOption>>;
  /** Switches by option name, with their help. */
  readonly flags?: Readonly<Record<F, string>>;
}

/** What was asked for. */
export type Chosen<N extends string, F extends string> = Readonly<Record<N, number>> & Readonly<Record<F, boolean>>;

/** The text of `--help`. */
export function helpText<N extends string, F extends string>({ title, numbers, flags }: Command<N, F>): string {
  const rows = [
    ...Object.entries<NumberOption>(numbers).map((
      [name, { value, help }],
    ) => [`--${name} N`, `${help} (default ${value})`]),
    ...Object.entries<string>(flags ?? {}).map(([name, help]) => [`--${name}`, help]),
    ["--backend NAME", "auto, or the name of a backend (default auto)"],
    ["--seed N", "seed of all random numbers (default 0)"],
  ];
  const width = Math.max(...rows.map(([option]) => option.length));
  return [title, "", ...rows.map(([option, help]) => `  ${option.padEnd(width)}  ${help}`)].join("\n");
}

/** Reads options; a string says what is wrong. */
export function parseCommand<N extends string, F extends string>(
  command: Command<N, F>,
  args: readonly string[],
): { readonly chosen: Chosen<N, F>; readonly backend: string; readonly seed: number; readonly help: boolean } | string {
  const { numbers, flags = {} as Readonly<Record<F, string>> } = command;
  const text = { type: "string" } as const, flag = { type: "boolean" } as const;
  try {
    const names = [...Object.keys(numbers), "seed"];
    const values: Readonly<Record<string, unknown>> = parseArgs({
      args: [...args],
      options: Object.fromEntries([
        ...[...names, "backend"].map((name) => [name, text] as const),
        ...[...Object.keys(flags), "help"].map((name) => [name, flag] as const),
      ]),
    }).values;
    const given = new Map<string, number>();
    for (const name of names) {
      const value = values[name];
      if (value === undefined) continue;
      const number = Number(value);
      if (!Number.isInteger(number) || number < 0) return `--${name} takes an integer of 0 or more, got ${value}`;
      given.set(name, number);
    }
    const chosen = Object.fromEntries<number | boolean>([
      ...Object.entries<NumberOption>(numbers).map((
        [name, { value }],
      ): [string, number] => [name, given.get(name) ?? value]),
      ...Object.keys(flags).map((name): [string, boolean] => [name, values[name] === true]),
    ]) as Chosen<N, F>;
    return {
      chosen,
      backend: String(values.backend ?? "auto"),
      seed: given.get("seed") ?? 0,
      help: values.help === true,
    };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Reads the command line, starts the backend and sets the seed. Ends the program for `--help` and for options that make no sense. */
export async function start<N extends string, F extends string = never>(command: Command<N, F>): Promise<Chosen<N, F>> {
  const parsed = parseCommand(command, runtime.args);
  if (typeof parsed === "string") {
    console.error(`${parsed}\n\n${helpText(command)}`);
    process.exit(2);
  }
  if (parsed.help) {
    console.log(helpText(command));
    process.exit(0);
  }
  await useBackend(parsed.backend);
  console.error(backendInfo());
  seed(parsed.seed);
  return parsed.chosen;
}

/** A number as text with three digits. */
export function short(value: number): string {
  return value === 0 || (Math.abs(value) >= 1e-3 && Math.abs(value) < 1e4)
    ? String(Number(value.toPrecision(3)))
    : value.toExponential(1);
}

/** Rows as aligned columns, the first to the left, the others to the right. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    row.map((cell, column) => column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])).join("  ")
  ).join("\n");
}
