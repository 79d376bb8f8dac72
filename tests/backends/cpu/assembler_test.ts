// covers: backends/cpu/wasm/assembler.ts, backends/cpu/wasm/function_builder.ts, backends/cpu/wasm/byte_writer.ts,
// backends/cpu/wasm/opcodes.ts

import { assert, assertEquals } from "@std/assert";
import { test } from "../../support/test.ts";
import { type FunctionBuilder, ModuleBuilder, type ValueType } from "../../../backends/cpu/wasm/assembler.ts";
import { ByteWriter } from "../../../backends/cpu/wasm/byte_writer.ts";
import { LANE, MEMORY, MEMORY_LANE, PLAIN, type PlainOp, PREFIX_FD } from "../../../backends/cpu/wasm/opcodes.ts";
import { detectFeatures } from "../../../backends/cpu/features.ts";

type Export = (...args: number[]) => number;

/** Compiles one exported function over a fresh page of memory. */
function compile(
  params: readonly ValueType[],
  results: readonly ValueType[],
  body: (f: FunctionBuilder, module: ModuleBuilder) => void,
): { run: Export; memory: WebAssembly.Memory } {
  const module = new ModuleBuilder();
  const f = module.function(params, results, "run");
  body(f, module);
  const memory = new WebAssembly.Memory({ initial: 1 });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.toBytes()), { env: { memory } });
  return { run: instance.exports.run as Export, memory };
}

test("ByteWriter writes LEB128 integers as the specification's examples", () => {
  assertEquals([...new ByteWriter().u32(624485).toBytes()], [0xe5, 0x8e, 0x26]);
  assertEquals([...new ByteWriter().i32(-123456).toBytes()], [0xc0, 0xbb, 0x78]);
  assertEquals([...new ByteWriter().i32(0xffffffff).toBytes()], [0x7f]);
  assertEquals([...new ByteWriter().i64(-(2n ** 63n)).toBytes()], [
    0x80,
    0x80,
    0x80,
    0x80,
    0x80,
    0x80,
    0x80,
    0x80,
    0x80,
    0x7f,
  ]);
  assertEquals(new ByteWriter().bytes(new Uint8Array(1000)).u32(1).length, 1001);
});

test("ModuleBuilder makes a function that adds its arguments", () => {
  const { run } = compile(["i32", "i32"], ["i32"], (f) => {
    f.get(f.params[0]).get(f.params[1]).op("i32.add");
  });
  assertEquals(run(40, 2), 42);
});

test("FunctionBuilder.local groups locals of mixed types and reuses released ones", () => {
  const { run } = compile(["i32"], ["f64"], (f) => {
    const [a, b, c] = [f.local("f64"), f.local("i32"), f.local("f64")];
    f.f64(1.5).set(a).get(f.params[0]).set(b).f64(0.25).set(c);
    f.get(a).get(b).op("f64.convert_i32_s").op("f64.add").get(c).op("f64.add");
    f.release(b);
    assertEquals(f.local("i32"), b);
  });
  assertEquals(run(7), 8.75);
});

test("FunctionBuilder.loop, block and if branch to the right labels at every depth", () => {
  // Sum of the odd numbers below n, leaving the outer block when the sum passes 1000.
  const { run } = compile(["i32"], ["i32"], (f) => {
    const [n] = f.params;
    const [i, sum] = f.locals("i32", 2);
    f.block((out) => {
      f.loop((next) => {
        f.get(i).get(n).op("i32.ge_s").brIf(out);
        f.get(i).i32(1).op("i32.and").if(() => {
          f.add(sum, i);
          f.get(sum).i32(1000).op("i32.gt_s").brIf(out);
        });
        f.add(i, 1).br(next);
      });
    });
    f.get(sum);
  });
  assertEquals(run(10), 25);
  assertEquals(run(0), 0);
  assertEquals(run(1000), 32 * 32);
});

test("FunctionBuilder.if yields a value from either side", () => {
  const { run } = compile(["i32"], ["f32"], (f) => {
    f.get(f.params[0]).if(() => f.f32(1.5), () => f.f32(-2), "f32");
  });
  assertEquals([run(1), run(0)], [1.5, -2]);
});

test("FunctionBuilder.forSteps stops before a step would pass the end", () => {
  const { run } = compile(["i32", "i32"], ["i32"], (f) => {
    const [begin, end] = f.params;
    const rounds = f.local("i32");
    f.forSteps(begin, end, 4, () => f.add(rounds, 1));
    f.get(rounds).i32(100).op("i32.mul").get(begin).op("i32.add");
  });
  assertEquals(run(0, 11), 208);
  assertEquals(run(3, 3), 3);
});

test("FunctionBuilder.call calls an internal function", () => {
  const module = new ModuleBuilder();
  const square = module.function(["f64"], ["f64"]);
  square.get(square.params[0]).get(square.params[0]).op("f64.mul");
  const f = module.function(["f64"], ["f64"], "fourth");
  f.get(f.params[0]).call(square).call(square);
  const memory = new WebAssembly.Memory({ initial: 1 });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.toBytes()), { env: { memory } });
  assertEquals(Object.keys(exports), ["fourth"]);
  assertEquals((exports.fourth as Export)(3), 81);
});

test("FunctionBuilder writes vector loads, lanes, shuffles, constants and bulk memory", () => {
  const { run, memory } = compile(["i32"], ["f32"], (f) => {
    const [p] = f.params;
    const v = f.local("v128");
    f.get(p).mem("v128.load", 16).f32x4(1, 2, 3, 4).op("f32x4.mul").set(v);
    f.get(p).get(v).get(v).shuffle32(3, 2, 1, 0).mem("v128.store", 32);
    f.get(p).get(v).memLane("v128.store32_lane", 2, 48);
    f.get(p).get(p).get(v).memLane("v128.load32_lane", 1, 16).mem("v128.store", 64);
    f.i32(128).i32(16).i32(16).memoryCopy();
    f.i32(144).i32(7).i32(4).memoryFill();
    f.get(p).f64x2(2.5, -1).f64x2(0).shuffle64(1, 2).mem("v128.store", 160);
    f.get(v).lane("f32x4.extract_lane", 3);
  });
  const floats = new Float32Array(memory.buffer);
  floats.set([5, 6, 7, 8], 4);
  assertEquals(run(0), 32);
  assertEquals([...floats.subarray(8, 13)], [32, 21, 12, 5, 21]);
  assertEquals([...floats.subarray(16, 20)], [5, 5, 21, 32]);
  assertEquals([...floats.subarray(32, 36)], [5, 6, 7, 8]);
  assertEquals([...new Uint8Array(memory.buffer, 144, 5)], [7, 7, 7, 7, 0]);
  assertEquals([...new Float64Array(memory.buffer, 160, 2)], [-1, 0]);
});

test("ModuleBuilder modules fit shared memories when built for them", () => {
  const module = new ModuleBuilder({ shared: true });
  const f = module.function([], ["i32"], "run");
  f.i32(8).mem("i32.load");
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true });
  new Int32Array(memory.buffer)[2] = 99;
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.toBytes()), { env: { memory } });
  assertEquals((exports.run as Export)(), 99);
});

/** Operand types of an instruction without immediates, read off its name. */
function operandTypes(name: PlainOp): ValueType[] {
  const [type, op] = name.split(".") as [string, string | undefined];
  if (op === undefined) {
    return name === "drop" ? ["i32"] : name === "select" ? ["i32", "i32", "i32"] : [];
  }
  const from = op.match(/_(i32|i64|f32|f64)(_[su])?$/);
  if (!type.includes("x") && type !== "v128") {
    if (/^(wrap|extend|convert|demote|promote|reinterpret|trunc_sat)/.test(op) && from) return [from[1] as ValueType];
    const unary = /^(eqz|clz|ctz|popcnt|abs|neg|ceil|floor|trunc|nearest|sqrt)$/.test(op);
    return Array(unary ? 1 : 2).fill(type) as ValueType[];
  }
  if (op === "splat") {
    return [type.startsWith("f") ? type.slice(0, 3) as ValueType : type.startsWith("i64") ? "i64" : "i32"];
  }
  if (/^sh[lr]/.test(op)) return ["v128", "i32"];
  if (/^(bitselect|relaxed)/.test(op)) return ["v128", "v128", "v128"];
  const unary =
    /^(not|any_true|all_true|bitmask|abs|neg|sqrt|ceil|floor|trunc|nearest|extend|extadd|convert|demote|promote)/.test(
      op,
    );
  return Array(unary ? 1 : 2).fill("v128") as ValueType[];
}

test("every instruction of the tables validates with the operands its name says", () => {
  const relaxed = detectFeatures().relaxedSimd;
  const zero: { readonly [T in ValueType]: (f: FunctionBuilder) => void } = {
    i32: (f) => f.i32(0),
    i64: (f) => f.i64(0n),
    f32: (f) => f.f32(0),
    f64: (f) => f.f64(0),
    v128: (f) => f.i32x4(0),
  };
  const wrong: string[] = [];
  const check = (name: string, build: (f: FunctionBuilder) => void, result: ValueType | undefined): void => {
    const module = new ModuleBuilder();
    const f = module.function([], result === undefined ? [] : [result]);
    build(f);
    if (!WebAssembly.validate(module.toBytes())) wrong.push(name);
  };
  const scalarResult = /(any_true|all_true|bitmask)$|^[if]\d+\.(eqz?|ne|[lg][te])(_[su])?$/;
  for (const name of Object.keys(PLAIN) as PlainOp[]) {
    if (name.includes("relaxed") && !relaxed) continue;
    const prefix = name.split(".")[0];
    const result = !name.includes(".")
      ? (name === "select" ? "i32" : undefined)
      : scalarResult.test(name)
      ? "i32"
      : prefix.includes("x") || prefix === "v128"
      ? "v128"
      : prefix as ValueType;
    check(name, (f) => {
      for (const type of operandTypes(name)) zero[type](f);
      f.op(name);
    }, result);
  }
  for (const name of Object.keys(MEMORY) as (keyof typeof MEMORY)[]) {
    const type = name.split(".")[0] as ValueType;
    const store = name.includes("store");
    check(name, (f) => {
      f.i32(0);
      if (store) zero[type](f);
      f.mem(name, 8);
    }, store ? undefined : type);
  }
  for (const name of Object.keys(MEMORY_LANE) as (keyof typeof MEMORY_LANE)[]) {
    check(
      name,
      (f) => f.i32(0).i32x4(0).memLane(name, MEMORY_LANE[name][2] - 1),
      name.includes("store") ? undefined : "v128",
    );
  }
  for (const name of Object.keys(LANE) as (keyof typeof LANE)[]) {
    const scalar = name.startsWith("i8") ? "i32" : name.slice(0, 3) as ValueType;
    const replace = name.includes("replace");
    check(name, (f) => {
      f.i32x4(0);
      if (replace) zero[scalar](f);
      f.lane(name, LANE[name][1] - 1);
    }, replace ? "v128" : scalar);
  }
  assertEquals(wrong, []);
  const codes = [...Object.values(PLAIN), ...Object.values(MEMORY).map(([code]) => code)];
  assertEquals(new Set(codes).size, codes.length);
  assert(codes.every((code) => code < PREFIX_FD + 0x115));
});
