/**
 * The perceptrons of escnn's tutorial on networks without a base space: vectors to the irrep of frequency 2, by Fourier non-linearities
 * and by tensor products.
 */

import {
  type EquivariantModule,
  FieldType,
  FourierELU,
  gspaces,
  IIDBatchNorm1d,
  type IrrepId,
  Linear,
  o2Group,
  QuotientFourierELU,
  SequentialModule,
  so2Group,
  so3Group,
  spectralQuotientRepresentation,
  type SubgroupId,
  TensorProductModule,
} from "@escnn/escnn";

/** Hidden fields, the highest frequency of each, and the points where they are sampled. */
const HIDDEN = [[3, 1, 16, 6], [8, 3, 40, 16], [8, 3, 40, 16], [5, 2, 25, 12]] as const;

/** SO(3) over the rotations about z: functions on the sphere. */
const SPHERE: SubgroupId = [false, -1];

function frequencies(highest: number): IrrepId[] {
  return Array.from({ length: highest + 1 }, (_, l) => [l]);
}

/** A network by its name. */
export interface Perceptron {
  /** For people. */
  readonly name: string;
  /** The network from vectors to the irrep of frequency 2. */
  readonly network: EquivariantModule;
}

/** Linear maps, batch normalizations and non-linearities in alternation, then a last linear map. */
function alternate(inType: FieldType, outType: FieldType, hidden: readonly EquivariantModule[]): EquivariantModule {
  const modules: EquivariantModule[] = [];
  let type = inType;
  for (const module of hidden) {
    modules.push(new Linear(type, module.inType), new IIDBatchNorm1d(module.inType), module);
    type = module.outType;
  }
  return new SequentialModule(...modules, new Linear(type, outType));
}

/** SO(3): functions on the sphere, sampled at repelling points. */
export function spherical(): Perceptron {
  const space = gspaces.noBaseSpace(so3Group());
  const hidden = HIDDEN.map(([channels, highest, points]) =>
    new QuotientFourierELU(space, SPHERE, channels, frequencies(highest), {
      grid: { sphere: { type: "thomson", N: points } },
    })
  );
  const inType = new FieldType(space, so3Group().standardRepresentation);
  return {
    name: "SO(3), functions on the sphere",
    network: alternate(inType, new FieldType(space, space.irrep(2)), hidden),
  };
}

/** SO(3): products of fields with themselves. */
export function products(): Perceptron {
  const group = so3Group(), space = gspaces.noBaseSpace(group);
  const signal = (highest: number) => spectralQuotientRepresentation(group, SPHERE, frequencies(highest));
  const vectors = new FieldType(space, group.standardRepresentation);
  const first = new FieldType(space, signal(2));
  const modules: EquivariantModule[] = [new IIDBatchNorm1d(vectors), new TensorProductModule(vectors, first)];
  let type = first;
  const stages = [[signal(2), signal(3)], [signal(3), signal(3)], [signal(3), space.irrep(2)]] as const;
  for (const [before, after] of stages) {
    const inner = new FieldType(space, before, 8), outer = new FieldType(space, after, 8);
    modules.push(new Linear(type, inner), new IIDBatchNorm1d(inner), new TensorProductModule(inner, outer));
    type = outer;
  }
  modules.push(new Linear(type, new FieldType(space, space.irrep(2))));
  return { name: "SO(3), tensor products", network: new SequentialModule(...modules) };
}

/** SO(2): functions on the group, sampled at equal angles. */
export function circular(): Perceptron {
  const space = gspaces.noBaseSpace(so2Group());
  const hidden = HIDDEN.map(([channels, highest, , points]) =>
    new FourierELU(space, channels, frequencies(highest), { grid: { type: "regular", N: points } })
  );
  const inType = new FieldType(space, space.irrep(1));
  return {
    name: "SO(2), functions on the circle",
    network: alternate(inType, new FieldType(space, space.irrep(2)), hidden),
  };
}

/** O(2): functions on rotations and reflections. */
export function reflected(): Perceptron {
  const space = gspaces.noBaseSpace(o2Group());
  const hidden = HIDDEN.map(([channels, highest, , points]) => {
    const irreps: IrrepId[] = [[0, 0], ...frequencies(highest).map(([l]): IrrepId => [1, l])];
    return new FourierELU(space, channels, irreps, { grid: { type: "regular", N: points } });
  });
  const inType = new FieldType(space, space.irrep(1, 1));
  return {
    name: "O(2), functions on rotations and reflections",
    network: alternate(inType, new FieldType(space, space.irrep(1, 2)), hidden),
  };
}
