// The analysis of networks: shapes, parameters, operations, memory, broken symmetries of the grid and the sizes that keep them.
// covers: src/nn/analysis/trace.ts, src/nn/analysis/geometry.ts, src/nn/analysis/cost.ts

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { flip2dOnR2, flipOnR1, octaOnR3, rot2dOnR2, rot3dOnR3, trivialOnR2 } from "../../src/gspaces/mod.ts";
import {
  analyze,
  ELU,
  type EquivariantModule,
  FieldType,
  FourierELU,
  GeometricTensor,
  GroupPooling,
  InnerBatchNorm,
  MaskModule,
  ModelAnalysis,
  Module,
  PointwiseAvgPool2D,
  PointwiseAvgPoolAntialiased2D,
  PointwiseMaxPool2D,
  PointwiseMaxPoolAntialiased2D,
  R1Conv,
  R2Conv,
  R2ConvTransposed,
  R2Upsampling,
  R3Conv,
  R3PointConv,
  ReLU,
  SequentialModule,
  TensorProductModule,
} from "../../src/nn/mod.ts";
import * as plain from "../../src/nn/plain/mod.ts";
import { ArgumentError, memory, ShapeError, type Tensor, tensor } from "../../src/tensor/mod.ts";
import { test } from "../support/test.ts";
import { normal, regular, trivial } from "./support.ts";

const c4 = rot2dOnR2(4);

/** A network with a residual block, a strided convolution and a plain head that takes one size alone. */
class Net extends Module {
  readonly inType = trivial(c4);
  readonly stem = this.addModule("stem", new R2Conv(this.inType, regular(c4, 2), 3, { padding: 1 }));
  readonly body = this.addModule(
    "body",
    new SequentialModule(
      new InnerBatchNorm(regular(c4, 2)),
      new ReLU(regular(c4, 2)),
      new R2Conv(regular(c4, 2), regular(c4, 2), 3, { padding: 1, stride: 2 }),
    ),
  );
  readonly shortcut = this.addModule("shortcut", new PointwiseAvgPool2D(regular(c4, 2), 1, { stride: 2 }));
  readonly pool = this.addModule("pool", new GroupPooling(regular(c4, 2)));
  readonly head: plain.Sequential;
  constructor(size: number) {
    super();
    this.head = this.addModule("head", new plain.Sequential(new plain.Flatten(), new plain.Linear(2 * size * size, 3)));
  }
  forward(x: GeometricTensor): Tensor {
    const y = this.stem.forward(x);
    return this.head.forward(this.pool.forward(this.body.forward(y).add(this.shortcut.forward(y))).tensor);
  }
}

test("analyze lists the layers of a network of one's own in the order of their calls, with the batch that was asked for", () => {
  const net = new Net(5), analysis = analyze(net, [32, 1, 9, 9]);
  assert(analysis instanceof ModelAnalysis);
  assertEquals(analysis.layers.map(({ name, layer, outputShape }) => [name, layer, outputShape.join(" ")]), [
    ["stem", "R2Conv", "32 8 9 9"],
    ["body.0", "InnerBatchNorm", "32 8 9 9"],
    ["body.1", "ReLU", "32 8 9 9"],
    ["body.2", "R2Conv", "32 8 5 5"],
    ["shortcut", "PointwiseAvgPool2D", "32 8 5 5"],
    ["pool", "GroupPooling", "32 2 5 5"],
    ["head.0", "Flatten", "32 50"],
    ["head.1", "Linear", "32 3"],
  ]);
  const by = new Map(analysis.layers.map((layer) => [layer.name, layer]));
  assertEquals(by.get("stem")!.flops, 2 * 32 * 81 * 8 * 9);
  assertEquals(by.get("body.2")!.flops, 2 * 32 * 25 * 8 * 8 * 9);
  assertEquals(by.get("head.1")!.flops, 2 * 32 * 50 * 3);
  assertEquals(by.get("body.1")!.flops, 32 * 8 * 81);
  assertEquals(by.get("stem")!.outputBytes, 4 * 32 * 8 * 81);
  assertEquals(analysis.parameters, net.parameterCount());
  assertEquals(analysis.flops, analysis.layers.reduce((sum, { flops }) => sum + flops, 0));
  assertEquals(analysis.warnings, []);
  assertEquals(analysis.symmetricSizes, []);
});

test("analyze finds the sizes that keep the symmetry although the head takes one size alone", () => {
  const analysis = analyze(new Net(5), [1, 1, 10, 10]);
  // The stride leaves the last row and column out, in the body and in the shortcut, along both axes.
  assertEquals(analysis.warnings.length, 4);
  assertStringIncludes(
    analysis.warnings[0],
    "body.2 (R2Conv): along the vertical axis 5 outputs lie off the centre of 10",
  );
  assertEquals(analysis.symmetricSizes, [[9, 9], [11, 11]]);
});

test("analyze leaves mode, values and forward as they were, and computes nothing", () => {
  const net = new Net(5).train();
  net.body.eval();
  const before = memory().reference.liveBytes, state = net.buffers().map((b) => [...b.dataSync()]);
  analyze(net, [4096, 1, 9, 9]);
  assertEquals([net.training, net.body.training, net.stem.training], [true, false, true]);
  assertEquals(net.buffers().map((b) => [...b.dataSync()]), state);
  assertEquals(Object.hasOwn(net.stem, "forward"), false);
  assert(memory().reference.liveBytes - before < 100_000);
});

const sizes = (layer: EquivariantModule, from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, i) => from + i)
    .filter((size) => analyze(layer, [1, layer.inType.size, size, size]).warnings.length === 0);

/** The sizes at which the module really is equivariant to 1e-9. */
async function exactSizes(layer: EquivariantModule, from: number, to: number): Promise<number[]> {
  const found: number[] = [];
  for (let size = from; size < to; size++) {
    const { maxExact } = await layer.checkEquivariance({ size, batch: 1, assert: false });
    if (maxExact < 1e-9) found.push(size);
  }
  return found;
}

const type = regular(c4);
const LAYERS: readonly (readonly [string, EquivariantModule])[] = [
  ["a convolution with stride 2", new R2Conv(type, type, 3, { stride: 2, padding: 1 })],
  ["a convolution with stride 3 and dilation", new R2Conv(type, type, 3, { stride: 3, dilation: 2, padding: 2 })],
  ["an even kernel", new R2Conv(type, type, 4, { rings: [0.7], sigma: 0.5, frequenciesCutoff: 3, stride: 2 })],
  ["padding by side", new R2Conv(type, type, 3, { padding: [[1, 0], [1, 0]] })],
  ["maxima", new PointwiseMaxPool2D(type, 2)],
  ["maxima with ceilMode", new PointwiseMaxPool2D(type, 3, { stride: 2, ceilMode: true })],
  ["antialiased averages", new PointwiseAvgPoolAntialiased2D(type, 0.66, 2)],
  ["antialiased maxima", new PointwiseMaxPoolAntialiased2D(type, 2, { stride: 2 })],
  ["a transposed convolution", new R2ConvTransposed(type, type, 3, { stride: 2, padding: 1 })],
  [
    "a transposed convolution with output padding",
    new R2ConvTransposed(type, type, 3, { stride: 2, outputPadding: 1 }),
  ],
  ["enlarging by 2", new R2Upsampling(type, { scaleFactor: 2 })],
  ["enlarging by 1.5", new R2Upsampling(type, { scaleFactor: 1.5 })],
  ["nearest pixels to size 12", new R2Upsampling(type, { size: 12, mode: "nearest" })],
  ["aligned corners", new R2Upsampling(type, { scaleFactor: 1.5, alignCorners: true })],
  ["a mask and a non-linearity", new SequentialModule(new ELU(type))],
];

for (const [name, layer] of LAYERS) {
  test(`analyze warns at exactly the sizes at which the layer is not equivariant: ${name}`, async () => {
    assertEquals(sizes(layer, 5, 13), await exactSizes(layer, 5, 13));
  });
}

test("analyze finds the image sizes that users met blind: 4 k + 1 behind two strides, 513 and 801 pixels behind five", () => {
  const strided = (kernelSize: number, from: EquivariantModule["inType"] = type) =>
    new R2Conv(from, type, kernelSize, { stride: 2, padding: (kernelSize - 1) / 2, initialize: false });
  const two = new SequentialModule(strided(3), new ReLU(type), strided(3)), widths: number[] = [];
  for (let size = 30; size < 44; size++) if (analyze(two, [1, 4, size, size]).warnings.length === 0) widths.push(size);
  assertEquals(widths, [33, 37, 41]);
  const pool = new PointwiseMaxPool2D(type, 3, { stride: 2, padding: 1 });
  const five = new SequentialModule(strided(7, trivial(c4, 3)), pool, strided(3), strided(3), strided(3));
  for (const [size, symmetric] of [[512, 513], [800, 801]]) {
    const analysis = analyze(five, [1, 3, size, size]);
    assertEquals(analysis.warnings.length, 10);
    assert(analysis.symmetricSizes.some(([height]) => height === symmetric), `${analysis.symmetricSizes}`);
    assertEquals(analyze(five, [1, 3, symmetric, symmetric]).warnings, []);
  }
});

test("analyze warns where axes that the group exchanges are sampled in different ways", () => {
  const conv = new R2Conv(type, type, 3, { stride: [1, 2], padding: 1 });
  assertStringIncludes(analyze(conv, [1, 4, 9, 9]).warnings[0], "the group turns them into each other");
  const flips = regular(flip2dOnR2());
  assertEquals(analyze(new R2Conv(flips, flips, 3, { stride: [2, 1], padding: 1 }), [1, 2, 8, 9]).warnings, []);
});

test("analyze says nothing where the group moves nothing", () => {
  const none = trivial(trivialOnR2());
  assertEquals(analyze(new R2Conv(none, none, 3, { stride: 2 }), [1, 1, 8, 8]).warnings, []);
});

test("analyze looks at volumes and lines", () => {
  const space = octaOnR3(), volume = new R3Conv(trivial(space), trivial(space), 3, { stride: 2 });
  const analysis = analyze(volume, [2, 1, 8, 8, 8]);
  assertStringIncludes(analysis.warnings[0], "along the depth axis");
  assertEquals(analysis.symmetricSizes, [[7, 7, 7], [9, 9, 9]]);
  const line = flipOnR1(), conv = new R1Conv(trivial(line), regular(line), 3, { stride: 2 });
  assertEquals(analyze(conv, [1, 1, 8]).symmetricSizes, [[7], [9]]);
  assertEquals(analyze(conv, [1, 1, 9]).layers[0].flops, 2 * 4 * 2 * 3);
});

test("analyze takes plain networks, and an exported one costs what its origin does", () => {
  const mask = new MaskModule(trivial(c4), 9), conv = new R2Conv(trivial(c4), regular(c4, 2), 3);
  const model = new SequentialModule(mask, conv, new PointwiseMaxPoolAntialiased2D(regular(c4, 2), 2));
  const [own, exported] = [analyze(model, [2, 1, 9, 9]), analyze(model.export(), [2, 1, 9, 9])];
  assertEquals(exported.layers.at(-1)!.outputShape, own.layers.at(-1)!.outputShape);
  assertEquals(exported.flops, own.flops);
});

test("analyze counts Fourier non-linearities and tensor products by their matrices", () => {
  const space = rot2dOnR2(), elu = new FourierELU(space, 3, [[0], [1]], { grid: { type: "regular", N: 8 } });
  assertEquals(analyze(elu, [2, 9, 5, 5]).layers[0].flops, 2 * 25 * 3 * 8 * (2 * 3 + 1 + 2 * 3));
  const vectors = new FieldType(space, space.irrep(1), 2), squares = new FieldType(space, space.irrep(2), 2);
  const tensorProduct = new TensorProductModule(vectors, squares);
  assertEquals(analyze(tensorProduct, [2, 4, 5, 5]).layers[0].flops, 2 * 25 * 2 * 4 * (1 + 2 * 2));
});

test("analyze runs networks on points by the option run, and counts their edges", () => {
  const space = rot3dOnR3(), scalars = trivial(space), vectors = new FieldType(space, space.irrep(1));
  const conv = new R3PointConv(scalars, vectors, { width: 1, ringCount: 2, maximumFrequency: 1 });
  const edges = tensor(Int32Array.of(0, 1, 2, 1, 0, 1), [2, 3]), positions = normal([4, 3]).cast("float32");
  const run = (x: Tensor) => conv.forward(new GeometricTensor(x, scalars, positions), edges);
  const { layers: [layer], warnings } = analyze(conv, [4, 1], { run });
  assertEquals([layer.layer, layer.outputShape.join(" "), warnings.length], ["R3PointConv", "4 3", 0]);
  assertEquals(layer.flops, 2 * conv.tables.functionCount * (3 + 4 * 3));
  assertThrows(() => analyze(conv, [4, 1]), ArgumentError, "the option run");
});

test("analyze takes the type of the input where a network does not say it", () => {
  class Untyped extends Module {
    readonly conv = this.addModule("conv", new R2Conv(trivial(c4), trivial(c4), 3));
    forward(x: GeometricTensor): GeometricTensor {
      return this.conv.forward(x);
    }
  }
  assertEquals(analyze(new Untyped(), [1, 1, 5, 5], { inType: trivial(c4) }).layers[0].name, "conv");
});

test("analyze throws what the network throws, and refuses shapes that are none", () => {
  const conv = new R2Conv(trivial(c4), trivial(c4), 5);
  assertThrows(() => analyze(conv, [1, 1, 3, 3]), ShapeError, "reach 5");
  assertThrows(() => analyze(conv, [1]), ShapeError, "[batch, channels");
  assertEquals(Object.hasOwn(conv, "forward"), false);
});

test("analyze shows the plan of each steerable convolution, as it is chosen for the shape and the backend, or fixed", () => {
  const wide = regular(rot2dOnR2(8), 24), { backend } = tensor([0]);
  const plans = (model: Parameters<typeof analyze>[0], shape: readonly number[]) =>
    analyze(model, shape).layers.map(({ layer, plan }) => `${layer} ${plan}`);
  const model = new SequentialModule(
    new R2Conv(wide, wide, 5, { padding: 2, initialize: false }),
    new ReLU(wide),
    new R2Conv(wide, wide, 3, { plan: "harmonic", initialize: false }),
    new R2ConvTransposed(wide, wide, 3, { plan: "dense", initialize: false }),
  );
  const shape = [64, wide.size, 29, 29];
  assertEquals(plans(model, shape), [
    "R2Conv structured",
    "ReLU undefined",
    "R2Conv harmonic",
    "R2ConvTransposed dense",
  ]);
  const conv = new R2Conv(wide, wide, 5, { initialize: false });
  assertEquals(plans(conv, shape), [`R2Conv ${conv.planFor(shape, backend)}`]);
  const text = String(analyze(model, shape));
  assertStringIncludes(text, "name  layer             output             plan");
  assertStringIncludes(text, "[64, 192, 27, 27]  harmonic");
});

test("analyze prints a table with sums, warnings and sizes", () => {
  const text = String(analyze(new Net(5), [32, 1, 10, 10]));
  assertStringIncludes(text, "body.2    R2Conv");
  assertStringIncludes(text, "[32, 8, 5, 5]");
  assertStringIncludes(text, "warning: body.2 (R2Conv): along the vertical axis");
  assertStringIncludes(text, "symmetric input sizes nearby: 9 x 9 or 11 x 11");
});
