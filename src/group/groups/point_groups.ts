/**
 * The symmetry groups of things in space by Schoenflies' symbols, discrete and continuous: each is an abstract group of
 * this library together with the isometry of each of its elements. The axis is z, half turns lie across it at x, vertical
 * mirrors hold x and z (or, in D_nd, lie between the half turns); polyhedra stand as in their groups of rotations.
 */

import { axisAngleToQuaternion, type Quaternion, quaternionOf, quaternionToMatrix } from "../rotations.ts";
import { GroupError } from "../errors.ts";
import { cosSinOfTurn, flipValue } from "../planar.ts";
import type { ElementValue, Group, GroupElement } from "../types.ts";
import { cyclicGroup } from "./cyclic.ts";
import { dihedralGroup } from "./dihedral.ts";
import { fullTetrahedralGroup } from "./full_tetrahedral.ts";
import { icosahedralGroup } from "./icosahedral.ts";
import { o2Group } from "./o2.ts";
import { octahedralGroup } from "./octahedral.ts";
import { directProduct } from "./product.ts";
import { so2Group } from "./so2.ts";
import { tetrahedralGroup } from "./tetrahedral.ts";

export { FullTetrahedralGroup, fullTetrahedralGroup } from "./full_tetrahedral.ts";

/** The octahedral group and the inversion, O_h: C_2 × O. */
export function fullOctahedralGroup(): Group {
  return directProduct(cyclicGroup(2), octahedralGroup());
}

/** The icosahedral group and the inversion, I_h: C_2 × I. */
export function fullIcosahedralGroup(): Group {
  return directProduct(cyclicGroup(2), icosahedralGroup());
}

/** The tetrahedral group and the inversion, T_h: C_2 × T. */
export function pyritohedralGroup(): Group {
  return directProduct(cyclicGroup(2), tetrahedralGroup());
}

/** Rotations about an axis and the inversion: C_2 × SO(2), or C_2 × C_N for `n` ≥ 1. */
export function cylindricalGroup(n = -1): Group {
  return directProduct(cyclicGroup(2), n === -1 ? so2Group() : cyclicGroup(n));
}

/** Rotations about an axis, half turns across it and the inversion: C_2 × O(2), or C_2 × D_N for `n` ≥ 1. */
export function fullCylindricalGroup(n = -1): Group {
  return directProduct(cyclicGroup(2), n === -1 ? o2Group() : dihedralGroup(n));
}

/** Rotations about an axis and mirrors through it: O(2), or D_N for `n` ≥ 1. */
export function conicalGroup(n = -1): Group {
  return n === -1 ? o2Group() : dihedralGroup(n);
}

/** A group of isometries of space that fix the origin. */
export interface PointGroup {
  /** Schoenflies' symbol, normalized: `C3v`, `D∞h`, `Oh`. */
  readonly symbol: string;
  /** The group. */
  readonly group: Group;
  /** The isometry of an element as an element of O(3): `[i, q]`, (−1)^i times the rotation q. */
  isometry(g: GroupElement): readonly [number, Quaternion];
  /** The isometry of an element as a matrix on (x, y, z), row-major [3, 3]. */
  matrix(g: GroupElement): Float64Array;
}

type Isometry = readonly [number, Quaternion];

const IDENTITY: Quaternion = [0, 0, 0, 1];

// The rotation about z by `step` / `count` of a turn, or by an angle in radians for count 0.
function aboutZ(step: number, count: number): Quaternion {
  if (count === 0) return axisAngleToQuaternion([0, 0, 1], step);
  const [c, s] = cosSinOfTurn(step, 2 * count);
  return [0, 0, s, c];
}

// The half turn about the axis in the plane of x and y that is turned from x by half of that rotation.
function across(step: number, count: number): Quaternion {
  const [, , s, c] = aboutZ(step, count);
  return [c, s, 0, 0];
}

// The mirror that holds z and the axis turned from x by half of that rotation: minus the half turn about its normal.
function mirror(step: number, count: number): Isometry {
  const [, , s, c] = aboutZ(step, count);
  return [1, [0 - s, c, 0, 0]];
}

const HORIZONTAL: Quaternion = [0, 0, 1, 0];

function compose([i, p]: Isometry, [j, q]: Isometry): Isometry {
  const [x, y, z, w] = p;
  const [a, b, c, d] = q;
  return [
    (i + j) % 2,
    [
      w * a + x * d + (y * c - z * b),
      w * b + y * d + (z * a - x * c),
      w * c + z * d + (x * b - y * a),
      w * d - (x * a + y * b + z * c),
    ],
  ];
}

function planar(n: number): Group {
  return n === 0 ? so2Group() : cyclicGroup(n);
}

function planarWithFlips(n: number): Group {
  return n === 0 ? o2Group() : dihedralGroup(n);
}

interface Embedded {
  readonly group: Group;
  readonly embed: (value: ElementValue) => Isometry;
}

// The product of C_2, whose element 1 is `extra`, and a group that commutes with it; a trivial factor is left out.
function times(extra: Isometry, { group, embed }: Embedded): Embedded {
  const two = cyclicGroup(2);
  const power = (e: ElementValue): Isometry => e === 1 ? extra : [0, IDENTITY];
  if (group.order === 1) return { group: two, embed: power };
  return {
    group: directProduct(two, group),
    embed: (value) => typeof value === "number" ? [0, IDENTITY] : compose(power(value[0]), embed(value[1])),
  };
}

const INVERSION: Isometry = [1, IDENTITY];
const HORIZONTAL_MIRROR: Isometry = [1, HORIZONTAL];

function cyclicRotations(n: number): Embedded {
  return { group: planar(n), embed: (value) => [0, aboutZ(Number(value), n)] };
}

function dihedralRotations(n: number): Embedded {
  return {
    group: planarWithFlips(n),
    embed: (value) => {
      const [f, k] = flipValue(value);
      return [0, f === 0 ? aboutZ(k, n) : across(k, n)];
    },
  };
}

function cone(n: number): Embedded {
  return {
    group: planarWithFlips(n),
    embed: (value) => {
      const [f, k] = flipValue(value);
      return f === 0 ? [0, aboutZ(k, n)] : mirror(k, n);
    },
  };
}

// The rotoreflection by a turn / count, `step` times: alternating with the horizontal mirror.
function rotoreflection(step: number, count: number): Isometry {
  const turn: Isometry = [0, aboutZ(step, count)];
  return step % 2 === 0 ? turn : compose(HORIZONTAL_MIRROR, turn);
}

// S_2n: the powers of a rotoreflection by a turn / 2n.
function rotoreflections(n: number): Embedded {
  return { group: cyclicGroup(2 * n), embed: (value) => rotoreflection(Number(value), 2 * n) };
}

// D_nd: these and half turns across, the first about x.
function antiprism(n: number): Embedded {
  return {
    group: dihedralGroup(2 * n),
    embed: (value) => {
      const [f, k] = flipValue(value);
      return compose(rotoreflection(k, 2 * n), [0, f === 0 ? IDENTITY : across(0, 1)]);
    },
  };
}

function rotationsOf(group: Group): Embedded {
  return { group, embed: (value) => [0, quaternionOf(value)] };
}

const POLYHEDRA: Readonly<Record<string, () => Embedded>> = {
  T: () => rotationsOf(tetrahedralGroup()),
  Th: () => times(INVERSION, rotationsOf(tetrahedralGroup())),
  Td: () => ({
    group: fullTetrahedralGroup(),
    embed: (value) => typeof value === "number" ? INVERSION : [Number(value[0]), quaternionOf(value[1])],
  }),
  O: () => rotationsOf(octahedralGroup()),
  Oh: () => times(INVERSION, rotationsOf(octahedralGroup())),
  I: () => rotationsOf(icosahedralGroup()),
  Ih: () => times(INVERSION, rotationsOf(icosahedralGroup())),
  Ci: () => times(INVERSION, cyclicRotations(1)),
  Cs: () => times(HORIZONTAL_MIRROR, cyclicRotations(1)),
};

// The groups with one axis, by the letter, the number (0: ∞) and the suffix of their symbols.
function axial(letter: string, n: number, suffix: string): Embedded | undefined {
  const even = n % 2 === 0;
  switch (letter + suffix) {
    case "C":
      return cyclicRotations(n);
    case "Cv":
      return cone(n);
    case "Ch":
      // With an even order the horizontal mirror is a half turn and the inversion.
      return times(even ? INVERSION : HORIZONTAL_MIRROR, cyclicRotations(n));
    case "D":
      return dihedralRotations(n);
    case "Dh":
      return even ? times(INVERSION, dihedralRotations(n)) : times(HORIZONTAL_MIRROR, dihedralRotations(n));
    case "Dd":
      return n === 0 ? undefined : antiprism(n);
    case "S":
      return n === 0 || !even ? undefined : rotoreflections(n / 2);
    default:
      return undefined;
  }
}

const pointGroups = new Map<string, PointGroup>();

/**
 * The point group with a Schoenflies symbol: `Cn`, `Cnv`, `Cnh`, `S2n`, `Dn`, `Dnd`, `Dnh` with a number or `∞` for n, and
 * `Cs`, `Ci`, `T`, `Td`, `Th`, `O`, `Oh`, `I`, `Ih`. The same symbol gives the same object.
 *
 * @throws {@linkcode GroupError} for a symbol that names no point group.
 *
 * @example
 * ```ts
 * import { pointGroup } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * const ammonia = pointGroup("C3v");
 * assertEquals(ammonia.group.name, "D3");
 * const mirror = ammonia.group.element([1, 0]);
 * assertEquals([...ammonia.matrix(mirror)], [1, 0, 0, 0, -1, 0, 0, 0, 1]);
 * ```
 */
export function pointGroup(symbol: string): PointGroup {
  let found = pointGroups.get(symbol);
  if (found === undefined) {
    const parts = /^([CDS])(∞|[1-9][0-9]*)([vhd]?)$/.exec(symbol);
    const embedded = parts === null
      ? (Object.hasOwn(POLYHEDRA, symbol) ? POLYHEDRA[symbol]() : undefined)
      : axial(parts[1], parts[2] === "∞" ? 0 : Number(parts[2]), parts[3]);
    if (embedded === undefined) {
      throw new GroupError({
        op: "pointGroup",
        expected: `a Schoenflies symbol: Cn, Cnv, Cnh, S2n, Dn, Dnd, Dnh (n a number or ∞), ${
          Object.keys(POLYHEDRA).join(", ")
        }`,
        actual: symbol,
      });
    }
    found = makePointGroup(symbol, embedded);
    pointGroups.set(symbol, found);
  }
  return found;
}

function makePointGroup(symbol: string, { group, embed }: Embedded): PointGroup {
  const isometry = (g: GroupElement): Isometry => {
    if (g.group !== group) {
      throw new GroupError({ op: `isometry of ${symbol}`, expected: `an element of ${group.name}`, actual: String(g) });
    }
    return embed(g.value);
  };
  return {
    symbol,
    group,
    isometry,
    matrix: (g) => {
      const [i, q] = isometry(g);
      const m = quaternionToMatrix(q);
      return i === 0 ? m : m.map((v) => 0 - v);
    },
  };
}
