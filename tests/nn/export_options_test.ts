// Exports keep what escnn's drop: padding modes, output padding, the ceil mode of pooling, and fields of unequal size.

import { assertEquals } from "@std/assert";
import { flipOnR1, octaOnR3, rot2dOnR2 } from "../../src/gspaces/mod.ts";
import * as nn from "../../src/nn/mod.ts";
import * as plain from "../../src/nn/plain/mod.ts";
import { seed } from "../../src/tensor/mod.ts";
import { test } from "../support/test.ts";
import { assertExports } from "./support.ts";

const LINE = new nn.FieldType(flipOnR1(), [flipOnR1().regularRepr, flipOnR1().trivialRepr]).requirePointwise();
const PLANE = new nn.FieldType(rot2dOnR2(4), [rot2dOnR2(4).trivialRepr, rot2dOnR2(4).regularRepr]).requirePointwise();
const SPACE = new nn.FieldType(octaOnR3(), octaOnR3().trivialRepr, 2).requirePointwise();

test("exported convolutions keep every padding mode, and transposed ones their output padding", () => {
  seed(1);
  for (const paddingMode of ["zeros", "reflect", "replicate", "circular"] as const) {
    assertExports(new nn.R1Conv(LINE, LINE, 5, { padding: 2, paddingMode }), [6]);
    assertExports(new nn.R2Conv(PLANE, PLANE, 3, { padding: 1, stride: 2, paddingMode }), [5, 6]);
    assertExports(new nn.R3Conv(SPACE, SPACE, 3, { padding: 1, paddingMode }), [3, 4, 3]);
    assertExports(new nn.R2Diffop(PLANE, PLANE, 2, { padding: 1, paddingMode }), [5, 6]);
  }
  const options = { stride: 2, padding: 1, outputPadding: 1 } as const;
  assertExports(new nn.R1ConvTransposed(LINE, LINE, 3, options), [5]);
  assertExports(new nn.R2ConvTransposed(PLANE, PLANE, 3, options), [4, 3]);
  assertExports(new nn.R3ConvTransposed(SPACE, SPACE, 3, options), [2, 3, 2]);
});

test("exported pooling keeps ceilMode, dilation and padding", () => {
  const options = { stride: 2, padding: 1, ceilMode: true } as const, dilated = { ...options, dilation: 2 } as const;
  const modules: readonly (readonly [nn.EquivariantModule, readonly number[], readonly number[]])[] = [
    [new nn.PointwiseMaxPool1D(LINE, 3, dilated), [8], [4]],
    [new nn.PointwiseAvgPool1D(LINE, 3, options), [6], [4]],
    [new nn.PointwiseMaxPool2D(PLANE, 3, dilated), [8, 6], [4, 3]],
    [new nn.PointwiseMaxPool2D(PLANE, 3, { ...options, ceilMode: false }), [6, 8], [3, 4]],
    [new nn.PointwiseAvgPool2D(PLANE, 3, options), [6, 8], [4, 5]],
    [new nn.NormMaxPool(PLANE, 3, options), [6, 8], [4, 5]],
    [new nn.PointwiseMaxPool3D(SPACE, 3, options), [4, 4, 6], [3, 3, 4]],
    [new nn.PointwiseAvgPool3D(SPACE, 3, options), [4, 4, 6], [3, 3, 4]],
  ];
  for (const [module, spatial, expected] of modules) {
    assertEquals(module.evaluateOutputShape([1, module.inType.size, ...spatial]).slice(2), expected);
    assertExports(module, spatial);
  }
});

test("exported invariant maps and normalizations take fields of unequal size that alternate", () => {
  const space = rot2dOnR2(4), { regularRepr, trivialRepr } = space;
  const mixed = new nn.FieldType(space, [trivialRepr, regularRepr, trivialRepr, regularRepr]).requirePointwise();
  for (const module of [new nn.GroupPooling(mixed), new nn.InnerBatchNorm(mixed), new nn.GNormBatchNorm(mixed)]) {
    assertExports(module, [3, 3]);
  }
});

test("exports are in train mode or eval mode as their modules are, each part by itself", () => {
  const normalization = new nn.InnerBatchNorm(PLANE), dropout = new nn.PointwiseDropout(PLANE);
  const nested = new nn.SequentialModule(normalization, new nn.MultipleModule(PLANE, ["a", "a"], [[dropout, ["a"]]]));
  const network = new nn.SequentialModule(new nn.ReLU(PLANE), nested, new nn.IIDBatchNorm2d(PLANE));
  const modes = () =>
    network.export().namedModules().filter(([, part]) => !(part instanceof plain.ReLU)).map(([name, part]) => [
      name,
      part.training,
    ]);
  assertEquals(modes().every(([, training]) => training), true);
  normalization.eval();
  assertEquals(modes().filter(([, training]) => !training), [["1.0", false]]);
  network.eval();
  assertEquals(modes().filter(([name]) => ["", "0", "1", "1.0", "2"].includes(String(name))).map(([, on]) => on), [
    false,
    false,
    false,
    false,
  ]);
  assertEquals(network.export().namedModules().find(([, part]) => part instanceof plain.Dropout)?.[1].training, false);
});
