/**
 * Gated non-linearities (Weiler et al. 2018): invariant gates, through a logistic function, scale the fields that they are paired
 * with. Gates count in order of position, gated fields in order of size, then of position, as in escnn.
 */

import type { Representation, RepresentationKind } from "../../group/types.ts";
import { directSum } from "../../group/constructions.ts";
import { ArgumentError } from "../../tensor/errors.ts";
import { FieldTypeError } from "../errors.ts";
import { FieldType, requireSameSpace } from "../field_type.ts";
import type { GeometricTensor } from "../geometric_tensor.ts";
import { copyState, LayerModule } from "../layer_module.ts";
import { MultiInputModule } from "../multi_input.ts";
import * as plain from "../plain/gated_nonlinearity.ts";
import { stableOrder } from "../plain/norm_nonlinearity.ts";
import { inducedSize, requireFields, requireInduced } from "../requirements.ts";

/** What a field of a gated module is. */
export type GateLabel = "gate" | "gated";

/** Options of {@linkcode GatedNonLinearity1} and {@linkcode InducedGatedNonLinearity1}. */
export interface GatedOptions extends plain.GatedLayerOptions {
  /** For each field whether it is a gate. Default: the first half of the fields. */
  readonly gates?: readonly GateLabel[];
  /** Whether the result lacks the gates; otherwise they stay, after the function. Default true. */
  readonly dropGates?: boolean;
}

/** GatePairs [gate field, gated field] in the order of gates. */
export type GatePairs = readonly (readonly [number, number])[];

function labelsOf(op: string, type: FieldType, labels: readonly GateLabel[] | undefined): readonly GateLabel[] {
  const half = type.length / 2;
  const given = labels ?? type.sizes.map((_, field): GateLabel => field < half ? "gate" : "gated");
  const gates = given.filter((label) => label === "gate").length, gated = given.filter((l) => l === "gated").length;
  if (given.length === type.length && gates === gated && gates + gated === given.length) return given;
  throw new ArgumentError({
    op,
    expected: `as many labels "gate" as "gated", one for each of the ${type.length} fields`,
    actual: labels === undefined ? `${type.length} fields, an odd number` : JSON.stringify(labels),
    hint: "Give every gated field a trivial field as its gate",
  });
}

function pairFields(type: FieldType, labels: readonly GateLabel[]): GatePairs {
  const fields = labels.map((_, field) => field);
  const gates = fields.filter((field) => labels[field] === "gate");
  const gated = sortedBySize(type, fields.filter((field) => labels[field] === "gated"));
  return gates.map((gate, k) => [gate, gated[k]]);
}

function sortedBySize(type: FieldType, fields: readonly number[]): number[] {
  return stableOrder(fields.map((field) => [type.sizes[field]])).map((i) => fields[i]);
}

function requireTrivialGates(op: string, type: FieldType): void {
  requireFields(op, type, "gates with the trivial representation", (rho) => rho.isTrivial());
}

/** Where the fields' channels start in the result. */
interface OutPlan {
  readonly outType: FieldType;
  readonly startOf: (field: number) => number;
}

function outPlan(type: FieldType, labels: readonly GateLabel[], dropGates: boolean): OutPlan {
  if (!dropGates) return { outType: type, startOf: (field) => type.fieldsStart[field] };
  const kept = labels.flatMap((label, field) => label === "gated" ? [field] : []);
  const outType = type.indexSelect(kept);
  const starts = new Map(kept.map((field, i) => [field, outType.fieldsStart[i]]));
  return { outType, startOf: (field) => starts.get(field)! };
}

/** One gate for each gated field, a bias for each gate. */
function pairLayout(type: FieldType, pairs: GatePairs, { startOf }: OutPlan, dropGates: boolean): plain.GatedLayout {
  return {
    channels: type.size,
    biasShape: [1, pairs.length],
    blocks: pairs.map(([gate, gated], k) => ({
      gate: type.fieldsStart[gate],
      start: type.fieldsStart[gated],
      size: type.sizes[gated],
      bias: k,
      output: startOf(gated),
      gateOutput: dropGates ? undefined : startOf(gate),
    })),
  };
}

/**
 * σ(gate − b) · field for each pair of a trivial gate field and a gated field of any type. State: `bias` [1, gates], normal at the
 * start.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { FieldType, GatedNonLinearity1, gspaces, useBackend } from "@escnn/escnn";
 *
 * await useBackend("reference");
 * const space = gspaces.rot2dOnR2();
 * const type = new FieldType(space, [space.trivialRepr, space.trivialRepr, space.irrep(2), space.irrep(1)]);
 * const gated = new GatedNonLinearity1(type);
 * assertEquals(gated.outType.sizes, [2, 2]);
 * assertEquals(gated.pairs, [[0, 2], [1, 3]]);
 * ```
 */
export class GatedNonLinearity1 extends LayerModule<RepresentationKind, plain.GatedNonLinearity> {
  /** GatePairs [gate field, gated field]; pair k has entry k of the bias. */
  readonly pairs: GatePairs;

  /** A gating of `inType`. Throws ArgumentError for labels that do not pair up, FieldTypeError for gates that are not trivial. */
  constructor(inType: FieldType, options: GatedOptions = {}) {
    const op = "GatedNonLinearity1", dropGates = options.dropGates ?? true;
    const labels = labelsOf(op, inType, options.gates);
    const pairs = pairFields(inType, labels);
    requireTrivialGates(op, inType.indexSelect(pairs.map(([gate]) => gate)));
    const out = outPlan(inType, labels, dropGates);
    const layout = pairLayout(inType, pairs, out, dropGates);
    super(inType, out.outType, () => new plain.GatedNonLinearity(layout, options));
    this.pairs = pairs;
  }
}

/** The same with gates and features as two inputs, in this order. State: `bias` [1, gates, 1]. */
export class GatedNonLinearity2<K extends RepresentationKind = RepresentationKind> extends MultiInputModule<K> {
  /** The types of the gates and of the features. */
  readonly inTypes: readonly [gates: FieldType, features: FieldType<K>];
  /** The type of outputs: that of the features. */
  readonly outType: FieldType<K>;
  /** GatePairs [gate, gated field]; pair k has entry k of the bias. */
  readonly pairs: GatePairs;
  readonly #make: () => plain.GatedNonLinearity2;
  readonly #layer: plain.GatedNonLinearity2;

  /** A gating of features of `inTypes[1]` by trivial gates `inTypes[0]`, as many as there are features. */
  constructor(inTypes: readonly [gates: FieldType, features: FieldType<K>], options: plain.GatedLayerOptions = {}) {
    super();
    const op = "GatedNonLinearity2", [gates, features] = inTypes;
    requireSameSpace(op, gates, features);
    requireTrivialGates(op, gates);
    if (gates.length !== features.length) {
      throw new FieldTypeError({
        op,
        expected: `${features.length} gates, one for each field of ${features}`,
        actual: `${gates.length} in ${gates}`,
      });
    }
    this.inTypes = inTypes;
    this.outType = features;
    this.pairs = sortedBySize(features, features.sizes.map((_, field) => field)).map((field, k) => [k, field]);
    const layout = {
      channels: features.size,
      gateChannels: gates.size,
      biasShape: [1, gates.length, 1],
      blocks: this.pairs.map(([gate, field]) => ({
        gate,
        start: features.fieldsStart[field],
        size: features.sizes[field],
        bias: gate,
        output: features.fieldsStart[field],
      })),
    };
    this.#make = () => new plain.GatedNonLinearity2(layout, options);
    this.#layer = this.wrap(this.#make());
  }

  /** The gated features. Throws FieldTypeError for other types. */
  override forward(gates: GeometricTensor, features: GeometricTensor): GeometricTensor {
    this.checkInputs([gates, features]);
    return features.with(this.#layer.forward(gates.tensor, features.tensor));
  }

  /** A copy of the plain layer. */
  override export(): plain.GatedNonLinearity2 {
    return copyState(this.#layer, this.#make());
  }

  /** The types as text. */
  protected override describe(): string {
    return `${this.inTypes[0]}, ${this.inTypes[1]}`;
  }
}

/**
 * For fields that hold their own gates: all equal, each the sum of m trivial irreps and then m irreps; the i-th gate multiplies the i-th
 * irrep. The result has the irreps alone. State: `bias` [1, fields, m].
 */
export class GatedNonLinearityUniform extends LayerModule<RepresentationKind, plain.GatedNonLinearity> {
  /** A gating of `inType`. Throws FieldTypeError unless its fields have the form described above. */
  constructor(inType: FieldType, options: plain.GatedLayerOptions = {}) {
    const op = "GatedNonLinearityUniform", [rho] = inType.representations;
    const parts = rho.constituents, count = parts.length / 2;
    const fits = inType.uniform && rho.isIrrepBasis && parts.slice(0, count).every((psi) => psi.isTrivial());
    if (!fits || !Number.isInteger(count)) {
      throw new FieldTypeError({
        op,
        expected: "equal fields, each a direct sum of m trivial irreps and then m irreps",
        actual: String(inType),
      });
    }
    const irreps = parts.slice(count);
    const out: Representation = count === 1 ? irreps[0] : directSum(irreps);
    const blocks = inType.fieldsStart.flatMap((fieldStart, field) => {
      let offset = 0;
      return irreps.map(({ size }, i) => {
        const block = {
          gate: fieldStart + i,
          start: fieldStart + count + offset,
          size,
          bias: field * count + i,
          output: field * out.size + offset,
        };
        offset += size;
        return block;
      });
    });
    const layout = { channels: inType.size, biasShape: [1, inType.length, count], blocks };
    const outType = new FieldType(inType.gspace, out, inType.length);
    super(inType, outType, () => new plain.GatedNonLinearity(layout, options));
  }
}

/**
 * Gates and gated fields that are induced from a subgroup: the i-th channel of a gate (a quotient, or induced from the trivial irrep)
 * multiplies the i-th sub-vector of its field. State: `bias` [1, gates, 1].
 */
export class InducedGatedNonLinearity1 extends LayerModule<RepresentationKind, plain.GatedNonLinearity> {
  /** GatePairs [gate field, gated field]; pair k has entry k of the bias. */
  readonly pairs: GatePairs;

  /** A gating of `inType`. Throws ArgumentError for labels that do not pair up, FieldTypeError for fields of another form. */
  constructor(inType: FieldType, options: GatedOptions = {}) {
    const op = "InducedGatedNonLinearity1", dropGates = options.dropGates ?? true;
    const fields = requireInduced(op, inType);
    const labels = labelsOf(op, inType, options.gates);
    const pairs = pairFields(inType, labels);
    for (const [gate, gated] of pairs) {
      const [a, b] = [inType.representations[gate], inType.representations[gated]];
      if (a.kind === "pointwise" && inducedSize(a) === 1 && sameCosets(a, b, fields[gated].size)) continue;
      throw new FieldTypeError({
        op,
        expected: `a gate that is a quotient by the subgroup from which ${b.name} (field ${gated}) is induced`,
        actual: `${a.name} (field ${gate})`,
      });
    }
    const out = outPlan(inType, labels, dropGates);
    const layout: plain.GatedLayout = {
      channels: inType.size,
      biasShape: [1, pairs.length, 1],
      blocks: pairs.flatMap(([gate, gated], k) => {
        const { parts, size } = fields[gated];
        return Array.from({ length: parts }, (_, i) => ({
          gate: inType.fieldsStart[gate] + i,
          start: inType.fieldsStart[gated] + i * size,
          size,
          bias: k,
          output: out.startOf(gated) + i * size,
          gateOutput: dropGates ? undefined : out.startOf(gate) + i,
        }));
      }),
    };
    super(inType, out.outType, () => new plain.GatedNonLinearity(layout, options));
    this.pairs = pairs;
  }
}

/** Whether the group permutes the sub-vectors of an induced representation as it permutes the channels of a gate. */
function sameCosets(gate: Representation, gated: Representation, size: number): boolean {
  const parts = gated.size / size;
  if (gate.size !== parts) return false;
  return gate.group.generators.every((g) => {
    const permutation = gate.matrix(g), matrix = gated.matrix(g);
    for (let i = 0; i < parts; i++) {
      for (let j = 0; j < parts; j++) {
        let sum = 0;
        for (let a = 0; a < size; a++) {
          for (let b = 0; b < size; b++) sum += Math.abs(matrix[(i * size + a) * gated.size + j * size + b]);
        }
        if ((sum > 1e-6) !== (permutation[i * parts + j] > 0.5)) return false;
      }
    }
    return true;
  });
}
