// Every module of the library compiles and gives the numbers of its eval mode, in float64 on the reference backend and in float32 on cpu.
// covers: src/nn/compile/capture.ts, src/nn/compile/build.ts, src/nn/compile/optimize.ts, src/nn/compile/program.ts

import { noGrad, randn, scope, seed, useBackend } from "../../../src/tensor/mod.ts";
import { GeometricTensor } from "../../../src/nn/mod.ts";
import { test } from "../../support/test.ts";
import { LINEAR } from "../module_table/linear.ts";
import { NONLINEARITY } from "../module_table/nonlinearity.ts";
import { NORMALIZATION } from "../module_table/normalization.ts";
import { POOLING } from "../module_table/pooling.ts";
import type { Rows } from "../module_table/rows.ts";
import { STRUCTURE } from "../module_table/structure.ts";
import { assertCompiles } from "./support.ts";

const ROWS: Rows = [...LINEAR, ...NONLINEARITY, ...NORMALIZATION, ...POOLING, ...STRUCTURE];

for (const [name, dtype, tolerance] of [["reference", "float64", 1e-12], ["cpu", "float32", 1e-5]] as const) {
  test(`every module compiles on ${name} and agrees with its eval mode to ${tolerance} in ${dtype}`, async () => {
    await useBackend(name);
    try {
      seed(0);
      for (const [, { make, types, options }] of ROWS) {
        using module = make(types[0], dtype);
        const shape = [2, module.inType.size, ...options.spatial ?? []];
        // Running statistics that are not those of the start.
        scope(() => {
          noGrad(() => module.forward(new GeometricTensor(randn([4, ...shape.slice(1)], { dtype }), module.inType)));
        });
        using _ = await assertCompiles(module, shape, tolerance, { dtype });
      }
    } finally {
      await useBackend("reference");
    }
  });
}
