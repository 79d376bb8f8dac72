// The runner of transforms.json.gz: field types, and how they move tensors.

import { type FieldType, GeometricTensor } from "../../src/nn/mod.ts";
import { scope } from "../../src/tensor/mod.ts";
import { type Case, close, type JsonObject, list, object, type Runners, same, sameSet, tensor } from "./check.ts";
import { elementOf, groupOf, spaceOf, subgroupIdOf } from "./descriptions.ts";
import { caseBackend, closeTensor, fieldTypeOf, tensorOf } from "./modules_support.ts";

function checkFieldType(type: FieldType, expect: JsonObject): void {
  same("group", type.fibergroup === groupOf(expect.group), true);
  same("size", type.size, expect.size);
  same("sizes", type.sizes, expect.sizes);
  same("starts", type.fieldsStart, expect.starts);
  same("ends", type.fieldsEnd, expect.ends);
  same("uniform", type.uniform, expect.uniform);
  list(expect.irreps).forEach((irreps, field) =>
    sameSet(`irreps of field ${field}`, type.representations[field].irreps, list(irreps))
  );
}

async function geometricTensorOf(c: Case): Promise<GeometricTensor> {
  const type = fieldTypeOf(spaceOf(c.space), c.in);
  await caseBackend();
  return new GeometricTensor(tensorOf(c.input), type, c.coords === undefined ? undefined : tensorOf(c.coords));
}

/** The kinds of transforms.json.gz. */
export const transformRunners: Runners = {
  async transform(c) {
    using _ = scope();
    const x = await geometricTensorOf(c);
    const moved = x.transform(elementOf(x.type.fibergroup, c.element));
    closeTensor("output", moved.tensor, c.expect.output, c.tolerance);
    if (c.expect.coords !== undefined) closeTensor("coords", moved.coords, c.expect.coords, c.tolerance);
  },
  async "transform-fibers"(c) {
    using _ = scope();
    const x = await geometricTensorOf(c);
    const moved = x.transformFibers(elementOf(x.type.fibergroup, c.element));
    closeTensor("output", moved.tensor, c.expect.output, c.tolerance);
  },
  "field-type"(c) {
    const space = spaceOf(c.space);
    const type = fieldTypeOf(space, c.in);
    checkFieldType(type, c.expect);
    same("dimensionality", space.dimensionality, c.expect.dimensionality);
    const group = space.fibergroup;
    if (c.expect.action !== undefined) {
      close("action", space.baseSpaceAction(elementOf(group, c.element)), tensor(c.expect.action).data, c.tolerance);
    }
    if (c.restrict === undefined) return;
    const restricted = type.restrict(subgroupIdOf(group, c.restrict));
    const expected = object(c.expect.restricted);
    checkFieldType(restricted, expected);
    const element = elementOf(restricted.fibergroup, c.restrictedElement);
    const matrix = restricted.fiberRepresentation(element);
    close("restricted representation", matrix, tensor(expected.representation).data, c.tolerance);
    if (expected.action !== undefined) {
      const action = restricted.gspace.baseSpaceAction(element);
      close("restricted action", action, tensor(expected.action).data, c.tolerance);
    }
  },
};
