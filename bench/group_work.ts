/**
 * Builds what group_bench.ts measures, once in a fresh process: `deno run bench/group_work.ts icosahedral`. Prints the
 * milliseconds from the first import to the end.
 */

const start = performance.now();
const { icosahedralGroup, octahedralGroup, so3Group } = await import("../src/group/mod.ts");

/** The works by name. */
const WORKS: Readonly<Record<string, () => number>> = {
  icosahedral: () => everything(icosahedralGroup()),
  octahedral: () => everything(octahedralGroup()),
  "so3 to frequency 6": () => {
    const group = so3Group();
    let numbers = 0;
    for (const m of group.irreps(6)) {
      numbers += m.matrix(group.generators[0]).length;
      for (const n of group.irreps(6)) {
        for (const { irrep } of group.tensorProductIrreps(m.id, n.id)) {
          if (Number(irrep[0]) <= 6) numbers += group.clebschGordan(m.id, n.id, irrep).coefficients.length;
        }
      }
    }
    return numbers;
  },
};

/** All irreps, the regular representation and all Clebsch-Gordan tensors of a finite group. */
function everything(group: ReturnType<typeof icosahedralGroup> | ReturnType<typeof octahedralGroup>): number {
  let numbers = group.regularRepresentation.changeOfBasis.length;
  for (const m of group.irreps()) {
    for (const g of group.elements) numbers += m.matrix(g).length;
    for (const n of group.irreps()) {
      for (const { irrep } of group.tensorProductIrreps(m.id, n.id)) {
        numbers += group.clebschGordan(m.id, n.id, irrep).coefficients.length;
      }
    }
  }
  return numbers;
}

const work = WORKS[Deno.args[0]];
if (work === undefined) {
  console.error(`Expected one of ${Object.keys(WORKS).join(", ")}, got ${Deno.args[0]}`);
  Deno.exit(2);
}
const numbers = work();
console.log(JSON.stringify({ milliseconds: performance.now() - start, numbers }));
