// Channel plans: views for regular patterns, gathers for others, gradients of all orders.

import { assert, assertEquals } from "@std/assert";
import { ChannelPlan } from "../../../src/nn/plain/mod.ts";
import { fieldItems } from "../../../src/nn/plain/channel_plan.ts";
import { gradcheck, type Tensor } from "../../../src/tensor/mod.ts";
import { test } from "../../support/test.ts";
import { normal, values } from "../support.ts";

const patterns: Readonly<Record<string, readonly number[]>> = {
  uniform: [2, 2, 2],
  periodic: [1, 3, 2, 1, 3, 2],
  sorted: [1, 1, 2, 2, 3],
  interleaved: [1, 2, 2, 1, 2, 2, 1, 2, 2],
  irregular: [2, 1, 1, 1, 2, 1, 2, 2, 1, 2, 1, 1, 1, 1, 2, 1, 1, 2, 2, 1, 2, 1, 2],
};

test("ChannelPlan splits fields by form and joins them again, for all patterns of sizes", async () => {
  for (const [name, sizes] of Object.entries(patterns)) {
    const plan = new ChannelPlan(fieldItems(sizes)), channels = sizes.reduce((a, b) => a + b, 0);
    const forms = new Set(sizes).size;
    assertEquals(new ChannelPlan(fieldItems(sizes), { whole: true }).classes.length, forms, name);
    assertEquals(plan.classes.length, name === "interleaved" ? 3 : forms, name);
    const x = normal([2, channels, 3, 2]);
    const parts = plan.split(x).map(([view]) => view);
    parts.forEach((part, i) =>
      assertEquals(part.shape, [2, plan.classes[i].items.length, plan.classes[i].sizes[0], 6])
    );
    assertEquals(values(plan.join(parts, x)), values(x), name);
    if (name !== "irregular") assert(parts.every((part) => part.storage === x.storage), `${name}: views`);
    const square = (input: Tensor): Tensor => plan.join(plan.split(input).map(([view]) => view.mul(view)), input);
    await gradcheck(square, [normal([1, channels, 1])], { secondOrder: true });
  }
});

test("ChannelPlan keeps marked items apart and gives zeros as gradients of channels that are not used", () => {
  const marked = new ChannelPlan(fieldItems([2, 2, 2], ["a", "b", "a"]));
  assertEquals(marked.classes.map(({ items }) => [...items]), [[0, 2], [1]]);
  const plan = new ChannelPlan([{ inputs: [{ start: 1, size: 2 }], outputs: [{ start: 0, size: 2 }] }]);
  const x = normal([1, 4, 2]).requireGrad();
  plan.join(plan.split(x)[0], x).sum().backward();
  assertEquals(values(x.grad!), [0, 0, 1, 1, 1, 1, 0, 0]);
});

test("ChannelPlan cuts roles out of several inputs", () => {
  const items = [0, 1, 2].map((i) => ({
    inputs: [{ start: 2 * i, size: 2 }, { start: 2 - i, size: 1 }],
    outputs: [{ start: 2 * i, size: 2 }],
  }));
  const plan = new ChannelPlan(items, { sources: [0, 1] }),
    x = normal([2, 6]).unsqueeze(2),
    g = normal([2, 3]).unsqueeze(2);
  const [[fields, gates]] = plan.split(x, g);
  assertEquals(values(gates.select(1, 0)), values(g.select(1, 2)));
  const y = plan.join([fields.mul(gates)], x);
  assertEquals(values(y.slice(1, 0, 2)), values(x.slice(1, 0, 2).mul(g.slice(1, 2, 3))));
});
