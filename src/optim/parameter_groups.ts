/**
 * Groups of parameters: what the constructors of optimizers take, a list of tensors or of groups with options of their own, read and
 * checked. An option of a group goes before that of the optimizer, and this before the default.
 */

import { ArgumentError, GradientError } from "../tensor/errors.ts";
import { Tensor } from "../tensor/mod.ts";

/** What all optimizers have among their options. */
export interface OptimizerOptions {
  /** Size of a step. */
  readonly learningRate?: number;
}

/**
 * Parameters with options of their own, as the constructors of optimizers take them: `{ parameters: layer.parameters(), weightDecay: 0 }`. Options
 * that a group leaves out are those of the optimizer.
 */
export type ParameterGroup<O extends OptimizerOptions = OptimizerOptions> = O & {
  /** At least one tensor; each belongs to one group only. */
  readonly parameters: Iterable<Tensor>;
};

/** What an optimizer trains: tensors, or groups of them. */
export type OptimizerParameters<O extends OptimizerOptions = OptimizerOptions> =
  | Iterable<Tensor>
  | Iterable<ParameterGroup<O>>;

/** The options of a group besides the learning rate. */
export type GroupOptions<O extends OptimizerOptions = OptimizerOptions> = Readonly<
  Omit<Required<O> & Required<OptimizerOptions>, "learningRate">
>;

/** Refuses an option that is not a finite number in `[minimum, below)`. */
export function checkOption(op: string, name: string, value: number, minimum = 0, below = Infinity): void {
  if (!Number.isFinite(value) || value < minimum || value >= below) {
    throw new ArgumentError({
      op,
      expected: `${name} as a number of at least ${minimum}${below < Infinity ? ` and below ${below}` : ""}`,
      actual: String(value),
    });
  }
}

/** A group of an optimizer; a list of tensors is one group. */
export class OptimizerGroup<O extends OptimizerOptions = OptimizerOptions> {
  /** The tensors that steps change, in their order. */
  readonly parameters: readonly Tensor[];
  /** All options that hold for them besides the learning rate. */
  readonly options: GroupOptions<O>;
  readonly #op: string;
  #learningRate: number;
  #initial: number;

  /** Optimizers make their groups. @internal */
  constructor(op: string, parameters: readonly Tensor[], options: GroupOptions<O>, learningRate: number) {
    checkOption(op, "learningRate", learningRate);
    this.#op = op;
    this.parameters = parameters;
    this.options = options;
    this.#learningRate = learningRate;
    this.#initial = learningRate;
  }

  /**
   * Size of the group's next steps. What is set here holds for this group alone, until the learning rate of the optimizer is set (as
   * `applySchedule` does): then all groups have the proportions again that they began with.
   *
   * Setting it throws {@linkcode ArgumentError} for what is no number from 0 on.
   */
  get learningRate(): number {
    return this.#learningRate;
  }

  set learningRate(rate: number) {
    checkOption(this.#op, "learningRate", rate);
    this.#learningRate = rate;
  }

  /** The learning rate that the group began with; the learning rate of the optimizer scales it. */
  get initialLearningRate(): number {
    return this.#initial;
  }

  /** Takes over what a checkpoint holds. @internal */
  restore(learningRate: number, initial: number): void {
    this.#learningRate = learningRate;
    this.#initial = initial;
  }

  /** The options and the number of parameters as numbers, for a checkpoint. @internal */
  numbers(): { [name: string]: number } {
    const numbers: { [name: string]: number } = { size: this.parameters.length };
    for (const [name, value] of Object.entries<unknown>({ ...this.options })) {
      if (Array.isArray(value)) value.forEach((each, i) => numbers[`${name}.${i}`] = Number(each));
      else numbers[name] = Number(value);
    }
    return numbers;
  }
}

/** A group as it was given, with all its options. */
export interface GivenGroup<O extends OptimizerOptions> {
  /** Whose group it is, for messages. */
  readonly op: string;
  /** Its tensors. */
  readonly parameters: readonly Tensor[];
  /** Its options besides the learning rate. */
  readonly options: GroupOptions<O>;
  /** Its learning rate. */
  readonly learningRate: number;
  /** Whether the learning rate is its own and not that of the optimizer. */
  readonly hasOwnRate: boolean;
}

/**
 * The groups of what an optimizer is given; a list of tensors is one group.
 *
 * @throws ArgumentError for what is neither tensors nor groups, a tensor that comes twice (it would take two steps), an empty list or group, and
 *   options that are not among `defaults`; GradientError for tensors that do not require gradients.
 */
export function readGroups<O extends OptimizerOptions>(
  op: string,
  given: OptimizerParameters<O>,
  options: O,
  defaults: Required<O> & Required<OptimizerOptions>,
): GivenGroup<O>[] {
  requireKnown(op, options, Object.keys(defaults));
  const list = listOf<unknown>(op, given);
  const grouped = list.some(isGroup<O>);
  const seen = new Map<Tensor, number>();
  if (!grouped) return [read(op, list, options, undefined, defaults, seen, 0)];
  return list.map((group, index) => {
    const place = `${op}, group ${index}`;
    if (!isGroup<O>(group)) {
      throw new ArgumentError({
        op,
        expected: "tensors or groups of them, not both",
        actual: `${formOf(group)} at ${index} beside groups`,
        hint: "Put it into a group: { parameters: [tensor] }",
      });
    }
    requireKnown(place, group, ["parameters", ...Object.keys(defaults)]);
    return read(place, listOf<unknown>(place, group.parameters), options, group, defaults, seen, index);
  });
}

function read<O extends OptimizerOptions>(
  op: string,
  list: readonly unknown[],
  options: O,
  own: Partial<O> | undefined,
  defaults: Required<O> & Required<OptimizerOptions>,
  seen: Map<Tensor, number>,
  index: number,
): GivenGroup<O> {
  const parameters = list.map((parameter, position) => {
    requireParameter(op, parameter, position);
    const before = seen.get(parameter);
    if (before !== undefined) {
      const where = before === index
        ? `again at ${position}`
        : `in group ${before} and again at ${position} of this one`;
      refuse(op, `${parameter.describe()} ${where}`, "Leave the second out");
    }
    seen.set(parameter, index);
    return parameter;
  });
  if (parameters.length === 0) {
    throw new ArgumentError({
      op,
      expected: "at least one parameter",
      actual: "none",
      hint: own === undefined
        ? "Pass model.parameters(); a module of your own registers its parts, see Module"
        : "Leave the group out, or look at what selects its parameters",
    });
  }
  for (const parameter of parameters) {
    if (!parameter.requiresGrad) {
      throw new GradientError({
        op,
        expected: "parameters that require gradients",
        actual: `${parameter.name ?? "a tensor"} of shape [${parameter.shape.join(", ")}] that does not`,
        hint: "Call requireGrad() on it, or leave it out: tensors.filter((tensor) => tensor.requiresGrad)",
      });
    }
  }
  const all = { ...defaults, ...givenOptions(options), ...givenOptions<O>(own ?? {}) };
  const { learningRate, ...others }: Required<O> & Required<OptimizerOptions> = all;
  return { op, parameters, options: others, learningRate, hasOwnRate: own?.learningRate !== undefined };
}

/** The options that are not undefined. */
function givenOptions<O extends OptimizerOptions>(object: Partial<O>): Partial<O> {
  const entries = Object.entries(object).filter(([name, value]) => name !== "parameters" && value !== undefined);
  return Object.fromEntries(entries) as Partial<O>;
}

/** Whether it is meant as a group: an object that is neither a tensor nor a list, nor a module, whose `parameters` is a method. */
function isGroup<O extends OptimizerOptions>(value: unknown): value is ParameterGroup<O> {
  return typeof value === "object" && value !== null && !(value instanceof Tensor) && !Array.isArray(value) &&
    typeof (value as { parameters?: unknown }).parameters !== "function";
}

function refuse(op: string, actual: string, hint: string): never {
  throw new ArgumentError({ op, expected: "tensors, each of them once", actual, hint });
}

/** A thing in a word or two. */
function formOf(value: unknown): string {
  if (value instanceof Tensor) return "a tensor";
  return Array.isArray(value) ? "an array" : typeof value;
}

function listOf<T>(op: string, given: unknown): T[] {
  const iterable = given as Iterable<T> | undefined;
  if (typeof iterable?.[Symbol.iterator] === "function" && typeof given !== "string") return [...iterable];
  return refuse(
    op,
    given instanceof Tensor ? given.describe() : String(given).split("\n")[0],
    given instanceof Tensor ? "Pass a list: [tensor]" : "Pass the parameters of a module: model.parameters()",
  );
}

function requireParameter(op: string, parameter: unknown, position: number): asserts parameter is Tensor {
  if (parameter instanceof Tensor) return;
  refuse(
    op,
    `${formOf(parameter)} at ${position}`,
    "Pass model.parameters(), or groups: { parameters: layer.parameters(), learningRate: 1e-3 }",
  );
}

/** Refuses names that are no options: a misspelt one would count nothing. */
function requireKnown(op: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== "object" || options === null) {
    throw new ArgumentError({
      op,
      expected: "an object with options",
      actual: String(options),
      hint: "Write { learningRate: 1e-3 }",
    });
  }
  const unknown = Object.keys(options).filter((name) => !known.includes(name));
  if (unknown.length === 0) return;
  throw new ArgumentError({
    op,
    expected: `options among ${known.join(", ")}`,
    actual: unknown.join(", "),
    hint: "Correct the name or leave it out",
  });
}
