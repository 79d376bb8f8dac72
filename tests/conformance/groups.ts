// The runner of groups.json.gz: elements, irreps, representations, subgroups, Clebsch-Gordan coefficients, grids.

import { disentangle, homomorphismSpace } from "../../src/group/constructions.ts";
import { HomogeneousSpace } from "../../src/group/homogeneous_space.ts";
import { type GridDescription, groupGrid, sphereGrid } from "../../src/group/grids/grid.ts";
import type { SphereGridDescription } from "../../src/group/grids/sphere.ts";
import { o3Group } from "../../src/group/groups/o3.ts";
import type { ElementValue, Group, GroupElement, IrrepId } from "../../src/group/types.ts";
import {
  type Case,
  close,
  holds,
  type Json,
  type JsonObject,
  list,
  number,
  numbers,
  object,
  type Runners,
  same,
  sameSet,
  tensor,
} from "./check.ts";
import { elementOf, groupOf, irrepIdOf, representationOf, subgroupIdOf } from "./descriptions.ts";

function elementsOf(group: Group, value: Json | undefined): GroupElement[] {
  return list(value).map((v) => elementOf(group, v));
}

function sameElements(what: string, got: readonly GroupElement[], expected: readonly GroupElement[]): void {
  holds(`${what}: ${got.length} elements, expected ${expected.length}`, got.length === expected.length);
  got.forEach((g, i) => holds(`${what} ${i}: got ${g}, expected ${expected[i]}`, g.equals(expected[i])));
}

function sameGroup(what: string, got: Group, description: Json | undefined): void {
  const expected = groupOf(description);
  holds(`${what}: got ${got.name}, expected ${expected.name}`, got === expected);
}

function multiplicities(irreps: readonly IrrepId[]): [IrrepId, number][] {
  const counts = new Map<string, [IrrepId, number]>();
  for (const id of irreps) {
    const key = JSON.stringify(id);
    const entry = counts.get(key);
    if (entry === undefined) counts.set(key, [id, 1]);
    else entry[1] += 1;
  }
  return [...counts.values()];
}

function concatenate(parts: readonly Float64Array[]): Float64Array {
  return Float64Array.from(parts.flatMap((p) => [...p]));
}

// Numbers of a parametrization's value; angles modulo 2π are folded onto the circle, quaternions take the expected sign.
function parametrizationClose(name: string, got: ElementValue, expected: Json, c: Case): void {
  const flat = (v: unknown): number[] => Array.isArray(v) ? v.flatMap(flat) : [Number(v)];
  let [a, b] = [flat(got), flat(expected)];
  if (/\bQ\b/.test(name)) {
    const from = b.length - 4;
    const inner = b.slice(from).reduce((sum, v, i) => sum + v * a[from + i], 0);
    if (inner < 0) a = a.map((v, i) => i < from ? v : -v);
  } else if (/radians|[xyz]{3}/i.test(name)) {
    [a, b] = [a, b].map((angles) => angles.flatMap((x) => [Math.cos(x), Math.sin(x)]));
  }
  close(name, a, b, c.tolerance);
}

/** The kinds of groups.json.gz. */
export const groupRunners: Runners = {
  compose(c) {
    const group = groupOf(c.group);
    const got = list(c.pairs).map((pair) => {
      const [a, b] = elementsOf(group, pair);
      return a.multiply(b);
    });
    sameElements("product", got, elementsOf(group, c.expect.products));
  },
  inverse(c) {
    const group = groupOf(c.group);
    sameElements(
      "inverse",
      elementsOf(group, c.elements).map((g) => g.inverse()),
      elementsOf(group, c.expect.inverses),
    );
  },
  equal(c) {
    const group = groupOf(c.group);
    const got = list(c.pairs).map((pair) => {
      const [a, b] = elementsOf(group, pair);
      return a.equals(b);
    });
    same("equal", got, c.expect.equal);
  },
  elements(c) {
    const group = groupOf(c.group);
    same("order", group.order, c.expect.order);
    sameElements("element", group.elements, elementsOf(group, c.expect.elements));
  },
  parametrizations(c) {
    const group = groupOf(c.group);
    const g = elementOf(group, c.element);
    for (const [name, value] of Object.entries(object(c.expect.values))) {
      parametrizationClose(name, g.to(name), value, c);
      holds(`${name} back`, group.element(value as ElementValue, name).equals(g));
    }
  },
  "from-parametrization"(c) {
    const group = groupOf(c.group);
    const names = list(c.parametrizations).map(String);
    const got = list(c.values).map((value, i) => group.element(value as ElementValue, names[i]));
    sameElements("element", got, elementsOf(group, c.expect.elements));
  },
  irreps(c) {
    const group = groupOf(c.group);
    const maximum = c.maximumFrequency === undefined ? undefined : number(c.maximumFrequency);
    const got = group.irreps(maximum).map((psi) => ({ id: psi.id, size: psi.size, type: psi.type }));
    if (group.isContinuous) sameSet("irreps", got, list(c.expect.irreps));
    else same("irreps", got, c.expect.irreps);
  },
  irrep(c) {
    const group = groupOf(c.group);
    const psi = group.irrep(...irrepIdOf(c.irrep));
    const elements = elementsOf(group, c.elements);
    same("size", psi.size, c.expect.size);
    same("type", psi.type, c.expect.type);
    close("matrices", concatenate(elements.map((g) => psi.matrix(g))), tensor(c.expect.matrices).data, c.tolerance);
    close("characters", elements.map((g) => psi.character(g)), numbers(c.expect.characters), c.tolerance);
    close("endomorphisms", concatenate(psi.endomorphisms), tensor(c.expect.endomorphisms).data, c.tolerance);
  },
  character(c) {
    const group = groupOf(c.group);
    const psi = group.irrep(...irrepIdOf(c.irrep));
    same("size", psi.size, c.expect.size);
    same("type", psi.type, c.expect.type);
    const got = elementsOf(group, c.elements).map((g) => psi.character(g));
    close("characters", got, numbers(c.expect.characters), c.tolerance);
  },
  representation(c) {
    const group = groupOf(c.group);
    const rho = representationOf(group, c.rho);
    const elements = elementsOf(group, c.elements);
    same("size", rho.size, c.expect.size);
    sameSet("irreps", multiplicities(rho.irreps), list(c.expect.irreps));
    close("matrices", concatenate(elements.map((g) => rho.matrix(g))), tensor(c.expect.matrices).data, c.tolerance);
    if (c.expect.order !== undefined) same("order", rho.irreps, c.expect.order);
    if (c.expect.changeOfBasis !== undefined) {
      close("change of basis", rho.changeOfBasis, tensor(c.expect.changeOfBasis).data, c.tolerance);
    }
  },
  restriction(c) {
    const group = groupOf(c.group);
    const id = subgroupIdOf(group, c.subgroup);
    sameGroup("subgroup", group.subgroup(id).subgroup, c.expect.subgroup);
    list(c.irreps).forEach((irrep, i) => {
      const got = multiplicities(group.restrictIrrep(id, irrepIdOf(irrep)).irreps);
      sameSet(`content of ${JSON.stringify(irrep)}`, got, list(list(c.expect.content)[i]));
    });
  },
  "tensor-product"(c) {
    const group = groupOf(c.group);
    list(c.pairs).forEach((pair, i) => {
      const [m, n] = list(pair).map(irrepIdOf);
      const got = group.tensorProductIrreps(m, n).map(({ irrep, copies }) => [irrep, copies]);
      // Copies count up to endomorphisms; the fixture counts irreps.
      sameSet(`content of ${JSON.stringify(pair)}`, got, list(list(c.expect.content)[i]));
    });
  },
  inclusion(c) {
    const group = groupOf(c.group);
    const { subgroup, inclusion } = group.subgroup(subgroupIdOf(group, c.subgroup));
    sameGroup("subgroup", subgroup, c.expect.subgroup);
    sameElements("image", elementsOf(subgroup, c.elements).map(inclusion), elementsOf(group, c.expect.images));
  },
  "restriction-map"(c) {
    const group = groupOf(c.group);
    const { subgroup, restriction } = group.subgroup(subgroupIdOf(group, c.subgroup));
    elementsOf(group, c.elements).forEach((g, i) => {
      const got = restriction(g);
      const expected = list(c.expect.images)[i];
      const agrees = expected === null ? got === undefined : got?.equals(elementOf(subgroup, expected)) === true;
      holds(`image of ${g}: got ${got}, expected ${JSON.stringify(expected)}`, agrees);
    });
  },
  "same-coset"(c) {
    const group = groupOf(c.group);
    const space = new HomogeneousSpace(group, subgroupIdOf(group, c.subgroup));
    const got = list(c.pairs).map((pair) => {
      const [a, b] = elementsOf(group, pair);
      return space.sameCoset(a, b);
    });
    same("same coset", got, c.expect.same);
  },
  "combine-subgroups"(c) {
    const group = groupOf(c.group);
    const first = subgroupIdOf(group, c.first);
    const second = subgroupIdOf(group.subgroup(first).subgroup, c.second);
    const { subgroup, inclusion } = group.subgroup(group.combineSubgroups(first, second));
    sameGroup("subgroup", subgroup, c.expect.subgroup);
    sameElements("image", elementsOf(subgroup, c.elements).map(inclusion), elementsOf(group, c.expect.images));
  },
  "clebsch-gordan"(c) {
    const group = groupOf(c.group);
    const { coefficients } = group.clebschGordan(irrepIdOf(c.m), irrepIdOf(c.n), irrepIdOf(c.j));
    close("coefficients", coefficients, tensor(c.expect.coefficients).data, c.tolerance);
  },
  "clebsch-gordan-span"(c) {
    const group = groupOf(c.group);
    const [m, n, j] = [c.m, c.n, c.j].map(irrepIdOf);
    const { coefficients, copies } = group.clebschGordan(m, n, j);
    same("multiplicity", copies, c.expect.multiplicity);
    const rows = group.irrep(...m).size * group.irrep(...n).size;
    const width = copies * group.irrep(...j).size;
    const got = new Float64Array(rows * rows);
    for (let a = 0; a < rows; a++) {
      for (let b = 0; b < rows; b++) {
        for (let k = 0; k < width; k++) got[a * rows + b] += coefficients[a * width + k] * coefficients[b * width + k];
      }
    }
    close("projector", got, tensor(c.expect.projector).data, c.tolerance);
  },
  "homspace-dimension"(c) {
    const group = groupOf(c.group);
    const space = new HomogeneousSpace(group, subgroupIdOf(group, c.subgroup));
    const got = list(c.pairs).map((pair) => {
      const [r, p] = list(pair).map(irrepIdOf);
      const [rho, psi] = [group.irrep(...r), space.subgroup.subgroup.irrep(...p)];
      return [rho.size, space.multiplicity(rho, psi), psi.size];
    });
    same("dimensions", got, c.expect.dimensions);
  },
  "homspace-kernel"(c) {
    const group = groupOf(c.group);
    const space = new HomogeneousSpace(group, subgroupIdOf(group, c.subgroup));
    const rho = group.irrep(...irrepIdOf(c.irrep));
    const psi = space.subgroup.subgroup.irrep(...irrepIdOf(c.stabilizerIrrep));
    same("multiplicity", space.multiplicity(rho, psi), c.expect.multiplicity);
    const [d, w] = [rho.size, psi.size];
    const moved = (g: GroupElement, b: Float64Array): Float64Array => {
      const m = rho.matrix(g);
      return Float64Array.from({ length: d * w }, (_, e) => {
        let sum = 0;
        for (let k = 0; k < d; k++) sum += m[Math.floor(e / w) * d + k] * b[k * w + e % w];
        return sum;
      });
    };
    const got = list(c.pairs).flatMap((pair) => {
      const [g, h] = elementsOf(group, pair);
      const kernel = new Float64Array(d * w * d * w);
      for (const b of space.allIntertwiners(rho, psi)) {
        const [x, y] = [moved(g, b), moved(h, b)];
        for (let i = 0; i < d * w; i++) for (let j = 0; j < d * w; j++) kernel[i * d * w + j] += x[i] * y[j];
      }
      return [...kernel];
    });
    close("kernel", got, tensor(c.expect.kernel).data, c.tolerance);
  },
  intertwiners(c) {
    const group = groupOf(c.group);
    const basis = homomorphismSpace(representationOf(group, c.source), representationOf(group, c.target));
    same("dimension", basis.length, c.expect.dimension);
    list(c.vectors).forEach((vector, i) => {
      const v = tensor(vector).data;
      const got = new Float64Array(v.length);
      for (const b of basis) {
        let [inner, norm] = [0, 0];
        for (let k = 0; k < v.length; k++) {
          inner += b[k] * v[k];
          norm += b[k] * b[k];
        }
        for (let k = 0; k < v.length; k++) got[k] += inner / norm * b[k];
      }
      close(`projection ${i}`, got, tensor(list(c.expect.projections)[i]).data, c.tolerance);
    });
  },
  disentangle(c) {
    const group = groupOf(c.group);
    sameSet("parts", disentangle(representationOf(group, c.rho)), list(c.expect.parts));
  },
  grid(c) {
    const group = groupOf(c.group);
    const got = groupGrid(group, gridOf(object(c.grid)));
    same("count", got.length, c.expect.count);
    if (c.expect.elements === undefined) return;
    const expected = elementsOf(group, c.expect.elements);
    if (c.expect.ordered === true) return sameElements("element", got, expected);
    for (const g of expected) holds(`${g} is in the grid`, got.some((h) => h.equals(g)));
    for (const g of got) holds(`${g} is expected`, expected.some((h) => h.equals(g)));
  },
  "sphere-grid"(c) {
    const group = groupOf(c.group);
    const got = sphereGrid(group, object(c.grid) as unknown as SphereGridDescription).map((g) => {
      const m = o3Group().standardRepresentation.matrix(g);
      return [m[2], m[5], m[8]];
    });
    same("count", got.length, c.expect.count);
    const { data } = tensor(c.expect.points);
    const near = (p: readonly number[], at: number): boolean =>
      p.every((v, k) => Math.abs(v - data[at + k]) <= c.tolerance);
    for (let at = 0; at < data.length; at += 3) {
      holds(`point ${data.slice(at, at + 3)} is in the grid`, got.some((p) => near(p, at)));
    }
  },
};

function gridOf(grid: JsonObject): GridDescription {
  if (grid.left !== undefined) return { left: gridOf(object(grid.left)), right: gridOf(object(grid.right)) };
  return grid as unknown as GridDescription;
}
