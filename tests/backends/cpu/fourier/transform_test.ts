// covers: backends/cpu/fourier/transform.ts, backends/cpu/fourier/program.ts
// The transforms of lines as programs: against the sum that defines them, pruned forms included, and the instructions that
// come of a program against running it on numbers.

import { assert, assertEquals } from "@std/assert";
import { emitProgram, LinearProgram, programSize, runProgram } from "../../../../backends/cpu/fourier/program.ts";
import {
  complexForward,
  complexInverse,
  realForward,
  realInverse,
} from "../../../../backends/cpu/fourier/transform.ts";
import { detectFeatures } from "../../../../backends/cpu/features.ts";
import { element } from "../../../../backends/cpu/gemm/element.ts";
import { ModuleBuilder } from "../../../../backends/cpu/wasm/assembler.ts";
import { assertClose } from "../../../support/close.ts";
import { test } from "../../../support/test.ts";

const SIZES = [6, 8, 10, 12, 14, 16, 18];

/** Numbers in [-1, 1) from a seed. */
function noise(length: number, seed: number): number[] {
  let state = seed;
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** `Σ_j x_j exp(−2πi jk / n)` of complex numbers, real and imaginary part in turn. */
function dft(x: readonly number[], n: number): number[] {
  return Array.from({ length: n }, (_, k) => {
    let re = 0, im = 0;
    for (let j = 0; j < x.length / 2; j++) {
      const angle = (-2 * Math.PI * ((j * k) % n)) / n;
      re += x[2 * j] * Math.cos(angle) - x[2 * j + 1] * Math.sin(angle);
      im += x[2 * j] * Math.sin(angle) + x[2 * j + 1] * Math.cos(angle);
    }
    return [re, im];
  }).flat();
}

for (const n of SIZES) {
  test(`Fourier transforms of ${n} points and their pruned forms are the sums that define them`, () => {
    for (let length = 1; length <= n; length++) {
      const complex = noise(2 * length, n + length), real = noise(length, n + length);
      const forward = complexForward(n, length);
      assertEquals(forward.inputs, 2 * length);
      assertClose(runProgram(complex, forward.outputs), dft(complex, n), { absolute: 1e-13 });
      const X = dft(real.flatMap((value) => [value, 0]), n);
      const packed = [X[0], X[n], ...X.slice(2, n)];
      assertClose(runProgram(real, realForward(n, length).outputs), packed, { absolute: 1e-13 });
    }
  });

  test(`inverse Fourier transforms of ${n} points give the first numbers back, times ${n}`, () => {
    const complex = noise(2 * n, n), real = noise(n, n);
    const X = runProgram(complex, complexForward(n, n).outputs), R = runProgram(real, realForward(n, n).outputs);
    for (let length = 1; length <= n; length++) {
      const back = runProgram(X, complexInverse(n, length).outputs).map((value) => value / n);
      assertClose(back, complex.slice(0, 2 * length), { absolute: 1e-14 });
      const line = runProgram(R, realInverse(n, length).outputs).map((value) => value / n);
      assertClose(line, real.slice(0, length), { absolute: 1e-14 });
    }
  });
}

test("a program of zeros behind the input and of few outputs is shorter", () => {
  const sizes = [3, 5, 8].map((length) => programSize(realForward(8, length).outputs));
  assert(sizes[0] < sizes[1] && sizes[1] < sizes[2], String(sizes));
  assertEquals(sizes[2], 24);
  assert(programSize(complexInverse(8, 2).outputs) < programSize(complexInverse(8, 8).outputs));
});

test("LinearProgram: equal nodes are one, zeros vanish, signs move outwards", () => {
  const p = new LinearProgram();
  const a = p.input(), b = p.input();
  assertEquals(p.add(a, b), p.add(b, a));
  assertEquals(p.sub(a, a), undefined);
  assertEquals(p.add(a, p.scale(b, -1)), p.sub(a, b));
  assertEquals(p.sub(b, a), p.scale(p.sub(a, b), -1));
  assertEquals(p.sub(p.scale(a, -1), b), p.scale(p.add(a, b), -1));
  assertEquals(p.scale(p.scale(a, 2), 0.5), a);
  assertEquals(p.add(undefined, b), b);
  assertEquals(p.sub(undefined, b), p.scale(b, -1));
  assertEquals(runProgram([3, 5], [p.add(a, a), p.sub(b, a), undefined, p.scale(a, -3)]), [6, 2, 0, -9]);
});

for (const fused of [false, true]) {
  const runs = !fused || detectFeatures().relaxedSimd;
  const name = `emitProgram computes what runProgram does (${fused ? "fused" : "plain"} multiply-add)`;
  test.runIf(runs, name, "no relaxed SIMD", () => {
    for (const { inputs, outputs } of [realForward(12, 7), complexInverse(16, 10), realInverse(10, 4)]) {
      const module = new ModuleBuilder();
      const f = module.function(["i32", "i32"], [], "run");
      const values = f.locals("v128", inputs);
      values.forEach((value, i) => f.get(f.params[0]).mem("v128.load", 16 * i).set(value));
      emitProgram(f, element("float32", fused), values, outputs, (i, value) => {
        f.get(f.params[1]).get(value).mem("v128.store", 16 * i);
      });
      const memory = new WebAssembly.Memory({ initial: 1 });
      const instance = new WebAssembly.Instance(new WebAssembly.Module(module.toBytes()), { env: { memory } });
      const data = new Float32Array(memory.buffer), given = noise(4 * inputs, inputs);
      data.set(given);
      (instance.exports.run as (from: number, to: number) => void)(0, 4096);
      for (let lane = 0; lane < 4; lane++) {
        const expected = runProgram(given.filter((_, i) => i % 4 === lane), outputs);
        const found = expected.map((_, i) => data[1024 + 4 * i + lane]);
        assertClose(found, expected, { absolute: 3e-6 });
      }
    }
  });
}
