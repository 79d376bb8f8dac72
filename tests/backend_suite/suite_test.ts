// The suite itself is tested: it accepts a backend that rounds every intermediate result to its type (what a float32
// machine does), and it catches and shrinks deliberate defects of every primitive.

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { createBackend } from "../../backends/reference/mod.ts";
import type { Backend, MapCall, MapReduceCall, MatmulCall, View } from "../../src/tensor/backend.ts";
import { isFloat } from "../../src/tensor/dtype.ts";
import {
  binary,
  cast,
  compare,
  type Expr,
  input,
  random,
  select,
  topologicalOrder,
  unary,
} from "../../src/tensor/expr.ts";
import { AssertionError } from "../support/std_assert.ts";
import { drawCase, runCases, shareOf, SUITE_PRIMITIVES, type SuitePrimitive } from "../backend_suite.ts";
import { test } from "../support/test.ts";
import { check, describeCase } from "./case.ts";
import { compileRanges, widened } from "./bounds.ts";
import { arrange, plain } from "./operand.ts";
import { Draw } from "./random.ts";
import { sumError } from "./reduction_bounds.ts";

/** The reference backend with some of its methods replaced. */
function variant(base: Backend, changes: Partial<Backend>): Backend {
  return new Proxy(base, {
    get(target, name): unknown {
      if (Object.hasOwn(changes, name)) return changes[name as keyof Backend];
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** Runs cases of a primitive on a defective backend and gives the failure's text. */
async function failureOf(
  primitive: SuitePrimitive,
  changes: (base: Backend) => Partial<Backend>,
  cases = 400,
): Promise<string> {
  const base = await createBackend({});
  const oracle = await createBackend({});
  const numbers = Array.from({ length: cases }, (_, i) => i);
  const error = await assertRejects(
    () => runCases(primitive, numbers, 1, variant(base, changes(base)), oracle),
    AssertionError,
  );
  assertEquals(base.memory().liveBuffers, 0);
  return error.message;
}

/** A node with every subtree of a kind changed. */
function rewrite(root: Expr, change: (node: Expr) => Expr): Expr {
  const done = new Map<Expr, Expr>();
  const next = (node: Expr): Expr => done.get(node)!;
  for (const node of topologicalOrder([root])) {
    done.set(node, change(rebuilt(node, next)));
  }
  return next(root);
}

function rebuilt(node: Expr, next: (node: Expr) => Expr): Expr {
  switch (node.kind) {
    case "unary":
      return unary(node.op, next(node.operand));
    case "binary":
      return binary(node.op, next(node.left), next(node.right));
    case "compare":
      return compare(node.op, next(node.left), next(node.right));
    case "select":
      return select(next(node.condition), next(node.whenTrue), next(node.whenFalse));
    case "cast":
      return cast(next(node.operand), node.dtype);
    case "random": {
      const [a, b, c, d, e] = node.words;
      return random(node.distribution, node.dtype, [next(a), next(b), next(c), next(d), next(e)], node.word);
    }
    default:
      return node;
  }
}

/**
 * Each operation of `map` as a call of its own, through memory of the node's type: what a machine computes that rounds
 * every intermediate result.
 */
function stepwise(base: Backend, call: MapCall): void {
  const bytes = 8 * call.shape.reduce((a, b) => a * b, 1);
  const inputs = [...call.inputs];
  const buffers: View["buffer"][] = [];
  const results = call.expressions.map((expression) => {
    const places = new Map<Expr, number>();
    for (const node of topologicalOrder([expression])) {
      const next = (operand: Expr): Expr => places.has(operand) ? input(places.get(operand)!, operand.dtype) : operand;
      const single = rebuilt(node, next);
      const buffer = base.allocate(bytes);
      buffers.push(buffer);
      const { layout } = arrange(call.shape, plain(call.shape.length));
      const view = { ...layout, buffer, dtype: node.dtype };
      base.map({ ...call, expressions: [single], inputs, outputs: [view] });
      places.set(node, inputs.length);
      inputs.push(view);
    }
    return inputs[inputs.length - 1];
  });
  results.forEach((view, j) => base.copy(view, call.outputs[j]));
  for (const buffer of buffers) base.free(buffer);
}

test("the bounds accept a backend that rounds every intermediate result, in 3000 random maps", async () => {
  const base = await createBackend({});
  const oracle = await createBackend({});
  const rounding = variant(base, { map: (call: MapCall) => stepwise(base, call) });
  await runCases("map", Array.from({ length: 3000 }, (_, i) => i), 7, rounding, oracle);
  await runCases("random", Array.from({ length: 200 }, (_, i) => i), 7, rounding, oracle);
});

test("the bounds accept sums in float32 in sequential order, in 1500 random reductions", async () => {
  const base = await createBackend({});
  const oracle = await createBackend({});
  const sequential = (call: MapReduceCall): void => {
    // One term at a time: each step adds a slice through memory of the output's type.
    const single = call.axes.length === 1 && call.expressions.length === 1 && call.reductions[0] === "sum" &&
      isFloat(call.outputs[0].dtype) && call.expressions[0].kind === "input" && call.shape[call.axes[0]] > 0;
    if (!single) return base.mapReduce(call);
    const [axis] = call.axes;
    const dtype = call.outputs[0].dtype;
    const one = call.shape.map((size, i) => i === axis ? 1 : size);
    const term = call.inputs[(call.expressions[0] as { index: number }).index];
    for (let i = 0; i < call.shape[axis]; i++) {
      const slice = { ...term, shape: one, offset: term.offset + i * term.strides[axis] };
      const x = input(0, dtype);
      base.map({
        expressions: [i === 0 ? x : binary("add", input(1, dtype), x)],
        shape: one,
        scalars: [],
        inputs: [slice, call.outputs[0]],
        outputs: call.outputs,
      });
    }
  };
  const numbers = Array.from({ length: 1500 }, (_, i) => i);
  await runCases("mapReduce", numbers, 3, variant(base, { mapReduce: sequential }), oracle);
});

test("the bounds accept matrix products summed in float32 in sequential order, in 1000 random products", async () => {
  const base = await createBackend({});
  const oracle = await createBackend({});
  const single = (call: MatmulCall): void => {
    const round = call.output.dtype === "float32" ? Math.fround : (x: number) => x;
    const [a, b, old] = [call.a, call.b, call.output].map((view) => base.readSync(view));
    const [m, k] = call.a.shape.slice(-2);
    const n = call.b.shape[call.b.shape.length - 1];
    const result = old.slice();
    for (let i = 0; i < result.length; i++) {
      const column = i % n;
      const row = Math.floor(i / n);
      const batch = Math.floor(row / m);
      let sum = 0;
      for (let t = 0; t < k; t++) sum = round(sum + round(a[row * k + t] * b[(batch * k + t) * n + column]));
      sum = round(call.alpha * sum);
      result[i] = call.beta === 0 ? sum : round(sum + round(call.beta * old[i]));
    }
    base.write(call.output, result);
  };
  const numbers = Array.from({ length: 1000 }, (_, i) => i);
  await runCases("matmul", numbers, 3, variant(base, { matmul: single }), oracle);
});

test("a wrong scalar operation is caught and shrunk to that operation on one element", async () => {
  const swapped = (call: MapCall): MapCall => ({
    ...call,
    expressions: call.expressions.map((expression) =>
      rewrite(expression, (node) => node.kind === "unary" && node.op === "ceil" ? unary("floor", node.operand) : node)
    ),
  });
  const message = await failureOf("map", (base) => ({ map: (call) => base.map(swapped(call)) }));
  assertStringIncludes(message, "ceil(x");
  assertStringIncludes(message, "run again: BACKEND_SUITE_SEED=1 BACKEND_SUITE_CASE=map:");
  const smallest = message.slice(message.indexOf("smallest"), message.indexOf("drawn from"));
  assertStringIncludes(smallest, "map over []");
  assertEquals(smallest.match(/\(/g)?.length, 2, `one operation expected:\n${smallest}`);
});

test("an exponential that is off by 2^-20 is caught", async () => {
  const message = await failureOf("map", (base) => ({
    map: (call) =>
      base.map({
        ...call,
        expressions: call.expressions.map((expression) =>
          rewrite(expression, (node) =>
            node.kind === "unary" && node.op === "exp" ? binary("mul", node, 1 + 2 ** -20) : node)
        ),
      }),
  }));
  assertStringIncludes(message, "exp(");
});

/** Views with one property falsified. */
const ignoringStrides = (view: View): View => ({
  ...arrange(view.shape, plain(view.shape.length)).layout,
  buffer: view.buffer,
  dtype: view.dtype,
  offset: view.offset,
});

/** A defect of each primitive: what a backend under construction gets wrong. */
const DEFECTS: { readonly [P in Exclude<SuitePrimitive, "map">]: (base: Backend) => Partial<Backend> } = {
  random: (base) => ({
    map: (call) =>
      base.map({
        ...call,
        expressions: call.expressions.map((expression) =>
          rewrite(expression, (node) =>
            node.kind === "random"
              ? random(node.distribution, node.dtype, [
                node.words[1],
                node.words[0],
                node.words[2],
                node.words[3],
                node.words[4],
              ])
              : node)
        ),
      }),
  }),
  mapReduce: (base) => ({
    mapReduce: (call) =>
      base.mapReduce({ ...call, reductions: call.reductions.map((op) => op === "prod" ? "sum" : op) }),
  }),
  matmul: (base) => ({ matmul: (call) => base.matmul({ ...call, alpha: call.beta === 0 ? 1 : call.alpha }) }),
  convolution: (base) => ({
    convolution: (call) =>
      base.convolution({ ...call, geometry: { ...call.geometry, padBefore: call.geometry.padAfter } }),
  }),
  convolutionInputGradient: (base) => ({
    convolutionInputGradient: (call) =>
      base.convolutionInputGradient({
        ...call,
        geometry: { ...call.geometry, dilation: [...call.geometry.dilation].reverse() },
      }),
  }),
  convolutionWeightGradient: (base) => ({
    convolutionWeightGradient: (call) =>
      base.convolutionWeightGradient({
        ...call,
        geometry: { ...call.geometry, batch: Math.min(1, call.geometry.batch) },
      }),
  }),
  maxPool: (base) => ({
    // The last of equal elements wins: the input is read backwards along the last axis.
    maxPool: (call) => {
      base.maxPool(call);
      base.map({
        expressions: [binary("maximum", input(0, "int32"), 1)],
        shape: call.indices.shape,
        inputs: [call.indices],
        scalars: [],
        outputs: [call.indices],
      });
    },
  }),
  averagePool: (base) => ({
    averagePool: (call) => base.averagePool({ ...call, output: ignoringStrides(call.output) }),
  }),
  averagePoolGradient: (base) => ({
    averagePoolGradient: (call) =>
      base.averagePoolGradient({
        ...call,
        geometry: { ...call.geometry, padding: call.geometry.padding.map(() => 0) },
      }),
  }),
  gather: (base) => ({ gather: (call) => base.gather({ ...call, indices: ignoringStrides(call.indices) }) }),
  scatterAdd: (base) => ({
    scatterAdd: (call) => {
      base.scatterAdd(call);
      base.map({
        expressions: [binary("add", input(0, call.output.dtype), input(0, call.output.dtype))],
        shape: call.output.shape,
        inputs: [call.output],
        scalars: [],
        outputs: [call.output],
      });
    },
  }),
  copy: (base) => ({ copy: (source, target) => base.copy(source, { ...target, offset: 0 }) }),
  write: (base) => ({ write: (target, data) => base.write({ ...target, offset: 0 }, data) }),
  read: (base) => ({
    read: (source) => base.read({ ...source, strides: source.strides.map(Math.abs), offset: source.offset }),
    readSync: (source) => base.readSync({ ...source, strides: source.strides.map(Math.abs) }),
  }),
};

for (const primitive of Object.keys(DEFECTS) as (keyof typeof DEFECTS)[]) {
  test(`a defect of ${primitive} is caught in 600 cases and printed smaller`, async () => {
    const message = await failureOf(primitive, DEFECTS[primitive], 600);
    assertStringIncludes(message, "smallest failing case");
    assertStringIncludes(message, `BACKEND_SUITE_CASE=${primitive}:`);
  });
}

test("a write beside the output's view is caught", async () => {
  const message = await failureOf("map", (base) => ({
    map: (call) => {
      base.map(call);
      const [output] = call.outputs;
      const forwards = output.strides.every((stride) => stride >= 0);
      if (output.offset > 0 && forwards && output.dtype === "float32") {
        base.write({ ...output, shape: [], strides: [], offset: output.offset - 1 }, Float32Array.of(5));
      }
    },
  }), 600);
  assertStringIncludes(message, "outside of the view");
});

test("a backend that throws is reported with the case", async () => {
  const message = await failureOf("matmul", () => ({
    matmul: () => {
      throw new Error("no kernel for this shape");
    },
  }));
  assertStringIncludes(message, "no kernel for this shape");
  assertStringIncludes(message, "matmul batch []");
});

test("drawCase gives the same case for the same seed and number, and others for others", () => {
  for (const primitive of SUITE_PRIMITIVES) {
    assertEquals(describeCase(drawCase(primitive, 5, 3)), describeCase(drawCase(primitive, 5, 3)));
    const texts = new Set(Array.from({ length: 50 }, (_, i) => describeCase(drawCase(primitive, 5, i))));
    assert(texts.size > 45, `${primitive}: ${texts.size} different cases of 50`);
  }
});

test("shareOf gives every primitive cases, all together as many as asked for", () => {
  const shares = SUITE_PRIMITIVES.map((primitive) => shareOf(primitive, 20_000));
  assert(shares.every((share) => share >= 150));
  assert(shares.reduce((a, b) => a + b, 0) >= 20_000);
});

test("the drawn cases meet empty, one-element and large shapes, every arrangement, and every operation", () => {
  const seen = { empty: 0, single: 0, large: 0, reversed: 0, stepped: 0, permuted: 0, broadcast: 0, inPlace: 0 };
  const words = new Set<string>();
  for (let i = 0; i < 4000; i++) {
    const one = drawCase("map", 11, i);
    const count = one.shapes[one.outputs[0]].reduce((a, b) => a * b, 1);
    if (count === 0) seen.empty++;
    if (count === 1) seen.single++;
    if (count > 20_000) seen.large++;
    for (const { arrangement } of one.operands) {
      if (arrangement.reversed.includes(true)) seen.reversed++;
      if (arrangement.step.some((step) => step > 1)) seen.stepped++;
      if (arrangement.broadcast.includes(true)) seen.broadcast++;
      if (arrangement.order.some((axis, at) => axis !== at)) seen.permuted++;
    }
    if (one.outputs.some((output) => output < one.operands.length - one.outputs.length)) seen.inPlace++;
    for (const word of one.describe().match(/[a-z_0-9]+(?=\()/g) ?? []) words.add(word);
  }
  for (const [what, times] of Object.entries(seen)) assert(times >= 10, `${what}: only ${times} times in 4000 cases`);
  const all =
    "neg abs sign floor ceil round trunc sqrt exp expm1 log log1p sin cos tanh sigmoid not add sub mul div mod pow " +
    "minimum maximum atan2 and or xor eq ne lt le gt ge select float32 float64 int32 bool random_bits random_uniform " +
    "random_normal";
  for (const op of all.split(" ")) assert(words.has(op), `${op} was never drawn`);
});

test("arrange keeps every element inside the buffer and apart from the others", () => {
  for (let i = 0; i < 500; i++) {
    const one = drawCase("copy", 2, i);
    const { layout, length } = arrange(one.shapes[1], one.operands[1].arrangement);
    const seen = new Set<number>();
    const visit = (axis: number, at: number): void => {
      if (axis === layout.shape.length) {
        assert(at >= 0 && at < length, `${at} outside of ${length}`);
        assert(!seen.has(at), `${at} twice`);
        seen.add(at);
        return;
      }
      for (let k = 0; k < layout.shape[axis]; k++) visit(axis + 1, at + k * layout.strides[axis]);
    };
    visit(0, layout.offset);
  }
});

test("compileRanges keeps exact values exact and opens both sides of a jump", () => {
  const x = input(0, "float32");
  const at = (expression: Expr, ...inputs: number[]) =>
    compileRanges([expression])({ inputs, scalars: [], position: [], linear: 0 })[0];
  assertEquals(at(unary("floor", x), 2.5), { low: 2, high: 2, nan: false, exact: true });
  assertEquals(at(compare("lt", x, 1), 0.5), { low: 1, high: 1, nan: false, exact: true });
  // 3 · (1 / 3) is 1 only up to rounding: its floor may be 0.
  const third = binary("mul", binary("div", 1, input(0, "float32")), 3);
  const floor = at(unary("floor", third), 3);
  assertEquals([floor.low, floor.high], [0, 1]);
  assert(!at(compare("lt", third, 1), 3).exact);
  assertEquals(at(unary("sqrt", x), -1), { low: Infinity, high: -Infinity, nan: true, exact: true });
  const sum = at(binary("add", x, 1), 2 ** -30);
  assert(sum.low <= 1 && sum.high >= 1 && sum.high - sum.low <= 2 ** -22);
});

test("widened moves by the given ulp and opens towards infinity at the largest number", () => {
  const one = widened("float32", 1, 1, 2);
  assertEquals([one.low, one.high], [1 - 2 ** -22, 1 + 2 ** -22]);
  assertEquals(widened("float32", 3.5e38, 3.5e38, 1).high, Infinity);
});

test("sumError grows with the number of terms at worst and with its square root for varied terms", () => {
  assertEquals(sumError("float32", 10, false), 11 * 2 ** -24);
  assertEquals(sumError("float32", 1600, true), (320 + 1) * 2 ** -24);
});

test("Draw is uniform within 5 standard deviations and independent of other seeds", () => {
  const draw = new Draw("uniform", 1);
  const bins = new Array<number>(16).fill(0);
  for (let i = 0; i < 16_000; i++) bins[draw.integer(0, 15)]++;
  for (const bin of bins) assert(Math.abs(bin - 1000) < 5 * Math.sqrt(1000 * 15 / 16), String(bins));
  assert(new Draw(1, 2).bits() !== new Draw(1, 3).bits());
});

test("check accepts the reference on a case of each primitive", async () => {
  const [base, oracle] = [await createBackend({}), await createBackend({})];
  for (const primitive of SUITE_PRIMITIVES) {
    assertEquals(await check(drawCase(primitive, 1, 0), base, oracle), undefined);
  }
});
