// The runner of kernels2d.json.gz and kernels3d.json.gz: spans of steerable kernels on the grid and on points, actions of the
// spaces.

import type { Representation } from "../../src/group/types.ts";
import type { GSpace } from "../../src/gspaces/gspace.ts";
import { GSpace3D } from "../../src/gspaces/spaces.ts";
import type { FrequenciesCutoff } from "../../src/kernels/basis_parameters.ts";
import { KernelBasis } from "../../src/kernels/kernel_basis.ts";
import { KernelTables } from "../../src/kernels/kernel_tables.ts";
import type { Ring } from "../../src/kernels/radial.ts";
import { weightLayout } from "../../src/kernels/weight_layout.ts";
import { builderBasis } from "./builders.ts";
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
import { elementOf, groupOf, representationOf, spaceOf, subgroupIdOf } from "./descriptions.ts";
import { FieldPairSpan } from "./spans.ts";

/** Compares a projection with `{shape, stride, data, norm}`. */
export function closeProjection(what: string, got: Float64Array, expected: JsonObject, tolerance: number): void {
  const stride = number(expected.stride);
  close(what, got.filter((_, i) => i % stride === 0), numbers(expected.data), tolerance);
  close(`norm of ${what}`, [Math.sqrt(got.reduce((a, v) => a + v * v, 0))], [number(expected.norm)], tolerance);
}

/** The options of a convolution in a case. */
export function kernelOptionsOf(c: JsonObject): {
  kernelSize: number;
  dilation?: number;
  rings?: number[];
  sigma?: number | number[];
  frequenciesCutoff?: FrequenciesCutoff;
} {
  return {
    kernelSize: number(c.kernelSize),
    dilation: c.dilation === undefined ? undefined : number(c.dilation),
    rings: c.rings === undefined ? undefined : numbers(c.rings),
    sigma: c.sigma === undefined ? undefined : typeof c.sigma === "number" ? c.sigma : numbers(c.sigma),
    frequenciesCutoff: c.frequenciesCutoff === undefined ? undefined : c.frequenciesCutoff as FrequenciesCutoff,
  };
}

function total(fields: readonly Representation[]): number {
  return fields.reduce((sum, field) => sum + field.size, 0);
}

/** Checks a `kernel-span` case for tables made elsewhere. */
export function checkKernelSpan(
  c: Case,
  tables: KernelTables,
  source: readonly Representation[],
  target: readonly Representation[],
): void {
  const layout = weightLayout(tables, source.map((r) => r.irreps), target.map((r) => r.irreps));
  same("weights", layout.size, c.expect.weights);
  const census = new Map<string, number>();
  for (const { copies, blocks } of layout.matrices) {
    for (const block of blocks) {
      const sampled = block.table.sampled();
      const length = sampled.length / block.table.pathCount;
      block.table.paths.forEach((path, p) => {
        const squares = sampled.subarray(p * length, (p + 1) * length).reduce((a, v) => a + v * v, 0);
        close("scale of an element", [squares], [block.table.outSize], 1e-6);
        for (const { field } of copies) {
          // For kernels on orbits the reference lists the irrep of the function and the size of the whole output field.
          const key = JSON.stringify(
            c.stabilizer === undefined
              ? [path.frequency, path.radius, block.table.outSize]
              : [path.partIrrep[0], path.radius, target[field].size],
          );
          census.set(key, (census.get(key) ?? 0) + block.copies.length);
        }
      });
    }
  }
  sameSet("elements", [...census].map(([key, count]) => [...JSON.parse(key), count]), list(c.expect.elements));

  const spans = target.map((to) => source.map((from) => new FieldPairSpan(tables, from, to)));
  const greatest = Math.max(...spans.flat().map((span) => span.greatest));
  same("rank", spans.flat().reduce((sum, span) => sum + span.rank(greatest), 0), c.expect.rank);
  const [columns, points] = [total(source), tables.points];
  list(c.vectors).forEach((vector, i) => {
    const v = tensor(vector).data;
    const got = new Float64Array(v.length);
    let row = 0;
    target.forEach((to, a) => {
      let column = 0;
      source.forEach((from, b) => {
        const block = new Float64Array(to.size * from.size * points);
        const at = (k: number): number => ((row + k) * columns + column) * points;
        for (let k = 0; k < to.size; k++) {
          block.set(v.subarray(at(k), at(k) + from.size * points), k * from.size * points);
        }
        const projected = spans[a][b].project(block, greatest);
        for (let k = 0; k < to.size; k++) {
          got.set(projected.subarray(k * from.size * points, (k + 1) * from.size * points), at(k));
        }
        column += from.size;
      });
      row += to.size;
    });
    closeProjection(`projection ${i}`, got, object(list(c.expect.projections)[i]), c.tolerance);
  });
}

// The rings of a `kernel-at-points` case.
function ringsOf(c: Case, radii: readonly number[]): Ring[] {
  const sigma = typeof c.sigma === "number" ? radii.map(() => Number(c.sigma)) : numbers(c.sigma);
  return radii.map((radius, i) => ({ radius, sigma: sigma[i] }));
}

function tablesOf(c: Case, space: GSpace): KernelTables {
  const options = kernelOptionsOf(c);
  if (c.stabilizer === undefined) return space.kernelTables(options);
  holds("kernels on orbits need a space of dimension 3", space instanceof GSpace3D);
  return (space as GSpace3D).orbitKernelTables({
    ...options,
    stabilizer: subgroupIdOf(space.fibergroup, c.stabilizer),
  });
}

/** The kinds of kernels2d.json.gz and kernels3d.json.gz. */
export const kernelRunners: Runners = {
  "kernel-span"(c) {
    const space = spaceOf(c.space);
    const fields = (value: Json | undefined): Representation[] =>
      list(value).map((rho) => representationOf(space.fibergroup, rho));
    checkKernelSpan(c, tablesOf(c, space), fields(c.in), fields(c.out));
  },
  "kernel-at-points"(c) {
    const group = c.space === undefined ? groupOf(c.group) : spaceOf(c.space).fibergroup;
    const [source, target] = [representationOf(group, c.in), representationOf(group, c.out)];
    const kernels = c.space === undefined ? builderBasis(c, source, target) : new KernelBasis(
      spaceOf(c.space).filterBasis(ringsOf(c, numbers(c.rings)), number(c.maximumFrequency)),
      source,
      target,
    );
    const basis = kernels.filters;
    same("dimension of the basis", kernels.dimension, c.expect.dimension);
    holds(`group ${basis.group.name}, expected ${group.name}`, basis.group === group);
    const points = c.points === undefined ? new Float64Array(0) : tensor(c.points).data;
    const tables = new KernelTables(basis, points, { normalize: false, dropBelow: 0 });
    const span = new FieldPairSpan(tables, source, target);
    same("dimension", span.dimension(), c.expect.dimension);
    same("rank", span.rank(span.greatest), c.expect.rank);
    const [entries, count] = [source.size * target.size, tables.points];
    list(c.vectors).forEach((vector, i) => {
      // The case's tensors are [points, out, in], spans are [out, in, points].
      const v = tensor(vector).data;
      const turned = Float64Array.from(v, (_, k) => v[k % count * entries + Math.floor(k / count)]);
      const projected = span.project(turned, span.greatest);
      const got = Float64Array.from(v, (_, k) => projected[k % entries * count + Math.floor(k / entries)]);
      closeProjection(`projection ${i}`, got, object(list(c.expect.projections)[i]), c.tolerance);
    });
  },
  "space-action"(c) {
    const space = spaceOf(c.space);
    holds(`group ${space.fibergroup.name}`, space.fibergroup === groupOf(c.expect.group));
    const got = list(c.elements).flatMap((g) => [...space.baseSpaceAction(elementOf(space.fibergroup, g))]);
    close("matrices", got, tensor(c.expect.matrices).data, c.tolerance);
  },
  "space-restriction"(c) {
    const parent = spaceOf(c.space);
    const { gspace } = parent.restrict(subgroupIdOf(parent.fibergroup, c.subgroup));
    holds(`group ${gspace.fibergroup.name}`, gspace.fibergroup === groupOf(c.expect.group));
    const got = list(c.elements).flatMap((g) => [...gspace.baseSpaceAction(elementOf(gspace.fibergroup, g))]);
    close("matrices", got, tensor(c.expect.matrices).data, c.tolerance);
  },
};
