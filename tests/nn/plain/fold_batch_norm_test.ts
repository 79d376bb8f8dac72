// Batch normalizations folded into the layers before them: equal numbers over groups, dimensions, strides and normalizations; what stays
// is the same and named.

import { assert, assertEquals } from "@std/assert";
import {
  flipOnR1,
  flipRot2dOnR2,
  type GSpace,
  noBaseSpace,
  octaOnR3,
  rot2dOnR2,
  rot3dOnR3,
} from "../../../src/gspaces/mod.ts";
import { so3Group } from "../../../src/group/mod.ts";
import {
  type EquivariantModule,
  FieldType,
  GeometricTensor,
  GNormBatchNorm,
  IdentityModule,
  IIDBatchNorm1d,
  IIDBatchNorm2d,
  IIDBatchNorm3d,
  InnerBatchNorm,
  Linear,
  MultipleModule,
  NormBatchNorm,
  NormNonLinearity,
  R1Conv,
  R2Conv,
  R2ConvTransposed,
  R3Conv,
  ReLU,
  SequentialModule,
} from "../../../src/nn/mod.ts";
import * as plain from "../../../src/nn/plain/mod.ts";
import { memory, noGrad, randn, scope, seed, useBackend } from "../../../src/tensor/mod.ts";
import { assertClose } from "../../support/close.ts";
import { test } from "../../support/test.ts";
import { regular, trivial } from "../support.ts";

await useBackend("reference");

/** Trains a sequence's statistics, exports it folded, holds it against eval mode to 1e-5, and gives its layers and what stayed. */
function exportFolded(
  module: SequentialModule,
  spatial: readonly number[],
): { readonly layers: string[]; readonly kept: string[] } {
  scope(() => {
    noGrad(() => {
      for (const parameter of module.parameters()) parameter.backend.copy(randn(parameter.shape).add(0.4), parameter);
      module.train();
      for (let i = 0; i < 6; i++) {
        module.forward(new GeometricTensor(randn([6, module.inType.size, ...spatial]), module.inType));
      }
    });
  });
  module.eval();
  const kept: string[] = [];
  using folded = module.export({ foldBatchNorm: true, onKept: (name, reason) => kept.push(`${name}: ${reason}`) });
  assert(!folded.training);
  scope(() => {
    const x = randn([2, module.inType.size, ...spatial]);
    const expected = [...module.forward(new GeometricTensor(x, module.inType)).tensor.dataSync()];
    const scale = Math.max(...expected.map(Math.abs));
    assertClose(folded.forward(x).dataSync(), expected, { absolute: 1e-5 * scale, message: String(module) });
  });
  return { layers: folded.layers.map((layer) => layer.constructor.name), kept };
}

const so3 = rot3dOnR3(),
  octa = octaOnR3(),
  c4 = rot2dOnR2(4),
  c8 = rot2dOnR2(8),
  d3 = flipRot2dOnR2(3),
  line = flipOnR1();
const fields = (space: GSpace, ...irreps: readonly (readonly number[])[]): FieldType =>
  new FieldType(space, irreps.map((id) => space.irrep(...id)));
const vectors = fields(so3, [0], [1], [2], [1]), corners = regular(octa), waves = fields(c8, [0], [1], [2], [0]);
const ball = noBaseSpace(so3Group()), points = fields(ball, [0], [2], [1]);

const CASES:
  readonly (readonly [name: string, make: () => EquivariantModule[], spatial: readonly number[], layer: string])[] = [
    ["InnerBatchNorm on C_8", () => [new R2Conv(trivial(c8), regular(c8, 2), 5), new InnerBatchNorm(regular(c8, 2))], [
      9,
      9,
    ], "Conv2d"],
    [
      "InnerBatchNorm on D_3, stride, padding, groups",
      () => [
        new R2Conv(regular(d3, 2), regular(d3, 2), 3, { groups: 2, stride: 2, padding: 1, bias: false }),
        new InnerBatchNorm(regular(d3, 2)),
      ],
      [7, 7],
      "Conv2d",
    ],
    [
      "InnerBatchNorm on the line",
      () => [new R1Conv(trivial(line), regular(line, 2), 3), new InnerBatchNorm(regular(line, 2))],
      [9],
      "Conv1d",
    ],
    [
      "InnerBatchNorm behind a transposed convolution",
      () => [
        new R2ConvTransposed(regular(c4, 2), regular(c4, 2), 3, { stride: 2 }),
        new InnerBatchNorm(regular(c4, 2)),
      ],
      [4, 4],
      "ConvTranspose2d",
    ],
    [
      "InnerBatchNorm behind a transposed convolution with groups",
      () => [
        new R2ConvTransposed(regular(c4, 2), regular(c4, 4), 3, { groups: 2 }),
        new InnerBatchNorm(regular(c4, 4)),
      ],
      [4, 4],
      "ConvTranspose2d",
    ],
    [
      "IIDBatchNorm on irreps of C_8",
      () => [new R2Conv(trivial(c8), waves, 5), new IIDBatchNorm2d(waves)],
      [8, 8],
      "Conv2d",
    ],
    ["IIDBatchNorm on irreps of SO(3)", () => [new R3Conv(trivial(so3), vectors, 3), new IIDBatchNorm3d(vectors)], [
      4,
      4,
      4,
    ], "Conv3d"],
    [
      "InnerBatchNorm on the cube's rotations",
      () => [new R3Conv(trivial(octa), corners, 3), new InnerBatchNorm(corners)],
      [4, 4, 4],
      "Conv3d",
    ],
    [
      "GNormBatchNorm, which mixes the channels of a field",
      () => [new R2Conv(trivial(c8), regular(c8), 5), new GNormBatchNorm(regular(c8))],
      [7, 7],
      "Conv2d",
    ],
    [
      "NormBatchNorm",
      () => [new R2Conv(trivial(c8), fields(c8, [1], [2]), 5), new NormBatchNorm(fields(c8, [1], [2]))],
      [7, 7],
      "Conv2d",
    ],
    ["IIDBatchNorm behind a linear map", () => [new Linear(points, points), new IIDBatchNorm1d(points)], [], "Linear"],
  ];

for (const [name, make, spatial, layer] of CASES) {
  test(`export with foldBatchNorm: ${name} is one ${layer}, equal to 1e-5`, () => {
    seed(0);
    using module = new SequentialModule(...make());
    assertEquals(exportFolded(module, spatial), { layers: [layer], kept: [] });
  });
}

test("folding goes through identities and into and out of inner sequences; what it cannot fold it names", () => {
  seed(1);
  const type = regular(c4, 2),
    norm = () => new InnerBatchNorm(type),
    conv = () => new R2Conv(type, type, 3, { padding: 1 });
  using module = new SequentialModule(
    norm(),
    new SequentialModule(new ReLU(type), conv()),
    new IdentityModule(type),
    new SequentialModule(norm(), new ReLU(type)),
    new InnerBatchNorm(type, { affine: false }),
    conv(),
    norm(),
  );
  const { layers, kept } = exportFolded(module, [5, 5]);
  assertEquals(layers, ["BatchNorm2d", "Sequential", "Identity", "Sequential", "BatchNorm2d", "Conv2d"]);
  assertEquals(kept, ["0", "4"].map((place) => `${place}: no convolution or linear map comes right before it`));
});

test("batch statistics, branches and mixed groups stay, each with its reason", () => {
  seed(2);
  const type = fields(c8, [1], [0]);
  const part = new FieldType(c8, [c8.irrep(1)]), rest = new FieldType(c8, [c8.trivialRepr]);
  using module = new SequentialModule(
    new R2Conv(type, type, 3, { padding: 1 }),
    new IIDBatchNorm2d(type, { trackRunningStats: false }),
    new MultipleModule(type, ["a", "b"], [
      [new NormNonLinearity(part), "a"],
      [new SequentialModule(new R2Conv(rest, rest, 1), new InnerBatchNorm(rest.requirePointwise())), "b"],
    ]),
  );
  const { layers, kept } = exportFolded(module, [5, 5]);
  assertEquals(layers, ["Conv2d", "IIDBatchNorm", "Multiple"]);
  assertEquals(kept[0], "1: it has no running statistics");
  assert(kept.length === 2 && kept[1].endsWith("it is inside Multiple"), kept[1]);

  // GNormBatchNorm of a field of C_4 whose channels belong to two groups of a plain convolution.
  const quarter = regular(c4), grouped = new plain.Conv2d(4, 4, 1, { groups: 2 });
  using normalization = new GNormBatchNorm(quarter).export();
  const reasons: string[] = [];
  scope(() => {
    normalization.forward(randn([9, 4, 3, 3]));
  });
  const stays = plain.foldBatchNorm(new plain.Sequential(grouped, normalization), {
    onKept: (_, why) => reasons.push(why),
  });
  assertEquals(stays.layers.length, 2);
  assertEquals(reasons, ["it mixes channels of different groups of the convolution"]);
});

test("plain sequences: layers that stay are the same, those of classes of their own are left alone; memory is given back", () => {
  seed(3);
  const relu = new plain.ReLU(), norm = new plain.BatchNorm2d(3), conv = new plain.Conv2d(2, 3, 3);
  const network = new plain.Sequential({ conv, norm, relu });
  const folded = plain.foldBatchNorm(network);
  assert(folded.training && folded.layers[1] === relu && folded.layers[0] !== conv);
  assertEquals([...folded.children().keys()], ["conv", "relu"]);
  const own = new class extends plain.Conv2d {}(2, 3, 3);
  assertEquals(plain.foldBatchNorm(new plain.Sequential(own, new plain.BatchNorm2d(3))).layers.length, 2);

  const module = new SequentialModule(new R2Conv(trivial(c4), regular(c4), 3), new InnerBatchNorm(regular(c4)));
  module.export({ foldBatchNorm: true }).dispose();
  const before = memory().reference.liveTensors;
  module.export({ foldBatchNorm: true }).dispose();
  assertEquals(memory().reference.liveTensors, before);
});
