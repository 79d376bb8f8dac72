// Steerable convolutions on the plane: equivariance over groups and options, expansion cache, state, export, bad input.
// covers: src/nn/conv/rd_conv.ts, src/nn/conv/expansion_cache.ts, src/nn/equivariant_module.ts

import {
  assert,
  assertEquals,
  assertNotEquals,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { EmptyBasisError } from "../../../src/kernels/mod.ts";
import {
  flip2dOnR2,
  flipRot2dOnR2,
  type GSpace,
  noBaseSpace,
  rot2dOnR2,
  trivialOnR2,
} from "../../../src/gspaces/mod.ts";
import {
  EquivariantModule,
  ExportError,
  FieldType,
  FieldTypeError,
  type GeometricTensor,
  R2Conv,
  R2ConvTransposed,
  RdConv,
  ReLU,
} from "../../../src/nn/mod.ts";
import { requireType } from "../../../src/nn/equivariant_module.ts";
import { ArgumentError, memory, noGrad, scope, seed, ShapeError } from "../../../src/tensor/mod.ts";
import { assertClose } from "../../support/close.ts";
import { test } from "../../support/test.ts";
import { assertExports, feature, gradcheckModule, normal, regular, trivial, values } from "../support.ts";

/** Regular, quotient-like and irrep fields of a space, interleaved. */
function variety(space: GSpace): FieldType {
  const irreps = space.irreps(2).slice(0, 3);
  return new FieldType(space, [space.regularRepr, irreps[irreps.length - 1], space.trivialRepr, space.regularRepr]);
}

const SPACES: readonly (readonly [string, GSpace])[] = [
  ["C1", trivialOnR2()],
  ["C2", rot2dOnR2(2)],
  ["C3", rot2dOnR2(3)],
  ["C8", rot2dOnR2(8)],
  ["C12", rot2dOnR2(12)],
  ["flips about the vertical axis", flip2dOnR2()],
  ["flips about the horizontal axis", flip2dOnR2({ axis: 0 })],
  ["D2", flipRot2dOnR2(2)],
  ["D4", flipRot2dOnR2(4, { axis: 0 })],
  ["D6", flipRot2dOnR2(6)],
];

for (const [name, space] of SPACES) {
  test(`R2Conv is equivariant to 1e-12 under the grid's symmetries: ${name}`, async () => {
    seed(1);
    const conv = new R2Conv(variety(space), variety(space), 3, { padding: 1, dtype: "float64" });
    const { maxExact, exact } = await conv.checkEquivariance({ size: 6, batch: 1 });
    assert(exact.length > 0 && maxExact < 1e-12, `${maxExact}`);
  });
}

for (
  const [name, space, irreps] of [
    ["SO(2)", rot2dOnR2(), [[0], [1], [2]]],
    ["O(2)", flipRot2dOnR2(), [[0, 0], [1, 0], [1, 1], [1, 2]]],
  ] as const
) {
  test(`R2Conv is equivariant to continuous groups, interpolated rotations within 5 %: ${name}`, async () => {
    seed(2);
    const type = new FieldType(space, irreps.map((id) => space.irrep(...id)));
    const report = await new R2Conv(type, type, 5).checkEquivariance({ size: 33, batch: 1 });
    assert(report.maxExact < 1e-12, `${report.maxExact}`);
    assert(report.interpolated.length > 0 && report.maxInterpolated < 0.05, `${report.maxInterpolated}`);
  });
}

test("R2Conv is equivariant with stride, dilation, groups and every padding mode", async () => {
  const space = rot2dOnR2(4), type = regular(space, 2);
  for (const paddingMode of ["zeros", "reflect", "replicate", "circular"] as const) {
    for (const options of [{ stride: 2 }, { dilation: 2, padding: 2 }, { groups: 2 }]) {
      const conv = new R2Conv(type, type, 3, { padding: 1, paddingMode, ...options });
      const { maxExact } = await conv.checkEquivariance({ size: 7, batch: 1 });
      assert(maxExact < 1e-12, `${paddingMode} ${JSON.stringify(options)}: ${maxExact}`);
    }
  }
});

test("R2ConvTransposed is equivariant and the adjoint geometry of R2Conv", async () => {
  const space = flipRot2dOnR2(4),
    type = regular(space),
    irreps = new FieldType(space, [space.irrep(1, 1), space.irrep(1, 2)]);
  const up = new R2ConvTransposed(type, irreps, 3, { stride: 2, padding: 1 });
  assertEquals(up.forward(feature(type, 2, 4, 5)).shape, [2, 3, 7, 9]);
  assertEquals(up.evaluateOutputShape([2, 8, 4, 5]), [2, 3, 7, 9]);
  assert((await up.checkEquivariance({ size: 4 })).maxExact < 1e-12);
  const odd = new R2ConvTransposed(type, type, 3, { stride: 2, outputPadding: 1, groups: 1 });
  assertEquals(odd.forward(feature(type, 1, 4, 4)).shape, odd.evaluateOutputShape([1, 8, 4, 4]));
});

test("R2Conv.evaluateOutputShape is the shape of the output", () => {
  const space = rot2dOnR2(4), conv = new R2Conv(trivial(space), regular(space), 5, { padding: [2, 1], stride: [1, 2] });
  assertEquals(conv.forward(feature(trivial(space), 2, 8, 9)).shape, conv.evaluateOutputShape([2, 1, 8, 9]));
  assertThrows(() => conv.evaluateOutputShape([2, 3, 8, 9]), ShapeError, "1 channels");
  assertThrows(() => conv.evaluateOutputShape([2, 1, 8, 2]), ShapeError);
});

test("R2Conv takes an empty batch and a batch of one", () => {
  const space = rot2dOnR2(4), conv = new R2Conv(trivial(space), regular(space), 3);
  const empty = conv.forward(feature(trivial(space), 0, 5, 5));
  assertEquals(empty.shape, [0, 4, 3, 3]);
  empty.tensor.sum().backward();
  assertEquals(values(conv.weights.grad!).every((g) => g === 0), true);
  assertEquals(conv.forward(feature(trivial(space), 1, 5, 5)).shape, [1, 4, 3, 3]);
});

test("R2Conv computes in the input's precision: float64 inputs see float64 filters", () => {
  const space = rot2dOnR2(8), type = regular(space), conv = new R2Conv(type, type, 3);
  const x = feature(type, 1, 5, 5);
  const fine = conv.forward(x), coarse = conv.forward(x.with(x.tensor.cast("float32")));
  assertEquals([fine.tensor.dtype, coarse.tensor.dtype], ["float64", "float32"]);
  assertClose(values(coarse.tensor), values(fine.tensor), { absolute: 1e-5 });
});

test("R2Conv has first and second derivatives by its input", async () => {
  const space = rot2dOnR2(3), conv = new R2Conv(regular(space), regular(space), 3, { dtype: "float64" });
  await gradcheckModule(conv, normal([1, 3, 3, 4]));
});

test("R2Conv has derivatives by weights and bias", () => {
  const space = rot2dOnR2(4), type = new FieldType(space, [space.trivialRepr, space.irrep(1)]);
  const conv = new R2Conv(type, type, 3, { dtype: "float64" });
  const x = feature(type, 2, 4, 4), direction = normal([2, 3, 2, 2]);
  const loss = () => conv.forward(x).tensor.mul(direction).sum();
  loss().backward();
  for (const parameter of conv.parameters()) {
    const analytic = values(parameter.grad!);
    values(parameter).forEach((value, i) => {
      const at = (v: number): number => {
        const changed = Float64Array.from(values(parameter));
        changed[i] = v;
        noGrad(() => parameter.backend.write(parameter, changed));
        return noGrad(() => loss().itemSync());
      };
      const numeric = (at(value + 1e-5) - at(value - 1e-5)) / 2e-5;
      at(value);
      assertClose([analytic[i]], [numeric], { absolute: 1e-7, relative: 1e-7 });
    });
  }
});

test("R2Conv has the same parameters and state names in train and eval mode, and loads what it saved", () => {
  const space = rot2dOnR2(8), conv = new R2Conv(regular(space), regular(space, 2), 5);
  const names = [...conv.stateDict().tensors.keys()];
  assertEquals(names, ["weights", "bias"]);
  assertEquals(conv.bias?.shape, [2]);
  const x = feature(regular(space), 1, 6, 6);
  const before = noGrad(() => values(conv.eval().forward(x).tensor));
  assertEquals([...conv.stateDict().tensors.keys()], names);
  const copy = new R2Conv(regular(space), regular(space, 2), 5);
  assertNotEquals(values(copy.weights), values(conv.weights));
  copy.loadStateDict(conv.stateDict());
  assertEquals(noGrad(() => values(copy.eval().forward(x).tensor)), before);
});

test("R2Conv caches its filter in eval mode and renews it when the weights change, load, or train() comes", () => {
  class Open extends R2Conv {
    get filter() {
      return noGrad(() => this.expanded("float64").filter);
    }
  }
  const space = rot2dOnR2(4), conv = new Open(trivial(space), regular(space), 3);
  conv.eval();
  const first = conv.filter;
  assertStrictEquals(conv.filter, first);
  const old = values(first);
  noGrad(() => conv.weights.backend.write(conv.weights, Float32Array.from(values(conv.weights), (w) => 2 * w)));
  conv.weights.storage.version++;
  const second = conv.filter;
  assert(first.isDisposed);
  assertClose(values(second), old.map((v) => 2 * v), { absolute: 1e-12 });
  conv.loadStateDict(conv.stateDict());
  assert(second.isDisposed);
  const third = conv.filter;
  conv.train();
  assert(third.isDisposed);
  conv.eval();
  const gradient = conv.forward(feature(trivial(space), 1, 3, 3)).tensor.requiresGrad;
  assert(gradient, "with gradients enabled the expansion is recorded in eval mode too");
});

test("R2Conv keeps nothing alive over many passes and frees all on dispose", () => {
  const start = memory().reference;
  const space = rot2dOnR2(4), conv = new R2Conv(trivial(space), regular(space), 3);
  const pass = () => {
    using _ = scope();
    conv.forward(feature(trivial(space), 1, 5, 5)).tensor.sum().backward();
    conv.eval();
    noGrad(() => conv.forward(feature(trivial(space), 1, 5, 5)));
    conv.train();
  };
  pass();
  const { liveTensors, liveBytes } = memory().reference;
  for (let i = 0; i < 20; i++) pass();
  assertEquals(memory().reference.liveTensors, liveTensors);
  assertEquals(memory().reference.liveBytes, liveBytes);
  conv.dispose();
  // What stays are the layer's constants: basis tables and index lists.
  assert(memory().reference.liveTensors - start.liveTensors <= 8);
});

test("R2Conv.export and R2ConvTransposed.export give plain convolutions with the same options and output", () => {
  const space = rot2dOnR2(8), type = regular(space, 2);
  for (const paddingMode of ["zeros", "circular"] as const) {
    assertExports(new R2Conv(type, type, 3, { padding: 1, stride: 2, groups: 2, paddingMode }), [7, 8]);
  }
  assertExports(new R2Conv(type, new FieldType(space, space.irrep(1)), 3, { dilation: 2 }), [7, 7]);
  assertExports(new R2ConvTransposed(type, type, 3, { stride: 2, padding: 1, outputPadding: 1, groups: 2 }), [5, 4]);
});

test("R2Conv refuses types on other spaces and inputs of other types, naming both", () => {
  const space = rot2dOnR2(4), other = rot2dOnR2(8);
  assertThrows(() => new R2Conv(regular(space), regular(other), 3), FieldTypeError, "one space");
  const conv = new R2Conv(regular(space), regular(space), 3);
  const error = assertThrows(() => conv.forward(feature(trivial(space, 4), 1, 5, 5)), FieldTypeError, "regular");
  assertStringIncludes(error.message, "4 × irrep_0");
  assertThrows(
    () => requireType("here", regular(space), trivial(space)),
    FieldTypeError,
    "here: expected an input of type",
  );
  const point = noBaseSpace(space.fibergroup);
  assertThrows(() => new R2Conv(regular(point), regular(point), 3), FieldTypeError, "dimension 2");
  assertThrows(() => conv.forward(feature(regular(space), 1, 2, 5)), ShapeError);
});

test("R2Conv refuses groups that do not divide the fields or repeat other ones, and sizes that make no sense", () => {
  const space = rot2dOnR2(4), type = regular(space, 3);
  assertThrows(() => new R2Conv(type, type, 3, { groups: 2 }), ArgumentError, "divide the 3 fields");
  const uneven = new FieldType(space, [space.regularRepr, space.trivialRepr]);
  assertThrows(() => new R2Conv(uneven, uneven, 3, { groups: 2 }), FieldTypeError, "in group 1");
  assertThrows(() => new R2Conv(type, type, 0), ArgumentError, "kernelSize");
  assertThrows(() => new R2Conv(type, type, 3, { padding: [1, 1, 1] }), ArgumentError, "padding");
});

test("R2Conv without any filter throws EmptyBasisError before it allocates", () => {
  const space = rot2dOnR2(8), before = memory().reference.liveBytes;
  const from = new FieldType(space, space.trivialRepr), to = new FieldType(space, space.irrep(3));
  assertThrows(() => new R2Conv(from, to, 1), EmptyBasisError, "irrep");
  assertEquals(memory().reference.liveBytes, before);
});

test("EquivariantModule.export throws ExportError where there is no plain counterpart", () => {
  class Custom extends EquivariantModule {
    readonly inType = regular(rot2dOnR2(4));
    readonly outType = this.inType;
    override forward(input: GeometricTensor): GeometricTensor {
      return input;
    }
  }
  assertThrows(() => new Custom().export(), ExportError, "plain counterpart");
  assertEquals(new Custom().evaluateOutputShape([1, 4, 3, 2]), [1, 4, 3, 2]);
});

test("R2Conv knows the kind of its output's fields: ReLU follows without a check by the user", () => {
  const space = rot2dOnR2(4), conv = new R2Conv(trivial(space), regular(space), 3);
  assertEquals(new ReLU(conv.outType).outType, conv.outType);
  const irreps = new R2Conv(trivial(space), new FieldType(space, space.irrep(1)), 3);
  // @ts-expect-error -- irreps are no permutation representations
  assertThrows(() => new ReLU(irreps.outType), FieldTypeError);
  assert(conv instanceof RdConv);
  assertStringIncludes(conv.toString(), "R2Conv(");
});
