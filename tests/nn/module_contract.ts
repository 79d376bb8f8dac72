// What every equivariant module must do, as one check: commute with the group, have right derivatives by input and parameters, give its state
// back in both modes, equal its export, take empty batches and batches of one, compute in float64 and on other backends, and refuse what
// does not fit, naming both sides.

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { cyclicGroup } from "../../src/group/mod.ts";
import { flipOnR1, noBaseSpace, rot2dOnR2, rot2dOnR3, trivialOnR1 } from "../../src/gspaces/mod.ts";
import {
  type EquivariantModule,
  FieldType,
  FieldTypeError,
  GeometricTensor,
  type Module,
  type StateDict,
  StateDictError,
} from "../../src/nn/mod.ts";
import {
  assign,
  BackendMismatchError,
  DTypeError,
  gradcheck,
  memory,
  noGrad,
  scope,
  ShapeError,
  startBackend,
  type Tensor,
  zeros,
} from "../../src/tensor/mod.ts";
import { assertClose } from "../support/close.ts";
import { assertExports, feature, normal, values } from "./support.ts";

/** How a module is checked. */
export interface ContractOptions {
  /** Spatial sizes for `checkEquivariance` and exports. Default 5 along each axis. */
  readonly spatial?: readonly number[];
  /** Spatial sizes for difference quotients. Default 2 along each axis. */
  readonly small?: readonly number[];
  /** Bound on the equivariance error. Default 1e-11. */
  readonly tolerance?: number;
  /** Whether inputs are moved away from 0. */
  readonly awayFrom?: (x: Tensor) => Tensor;
  /** Whether derivatives are checked in train mode too: they must pass through all statistics. Default false. */
  readonly differentiableInTraining?: boolean;
}

const cpu = await startBackend("cpu");

/** As many channels on a grid of the same dimension, of another type. */
function otherType(type: FieldType): FieldType {
  const { gspace, size } = type;
  const scalars = new FieldType(gspace, gspace.trivialRepr, size);
  if (type.representations.some((rho) => !rho.isTrivial())) return scalars;
  const others = [
    [noBaseSpace(cyclicGroup(7))],
    [trivialOnR1(), flipOnR1()],
    [rot2dOnR2(7)],
    [rot2dOnR3(7)],
  ][gspace.dimensionality];
  const other = others.find((space) => space !== gspace)!;
  return new FieldType(other, other.trivialRepr, size);
}

function assertNames(error: Error, ...parts: readonly string[]): void {
  for (const part of parts) assertStringIncludes(error.message, part);
}

/** What a module refuses: other types, shapes, element types, points where it needs a grid, and other backends. */
export function checkRefusals(module: EquivariantModule, spatial: readonly number[]): void {
  const name = module.constructor.name, { inType } = module, other = otherType(inType);
  const x = feature(inType, 1, ...spatial), wrong = feature(other, 1, ...spatial);
  const whole = x.with(x.tensor.cast("int32"));
  assertNames(assertThrows(() => module.forward(wrong), FieldTypeError, name), String(inType), String(other));
  assertNames(assertThrows(() => module.forward(whole), DTypeError, name), "float", "int32");
  for (const shape of [[1, inType.size + 1, ...spatial], [1, inType.size, ...spatial, 2]]) {
    const error = assertThrows(() => module.evaluateOutputShape(shape), ShapeError, name);
    assertNames(error, `${shape.length === 2 + spatial.length ? inType.size : 2 + spatial.length}`, shape.join(", "));
  }
  if (spatial.length > 0) {
    const points = new GeometricTensor(normal([4, inType.size]), inType, normal([4, spatial.length]));
    try {
      const y = module.eval().forward(points);
      assert(y.coords === points.coords && y.shape[0] === 4, `${name} on points`);
    } catch (error) {
      assert(error instanceof ShapeError, `${name}: ${error}`);
      assertNames(error, "on a grid", "points");
    }
  }
  if (module.parameters().length + module.buffers().length === 0) return;
  const elsewhere = zeros(x.shape, { dtype: "float64", backend: cpu });
  assertNames(
    assertThrows(() => module.eval().forward(x.with(elsewhere)), BackendMismatchError),
    "cpu",
    "reference",
  );
}

/** A state dict with one entry missing, one misshapen and one too many is refused with all three named, and nothing changes. */
export function checkStateRefusals(module: Module): void {
  const { convention, tensors } = module.stateDict(), names = [...tensors.keys()];
  const before = [...tensors.values()].map(values);
  const wrong = new Map([...tensors].map(([name, tensor]) => [name, zeros(tensor.shape, { dtype: tensor.dtype })]));
  wrong.set("surplus", zeros([1]));
  if (names.length > 0) wrong.set(names[0], zeros([7, 7, 7]));
  if (names.length > 1) wrong.delete(names[1]);
  const error = assertThrows(() => module.loadStateDict({ convention, tensors: wrong }), StateDictError);
  assertNames(error, "surplus", ...names.slice(0, 2), ...(names.length > 0 ? ["[7, 7, 7]"] : []));
  const { missing, unexpected, misshapen } = error.problems;
  assertEquals([missing, unexpected], [names.slice(1, 2), ["surplus"]]);
  assertEquals(misshapen.length, Math.min(1, names.length));
  assertEquals([...module.stateDict().tensors.values()].map(values), before);
  const newer: StateDict = { convention: convention + 1, tensors };
  assertThrows(() => module.loadStateDict(newer), StateDictError, `convention ${convention + 1}`);
}

/** The same numbers on the cpu backend, of float64 and float32, and nothing left behind. */
async function checkBackends(
  make: (dtype: "float32" | "float64") => EquivariantModule,
  module: EquivariantModule,
  x: GeometricTensor,
): Promise<void> {
  const expected = values(module.forward(x).tensor), scale = Math.max(1, ...expected.map(Math.abs));
  const there = await make("float64").to(cpu);
  for (const dtype of ["float64", "float32"] as const) {
    there.loadStateDict(module.stateDict());
    const moved = (await x.to(cpu)).tensor.cast(dtype);
    const run = (): number[] => {
      using _ = scope();
      const y = noGrad(() => there.eval().forward(new GeometricTensor(moved, module.inType)).tensor);
      assertEquals([y.backend, y.dtype], [cpu, dtype]);
      return values(y);
    };
    const bound = dtype === "float64" ? 1e-10 : 1e-4;
    assertClose(run(), expected, { absolute: bound * scale, message: `${module.constructor.name} on cpu in ${dtype}` });
    const step = (): void => {
      using _ = scope();
      const y = there.train().forward(new GeometricTensor(moved, module.inType)).tensor;
      if (there.parameters().length > 0) y.sum().backward();
      for (const parameter of there.parameters()) parameter.clearGrad();
    };
    step();
    const { liveTensors } = memory().cpu;
    run();
    step();
    assertEquals(memory().cpu.liveTensors, liveTensors, `${module.constructor.name}: tensors left behind`);
  }
  there.dispose();
}

/** The values of buffers, put back by the result: forward passes in train mode change them. */
export function keepBuffers(module: EquivariantModule): () => void {
  const saved = module.buffers().map((buffer) => [buffer, buffer.dataSync()] as const);
  return () => noGrad(() => saved.forEach(([buffer, data]) => assign(buffer, data)));
}

async function checkDerivatives(module: EquivariantModule, input: Tensor): Promise<void> {
  const restore = keepBuffers(module);
  const forward = (x: Tensor): Tensor => {
    restore();
    return module.forward(new GeometricTensor(x, module.inType)).tensor;
  };
  await gradcheck(forward, [input], { secondOrder: true, tolerance: 1e-5 });
  if (module.parameters().length === 0) return restore();
  const output = forward(input), direction = normal(output.shape);
  for (const parameter of module.parameters()) parameter.clearGrad();
  output.mul(direction).sum().backward();
  const loss = (): number => noGrad(() => forward(input).mul(direction).sum().itemSync());
  for (const [name, parameter] of module.namedParameters()) {
    const before = Float64Array.from(parameter.dataSync());
    const numeric = before.map((_, i) => {
      const at = (step: number): number => {
        noGrad(() => assign(parameter, before.map((v, j) => i === j ? v + step : v)));
        return loss();
      };
      return (at(1e-5) - at(-1e-5)) / 2e-5;
    });
    noGrad(() => assign(parameter, before));
    const message = `${module.constructor.name}: derivative by ${name}`;
    assertClose(values(parameter.grad!), [...numeric], { absolute: 1e-6, message });
  }
  restore();
}

/** Gives every parameter other values than those it started with, and lets running statistics see three batches. */
function disturb(module: EquivariantModule, spatial: readonly number[], dtype: "float32" | "float64"): void {
  noGrad(() => {
    for (const parameter of module.parameters()) {
      assign(parameter, parameter.dataSync().map((v, i) => v + 0.1 + 0.05 * Math.sin(i + 1)));
    }
    if (module.buffers().length === 0) return;
    module.train();
    for (let step = 0; step < 3; step++) {
      const x = feature(module.inType, 3, ...spatial).mul(step + 1);
      module.forward(x.with(x.tensor.cast(dtype)));
    }
  });
}

/** Checks a module; `make` makes it with parameters of a type. */
export async function checkContract(
  make: (dtype: "float32" | "float64") => EquivariantModule,
  options: ContractOptions = {},
): Promise<void> {
  const module = make("float64"), { inType } = module, dimension = inType.gspace.dimensionality;
  const spatial = options.spatial ?? new Array<number>(dimension).fill(5);
  const small = options.small ?? new Array<number>(dimension).fill(2);
  const name = `${module.constructor.name} on ${inType}`;
  disturb(module, spatial, "float64");

  const report = await module.checkEquivariance({ size: spatial, tolerance: options.tolerance ?? 1e-11 });
  assert(report.exact.length > 0 && report.passed, name);

  const prepare = options.awayFrom ?? ((x: Tensor) => x);
  const input = prepare(normal([2, inType.size, ...small]));
  await checkDerivatives(module.eval(), input);
  if (options.differentiableInTraining) await checkDerivatives(module.train(), input);
  module.eval();

  const x = feature(inType, 2, ...spatial);
  const expected = module.forward(x);
  assertEquals(expected.tensor.dtype, "float64", name);
  assert(expected.type.equals(module.outType), name);
  assertEquals(module.evaluateOutputShape(x.shape), [...expected.shape], name);
  for (const mode of [true, false]) {
    const copy = make("float64").train(mode), before = copy.train(!mode).stateDict().tensors;
    copy.train(mode);
    assertEquals([...copy.stateDict().tensors.keys()], [...before.keys()], name);
    copy.loadStateDict(module.stateDict());
    assertEquals(values(copy.eval().forward(x).tensor), values(expected.tensor), name);
  }

  const half = make("float32");
  disturb(half, spatial, "float32");
  assertExports(half, spatial);
  assertEquals(module.forward(feature(inType, 0, ...spatial)).shape, [0, ...expected.shape.slice(1)], name);
  const one = x.tensor.slice(0, 1, 2);
  const single = module.forward(new GeometricTensor(one, inType)).tensor;
  assertClose(values(single), values(expected.tensor.slice(0, 1, 2)), { absolute: 1e-12, message: name });
  await checkBackends(make, module, x);
  checkRefusals(module, spatial);
  checkStateRefusals(module);
}

/** Runs {@linkcode checkContract} for each of these types. */
export async function checkTypes(
  types: readonly FieldType[],
  make: (type: FieldType, dtype: "float32" | "float64") => EquivariantModule,
  options: ContractOptions = {},
): Promise<void> {
  for (const type of types) await checkContract((dtype) => make(type, dtype), options);
}
