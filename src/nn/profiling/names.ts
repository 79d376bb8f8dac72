/**
 * The names of modules in a profile. A module does not know where it stands; the outermost ones that were called know what is in them.
 */

import { Module } from "../plain/module.ts";

/** A name for each subject: dotted names below the class of their outermost module, classes for all others. */
export function nameSubjects(subjects: readonly object[], roots: readonly Module[]): ReadonlyMap<object, string> {
  const trees = roots.map((root) => root.namedModules()).sort((a, b) => b.length - a.length);
  const names = new Map<object, string>();
  const taken = new Map<string, number>();
  const numbered = (base: string): string => {
    const count = (taken.get(base) ?? 0) + 1;
    taken.set(base, count);
    return count === 1 ? base : `${base}#${count}`;
  };
  // The largest first: a part that was called by itself as well keeps its place in the whole.
  for (const tree of trees) {
    const [, root] = tree[0];
    if (names.has(root)) continue;
    const base = numbered(root.constructor.name);
    for (const [name, module] of tree) {
      if (!names.has(module)) names.set(module, name === "" ? base : `${base}.${name}`);
    }
  }
  for (const subject of subjects) {
    if (names.has(subject)) continue;
    const { name } = subject.constructor;
    names.set(subject, numbered(subject instanceof Module ? name : `${name}.step`));
  }
  return names;
}
