// Convolutions on points: the definition edge by edge, equivariance over groups, derivatives, state, exports, bounded memory, bad input.
// covers: src/nn/plain/point_convolution.ts, src/nn/point/point_equivariance.ts

import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import {
  flip2dOnR2,
  flipRot2dOnR2,
  flipRot3dOnR3,
  type GSpace,
  icoOnR3,
  octaOnR3,
  rot2dOnR2,
  rot3dOnR3,
} from "../../../src/gspaces/mod.ts";
import { besselRadial, EmptyBasisError, KernelError, learnedRadial } from "../../../src/kernels/mod.ts";
import { changeBasis } from "../../../src/group/mod.ts";
import {
  checkEquivariance,
  EquivarianceError,
  ExportError,
  FieldType,
  FieldTypeError,
  GeometricTensor,
  type PointConv,
  type PointConvOptions,
  R2PointConv,
  R3PointConv,
} from "../../../src/nn/mod.ts";
import { Linear, PointConvolution, PointGraph } from "../../../src/nn/plain/mod.ts";
import {
  ArgumentError,
  currentBackend,
  DisposedError,
  gradcheck,
  memory,
  noGrad,
  scope,
  seed,
  ShapeError,
  type Tensor,
  tensor,
} from "../../../src/tensor/mod.ts";
import { assertClose } from "../../support/close.ts";
import { test } from "../../support/test.ts";
import { checkStateRefusals } from "../module_contract.ts";
import { normal, regular, trivial, values } from "../support.ts";

type Edges = readonly (readonly [source: number, target: number])[];

function edgesOf(list: Edges): Tensor {
  return tensor(Int32Array.from([...list.map(([s]) => s), ...list.map(([, t]) => t)]), [2, list.length]);
}

/** Point 2 hears of nobody, the others of one to four points; 3 also of itself. */
const LIST: Edges = [[0, 1], [1, 0], [2, 0], [3, 0], [4, 0], [4, 1], [0, 3], [3, 3], [1, 4], [2, 4], [3, 4]];
const EDGES = edgesOf(LIST), EDGES_4 = edgesOf([[0, 1], [1, 2], [2, 3], [3, 0]]);

function cloud(type: FieldType, points = 5): GeometricTensor {
  return new GeometricTensor(normal([points, type.size]), type, normal([points, type.gspace.dimensionality]));
}

const WIDE: PointConvOptions = { width: 1.5, ringCount: 3, dtype: "float64" };
const make = (inType: FieldType, outType: FieldType, options: PointConvOptions = WIDE): PointConv =>
  new (inType.gspace.dimensionality === 2 ? R2PointConv : R3PointConv)(inType, outType, options);

/** The output by the definition: a kernel for each edge. */
function definition(
  conv: PointConv,
  { tensor: x, coords }: GeometricTensor,
  list: Edges,
  targets = coords!,
  delta?: Tensor,
): number[] {
  const filter = conv.expandFilter().dataSync(), bias = conv.expandBias()?.dataSync();
  const [out, perGroup, functions] = conv.expandFilter().shape, d = coords!.shape[1];
  const features = x.dataSync(), from = coords!.dataSync(), to = targets.dataSync(), deltas = delta?.dataSync();
  const channels = x.shape[1], perGroupOut = out / conv.groups, result = new Float64Array(targets.shape[0] * out);
  const degrees = new Int32Array(targets.shape[0]);
  for (const [, target] of list) degrees[target]++;
  list.forEach(([source, target], e) => {
    const difference = Float64Array.from(
      { length: d },
      (_, i) => deltas === undefined ? from[source * d + i] - to[target * d + i] : deltas[e * d + i],
    );
    const phi = conv.tables.basis.sample(difference);
    for (let o = 0; o < out; o++) {
      for (let c = 0; c < perGroup; c++) {
        const channel = Math.floor(o / perGroupOut) * perGroup + c;
        for (let f = 0; f < functions; f++) {
          const k = filter[(o * perGroup + c) * functions + f] * phi[f];
          result[target * out + o] += k * features[source * channels + channel] / degrees[target];
        }
      }
    }
  });
  return [...result].map((v, i) => v + (bias?.[i % out] ?? 0));
}

function mixture(space: GSpace): FieldType {
  return new FieldType(space, [space.trivialRepr, ...space.irreps(2).slice(-1), space.trivialRepr]);
}

test("R2PointConv and R3PointConv compute the definition to 1e-12: means over edges, lone points, groups, edge differences", () => {
  seed(1);
  for (const space of [rot2dOnR2(4), flipRot2dOnR2(), rot3dOnR3(), octaOnR3()]) {
    const type = mixture(space), twice = new FieldType(space, type.representations, 2), x = cloud(twice);
    const convolution = make(twice, twice, { ...WIDE, groups: 2 });
    noGrad(() => convolution.bias!.backend.write(convolution.bias!, normal(convolution.bias!.shape).dataSync()));
    assertClose(values(convolution.forward(x, EDGES).tensor), definition(convolution, x, LIST), { absolute: 1e-12 });
    const single = make(type, twice), y = cloud(type), edgeDelta = normal([LIST.length, space.dimensionality]);
    assertClose(
      values(single.forward(y, EDGES, { edgeDelta }).tensor),
      definition(single, y, LIST, y.coords, edgeDelta),
      {
        absolute: 1e-12,
      },
    );
  }
});

test("R3PointConv maps points to other points, whose positions the output has", () => {
  seed(2);
  const space = rot3dOnR3(), type = mixture(space), conv = make(type, type), x = cloud(type);
  const targets = normal([3, 3]), list: Edges = [[0, 2], [4, 2], [1, 0]];
  const y = conv.forward(x, edgesOf(list), { targets });
  assertEquals(y.shape, [3, type.size]);
  assertEquals(y.coords, targets);
  assertClose(values(y.tensor), definition(conv, x, list, targets), { absolute: 1e-12 });
});

const SPACES: readonly (readonly [string, GSpace])[] = [
  ["C4", rot2dOnR2(4)],
  ["C8", rot2dOnR2(8)],
  ["SO(2)", rot2dOnR2()],
  ["D3", flipRot2dOnR2(3)],
  ["O(2)", flipRot2dOnR2()],
  ["a reflection of the plane", flip2dOnR2()],
  ["SO(3)", rot3dOnR3()],
  ["O(3)", flipRot3dOnR3()],
  ["the octahedral group", octaOnR3()],
  ["the icosahedral group", icoOnR3()],
];

for (const [name, space] of SPACES) {
  test(`PointConv is equivariant to 1e-11 under all elements: ${name}`, async () => {
    seed(3);
    const type = mixture(space), conv = make(type, type), targets = undefined;
    const forward = (x: GeometricTensor) => conv.forward(x, EDGES, { targets });
    const report = await checkEquivariance({ inType: type, outType: type, forward }, { input: cloud(type) });
    assertEquals(report.exact.length, space.testingElements.length);
    assert(report.maxExact < 1e-11, `${report.maxExact}`);
  });
}

test("PointConv is equivariant with regular fields in a basis that is not orthogonal, and keeps the tables' scale", async () => {
  seed(4);
  const space = rot2dOnR2(3), q = Float64Array.of(1, 0.3, 0, 0, 1.4, 0, 0.2, 0, 0.8);
  const type = new FieldType(space, changeBasis(space.regularRepr, q, "skewed"));
  const conv = make(type, type);
  const report = await checkEquivariance({ inType: type, forward: (x) => conv.forward(x, EDGES) }, {
    input: cloud(type),
  });
  assert(report.maxExact < 1e-11, `${report.maxExact}`);
});

test("PointConv has first and second derivatives by features, positions and edge differences", async () => {
  seed(5);
  for (const space of [rot2dOnR2(), rot3dOnR3()]) {
    const type = new FieldType(space, [space.trivialRepr, space.irrep(1)]), d = space.dimensionality;
    const conv = make(type, type, { width: 1.5, ringCount: 2, maximumFrequency: 2, dtype: "float64" });
    const edges = edgesOf([[0, 1], [2, 1], [1, 0], [2, 2]]);
    const at = (x: Tensor, coords: Tensor) => conv.forward(new GeometricTensor(x, type, coords), edges).tensor;
    const options = { secondOrder: true, tolerance: 1e-5 };
    await gradcheck(at, [normal([3, type.size]), normal([3, d])], options);
    const fixed = cloud(type, 3);
    await gradcheck((edgeDelta) => conv.forward(fixed, edges, { edgeDelta }).tensor, [normal([4, d])], options);
  }
});

test("PointConv has derivatives by weights and bias", () => {
  seed(6);
  const space = rot2dOnR2(4),
    type = regular(space),
    conv = make(type, type),
    x = cloud(type),
    direction = normal([5, 4]);
  const loss = () => conv.forward(x, EDGES).tensor.mul(direction).sum();
  loss().backward();
  for (const parameter of conv.parameters()) {
    const before = Float64Array.from(parameter.dataSync());
    const numeric = before.map((_, i) => {
      const at = (step: number) => {
        noGrad(() => parameter.backend.write(parameter, before.map((v, j) => i === j ? v + step : v)));
        parameter.storage.version++;
        return noGrad(() => loss().itemSync());
      };
      return (at(1e-5) - at(-1e-5)) / 2e-5;
    });
    noGrad(() => parameter.backend.write(parameter, before));
    assertClose(values(parameter.grad!), [...numeric], { absolute: 1e-7 });
  }
});

test("PointConv.checkEquivariance moves the points, of the input and of the output, and finds a map that does not commute", async () => {
  seed(12);
  const spaces = [rot2dOnR2(), flipRot2dOnR2(5), rot3dOnR3(), octaOnR3(), icoOnR3()];
  for (const space of spaces) {
    const type = new FieldType(space, space.irreps(1)), conv = make(type, type);
    const report = await conv.train().checkEquivariance({ points: 6 });
    assertEquals([report.exact.length, report.interpolated.length], [space.testingElements.length, 0]);
    assert(report.maxExact < 1e-10, `${space}: ${report.maxExact}`);
    assert(conv.training);
  }
  const space = rot3dOnR3(), type = new FieldType(space, space.irreps(1)), conv = make(type, type);
  const input = cloud(type, 4), targets = normal([2, 3]), edges = edgesOf([[0, 0], [3, 0], [2, 1]]);
  assert((await conv.checkEquivariance({ input, targets, edges })).maxExact < 1e-10);
  const live = memory().reference.liveTensors;
  assertEquals((await conv.checkEquivariance({ input, targets, edges })).passed, true);
  assertEquals(memory().reference.liveTensors, live);
  const float = await conv.checkEquivariance({ points: 5, dtype: "float32" });
  assert(float.maxExact > 1e-9 && float.passed);
  // Positions that do not move with the features: the check sees it.
  const stuck = make(type, type), { forward } = stuck;
  stuck.forward = (x, graph, options) =>
    forward.call(stuck, new GeometricTensor(x.tensor, type, input.coords), graph, options);
  await assertRejects(() => stuck.checkEquivariance({ input, edges: EDGES_4 }), EquivarianceError, "R3PointConv");
  await assertRejects(
    () => conv.checkEquivariance({ input, targets: normal([2, 2]) }),
    ShapeError,
    "targets [points, 3]",
  );
  const grid = new GeometricTensor(normal([1, type.size, 3, 3, 3]), type);
  await assertRejects(() => conv.checkEquivariance({ input: grid }), ShapeError, "with coords");
});

test("PointConv refuses state dicts that do not fit, all problems at once, and changes nothing", () => {
  checkStateRefusals(make(trivial(rot2dOnR2(4)), regular(rot2dOnR2(4))));
});

test("PointConv keeps its state in both modes, and caches its filter in eval mode until weights change", () => {
  seed(7);
  const type = mixture(rot3dOnR3()), conv = make(type, type), copy = make(type, type), x = cloud(type);
  assertEquals([...conv.eval().stateDict().tensors.keys()], ["weights", "bias"]);
  copy.loadStateDict(conv.stateDict());
  const expected = noGrad(() => values(conv.forward(x, EDGES).tensor));
  assertEquals(values(copy.train().forward(x, EDGES).tensor), expected);
  assertEquals(noGrad(() => values(conv.forward(x, EDGES).tensor)), expected);
  noGrad(() =>
    conv.loadStateDict({
      ...conv.stateDict(),
      tensors: new Map([...conv.stateDict().tensors].map(([k, v]) => [k, v.mul(2)])),
    })
  );
  assertClose(noGrad(() => values(conv.forward(x, EDGES).tensor)), expected.map((v) => 2 * v), { absolute: 1e-12 });
});

test("PointConv.export gives a plain layer with the same output, groups, targets and radial functions", () => {
  seed(8);
  for (const space of [rot2dOnR2(8), rot3dOnR3()]) {
    const type = new FieldType(space, [space.trivialRepr, space.irrep(1)], 2), x = cloud(type);
    for (
      const options of [
        { ...WIDE, groups: 2 },
        { radial: besselRadial(3, { cutoff: 3 }), bias: false, dtype: "float64" },
      ] satisfies PointConvOptions[]
    ) {
      const conv = make(type, type, options), plain = conv.export();
      assert(plain instanceof PointConvolution);
      const targets = normal([6, space.dimensionality]), edges = edgesOf([[0, 5], [1, 3]]);
      assertClose(
        values(plain.forward(x.tensor, x.coords!, edges, { targets })),
        values(conv.forward(x, edges, { targets }).tensor),
        { absolute: 1e-12 },
      );
    }
  }
});

test("PointConv with a radialNetwork trains it with the rest, is equivariant and has no export", async () => {
  seed(9);
  const space = rot3dOnR3(), type = new FieldType(space, [space.trivialRepr, space.irrep(1)]);
  const rings = [{ radius: 0, sigma: 1 }, { radius: 1, sigma: 1 }];
  const radialNetwork = new Linear(1, 2, { dtype: "float64" });
  const conv = make(type, type, { radial: learnedRadial(rings), radialNetwork, dtype: "float64" });
  assertEquals(conv.namedParameters().map(([name]) => name), [
    "weights",
    "bias",
    "radialNetwork.weight",
    "radialNetwork.bias",
  ]);
  const x = cloud(type);
  conv.forward(x, EDGES).tensor.square().sum().backward();
  assert(values(radialNetwork.weight.grad!).every((g) => g !== 0));
  const report = await checkEquivariance({ inType: type, forward: (y) => conv.forward(y, EDGES) }, { input: x });
  assert(report.maxExact < 1e-11);
  assertThrows(() => conv.export(), ExportError, "radialNetwork");
});

test("PointConv takes no edges, no points and a single point", () => {
  const type = trivial(rot2dOnR2(4), 2), conv = make(type, type, WIDE);
  noGrad(() => conv.bias!.backend.write(conv.bias!, Float64Array.of(3, 4)));
  conv.bias!.storage.version++;
  const none = edgesOf([]);
  assertEquals(values(conv.forward(cloud(type, 3), none).tensor), [3, 4, 3, 4, 3, 4]);
  assertEquals(conv.forward(cloud(type, 0), none).shape, [0, 2]);
  const one = cloud(type, 1), loop: Edges = [[0, 0]];
  assertClose(values(conv.forward(one, edgesOf(loop)).tensor), definition(conv, one, loop), { absolute: 1e-12 });
});

test("PointConv computes in the features' precision and takes a graph in the place of edges", () => {
  seed(10);
  const type = mixture(rot3dOnR3()), conv = make(type, type, { ...WIDE, dtype: "float32" }), x = cloud(type);
  const fine = conv.forward(x, EDGES), coarse = conv.forward(x.with(x.tensor.cast("float32")), EDGES);
  assertEquals([fine.tensor.dtype, coarse.tensor.dtype], ["float64", "float32"]);
  assertClose(values(coarse.tensor), values(fine.tensor), { absolute: 1e-5 });
  const graph = new PointGraph(EDGES.dataSync() as Int32Array, 5, 5);
  assertEquals(values(conv.forward(x, graph).tensor), values(fine.tensor));
});

/** How often numbers of the host come to the current backend while `run` runs. */
function uploads(run: () => void): number {
  const backend = currentBackend(), write = backend.write;
  let count = 0;
  backend.write = (...args) => {
    count++;
    write.apply(backend, args);
  };
  try {
    run();
  } finally {
    backend.write = write;
  }
  return count;
}

test("PointConv and PointConvolution bring nothing to the device in the second pass over a graph", () => {
  seed(12);
  for (const space of [rot2dOnR2(), rot3dOnR3()]) {
    const type = mixture(space), x = cloud(type), delta = normal([LIST.length, space.dimensionality]);
    const far = cloud(type, 5).coords!, graph = new PointGraph(EDGES.dataSync() as Int32Array, 5, 5);
    const conv = make(type, type), plain = conv.export();
    for (const edges of [EDGES, graph]) {
      const pass = (): void => {
        using _ = scope();
        const y = conv.forward(x, edges).tensor.add(conv.forward(x, edges, { edgeDelta: delta }).tensor);
        const z = plain.forward(x.tensor, x.coords!, edges, { targets: far });
        y.add(z).square().mean().backward();
        for (const layer of [conv, plain]) for (const parameter of layer.parameters()) parameter.clearGrad();
      };
      assert(uploads(pass) > 0);
      assertEquals(uploads(pass), 0);
    }
    graph.dispose();
    assert(uploads(() => conv.forward(x, EDGES)) === 0, "graphs do not share what they have");
    assertThrows(() => conv.forward(x, graph), DisposedError, "PointGraph");
  }
});

test("PointConv: a new graph in every step leaves no memory, disposed before the backward pass or at the scope's end", () => {
  seed(13);
  const type = mixture(rot3dOnR3()), conv = make(type, type), x = cloud(type);
  const gradients: number[][] = [];
  const step = (dispose: boolean, asTensor: boolean): void => {
    using _ = scope();
    const numbers = EDGES.dataSync() as Int32Array;
    const edges = asTensor ? tensor(numbers, EDGES.shape) : new PointGraph(numbers, 5, 5);
    const loss = conv.forward(x, edges).tensor.square().mean();
    if (dispose) edges.dispose();
    loss.backward();
    gradients.push(values(conv.weights.grad!));
    for (const parameter of conv.parameters()) parameter.clearGrad();
  };
  step(false, false);
  const { liveBytes, liveTensors } = memory().reference;
  for (let i = 0; i < 12; i++) step(i % 2 === 0, i % 3 === 0);
  assertEquals([memory().reference.liveBytes, memory().reference.liveTensors], [liveBytes, liveTensors]);
  for (const gradient of gradients) assertEquals(gradient, gradients[0]);
});

test("PointConv never holds a kernel for each edge: memory at its peak stays below a fifth of that", () => {
  seed(11);
  const space = rot3dOnR3(), type = new FieldType(space, [space.irrep(0), space.irrep(1)], 8);
  const conv = make(type, type, { width: 1.5, ringCount: 3, maximumFrequency: 2 });
  using _ = scope();
  const points = 80, list: [number, number][] = [];
  for (let i = 0; i < points; i++) for (let j = 1; j <= 64; j++) list.push([(i + j) % points, i]);
  const edges = edgesOf(list), x = new GeometricTensor(normal([points, 32]).cast("float32"), type, normal([points, 3]));
  const before = memory().reference.liveBytes;
  const y = noGrad(() => conv.forward(x, edges));
  const kernels = list.length * 32 * 32 * 4;
  assert(memory().reference.peakBytes - before < kernels / 5, `${memory().reference.peakBytes - before} of ${kernels}`);
  assertEquals(y.shape, [points, 32]);
});

test("PointConv refuses options that contradict each other, and spaces of other dimensions", () => {
  const space = rot2dOnR2(4), type = regular(space), rot = rot3dOnR3();
  const conv = (options: PointConvOptions) => () => new R2PointConv(type, type, options);
  assertThrows(conv({}), ArgumentError, "either width and ringCount, or rings, or radial");
  assertThrows(conv({ width: 1, ringCount: 2, rings: [0, 1] }), ArgumentError, "either");
  assertThrows(conv({ width: 1 }), KernelError, "ringCount");
  assertThrows(conv({ width: -1, ringCount: 2 }), KernelError, "positive width");
  assertThrows(conv({ radial: learnedRadial([{ radius: 0, sigma: 1 }]) }), ArgumentError, "radialNetwork");
  assertThrows(conv({ ...WIDE, groups: 2 }), ArgumentError, "divide the 1 fields");
  assertThrows(() => new R3PointConv(type, type, WIDE), FieldTypeError, "dimension 3");
  const vector = new FieldType(rot, rot.irrep(1));
  assertThrows(() => new R3PointConv(trivial(rot), vector, { rings: [0], sigma: 1 }), EmptyBasisError, "more rings");
  assertStringIncludes(new R2PointConv(type, type, WIDE).toString(), "rings 0, 0.75, 1.5");
});

test("PointConv refuses other types, grids, edges and positions that do not fit, naming both", () => {
  const space = rot2dOnR2(4), type = regular(space), conv = make(type, type), x = cloud(type);
  assertThrows(() => conv.forward(cloud(trivial(space)), EDGES), FieldTypeError, "regular");
  const grid = new GeometricTensor(normal([1, 4, 3, 3]), type);
  assertThrows(() => conv.forward(grid, EDGES), ShapeError, "with coords");
  assertThrows(() => conv.forward(x, edgesOf([[5, 0]])), ArgumentError, "sources from 0 to 4");
  assertThrows(() => conv.forward(x, EDGES, { targets: normal([3, 3]) }), ArgumentError, "targets from 0 to 2");
  assertThrows(() => conv.forward(x, EDGES, { targets: normal([5, 3]) }), ShapeError, "targets [5, 2]");
  assertThrows(() => conv.forward(x, EDGES, { edgeDelta: normal([3, 2]) }), ShapeError, "edgeDelta [11, 2]");
  assertThrows(() => conv.forward(x, new PointGraph(new Int32Array(0), 4, 5)), ArgumentError, "on 4 points");
  assertThrows(
    () => conv.forward(x, new PointGraph(new Int32Array(0), 5, 4)),
    ArgumentError,
    "to the 5 points of the input, got one to 4",
  );
  const pairs = Int32Array.of(0, 1, 1, 0) as unknown as Tensor;
  assertThrows(
    () => conv.forward(x, pairs),
    ArgumentError,
    "got an Int32Array. new plain.PointGraph(edges, points, points)",
  );
  const plain = conv.export();
  assertThrows(() => plain.forward(normal([5, 3]), x.coords!, EDGES), ShapeError, "4 channels");
  const rings = { dimension: 2, radial: plain.functions.options.radial, functions: [] } as const;
  assertThrows(() => new PointConvolution(3, 4, rings, { groups: 2 }), ArgumentError, "groups that divide 3");
});
