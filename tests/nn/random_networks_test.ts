// Random small networks of compatible modules over random groups: equivariant end to end wherever the analysis finds the grid's symmetry
// unbroken, with exports that compute the same.

import fc from "fast-check";
import { assert, assertEquals } from "@std/assert";
import {
  conicalOnR3,
  flip2dOnR2,
  flipOnR1,
  flipRot2dOnR2,
  type GSpace,
  icoOnR3,
  noBaseSpace,
  octaOnR3,
  rot2dOnR2,
  rot2dOnR3,
  trivialOnR2,
} from "../../src/gspaces/mod.ts";
import type { Representation, SubgroupId } from "../../src/group/types.ts";
import { fullOctahedralGroup, octahedralGroup } from "../../src/group/mod.ts";
import {
  analyze,
  BranchingModule,
  DisentangleModule,
  ELU,
  EquivariantLayerNorm,
  type EquivariantModule,
  FieldDropout,
  FieldNorm,
  FieldType,
  GNormBatchNorm,
  GroupPooling,
  IIDBatchNorm1d,
  IIDBatchNorm2d,
  IIDBatchNorm3d,
  InnerBatchNorm,
  Linear,
  MultipleModule,
  NormBatchNorm,
  NormNonLinearity,
  NormPool,
  PointwiseAvgPool1D,
  PointwiseAvgPool2D,
  PointwiseAvgPool3D,
  PointwiseAvgPoolAntialiased2D,
  PointwiseMaxPool1D,
  PointwiseMaxPool2D,
  PointwiseMaxPool3D,
  R1Conv,
  R2Conv,
  R2ConvTransposed,
  R2Upsampling,
  R3Conv,
  ReLU,
  RestrictionModule,
  SequentialModule,
} from "../../src/nn/mod.ts";
import { seed } from "../../src/tensor/mod.ts";
import { test } from "../support/test.ts";
import { assertExports } from "./support.ts";

const SPACES: readonly GSpace[] = [
  flipOnR1(),
  trivialOnR2(),
  flip2dOnR2(),
  rot2dOnR2(4),
  rot2dOnR2(6),
  flipRot2dOnR2(4),
  flipRot2dOnR2(3, { axis: 0 }),
  rot2dOnR3(4),
  conicalOnR3(2),
  octaOnR3(),
  icoOnR3(),
  noBaseSpace(octahedralGroup()),
  noBaseSpace(fullOctahedralGroup()),
];

/** Random choices from a list of numbers between 0 and 1. */
class Choices {
  readonly #numbers: readonly number[];
  #next = 0;
  constructor(numbers: readonly number[]) {
    this.#numbers = numbers;
  }
  of<T>(list: readonly T[]): T {
    const u = this.#numbers[this.#next++ % this.#numbers.length];
    return list[Math.min(list.length - 1, Math.floor(u * list.length))];
  }
}

function randomType(space: GSpace, choices: Choices): FieldType {
  const small = space.irreps(2).filter(({ size }) => size <= 3);
  const order = space.fibergroup.order, fields: Representation[] = [space.trivialRepr];
  for (let i = 0; i < choices.of([0, 1, 2]); i++) fields.push(choices.of(small));
  if (order <= 8 && choices.of([true, false])) return new FieldType(space, [space.regularRepr, ...fields]);
  return new FieldType(space, order <= 8 && choices.of([true, false]) ? [space.regularRepr] : fields);
}

/** A proper subgroup of a cyclic or dihedral group, if there is one. */
function subgroupOf({ fibergroup: { name, order } }: GSpace, choices: Choices): SubgroupId | undefined {
  const [, family, n] = /^([CD])(\d+)$/.exec(name) ?? [];
  const half = Number(n) % 2 === 0 ? Number(n) / 2 : 1;
  if (family === "C" && order > 1) return [half];
  return family === "D" && Number(n) > 1
    ? choices.of<SubgroupId>([[null, Number(n)], [0, half], [null, half]])
    : undefined;
}

type Maker = () => EquivariantModule;

function convolutions(type: FieldType, out: FieldType, choices: Choices): Maker[] {
  const options = { padding: choices.of([0, 1]), stride: choices.of([1, 1, 2]), dtype: "float64" } as const;
  switch (type.gspace.dimensionality) {
    case 0:
      return [() => new Linear(type, out, { dtype: "float64" })];
    case 1:
      return [() => new R1Conv(type, out, 3, options)];
    case 2:
      return [() => new R2Conv(type, out, 3, options), () => new R2ConvTransposed(type, out, 3, options)];
    default:
      return [() => new R3Conv(type, out, 3, { ...options, padding: 1 })];
  }
}

/** Modules that take a type, each as likely as the others. */
function modulesFor(type: FieldType, choices: Choices): Maker[] {
  const d = type.gspace.dimensionality, dtype = "float64";
  const batchNorms: (new (t: FieldType, o: { readonly dtype: "float64" }) => EquivariantModule)[] = [
    IIDBatchNorm1d,
    IIDBatchNorm1d,
    IIDBatchNorm2d,
    IIDBatchNorm3d,
  ];
  const list: Maker[] = [
    ...convolutions(type, randomType(type.gspace, choices), choices),
    () => new batchNorms[d](type, { dtype }),
    () => new FieldNorm(type, { dtype }),
    () => new GNormBatchNorm(type, { dtype }),
    () => new NormNonLinearity(type, { dtype }),
    () => new EquivariantLayerNorm(type, { dtype }),
    () => new FieldDropout(type),
    () => new DisentangleModule(type),
    () => new NormPool(type),
  ];
  const kernel = choices.of([2, 3]), pool = { stride: choices.of([1, 2]) };
  if (d === 1) list.push(() => new PointwiseAvgPool1D(type, kernel, pool));
  if (d === 2) list.push(() => new PointwiseAvgPool2D(type, kernel, pool));
  if (d === 2) list.push(() => new PointwiseAvgPoolAntialiased2D(type, 0.5, choices.of([1, 2])));
  if (d === 2) list.push(() => new R2Upsampling(type, { scaleFactor: choices.of([1.5, 2]) }));
  if (d === 3) list.push(() => new PointwiseAvgPool3D(type, kernel, pool));
  const subgroup = subgroupOf(type.gspace, choices);
  if (subgroup !== undefined) list.push(() => new RestrictionModule(type, subgroup));
  if (type.length > 1) {
    const labels = type.representations.map((_, field) => field === 0 ? "first" : "others");
    const { outTypes } = new BranchingModule(type, labels), [first, others] = [...outTypes.values()];
    list.push(() =>
      new MultipleModule(type, labels, [[new NormNonLinearity(others, { dtype }), "others"], [
        new NormPool(first),
        "first",
      ]])
    );
  }
  if (type.representations.every((rho) => !rho.containsTrivial())) list.push(() => new NormBatchNorm(type, { dtype }));
  if (type.representations.every((rho) => rho.kind === "pointwise")) {
    const permutations = type.requirePointwise();
    list.push(
      () => new ReLU(permutations),
      () => new ELU(permutations),
      () => new InnerBatchNorm(permutations, { dtype }),
      () => new GroupPooling(permutations),
    );
    if (d === 1) list.push(() => new PointwiseMaxPool1D(permutations, kernel, pool));
    if (d === 2) list.push(() => new PointwiseMaxPool2D(permutations, kernel, pool));
    if (d === 3) list.push(() => new PointwiseMaxPool3D(permutations, kernel, pool));
  }
  return list;
}

/** A network of up to `depth` modules that takes inputs of a size. */
function randomNetwork(space: GSpace, spatial: readonly number[], depth: number, choices: Choices): SequentialModule {
  const first = randomType(space, choices), modules: EquivariantModule[] = [];
  let type = first, shape: number[] = [1, type.size, ...spatial];
  for (let layer = 0; layer < depth; layer++) {
    const module = layer === 0
      ? choices.of(convolutions(type, randomType(space, choices), choices))()
      : choices.of(modulesFor(type, choices))();
    const next = module.evaluateOutputShape(shape);
    // Grids that are too small for further windows, or too large for a quick test, end the network.
    if (next.slice(2).some((size) => size < 3 || size > 14)) break;
    modules.push(module);
    [type, shape] = [module.outType, next];
  }
  return new SequentialModule(...(modules.length > 0 ? modules : [new FieldDropout(first)]));
}

for (const space of SPACES) {
  test(`random networks on ${space} are equivariant to 1e-9 wherever analyze has no warnings, and equal their exports`, async () => {
    seed(1);
    let symmetric = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 40, maxLength: 40 }),
        fc.integer({ min: 5, max: 8 }),
        async (numbers, size) => {
          const spatial = new Array<number>(space.dimensionality).fill(
            space.dimensionality === 3 ? Math.min(size, 6) : size,
          );
          const network = randomNetwork(space, spatial, 5, new Choices(numbers));
          const { warnings, layers } = analyze(network, [1, network.inType.size, ...spatial]);
          assertEquals(layers.at(-1)!.outputShape, network.evaluateOutputShape([1, network.inType.size, ...spatial]));
          assertExports(network, spatial);
          if (warnings.length > 0) return;
          symmetric++;
          const report = await network.checkEquivariance({ size: spatial, batch: 1, assert: false });
          assert(report.exact.length > 0 && report.maxExact < 1e-9, `${network}: ${report.maxExact}`);
        },
      ),
      { numRuns: space.dimensionality === 3 ? 8 : 25, seed: 7 },
    );
    assert(symmetric > 2, `${symmetric} symmetric networks`);
  });
}
