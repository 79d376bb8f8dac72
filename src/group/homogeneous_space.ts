/**
 * The homogeneous space G/H of a subgroup: cosets with their representatives, and the intertwiners between irreps of H
 * and restricted irreps of G, which by Frobenius reciprocity are the Fourier basis of functions on G/H.
 */

import { GroupError } from "./errors.ts";
import { sameId, subgroupKey } from "./ids.ts";
import type { Group, GroupElement, IrreducibleRepresentation, Subgroup, SubgroupId, SubgroupIdPart } from "./types.ts";

interface CosetTable {
  readonly representatives: readonly GroupElement[];
  readonly places: readonly ({ readonly index: number; readonly rest: GroupElement } | undefined)[];
}

/** The left cosets of a subgroup and the functions on them. */
export class HomogeneousSpace {
  /** G. */
  readonly group: Group;
  /** H in G. */
  readonly subgroup: Subgroup;
  #representatives: readonly GroupElement[] | undefined;
  #cosets: CosetTable | undefined;

  /** The space G/H of the subgroup with an id. */
  constructor(group: Group, subgroupId: SubgroupId | SubgroupIdPart) {
    this.group = group;
    this.subgroup = group.subgroup(subgroupId);
  }

  /** Whether two elements lie in the same left coset: whether a⁻¹ b is in H. */
  sameCoset(a: GroupElement, b: GroupElement): boolean {
    return this.subgroup.restriction(a.inverse().multiply(b)) !== undefined;
  }

  /**
   * The first element of each left coset, in the order of `group.elements`; for a continuous group with finitely many
   * cosets in the order of its generators' products. Throws {@linkcode GroupError} when there are infinitely many.
   */
  get representatives(): readonly GroupElement[] {
    if (!this.group.isContinuous) return this.#table().representatives;
    if (this.#representatives === undefined) {
      const found: GroupElement[] = [];
      const infinite = new GroupError({
        op: `cosets of ${subgroupKey(this.subgroup.id)} in ${this.group.name}`,
        expected: "a subgroup of finite index",
        actual: `one isomorphic to ${this.subgroup.subgroup.name}`,
        hint: "Use a band-limited representation (spectralQuotientRepresentation).",
      });
      if (!this.subgroup.subgroup.isContinuous) throw infinite;
      this.#collect([this.group.identity, ...this.group.generators], found);
      for (let size = 0; size !== found.length;) {
        size = found.length;
        this.#collect(this.group.generators.flatMap((g) => found.map((r) => g.multiply(r))), found);
        // The cosets of a subgroup of infinite index never come to an end.
        if (found.length > 256) throw infinite;
      }
      this.#representatives = found;
    }
    return this.#representatives;
  }

  #collect(candidates: readonly GroupElement[], found: GroupElement[]): void {
    for (const g of candidates) if (!found.some((r) => this.sameCoset(r, g))) found.push(g);
  }

  // Of a finite group: for each element the index of its coset and the element of H behind the representative.
  #table(): CosetTable {
    if (this.#cosets === undefined) {
      const { group, subgroup: { subgroup, inclusion } } = this;
      const inner = subgroup.elements.map((h) => ({ h, image: inclusion(h) }));
      const representatives: GroupElement[] = [];
      const places: ({ readonly index: number; readonly rest: GroupElement } | undefined)[] = new Array(group.order);
      group.elements.forEach((g, position) => {
        if (places[position] !== undefined) return;
        for (const { h, image } of inner) {
          places[group.indexOf(g.multiply(image))] = { index: representatives.length, rest: h };
        }
        representatives.push(g);
      });
      this.#cosets = { representatives, places };
    }
    return this.#cosets;
  }

  /** The coset of `g`: the index of its representative r and the element h of H with g = r h. */
  locate(g: GroupElement): { readonly index: number; readonly rest: GroupElement } {
    if (!this.group.isContinuous) {
      const place = this.#table().places[this.group.indexOf(g)];
      if (place !== undefined) return place;
    }
    const representatives = this.representatives;
    for (let index = 0; index < representatives.length; index++) {
      const rest = this.subgroup.restriction(representatives[index].inverse().multiply(g));
      if (rest !== undefined) return { index, rest };
    }
    throw new GroupError({
      op: `coset in ${this.group.name}`,
      expected: `an element of ${this.group.name}`,
      actual: String(g),
    });
  }

  /**
   * Intertwiners B from ψ to ρ restricted to H, each row-major [dim ρ, dim ψ], ρ(h) B = B ψ(h), normalized so that
   * tr BᵀB = dim ψ, orthogonal, and one for each orbit of the endomorphisms of ρ: as many as ρ occurs in the
   * representation induced by ψ.
   */
  intertwiners(rho: IrreducibleRepresentation, psi: IrreducibleRepresentation): readonly Float64Array[] {
    const kept: Float64Array[] = [];
    const span: Float64Array[] = [];
    const [d, w] = [rho.size, psi.size];
    for (const candidate of this.allIntertwiners(rho, psi)) {
      const rest = candidate.slice();
      for (let pass = 0; pass < 2; pass++) {
        for (const s of span) {
          let c = 0;
          for (let i = 0; i < rest.length; i++) c += s[i] * rest[i];
          for (let i = 0; i < rest.length; i++) rest[i] -= c / w * s[i];
        }
      }
      let norm = 0;
      for (const v of rest) norm += v * v;
      if (norm < 1e-12) continue;
      const scale = Math.sqrt(w / norm);
      for (let i = 0; i < rest.length; i++) rest[i] *= scale;
      kept.push(rest);
      for (const e of rho.endomorphisms) {
        const moved = new Float64Array(d * w);
        for (let i = 0; i < d; i++) {
          for (let k = 0; k < d; k++) {
            const v = e[i * d + k];
            if (v !== 0) { for (let j = 0; j < w; j++) moved[i * w + j] += v * rest[k * w + j]; }
          }
        }
        span.push(moved);
      }
    }
    return kept;
  }

  /** An orthogonal basis of all intertwiners from ψ to ρ restricted to H, normalized so that tr BᵀB = dim ψ. */
  allIntertwiners(rho: IrreducibleRepresentation, psi: IrreducibleRepresentation): readonly Float64Array[] {
    const { irreps, changeOfBasis } = this.group.restrictIrrep(this.subgroup.id, rho.id);
    const inner = this.subgroup.subgroup;
    const [d, w] = [rho.size, psi.size];
    const basis: Float64Array[] = [];
    let column = 0;
    for (const id of irreps) {
      const part = inner.irrep(...id);
      if (sameId(part.id, psi.id)) {
        for (const e of psi.endomorphisms) {
          const b = new Float64Array(d * w);
          for (let i = 0; i < d; i++) {
            for (let k = 0; k < w; k++) {
              const v = changeOfBasis[i * d + column + k];
              if (v !== 0) { for (let j = 0; j < w; j++) b[i * w + j] += v * e[k * w + j]; }
            }
          }
          basis.push(b);
        }
      }
      column += part.size;
    }
    return basis;
  }

  /** How often ρ occurs in the representation induced by ψ. */
  multiplicity(rho: IrreducibleRepresentation, psi: IrreducibleRepresentation): number {
    return this.intertwiners(rho, psi).length;
  }
}
