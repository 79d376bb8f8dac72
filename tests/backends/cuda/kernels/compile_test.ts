// NVRTC: the choice of the architecture, errors that show the source, and every operation through the real compiler.

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { CudaError } from "../../../../backends/cuda/errors.ts";
import { chooseArchitecture, compileOptions, namedLines } from "../../../../backends/cuda/kernels/compile.ts";
import { transposeSource } from "../../../../backends/cuda/kernels/copy.ts";
import { gatherSource } from "../../../../backends/cuda/kernels/gather.ts";
import { mapSource } from "../../../../backends/cuda/kernels/map.ts";
import { poolSource } from "../../../../backends/cuda/kernels/pool_source.ts";
import { reduceSource } from "../../../../backends/cuda/kernels/reduce_source.ts";
import {
  linesSource,
  ownersSource,
  segmentsSource,
  sortSource,
} from "../../../../backends/cuda/kernels/scatter_source.ts";
import {
  channelRowsSource,
  channelsSource,
  functionsSource,
  planesSource,
} from "../../../../backends/cuda/kernels/steerable_source.ts";
import { type DType, DTYPES } from "../../../../src/tensor/dtype.ts";
import { BackendError } from "../../../../src/tensor/errors.ts";
import * as E from "../../../../src/tensor/expr.ts";
import {
  accepts,
  BINARY_OPS,
  type BinaryOp,
  COMPARE_OPS,
  type CompareOp,
  REDUCE_OPS,
  type ReduceOp,
  UNARY_OPS,
  type UnaryOp,
} from "../../../../src/tensor/expr_ops.ts";
import { test } from "../../../support/test.ts";
import { compileEverywhere, NO_NVRTC, openNvrtc } from "./nvrtc.ts";

const nvrtc = await openNvrtc();

test("chooseArchitecture takes the device's own, else the highest of its major version, else an earlier virtual one", () => {
  const supported = [75, 80, 86, 90, 100, 103, 120];
  assertEquals(chooseArchitecture([9, 0], supported), "sm_90");
  assertEquals(chooseArchitecture([8, 9], supported), "sm_86");
  assertEquals(chooseArchitecture([10, 3], supported), "sm_103");
  assertEquals(chooseArchitecture([12, 1], supported), "sm_120");
  assertEquals(chooseArchitecture([11, 0], supported), "compute_103");
  assertEquals(chooseArchitecture([10, 0], [75, 80, 90]), "compute_90");
  const error = assertThrows(() => chooseArchitecture([7, 0], supported), BackendError);
  assertStringIncludes(error.message, "compute capability 7.0 (sm_70)");
  assertStringIncludes(error.message, "sm_75, sm_80");
});

test("compileOptions asks a compiler for less only when it knows how", () => {
  assertEquals(compileOptions("sm_90", false, 12), ["--gpu-architecture=sm_90", "--std=c++17", "--fmad=false"]);
  assertEquals(compileOptions("sm_80", true, 13).slice(2), ["--fmad=true", "--minimal"]);
});

test("namedLines shows the lines of a source that a log names", () => {
  const source = "a\\nb\\nc\\nd\\ne\\nf".replaceAll("\\n", "\n");
  assertEquals(namedLines(source, "kernel.cu(3): error: x\nkernel.cu(6): error: y\nkernel.cu(3): z"), "3: c\n6: f");
  assertEquals(namedLines(source, "no line"), "1: a\n2: b\n3: c\n4: d\n5: e");
});

test.runIf(nvrtc !== undefined, "Nvrtc.compile throws the log and the line of a wrong source", NO_NVRTC, () => {
  const source = 'extern "C" __global__ void k(int* x) {\nx[0] = unknown;\n}\n';
  const error = assertThrows(() => nvrtc!.compile(source, ["--gpu-architecture=sm_90"]), CudaError);
  assertStringIncludes(error.message, 'identifier "unknown" is undefined');
  assertStringIncludes(error.message, "2: x[0] = unknown;");
  assertEquals(error.failure.call, "nvrtcCompileProgram");
});

test.runIf(nvrtc !== undefined, "Nvrtc knows its version and architectures", NO_NVRTC, () => {
  assert(nvrtc!.version()[0] >= 12);
  assert(nvrtc!.architectures().includes(80));
});

test.runIf(nvrtc !== undefined, "Nvrtc gives PTX for a virtual architecture, to its zero byte", NO_NVRTC, () => {
  const source = 'extern "C" __global__ void k(int* x) { x[0] = 1; }';
  const code = nvrtc!.compile(source, compileOptions("compute_80", false, nvrtc!.version()[0]));
  assertEquals(code.indexOf(0), code.length - 1);
  const text = new TextDecoder().decode(code);
  for (const part of [".target sm_80", ".visible .entry k("]) assertStringIncludes(text, part);
});

test.runIf(nvrtc !== undefined, "NVRTC takes every operation on every type", NO_NVRTC, () => {
  const expressions: E.Expr[] = [];
  for (const dtype of DTYPES) {
    const [x, y] = [E.input(DTYPES.indexOf(dtype), dtype), E.scalar(DTYPES.indexOf(dtype), dtype)];
    for (const op of Object.keys(UNARY_OPS) as UnaryOp[]) {
      if (accepts(UNARY_OPS[op].operands, dtype)) expressions.push(E.unary(op, x));
    }
    for (const op of Object.keys(BINARY_OPS) as BinaryOp[]) {
      if (accepts(BINARY_OPS[op].operands, dtype)) expressions.push(E.binary(op, x, y));
    }
    for (const op of Object.keys(COMPARE_OPS) as CompareOp[]) expressions.push(E.compare(op, x, y));
    for (const to of DTYPES) if (to !== dtype) expressions.push(E.cast(x, to));
    if (dtype === "float32" || dtype === "float64") {
      for (const power of [2, 3, -1, 0.5, -0.5]) expressions.push(E.pow(x, power));
      const special = [NaN, Infinity, -Infinity, -0].map((value) => E.select(E.lt(x, y), value, y));
      expressions.push(...special);
      const words = [0, 1, 2, 3, 4].map(() => E.index("linear")) as [E.Expr, E.Expr, E.Expr, E.Expr, E.Expr];
      expressions.push(E.random("normal", dtype, words), E.random("uniform", dtype, words));
    }
    if (dtype === "int32") expressions.push(E.random("bits", dtype, [x, y, E.index(0), x, y]));
  }
  compileEverywhere(nvrtc!, mapSource(expressions, { rank: 3, wide: false }));
});

test.runIf(nvrtc !== undefined, "NVRTC takes maps and reductions of every rank and width", NO_NVRTC, () => {
  const expressions = [E.add(E.input(0, "float32"), E.cast(E.index("linear"), "float32")), E.ne(E.input(1, "bool"), 0)];
  for (const wide of [false, true]) {
    compileEverywhere(nvrtc!, mapSource(expressions, { dense: [true, true, false, true, true], rank: 1, wide }));
    compileEverywhere(nvrtc!, mapSource(expressions, { rank: 4, wide }));
    compileEverywhere(nvrtc!, reduceSource(expressions, ["sum", "max"], { outer: 2, inner: 3, wide }));
  }
  const all: [E.Expr, ReduceOp][] = DTYPES.flatMap((dtype) =>
    (Object.keys(REDUCE_OPS) as ReduceOp[]).map((op): [E.Expr, ReduceOp] => [E.input(DTYPES.indexOf(dtype), dtype), op])
  );
  compileEverywhere(
    nvrtc!,
    reduceSource(all.map(([node]) => node), all.map(([, op]) => op), { outer: 0, inner: 0, wide: false }),
  );
});

test.runIf(nvrtc !== undefined, "NVRTC takes the kernels of indexing, pooling and plans", NO_NVRTC, () => {
  const types: DType[] = ["float32", "float64", "int32"];
  for (const wide of [false, true]) {
    const options = wide ? { architectures: [90] } : {};
    for (const bytes of [1, 4, 8]) {
      compileEverywhere(nvrtc!, gatherSource(bytes, 3, wide), options);
      compileEverywhere(nvrtc!, transposeSource(bytes, 2, wide), options);
    }
    for (const dtype of types) {
      for (const source of [linesSource, ownersSource, segmentsSource]) {
        compileEverywhere(nvrtc!, source(dtype, 2, wide), options);
      }
    }
    for (const name of ["max_pool", "average_pool", "average_pool_gradient"] as const) {
      compileEverywhere(nvrtc!, poolSource(name, wide ? "float64" : "float32", wide), options);
    }
  }
  compileEverywhere(nvrtc!, sortSource());
  for (const dtype of ["float32", "float64"] as const) {
    compileEverywhere(nvrtc!, planesSource(dtype, 11, 4), { fmad: true });
    compileEverywhere(nvrtc!, functionsSource(dtype, 11, 4), { fmad: true });
    compileEverywhere(nvrtc!, channelRowsSource(dtype, 11, 5), { fmad: true });
    for (const unit of [false, true]) compileEverywhere(nvrtc!, channelsSource(dtype, 11, unit), { fmad: true });
  }
  // As many functions as a filter of 5 × 5 × 5 has taps: their values fit into shared memory a few taps at a time.
  const many = { fmad: true, architectures: [90] };
  compileEverywhere(nvrtc!, planesSource("float64", 125, 1), many);
  compileEverywhere(nvrtc!, channelsSource("float64", 125, false), many);
});
