/**
 * Names of irreps and subgroups: comparing them, turning them into map keys, and the order of irreps in weights.
 */

import { GroupError } from "./errors.ts";
import type { IrrepId, IrrepIdPart, SubgroupId, SubgroupIdPart } from "./types.ts";

/** Whether two irrep ids are equal. */
export function sameId(a: IrrepId, b: IrrepId): boolean {
  if (a.length !== b.length) return false;
  return a.every((part, i) => {
    const other = b[i];
    if (typeof part === "number" || typeof other === "number") return part === other;
    return sameId(part, other);
  });
}

/** An irrep id as text, equal for equal ids: `[1,2]`. Throws {@linkcode GroupError} for what is no id. */
export function irrepKey(id: IrrepId): string {
  if (!Array.isArray(id)) {
    throw new GroupError({
      op: "irrep",
      expected: "the id of an irrep, an array of numbers like [1]",
      actual: typeof id === "object" ? `the object ${id}` : JSON.stringify(id),
      hint: "The property id of an irrep is its id.",
    });
  }
  return `[${id.map((part: IrrepIdPart) => typeof part === "number" ? String(part) : irrepKey(part)).join(",")}]`;
}

/** Negative when `a` comes before `b`: numeric-lexicographic on the flattened ids. */
export function compareIds(a: IrrepId, b: IrrepId): number {
  const x = flatten(a);
  const y = flatten(b);
  for (let i = 0; i < Math.min(x.length, y.length); i++) if (x[i] !== y[i]) return x[i] - y[i];
  return x.length - y.length;
}

function flatten(id: IrrepId): number[] {
  return id.flatMap((part: IrrepIdPart) => typeof part === "number" ? [part] : flatten(part));
}

/** A subgroup id as an array: a lone part is put into one. */
export function subgroupIdOf(id: SubgroupId | SubgroupIdPart): SubgroupId {
  return Array.isArray(id) ? id : [id as SubgroupIdPart];
}

/** A subgroup id as text, equal for equal ids. */
export function subgroupKey(id: SubgroupId): string {
  return `[${id.map((part: SubgroupIdPart) => Array.isArray(part) ? subgroupKey(part) : String(part)).join(",")}]`;
}
