// Kernel bases between whole representations, and every builder: the constraint, the dimension, bad input.
// covers: src/kernels/builders_r2.ts
// covers: src/kernels/builders_r3.ts

import { assert, assertAlmostEquals, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  cyclicGroup,
  dihedralGroup,
  directProduct,
  fullTetrahedralGroup,
  type Group,
  type GroupElement,
  icosahedralGroup,
  o2Group,
  o3Group,
  octahedralGroup,
  pyritohedralGroup,
  so2Group,
  so3Group,
  type SubgroupId,
  tetrahedralGroup,
} from "../../src/group/mod.ts";
import { randomSource } from "../../src/group/grids/random.ts";
import * as kernels from "../../src/kernels/mod.ts";
import { multiplyMatrices } from "../../src/math/linear_algebra.ts";
import { randomRepresentation } from "../gspaces/constraint_support.ts";
import { test } from "../support/test.ts";

type Builder = typeof kernels.kernelsSO3ActR3;
const RADII = [0, 1.3];
const SIGMA = [0.4, 0.6];
const two = cyclicGroup(2);

const inO2 = (id: SubgroupId): (g: GroupElement) => Float64Array => (g) =>
  o2Group().irrep(1, 1).matrix(o2Group().subgroup(id).inclusion(g));
const inO3 = (id: SubgroupId): (g: GroupElement) => Float64Array => (g) =>
  o3Group().standardRepresentation.matrix(o3Group().subgroup(id).inclusion(g));

// With axis 0 the planar groups act as in O(2).
const PLANAR: readonly (readonly [keyof typeof kernels, Builder, Group, SubgroupId])[] = [
  ["kernelsSO2ActR2", kernels.kernelsSO2ActR2, so2Group(), [null, -1]],
  ["kernelsCNActR2", kernels.kernelsCNActR2, cyclicGroup(5), [null, 5]],
  ["kernelsTrivialActR2", kernels.kernelsTrivialActR2, cyclicGroup(1), [null, 1]],
  ["kernelsO2ActR2", kernels.kernelsO2ActR2, o2Group(), [0, -1]],
  ["kernelsDNActR2", kernels.kernelsDNActR2, dihedralGroup(4), [0, 4]],
  ["kernelsFlipActR2", kernels.kernelsFlipActR2, two, [0, 1]],
];
const SPATIAL: readonly (readonly [keyof typeof kernels, Builder, Group, SubgroupId])[] = [
  ["kernelsSO3ActR3", kernels.kernelsSO3ActR3, so3Group(), ["so3"]],
  ["kernelsO3ActR3", kernels.kernelsO3ActR3, o3Group(), ["o3"]],
  ["kernelsIcoActR3", kernels.kernelsIcoActR3, icosahedralGroup(), [false, "ico"]],
  ["kernelsOctaActR3", kernels.kernelsOctaActR3, octahedralGroup(), [false, "octa"]],
  ["kernelsTetraActR3", kernels.kernelsTetraActR3, tetrahedralGroup(), [false, "tetra"]],
  ["kernelsFullIcoActR3", kernels.kernelsFullIcoActR3, directProduct(two, icosahedralGroup()), [true, "ico"]],
  ["kernelsFullOctaActR3", kernels.kernelsFullOctaActR3, directProduct(two, octahedralGroup()), [true, "octa"]],
  ["kernelsFullTetraActR3", kernels.kernelsFullTetraActR3, fullTetrahedralGroup(), ["fulltetra"]],
  ["kernelsPyritoActR3", kernels.kernelsPyritoActR3, pyritohedralGroup(), [true, "tetra"]],
  ["kernelsSO2ActR3", kernels.kernelsSO2ActR3, so2Group(), [false, false, -1]],
  ["kernelsCNActR3", kernels.kernelsCNActR3, cyclicGroup(3), [false, false, 3]],
  ["kernelsO2ConicalActR3", kernels.kernelsO2ConicalActR3, o2Group(), ["cone", -1]],
  ["kernelsDNConicalActR3", kernels.kernelsDNConicalActR3, dihedralGroup(3), ["cone", 3]],
  ["kernelsO2DihedralActR3", kernels.kernelsO2DihedralActR3, o2Group(), [false, true, -1]],
  ["kernelsDNDihedralActR3", kernels.kernelsDNDihedralActR3, dihedralGroup(4), [false, true, 4]],
  ["kernelsInvActR3", kernels.kernelsInvActR3, two, [true, false, 1]],
  ["kernelsTrivialActR3", kernels.kernelsTrivialActR3, cyclicGroup(1), [false, false, 1]],
  ["kernelsFullCylinderActR3", kernels.kernelsFullCylinderActR3, directProduct(two, o2Group()), [true, true, -1]],
  [
    "kernelsFullCylinderDiscreteActR3",
    kernels.kernelsFullCylinderDiscreteActR3,
    directProduct(two, dihedralGroup(3)),
    [true, true, 3],
  ],
  ["kernelsCylinderActR3", kernels.kernelsCylinderActR3, directProduct(two, so2Group()), [true, false, -1]],
  [
    "kernelsCylinderDiscreteActR3",
    kernels.kernelsCylinderDiscreteActR3,
    directProduct(two, cyclicGroup(4)),
    [true, false, 4],
  ],
  ["kernelsAliasedIcoActR3Icosahedron", kernels.kernelsAliasedIcoActR3Icosahedron, icosahedralGroup(), [false, "ico"]],
  ["kernelsAliasedIcoActR3Dodecahedron", kernels.kernelsAliasedIcoActR3Dodecahedron, icosahedralGroup(), [
    false,
    "ico",
  ]],
  [
    "kernelsAliasedIcoActR3Icosidodecahedron",
    kernels.kernelsAliasedIcoActR3Icosidodecahedron,
    icosahedralGroup(),
    [false, "ico"],
  ],
];

for (const [d, list] of [[2, PLANAR], [3, SPATIAL]] as const) {
  for (const [name, build, group, id] of list) {
    test(`${name}: K(gx) = ρ_out(g) K(x) ρ_in(g)⁻¹ to 1e-9 between random representations`, () => {
      const random = randomSource(d);
      const action = d === 2 ? inO2(id) : inO3(id);
      const options: kernels.AxisBuilderOptions = { maximumFrequency: 3, axis: 0 };
      let found = 0;
      for (let run = 0; run < 6; run++) {
        const [source, target] = [randomRepresentation(group, random), randomRepresentation(group, random)];
        let basis: kernels.KernelBasis;
        try {
          basis = build(source, target, RADII, SIGMA, options);
        } catch (error) {
          if (error instanceof kernels.EmptyBasisError) continue;
          throw error;
        }
        found += basis.dimension;
        const points = Float64Array.from({ length: 2 * d }, () => 3 * random() - 1.5);
        assertAlmostEquals(basis.equivarianceError(points, action), 0, 1e-9);
      }
      assert(found > 0);
    });
  }
}

test("builders for subgroups by id agree with those by name", () => {
  const d3 = dihedralGroup(3);
  const [source, target] = [d3.irrep(1, 1), d3.regularRepresentation];
  const x = Float64Array.of(0.3, -1.1, 0.7);
  const pairs: readonly (readonly [kernels.KernelBasis, kernels.KernelBasis])[] = [
    [
      kernels.kernelsO3SubgroupActR3(source, target, ["cone", 3], RADII, SIGMA),
      kernels.kernelsDNConicalActR3(source, target, RADII, SIGMA),
    ],
    [
      kernels.kernelsSO3SubgroupActR3(source, target, [true, 3], RADII, SIGMA),
      kernels.kernelsDNDihedralActR3(source, target, RADII, SIGMA),
    ],
  ];
  for (const [a, b] of pairs) assertEquals([...a.sample(x)], [...b.sample(x)]);
  const c4 = cyclicGroup(4).regularRepresentation;
  assertEquals(
    [...kernels.kernelsSO2SubgroupActR2(c4, c4, 4, RADII, SIGMA).sample(x.slice(0, 2))],
    [...kernels.kernelsCNActR2(c4, c4, RADII, SIGMA).sample(x.slice(0, 2))],
  );
  assertEquals(
    [...kernels.kernelsO2SubgroupActR2(source, target, [0, 3], RADII, SIGMA, { axis: 0.4 }).sample(x.slice(0, 2))],
    [...kernels.kernelsDNActR2(source, target, RADII, SIGMA, { axis: 0.4 }).sample(x.slice(0, 2))],
  );
});

test("axis: kernels of the reflection about a line are the same on both sides of it, up to ρ", () => {
  const axis = 0.7;
  const rho = two.regularRepresentation;
  const basis = kernels.kernelsFlipActR2(rho, rho, RADII, SIGMA, { axis });
  const [c, s] = [Math.cos(2 * axis), Math.sin(2 * axis)];
  const reflection = Float64Array.of(c, s, s, -c);
  const identity = Float64Array.of(1, 0, 0, 1);
  const points = Float64Array.of(0.4, -0.9);
  assertAlmostEquals(basis.equivarianceError(points, (g) => g.isIdentity() ? identity : reflection), 0, 1e-12);
});

test("KernelBasis: shape, attributes, filters and offsets", () => {
  const group = cyclicGroup(4);
  const [source, target] = [group.irrep(1), group.regularRepresentation];
  const basis = kernels.kernelsCNActR2(source, target, RADII, SIGMA, { maximumFrequency: 5 });
  const points = Float64Array.of(0, 0, 1, 2, -1, 0.5);
  assertEquals(basis.sample(points).length, 3 * basis.dimension * 4 * 2);
  assertEquals(basis.elements.length, basis.dimension);
  const direct = kernels.kernelsCNActR2(source, target, RADII, SIGMA, {
    maximumFrequency: 5,
    basisFilter: (a) => a.radius === 0 && a.outPosition === 1,
  });
  assertEquals(
    direct.dimension,
    basis.elements.filter((a) => a.radius === 0 && a.outPosition === 1).length,
  );
  const near = kernels.kernelsCNActR2(source, target, RADII, SIGMA, { maximumFrequency: 5, maximumOffset: 0 });
  assertEquals(Math.max(...near.elements.map((a) => a.frequency)), 2);
  assertEquals(kernels.kernelsOnPoint(target, target).dimension, 4);
  assertEquals(
    kernels.kernelsOnPoint(target, target).equivarianceError(new Float64Array(0), () => new Float64Array(0)) < 1e-12,
    true,
  );
});

test("maximumFrequency of full groups defaults to all that there are", () => {
  const so3 = so3Group();
  const basis = kernels.kernelsSO3ActR3(so3.irrep(2), so3.irrep(3), [1], 0.5);
  assertEquals(basis.elements.map((a) => a.frequency), [1, 2, 3, 4, 5]);
});

test("adjoint M: the group moves x by M⁻¹ g M", () => {
  const group = octahedralGroup();
  const adjoint = o3Group().element([1, [0.2, 0.4, 0.4, 0.8]]);
  const matrix = o3Group().standardRepresentation.matrix(adjoint);
  const back = o3Group().standardRepresentation.matrix(adjoint.inverse());
  const action = (g: GroupElement): Float64Array =>
    multiplyMatrices(back, multiplyMatrices(group.standardRepresentation.matrix(g), matrix, 3, 3, 3), 3, 3, 3);
  const rho = group.standardRepresentation;
  const basis = kernels.kernelsOctaActR3(rho, rho, RADII, SIGMA, { adjoint });
  assertAlmostEquals(basis.equivarianceError(Float64Array.of(0.3, 1.2, -0.5), action), 0, 1e-9);
  const ico = icosahedralGroup();
  const orbit = kernels.kernelsAliasedIcoActR3(ico.irrep(1), ico.irrep(3), [false, 3], RADII, SIGMA, { adjoint });
  const icosahedral = (g: GroupElement): Float64Array =>
    multiplyMatrices(back, multiplyMatrices(ico.standardRepresentation.matrix(g), matrix, 3, 3, 3), 3, 3, 3);
  assertAlmostEquals(orbit.equivarianceError(Float64Array.of(0.3, 1.2, -0.5), icosahedral), 0, 1e-9);
});

test("builders refuse other groups, widths that do not fit, wrong points and kernels that do not exist", () => {
  const c3 = cyclicGroup(3).regularRepresentation;
  const cases: readonly (readonly [() => unknown, string])[] = [
    [() => kernels.kernelsDNActR2(c3, c3, RADII, SIGMA), "a dihedral group, got those of C3"],
    [
      () => kernels.kernelsSO3ActR3(c3, c3, RADII, SIGMA, { maximumFrequency: 1 }),
      'representations of SO(3), got "regular" of C3',
    ],
    [() => kernels.kernelsCNActR3(c3, c3, RADII, [0.1]), "one for each of 2 radii, got 1"],
    [() => kernels.kernelsCNActR3(c3, c3, RADII, SIGMA).sample(Float64Array.of(1, 2)), "3 coordinates each"],
    [
      () => kernels.kernelsCNActR3(c3, c3, RADII, SIGMA).sample(Float64Array.of(1, 2, NaN)),
      "NaN as coordinate 2 of point 0",
    ],
  ];
  for (const [run, text] of cases) assertStringIncludes(assertThrows(run, kernels.KernelError).message, text);
  const o3 = o3Group();
  const none = assertThrows(
    () => kernels.kernelsO3ActR3(o3.irrep(0, 0), o3.irrep(1, 0), RADII, SIGMA),
    kernels.EmptyBasisError,
  );
  assertStringIncludes(none.message, "none from");
});
