// Every module that the library exports has a row in the table of modules, and keeps the contract of modules in it.
// covers: src/nn/pooling/adaptive_pool.ts

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import * as nn from "../../src/nn/mod.ts";
import { memory, scope, seed } from "../../src/tensor/mod.ts";
import { test } from "../support/test.ts";
import { checkContract } from "./module_contract.ts";
import { LINEAR } from "./module_table/linear.ts";
import { NONLINEARITY } from "./module_table/nonlinearity.ts";
import { NORMALIZATION } from "./module_table/normalization.ts";
import { POOLING } from "./module_table/pooling.ts";
import type { Row, Rows } from "./module_table/rows.ts";
import { STRUCTURE } from "./module_table/structure.ts";
import { assertExports, feature } from "./support.ts";

const ROWS: Rows = [...LINEAR, ...NONLINEARITY, ...NORMALIZATION, ...POOLING, ...STRUCTURE];

/** What modules have in common: each is the base of modules in the table. */
const BASES: readonly unknown[] = [
  nn.Module,
  nn.EquivariantModule,
  nn.LayerModule,
  nn.MultiInputModule,
  nn.RdConv,
  nn.GridConv,
  nn.GridConvTransposed,
  nn.DiffopConv,
  nn.PointConv,
  nn.PointwiseModule,
  nn.FourierModule,
  nn.IIDBatchNorm,
  nn.SampleNorm,
  nn.PointwiseMaxPoolModule,
  nn.PointwiseAvgPoolModule,
  nn.AntialiasedMaxPoolModule,
  nn.AntialiasedAvgPoolModule,
  nn.AdaptiveMaxPoolModule,
  nn.AdaptiveAvgPoolModule,
  nn.UpsamplingModule,
];

/** Modules on points take a graph beside their input: tests/nn/point/point_conv_test.ts holds the same contract for them. */
const ON_POINTS: readonly unknown[] = [nn.R2PointConv, nn.R3PointConv];

function isModule(value: unknown): value is abstract new (...args: never[]) => nn.Module {
  return typeof value === "function" && (value === nn.Module || value.prototype instanceof nn.Module);
}

test("every exported module has a row in the table", () => {
  const rows = new Set<unknown>(ROWS.map(([module]) => module));
  assertEquals(rows.size, ROWS.length);
  for (const [name, value] of Object.entries(nn)) {
    if (!isModule(value)) continue;
    const places = [rows.has(value), BASES.includes(value), ON_POINTS.includes(value)].filter((is) => is).length;
    assertEquals(places, 1, `${name} stands in ${places} places: give it a row in tests/nn/module_table/`);
    if (!BASES.includes(value)) continue;
    const covered = [...rows, ...ON_POINTS].some((row) => isModule(row) && row.prototype instanceof value);
    assert(covered, `no row is a ${name}`);
  }
});

async function checkRow({ make, types: [first, ...others], options, refused }: Row): Promise<void> {
  await checkContract((dtype) => make(first, dtype), options);
  for (const type of others) {
    const spatial = new Array<number>(type.gspace.dimensionality).fill(options.spatial?.[0] ?? 3);
    const module = make(type, "float64").eval(), name = `${module.constructor.name} on ${type}`;
    const { exact, maxExact } = await module.checkEquivariance({
      size: spatial,
      batch: 1,
      tolerance: options.tolerance ?? 1e-11,
    });
    assert(exact.length > 0, `${name}: ${maxExact}`);
    const x = feature(module.inType, 1, ...spatial);
    assertEquals(module.evaluateOutputShape(x.shape), [...module.forward(x).shape], name);
    assertExports(make(type, "float32"), spatial);
  }
  for (const [construct, error, part] of refused) {
    const { liveTensors, liveBytes } = memory().reference;
    let caught: unknown;
    try {
      construct();
    } catch (thrown) {
      caught = thrown;
    }
    assert(caught instanceof Error && caught.name === error, `expected ${error}, got ${caught}`);
    assertStringIncludes(caught.message, part);
    const after = memory().reference;
    assertEquals([after.liveTensors, after.liveBytes], [liveTensors, liveBytes], `${error} came after an allocation`);
  }
}

for (const [{ prototype }, row] of ROWS) {
  test(`${prototype.constructor.name} keeps the contract of modules, and refuses what is impossible before it allocates`, async () => {
    seed(1);
    await scope(() => checkRow(row));
  });
}
