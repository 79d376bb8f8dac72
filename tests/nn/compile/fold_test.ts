// Scales of channels go into the weights before them: where they are folded, where they cannot be, and that numbers stay.
// covers: src/nn/compile/constants.ts

import { assertEquals } from "@std/assert";
import { noGrad, randn, scope, seed, type Tensor, tensor, useBackend } from "../../../src/tensor/mod.ts";
import * as plain from "../../../src/nn/plain/mod.ts";
import { test } from "../../support/test.ts";
import { assertCompiles, Calling } from "./support.ts";

await useBackend("reference");

const D = { dtype: "float64" } as const;

/** The modules into whose weights something was folded; running statistics are those of random inputs. */
async function foldedIn(layers: readonly plain.Layer[], shape: readonly number[]): Promise<readonly string[]> {
  seed(0);
  using model = new plain.Sequential(...layers);
  scope(() => {
    noGrad(() => model.forward(randn([8, ...shape.slice(1)], D).mul(2)));
  });
  using compiled = await assertCompiles(model, shape, 1e-12, D);
  return compiled.describe().folded;
}

test("batch normalization behind convolutions, transposed ones and linear maps is folded", async () => {
  const conv = () => new plain.Conv2d(2, 3, 3, D), norm = () => new plain.BatchNorm2d(3, D);
  assertEquals(await foldedIn([conv(), norm()], [2, 2, 5, 5]), ["0"]);
  assertEquals(await foldedIn([conv(), norm(), new plain.ReLU()], [2, 2, 5, 5]), ["0"]);
  assertEquals(
    await foldedIn([new plain.Conv2d(4, 6, 3, { ...D, groups: 2 }), new plain.BatchNorm2d(6, D)], [2, 4, 5, 5]),
    [
      "0",
    ],
  );
  assertEquals(await foldedIn([new plain.ConvTranspose2d(2, 3, 3, D), norm()], [2, 2, 5, 5]), ["0"]);
  assertEquals(await foldedIn([new plain.Linear(4, 3, D), new plain.BatchNorm1d(3, D), new plain.ELU()], [2, 4]), [
    "0",
  ]);
  assertEquals(await foldedIn([new plain.Conv1d(2, 3, 3, D), new plain.BatchNorm1d(3, D)], [2, 2, 9]), ["0"]);
});

test("what is not one scale for each channel stays behind", async () => {
  const conv = () => new plain.Conv2d(2, 3, 3, D), norm = () => new plain.BatchNorm2d(3, D);
  assertEquals(await foldedIn([conv(), new plain.ReLU(), norm()], [2, 2, 5, 5]), []);
  assertEquals(await foldedIn([conv(), new plain.MaxPool2d(3), norm()], [2, 2, 5, 5]), []);
  assertEquals(
    await foldedIn([new plain.ConvTranspose2d(4, 6, 3, { ...D, groups: 2 }), new plain.BatchNorm2d(6, D)], [
      2,
      4,
      5,
      5,
    ]),
    [],
  );
  assertEquals(await foldedIn([conv()], [2, 2, 5, 5]), []);
});

test("scales and shifts in any order of operations", async () => {
  seed(1);
  const layer = new plain.Conv2d(2, 3, 3, { ...D, bias: false });
  const column = (...numbers: number[]): Tensor => tensor(numbers, [3, 1, 1], D);
  const a = column(1, 2, 4), b = column(-1, 0.5, 3);
  const runs: readonly (readonly [run: (y: Tensor) => Tensor, folds: boolean])[] = [
    [(y) => y.mul(a).add(b).neg().div(a).relu(), true],
    [(y) => b.sub(y.sub(a)).mul(3), true],
    [(y) => y.mul(2).tanh(), true],
    [(y) => a.div(y.square().add(1)), false],
    [(y) => y.mul(a).mul(y), false],
    [(y) => y.mul(a).add(y.sum([2, 3], true)), false],
    [(y) => y.mul(tensor([1, 2, 3, 4, 5], D)), false],
    [(y) => y.add(b), false],
  ];
  for (const [run, folds] of runs) {
    const model = new Calling((x) => run(layer.forward(x)), { layer });
    using compiled = await assertCompiles(model, [2, 2, 7, 7], 1e-12, D);
    assertEquals(compiled.describe().folded, folds ? ["layer"] : [], String(run));
  }
});
