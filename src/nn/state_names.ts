/**
 * Names of representations in state dicts, as escnn writes them: checkpoints depend on them.
 */

import type { FieldType } from "./field_type.ts";

/** A value of a subgroup's id as Python prints it. */
function pythonText(value: unknown): string {
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (typeof value === "string") return `'${value}'`;
  if (!Array.isArray(value)) return String(value);
  return value.length === 1 ? `(${pythonText(value[0])},)` : `(${value.map(pythonText).join(", ")})`;
}

/** The array that starts at `start` of a text, with the position behind it; `undefined` where there is none. */
function arrayAt(
  text: string,
  start: number,
): { readonly value: readonly unknown[]; readonly end: number } | undefined {
  let depth = 0;
  for (let i = start; i < text.length; i++) {
    if (text[i] === "[") depth++;
    if (text[i] === "]" && --depth === 0) {
      try {
        const value: unknown = JSON.parse(text.slice(start, i + 1));
        return Array.isArray(value) ? { value, end: i + 1 } : undefined;
      } catch {
        return undefined;
      }
    }
  }
  return undefined;
}

/** escnn's name of a representation: subgroup ids of quotients and induced representations as Python tuples. */
export function escnnName(name: string): string {
  const match = /^(quotient|induced)\[/.exec(name);
  if (match === null) return name;
  const id = arrayAt(name, match[1].length);
  if (id === undefined) return name;
  const subgroup = id.value.length === 1 && !Array.isArray(id.value[0])
    ? pythonText(id.value[0])
    : pythonText(id.value);
  const irrep = arrayAt(name, id.end);
  const rest = irrep === undefined ? name.slice(id.end) : `[irrep_${irrep.value.join(",")}]${name.slice(irrep.end)}`;
  return `${match[1]}[${subgroup}]${rest}`;
}

/** A name for each class of a type's fields: escnn's, without dots; a number follows where two would be equal. */
export function classNames(type: FieldType): string[] {
  const taken = new Map<string, number>();
  return type.classes.map(({ representation }) => {
    const name = escnnName(representation.name).replaceAll(".", "_");
    const count = (taken.get(name) ?? 0) + 1;
    taken.set(name, count);
    return count === 1 ? name : `${name}#${count}`;
  });
}

/** For each field of a type the number of its class. */
export function classOfFields(type: FieldType): number[] {
  const kinds = new Array<number>(type.length);
  type.classes.forEach(({ fields }, kind) => fields.forEach((field) => kinds[field] = kind));
  return kinds;
}
