/**
 * The nouns of group and representation theory as interfaces: groups, their elements and subgroups, representations,
 * irreps and Clebsch-Gordan coefficients. Real representations throughout; matrices are row-major `Float64Array`s.
 */

/**
 * The plain value of a group element, as it is written to files: a number or nested arrays of numbers. Each group says
 * in its own documentation what its values mean.
 */
export type ElementValue = number | readonly ElementValue[];

/** A unit quaternion `[x, y, z, w]`: the rotation of space by 2·acos(w) about (x, y, z). */
export type Quaternion = readonly [number, number, number, number];

/** A vector of space `[x, y, z]`. */
export type Vector3 = readonly [number, number, number];

/** The name of an irrep within its group, as in escnn: `[k]`, `[f, k]`; nested for products. */
export type IrrepId = readonly IrrepIdPart[];
/** A part of an {@linkcode IrrepId}. */
export type IrrepIdPart = number | IrrepId;

/** The name of a subgroup within its group, as in escnn; a lone part may be written without its array. */
export type SubgroupId = readonly SubgroupIdPart[];
/** A part of a {@linkcode SubgroupId}. */
export type SubgroupIdPart = number | string | boolean | null | GroupElement | SubgroupId;

/**
 * What a pointwise non-linearity may do to a representation, known to the compiler: `"pointwise"` for permutation
 * representations (trivial, regular, quotient and their sums), `"general"` for all others.
 */
export type RepresentationKind = "pointwise" | "general";

/** The real type of an irrep by its commutant: the reals, the complex numbers or the quaternions. */
export type IrrepType = "R" | "C" | "H";

/** An immutable element of a group. */
export interface GroupElement {
  /** The group. */
  readonly group: Group;
  /** The value in the group's default parametrization. */
  readonly value: ElementValue;
  /** The product `this · other`: first `other` acts, then `this`. Throws {@linkcode GroupError} across groups. */
  multiply(other: GroupElement): GroupElement;
  /** The inverse. */
  inverse(): GroupElement;
  /** Whether both are the same element, however written (angles modulo 2π; tolerance 1e-8). */
  equals(other: GroupElement): boolean;
  /** The value in another parametrization of the group. */
  to(parametrization: string): ElementValue;
  /** Whether this is the identity. */
  isIdentity(): boolean;
  /** A key for maps: equal for equal elements, but for those within rounding of the edge between two keys. */
  readonly hash: string;
  /** For messages: the group and the value. */
  toString(): string;
}

/** A subgroup H of a group G with its embedding. */
export interface Subgroup {
  /** The id of H in G, normalized. */
  readonly id: SubgroupId;
  /** G. */
  readonly parent: Group;
  /** H as a group of its own. */
  readonly subgroup: Group;
  /** The embedding of H into G. */
  inclusion(h: GroupElement): GroupElement;
  /** The element of H that is embedded at `g`, or `undefined` when `g` lies outside. */
  restriction(g: GroupElement): GroupElement | undefined;
}

/** A representation as a sum of irreps in a basis: ρ(g) = Q (⊕ ψ(g)) Q⁻¹. */
export interface Decomposition {
  /** The irreps in order. */
  readonly irreps: readonly IrrepId[];
  /** Q, row-major [size, size]. */
  readonly changeOfBasis: Float64Array;
}

/** Clebsch-Gordan coefficients C of m ⊗ n → j: (ψ_m ⊗ ψ_n) C = C ψ_j, columns orthonormal. */
export interface ClebschGordan {
  /** How often j is taken from m ⊗ n, up to the endomorphisms of j. */
  readonly copies: number;
  /** [dim m, dim n, copies, dim j], row-major. */
  readonly coefficients: Float64Array;
}

/** A group: its elements, irreps, subgroups and representations. The same factory call gives the same object. */
export interface Group {
  /** For people: `C8`, `D4`, `SO(2)`. Equal groups have equal names. */
  readonly name: string;
  /** The number of elements, `Infinity` for a continuous group. */
  readonly order: number;
  /** Whether all elements commute. */
  readonly isAbelian: boolean;
  /** Whether the group is infinite. */
  readonly isContinuous: boolean;
  /** The parametrizations of its elements, the default one first. */
  readonly parametrizations: readonly string[];
  /** The identity. */
  readonly identity: GroupElement;
  /** All elements in the order of the regular representation's axes. Throws {@linkcode GroupError} when infinite. */
  readonly elements: readonly GroupElement[];
  /** Elements that generate the group, a dense subgroup of it when it is continuous. */
  readonly generators: readonly GroupElement[];
  /** Elements to test equivariance with: all of a finite group, a fixed sample of a continuous one. */
  readonly testingElements: readonly GroupElement[];
  /** The id of the trivial subgroup. */
  readonly subgroupTrivialId: SubgroupId;
  /** The id of the group as its own subgroup. */
  readonly subgroupSelfId: SubgroupId;

  /** The element with a value, in the default or a named parametrization. Throws {@linkcode GroupError}. */
  element(value: ElementValue | Float64Array | Float32Array, parametrization?: string): GroupElement;
  /** A random element, uniformly distributed; `random` gives numbers in [0, 1), see {@linkcode randomSource}. */
  sample(random: () => number): GroupElement;
  /** The position of an element in {@linkcode Group.elements}. */
  indexOf(element: GroupElement): number;
  /** The irreps: all in order of a finite group, those up to a frequency of an infinite one. */
  irreps(maximumFrequency?: number): readonly IrreducibleRepresentation[];
  /** The irrep with an id. Throws {@linkcode GroupError} when there is none. */
  irrep(...id: IrrepIdPart[]): IrreducibleRepresentation;
  /** Negative when irrep `a` comes before `b` in the order of weights: that of `irreps()`, else numeric-lexicographic. */
  compareIrreps(a: IrrepId, b: IrrepId): number;
  /** The trivial representation. */
  readonly trivialRepresentation: IrreducibleRepresentation<"pointwise">;
  /** The regular representation: the axes are the elements, ρ(g) e_h = e_{gh}. */
  readonly regularRepresentation: Representation<"pointwise">;
  /** The permutation of the left cosets of a subgroup; each is represented by its first element. */
  quotientRepresentation(subgroupId: SubgroupId | SubgroupIdPart): Representation<"pointwise">;
  /** The representation induced from an irrep of a subgroup; axes are (coset representative, component). */
  inducedRepresentation(subgroupId: SubgroupId | SubgroupIdPart, irrep: IrrepId): Representation;
  /** The subgroup with an id. Throws {@linkcode GroupError} when there is none. */
  subgroup(id: SubgroupId | SubgroupIdPart): Subgroup;
  /** The id, in this group, of the subgroup `inner` of the subgroup `outer`; its inclusion is the composition. */
  combineSubgroups(outer: SubgroupId | SubgroupIdPart, inner: SubgroupId | SubgroupIdPart): SubgroupId;
  /** An irrep restricted to a subgroup, decomposed. */
  restrictIrrep(subgroupId: SubgroupId | SubgroupIdPart, irrep: IrrepId): Decomposition;
  /** The Clebsch-Gordan coefficients of m ⊗ n → j; `copies` is 0 when j does not occur. */
  clebschGordan(m: IrrepId, n: IrrepId, j: IrrepId): ClebschGordan;
  /** The irreps of m ⊗ n with their copies (up to endomorphisms), in order. */
  tensorProductIrreps(m: IrrepId, n: IrrepId): readonly { readonly irrep: IrrepId; readonly copies: number }[];
}

/**
 * A real linear representation ρ(g) = Q (⊕ ψ(g)) Q⁻¹ of a group. Immutable.
 *
 * @typeParam K Whether pointwise non-linearities commute with it, see {@linkcode RepresentationKind}.
 */
export interface Representation<K extends RepresentationKind = RepresentationKind> {
  /** The group. */
  readonly group: Group;
  /** For people. */
  readonly name: string;
  /** The dimension. */
  readonly size: number;
  /** `"pointwise"` for permutation representations. */
  readonly kind: K;
  /** The ids of the irreps ψ, in order. */
  readonly irreps: readonly IrrepId[];
  /** The irreps ψ, in order. */
  readonly constituents: readonly IrreducibleRepresentation[];
  /** Q, row-major [size, size]. */
  readonly changeOfBasis: Float64Array;
  /** Q⁻¹, row-major [size, size]. */
  readonly changeOfBasisInverse: Float64Array;
  /** Whether Q is the identity. */
  readonly isIrrepBasis: boolean;
  /** Whether Q is orthogonal, so that norms of the irreps are norms in the representation. */
  readonly isOrthogonal: boolean;
  /** The non-linearities that commute with it, by escnn's tags. */
  readonly supportedNonlinearities: ReadonlySet<string>;
  /** ρ(g), row-major [size, size]. Throws {@linkcode GroupError} for an element of another group. */
  matrix(g: GroupElement): Float64Array;
  /** The trace of ρ(g). */
  character(g: GroupElement): number;
  /** Whether this is the trivial representation of dimension 1. */
  isTrivial(): boolean;
  /** Whether it contains the trivial representation. */
  containsTrivial(): boolean;
  /** How often an irrep occurs. */
  multiplicity(irrep: IrrepId): number;
  /** ρ restricted to a subgroup; the axes stay. */
  restrict(subgroupId: SubgroupId | SubgroupIdPart): Representation<K>;
  /** ρ ⊗ other, this one major. */
  tensor(other: Representation): Representation;
  /** Whether both are the same representation: the same group and the same matrices (to 1e-9), whatever their names. */
  equals(other: Representation): boolean;
}

/** An irreducible real representation. */
export interface IrreducibleRepresentation<K extends RepresentationKind = RepresentationKind>
  extends Representation<K> {
  /** Its name in the group. */
  readonly id: IrrepId;
  /** Its real type. */
  readonly type: IrrepType;
  /** The dimension of its commutant: 1, 2 or 4. */
  readonly endomorphismCount: number;
  /** The frequency of its harmonics. */
  readonly frequency: number;
  /** A basis of its commutant, each row-major [size, size], the identity first. */
  readonly endomorphisms: readonly Float64Array[];
}
