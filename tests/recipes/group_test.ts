// CONTRIBUTING.md's recipe for a group, followed on a copy of the project.

import { assert, assertEquals } from "@std/assert";
import { test } from "../support/test.ts";
import { copyProject, recipe } from "./project_copy.ts";

test("the recipe for a group gives one that compiles, fits the layout, and passes the axioms of every group", async () => {
  await using project = await copyProject();
  const heading = "Recipe: a group";
  const changed = await project.apply([...await recipe(heading, "ts"), ...await recipe(heading, "diff")]);
  assertEquals(changed.sort(), [
    "src/group/groups/quaternion.ts",
    "src/group/mod.ts",
    "tests/group/groups.ts",
    "tests/group/groups/quaternion_test.ts",
  ]);
  const form = await project.deno("fmt", "--check", ...changed);
  assertEquals(form.code, 0, form.output);
  const lint = await project.deno("lint", "-q", ...changed);
  assertEquals(lint.code, 0, lint.output);
  const types = await project.deno("check", "-q", "mod.ts", ...changed);
  assertEquals(types.code, 0, types.output);
  const { code, output } = await project.deno(
    ...["test", "--no-check", "-A", "--filter", "/Quat|quaternionGroup|layout: (imports|no|sources)/"],
    "tests/group/axioms_test.ts",
    "tests/group/groups/quaternion_test.ts",
    "tests/layout_test.ts",
  );
  assertEquals(code, 0, output);
  for (
    const name of [
      "inverse: Quat",
      "homomorphism: irreps of Quat to 1e-12",
      "endomorphisms: irreps of Quat",
      "Schur: characters of Quat",
      "restrictIrrep: irreps of Quat",
      "clebschGordan: Quat",
      "quaternionGroup: i j = k",
      "layout: imports point the allowed way",
    ]
  ) assert(output.includes(name), `${name} did not run:\n${output}`);
});
