/**
 * Concatenated non-linearities (Shang et al. 2016): each channel becomes f(x) and f(−x), so that a representation by signed
 * permutations becomes one by permutations. And vector fields (Marcos et al. 2017): the strongest of equally spaced orientations.
 */

import { representationFromFunction } from "../../group/decompose.ts";
import { CyclicGroup } from "../../group/groups/cyclic.ts";
import type { Representation, RepresentationKind } from "../../group/types.ts";
import { ArgumentError } from "../../tensor/errors.ts";
import { FieldType } from "../field_type.ts";
import { FieldTypeError } from "../errors.ts";
import { LayerModule } from "../layer_module.ts";
import * as plain from "../plain/fiber_nonlinearity.ts";
import { requireFields } from "../requirements.ts";

/** Names of the functions of {@linkcode ConcatenatedNonLinearity}, as in escnn. */
export type ConcatenatedFunction = "c_relu" | "c_sigmoid" | "c_tanh";

const FUNCTIONS: { readonly [F in ConcatenatedFunction]: plain.ScalarFunction } = {
  c_relu: "relu",
  c_sigmoid: "sigmoid",
  c_tanh: "tanh",
};

function isSignedPermutation(rho: Representation): boolean {
  return rho.group.generators.every((g) => {
    const m = rho.matrix(g), n = rho.size;
    for (let row = 0; row < n; row++) {
      let ones = 0;
      for (let column = 0; column < n; column++) {
        const value = Math.abs(m[row * n + column]);
        if (value > 1e-9 && Math.abs(value - 1) > 1e-9) return false;
        if (value > 0.5) ones++;
      }
      if (ones !== 1) return false;
    }
    return true;
  });
}

const known = new WeakMap<Representation, Representation<"pointwise">>();

/** The signed permutation with every 1 replaced by the 2 × 2 identity and every −1 by a swap. */
function concatenatedRepresentation(rho: Representation): Representation<"pointwise"> {
  let found = known.get(rho);
  if (found === undefined) {
    const n = rho.size, size = 2 * n;
    const made = representationFromFunction(rho.group, size, (g) => {
      const m = rho.matrix(g), out = new Float64Array(size * size);
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < n; j++) {
          const value = Math.round(m[i * n + j]);
          if (value === 0) continue;
          for (let k = 0; k < 2; k++) out[(2 * i + k) * size + 2 * j + (value > 0 ? k : 1 - k)] = 1;
        }
      }
      return out;
    }, { name: `concatenated_${rho.name}`, supportedNonlinearities: ["pointwise", "norm", "gated", "concatenated"] });
    if (!isPointwise(made)) throw new TypeError("concatenated representations are permutations");
    found = made;
    known.set(rho, found);
  }
  return found;
}

function isPointwise(rho: Representation): rho is Representation<"pointwise"> {
  return rho.kind === "pointwise";
}

/** The two channels f(x), f(−x) for each channel x of fields whose representation permutes channels up to signs; finite groups. */
export class ConcatenatedNonLinearity extends LayerModule<"pointwise", plain.ConcatenatedNonLinearity> {
  /** A non-linearity of `inType`. Options: `function` (default `"c_relu"`). Throws FieldTypeError for other fields. */
  constructor(inType: FieldType, { function: name = "c_relu" }: { readonly function?: ConcatenatedFunction } = {}) {
    const op = "ConcatenatedNonLinearity";
    if (!Object.hasOwn(FUNCTIONS, name)) {
      throw new ArgumentError({
        op,
        expected: `one of the functions ${Object.keys(FUNCTIONS).join(", ")}`,
        actual: JSON.stringify(name),
      });
    }
    if (inType.fibergroup.isContinuous) {
      throw new FieldTypeError({ op, expected: "fields of a finite group", actual: String(inType) });
    }
    requireFields(op, inType, "fields whose representation permutes channels up to signs", isSignedPermutation);
    const outType = new FieldType(inType.gspace, inType.representations.map(concatenatedRepresentation));
    super(inType, outType, () => new plain.ConcatenatedNonLinearity(FUNCTIONS[name]));
  }
}

/**
 * Each regular field of C_N becomes the vector relu(max) · (cos, sin)(2π i / N), i the position of the maximum: a field of the irrep 1.
 * N must be at least 3.
 */
export class VectorFieldNonLinearity extends LayerModule<RepresentationKind, plain.VectorFieldNonLinearity> {
  /** A non-linearity of `inType`. Throws FieldTypeError unless its fields are regular ones of C_N, N ≥ 3. */
  constructor(inType: FieldType) {
    const op = "VectorFieldNonLinearity", { gspace, fibergroup: group } = inType;
    const regular = group instanceof CyclicGroup && group.order > 2 ? group.regularRepresentation : undefined;
    requireFields(
      op,
      inType,
      "regular fields of a cyclic group of order 3 or more",
      (rho) => regular !== undefined && rho.equals(regular),
    );
    const outType = new FieldType(gspace, group.irrep(1), inType.length);
    super(inType, outType, () => new plain.VectorFieldNonLinearity(inType.length, group.order));
  }
}
