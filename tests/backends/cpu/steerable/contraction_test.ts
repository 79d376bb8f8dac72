// Sums of planes by a table: no, few and many terms, both element types.

import { assertEquals } from "@std/assert";
import { contractionWords, emitContraction } from "../../../../backends/cpu/steerable/contraction.ts";
import { element } from "../../../../backends/cpu/gemm/element.ts";
import { ModuleBuilder } from "../../../../backends/cpu/wasm/assembler.ts";
import { test } from "../../../support/test.ts";

for (const dtype of ["float32", "float64"] as const) {
  test(`contract sums up to 13 multiples of planes and clears what has none: ${dtype}`, () => {
    const bytes = dtype === "float32" ? 4 : 8, plane = 64, count = plane / bytes;
    const module = new ModuleBuilder({ shared: false });
    const contract = emitContraction(module, element(dtype, false));
    const f = module.function(["i32", "i32", "i32", "i32"], [], "contract");
    for (const local of f.params) f.get(local);
    f.call(contract);
    const memory = new WebAssembly.Memory({ initial: 1 });
    const instance = new WebAssembly.Instance(new WebAssembly.Module(module.toBytes()), { env: { memory } });
    const sources = 13, lengths = [0, 1, 2, 6, 7, 13];
    const words = contractionWords(
      lengths.map((length, i) => ({
        target: { slot: 0, offset: i * plane },
        terms: Array.from({ length }, (_, s) => ({ slot: 1, offset: s * plane, factor: s + 1 })),
      })),
      dtype,
    );
    const base = 4096, bases = 3072;
    new Int32Array(memory.buffer).set(words);
    new Int32Array(memory.buffer).set([0, 1024], bases / 4);
    const values = dtype === "float32" ? new Float32Array(memory.buffer) : new Float64Array(memory.buffer);
    values.fill(NaN, base / bytes, (base + 1024) / bytes);
    for (let s = 0; s < sources; s++) {
      for (let i = 0; i < count; i++) values[(base + 1024 + s * plane) / bytes + i] = 100 * s + i;
    }
    (instance.exports.contract as (...args: number[]) => void)(0, bases, base, plane);
    lengths.forEach((length, i) => {
      const expected = Array.from({ length: count }, (_, at) => {
        let sum = 0;
        for (let s = 0; s < length; s++) sum += (s + 1) * (100 * s + at);
        return sum;
      });
      const start = (base + i * plane) / bytes;
      assertEquals([...values.subarray(start, start + count)], expected);
    });
  });
}
