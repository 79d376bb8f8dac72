// What a user waits for when the first layer of a process is built: from the space's factory to the kernel tables of all pairs
// of irreps, their samples and the layout of the weights. Every case runs in a fresh process, imports excluded; the process
// prints its milliseconds and its memory; the best of three counts.

import type { Representation } from "../src/group/types.ts";
import { bandlimitedRegularRepresentation, directSum } from "../src/group/constructions.ts";
import * as gspaces from "../src/gspaces/mod.ts";
import type { GSpace } from "../src/gspaces/mod.ts";
import { weightLayout } from "../src/kernels/weight_layout.ts";

/** A layer whose building is measured. */
interface KernelCase {
  readonly name: string;
  readonly kernelSize: number;
  /** The most milliseconds that it may take on a machine of two cores. */
  readonly limit: number;
  readonly space: () => GSpace;
  readonly fields: (space: GSpace) => readonly Representation[];
}

function repeat(rho: Representation, count: number): readonly Representation[] {
  return Array.from({ length: count }, () => rho);
}

const CASES: readonly KernelCase[] = [
  {
    name: "C8 regular 8 to 8, k = 5",
    kernelSize: 5,
    limit: 30,
    space: () => gspaces.rot2dOnR2(8),
    fields: (space) => repeat(space.regularRepr, 8),
  },
  {
    name: "D8 regular 8 to 8, k = 7",
    kernelSize: 7,
    limit: 100,
    space: () => gspaces.flipRot2dOnR2(8),
    fields: (space) => repeat(space.regularRepr, 8),
  },
  {
    name: "O(2) irreps to 3, 8 copies, k = 5",
    kernelSize: 5,
    limit: 50,
    space: () => gspaces.flipRot2dOnR2(),
    fields: (space) => space.irreps(3).flatMap((psi) => repeat(psi, 8)),
  },
  {
    name: "octahedral regular 2 to 2, k = 5",
    kernelSize: 5,
    limit: 300,
    space: () => gspaces.octaOnR3(),
    fields: (space) => repeat(space.regularRepr, 2),
  },
  {
    name: "icosahedral regular 1 to 1, k = 5",
    kernelSize: 5,
    limit: 1000,
    space: () => gspaces.icoOnR3(),
    fields: (space) => [space.regularRepr],
  },
  {
    name: "full octahedral regular 1 to 1, k = 5",
    kernelSize: 5,
    limit: 1000,
    space: () => gspaces.fullOctaOnR3(),
    fields: (space) => [space.regularRepr],
  },
  {
    name: "SO(3) irreps to 3, k = 5",
    kernelSize: 5,
    limit: 100,
    space: () => gspaces.rot3dOnR3(),
    fields: (space) => space.irreps(3),
  },
  {
    name: "SO(3) band-limited regular (L = 3), k = 5",
    kernelSize: 5,
    limit: 500,
    space: () => gspaces.rot3dOnR3(),
    fields: (space) => [bandlimitedRegularRepresentation(space.fibergroup, 3)],
  },
];

/** Builds the layer of a case: milliseconds and what came out. */
export function buildCase({ kernelSize, space: make, fields: fieldsOf }: KernelCase): {
  readonly milliseconds: number;
  readonly weights: number;
  readonly functions: number;
} {
  const started = performance.now();
  const space = make();
  const fields = fieldsOf(space);
  const rho = directSum([...new Set(fields)]);
  // Layers need the change of basis as well.
  const basis = rho.changeOfBasis.length;
  const tables = space.kernelTables({ kernelSize });
  const irreps = fields.map((field) => field.irreps);
  const layout = weightLayout(tables, irreps, irreps);
  for (const { blocks } of layout.matrices) for (const { table } of blocks) table.sampled();
  const milliseconds = performance.now() - started;
  if (basis < 1) throw new TypeError("A field has no change of basis.");
  return { milliseconds, weights: layout.size, functions: tables.functionCount };
}

interface Measured extends ReturnType<typeof buildCase> {
  readonly megabytes: number;
}

async function inFreshProcess(name: string): Promise<Measured> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", decodeURIComponent(new URL(import.meta.url).pathname), name],
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`${name} failed: ${new TextDecoder().decode(stderr)}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

function measure(name: string): void {
  const found = CASES.find((c) => c.name === name);
  if (found === undefined) throw new TypeError(`There is no case ${name}.`);
  console.log(JSON.stringify({ ...buildCase(found), megabytes: Deno.memoryUsage().rss / 1048576 }));
}

if (import.meta.main && Deno.args.length === 1 && CASES.some((c) => c.name === Deno.args[0])) {
  measure(Deno.args[0]);
} else {
  for (const { name, limit } of CASES) {
    Deno.bench({ name, group: "kernels", n: 1, warmup: 0 }, async () => {
      const runs: Measured[] = [];
      for (let run = 0; run < 3; run++) runs.push(await inFreshProcess(name));
      const best = runs.reduce((a, b) => b.milliseconds < a.milliseconds ? b : a);
      console.log(
        `${
          best.milliseconds.toFixed(1)
        } ms (at most ${limit}), ${best.weights} weights, ${best.functions} functions, ` +
          `${best.megabytes.toFixed(0)} MB`,
      );
    });
  }
}
