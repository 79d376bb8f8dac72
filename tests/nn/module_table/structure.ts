// Rows of the table of modules: dropout and what arranges fields and modules.

import { directSum } from "../../../src/group/mod.ts";
import { rot2dOnR2 } from "../../../src/gspaces/mod.ts";
import * as nn from "../../../src/nn/mod.ts";
import { concatenate, type FloatDType } from "../../../src/tensor/mod.ts";
import { regular, trivial } from "../support.ts";
import { cut, Inside } from "./inside.ts";
import {
  ANY,
  ball,
  c4,
  circle,
  D,
  d4,
  fields,
  type FieldType,
  option,
  otherFields,
  PLANE,
  row,
  type Rows,
  SMALL,
  VECTORS,
} from "./rows.ts";

const labelsOf = (type: FieldType): string[] => type.representations.map((rho) => rho.size === 1 ? "a" : "b");

function branchingModule(type: FieldType): nn.EquivariantModule {
  const module = new nn.BranchingModule(type, labelsOf(type));
  const [first, ...others] = module.outTypes.values();
  return new Inside(
    module,
    type,
    others.reduce((sum, part) => sum.concat(part), first),
    (x) => nn.tensorDirectSum([...module.forward(x).values()]),
    () => {
      const layer = module.export();
      return (x) => concatenate([...layer.forward(x).values()], 1);
    },
  );
}

function mergeModule(type: FieldType, dtype: FloatDType): nn.EquivariantModule {
  const module = new nn.MergeModule([[new nn.NormNonLinearity(type, { dtype }), "b"], [new nn.NormPool(type), "a"]]);
  return new Inside(
    module,
    type.concat(type),
    module.outType,
    (x) => module.forward(new Map([["a", x.slice(0, type.length)], ["b", x.slice(type.length)]])),
    () => {
      const layer = module.export();
      return (x) => {
        const [a, b] = cut(x, type.size);
        return layer.forward(new Map([["a", a], ["b", b]]));
      };
    },
  );
}

function multipleModule(type: FieldType, dtype: FloatDType): nn.EquivariantModule {
  const labels = labelsOf(type), { outTypes } = new nn.BranchingModule(type, labels);
  return new nn.MultipleModule(type, labels, [
    [new nn.NormNonLinearity(outTypes.get("b")!, { dtype }), "b"],
    [new nn.FieldNorm(outTypes.get("a")!, { dtype, ...D }), "a"],
  ]);
}

function moduleList(type: FieldType, dtype: FloatDType): nn.EquivariantModule {
  const list = new nn.ModuleList<nn.EquivariantModule>([
    new nn.NormNonLinearity(type, { dtype }),
    new nn.FieldNorm(type, { dtype, ...D }),
  ]);
  return new Inside(
    list,
    type,
    type,
    (x) => [...list].reduce((y, module) => module.forward(y), x),
    () => {
      const layers = list.export();
      return (x) => [...layers].reduce((y, layer) => layer.forward(y), x);
    },
  );
}

/** A small network whose second half has fewer symmetries. */
function restrictedNetwork(type: FieldType, dtype: FloatDType): nn.EquivariantModule {
  const restriction = new nn.RestrictionModule(type, 2), inner = restriction.outType;
  return new nn.SequentialModule(
    new nn.R2Conv(type, type, 3, { padding: 1, dtype }),
    restriction,
    new nn.NormNonLinearity(inner, { dtype }),
    new nn.R2Conv(inner, inner, 3, { padding: 1, dtype }),
  );
}

const LAST = (type: FieldType): number[] => type.sizes.map((_, i) => type.length - 1 - i);

/** Dropout and what arranges fields and modules. */
export const STRUCTURE: Rows = [[
  nn.FieldDropout,
  row(ANY, SMALL, (t) => new nn.FieldDropout(t), option(() => new nn.FieldDropout(ANY[0], { p: 2 }), "probability")),
], [
  nn.IdentityModule,
  row(ANY, SMALL, (t) => new nn.IdentityModule(t)),
], [
  nn.ReshuffleModule,
  row(
    ANY,
    SMALL,
    (t) => new nn.ReshuffleModule(t, LAST(t)),
    option(() => new nn.ReshuffleModule(ANY[0], [0, 0, 1]), "permutation"),
  ),
], [
  nn.RestrictionModule,
  row(
    [PLANE[0], regular(rot2dOnR2(8)), trivial(circle, 2)],
    SMALL,
    (t) => new nn.RestrictionModule(t, 2),
    option(() => new nn.RestrictionModule(PLANE[0], 3), "", "GroupError"),
  ),
], [
  nn.DisentangleModule,
  row(
    [fields(c4, directSum([c4.regularRepr, c4.irrep(1)]), c4.trivialRepr), regular(d4).restrict([null, 4])],
    { ...SMALL, tolerance: 1e-9 },
    (t) => new nn.DisentangleModule(t),
  ),
], [
  nn.HarmonicPolynomialR3,
  row(
    [fields(ball, ball.irrep(1))],
    SMALL,
    () => new nn.HarmonicPolynomialR3(2),
    option(() => new nn.HarmonicPolynomialR3(-1), "degree"),
  ),
], [
  nn.SequentialModule,
  row(
    [fields(c4, c4.irrep(1), c4.trivialRepr), fields(circle, circle.irrep(1))],
    { spatial: 4, small: 1 },
    restrictedNetwork,
    otherFields(
      () => new nn.SequentialModule(new nn.IdentityModule(ANY[0]), new nn.IdentityModule(ANY[1])),
      "a module with inType",
    ),
  ),
], [
  nn.BranchingModule,
  row(ANY.slice(0, 2), SMALL, branchingModule, option(() => new nn.BranchingModule(ANY[0], ["a"]), "3 labels")),
], [
  nn.MergeModule,
  row(VECTORS, SMALL, mergeModule, option(() => new nn.MergeModule([]), "at least one module")),
], [
  nn.MultipleModule,
  row(
    ANY.slice(0, 3),
    SMALL,
    multipleModule,
    option(() => new nn.MultipleModule(ANY[0], labelsOf(ANY[0]), [[new nn.IdentityModule(ANY[1]), "c"]]), '"c"'),
  ),
], [
  nn.ModuleList,
  row(ANY.slice(0, 2), SMALL, moduleList),
]];
