// Indices out of range, on the emulator or a GPU: what is read and added, who throws and when, nothing waits for it, and memory beside the operands stays.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  ArgumentError,
  currentBackend,
  disposeBackend,
  gather,
  indexSelect,
  scatterAdd,
  type Tensor,
  tensor,
  useBackend,
  zeros,
} from "@escnn/escnn";
import { IndexFaults } from "../../../backends/cuda/index_faults.ts";
import { createBackend } from "../../../backends/cuda/mod.ts";
import { OutOfMemoryError } from "../../../src/tensor/errors.ts";
import { test } from "../../support/test.ts";
import { chooseDevice } from "./chosen_device.ts";

const { name: device, missing, emulator } = await chooseDevice();

/** How often the host waited, where that can be known. */
const waits = (): number => emulator?.calls("cuStreamSynchronize") ?? 0;

function deviceTest(name: string, run: () => Promise<void>): void {
  test.runIf(missing === undefined, `${device}: ${name}`, missing ?? "", async () => {
    emulator?.reset();
    await run();
    disposeBackend("cuda");
    emulator?.reset();
    assertEquals(emulator?.leaks() ?? {}, {}, "left behind");
  });
}

const int32 = (values: number[], shape: number[] = [values.length]): Tensor => tensor(Int32Array.from(values), shape);

deviceTest(
  "gather and scatterAdd wait for nothing, and the next read says which index was out of range",
  async () => {
    await useBackend("cuda");
    emulator?.set("careful", 1);
    const x = tensor([[1, 2, 3], [4, 5, 6]]);
    const [bad, source] = [int32([0, 3, -1, 2], [2, 2]), tensor([10, 20, 30, 40], [2, 2])];
    const before = waits();
    const chosen = gather(x, 1, bad);
    assertEquals(waits(), before);
    const error = await assertRejects(
      () => chosen.data(),
      ArgumentError,
      "gather: expected indices from 0 to 2, got index ",
    );
    assert(/index (3 at element 1|-1 at element 2) /.test(error.message), error.message);
    // Once: what the next read gives is whole but for the elements that were left out.
    assertEquals([...await chosen.data()], [1, 0, 0, 6]);
    const sum = scatterAdd(x, 1, bad, source);
    await assertRejects(
      () => currentBackend().synchronize(),
      ArgumentError,
      "scatterAdd: expected indices from 0 to 2",
    );
    assertEquals([...await sum.data()], [11, 2, 3, 4, 5, 46]);
    // A list on the host is checked by the host.
    assertThrows(() => indexSelect(x, 1, [3]), ArgumentError, "indices from 0 to 2");
    indexSelect(x, 0, int32([2]));
    assertThrows(() => x.dataSync(), ArgumentError, "gather: expected indices from 0 to 1, got index 2 at element 0");
  },
);

deviceTest("every method of scatterAdd leaves out what is out of range", async () => {
  await useBackend("cuda");
  // Owners along the fastest axis, lines, and a sort of long shared indices with a number of targets that fills its digits.
  const owned = scatterAdd(
    zeros([1, 5]),
    1,
    int32([4, 5, 0, -7, 1, 1, 9, 2, 3, 4], [1, 10]),
    tensor([[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]]),
  );
  await assertRejects(() => owned.data(), ArgumentError, "scatterAdd");
  assertEquals([...await owned.data()], [3, 11, 8, 9, 11]);
  const targets = 256, count = 3000;
  const places = Array.from(
    { length: count },
    (_, i) => i % 300 === 7 ? (i % 600 === 7 ? -1 - i : 256 + i) : i % targets,
  );
  const expected = new Float32Array(targets);
  places.forEach((place, i) => place >= 0 && place < targets && (expected[place] += i % 5));
  const sorted = scatterAdd(zeros([targets]), 0, int32(places), tensor(places.map((_, i) => i % 5)));
  await assertRejects(() => sorted.data(), ArgumentError, "expected indices from 0 to 255, got index ");
  assertEquals(await sorted.data(), expected);
});

deviceTest("a recording throws for its own run at once, and for the others where the host waits", async () => {
  const backend = await useBackend("cuda");
  const [x, places] = [tensor([1, 2, 3]), int32([0, 5])];
  const y = zeros([2]);
  assert(backend.record !== undefined);
  const issue = () => backend.gather({ input: x, indices: places, axis: 0, output: y });
  assertThrows(() => backend.record!(issue), ArgumentError, "index 5 at element 1");
  assertEquals(backend.info().details.recordings, 0);
  backend.write(places, Int32Array.of(2, 1));
  const recording = backend.record(issue);
  assertEquals([...await y.data()], [3, 2]);
  backend.write(places, Int32Array.of(-3, 1));
  recording.run();
  await assertRejects(() => y.data(), ArgumentError, "index -3 at element 0");
  recording.dispose();
});

deviceTest("dispose throws for what nobody has read, when all is given back", async () => {
  await useBackend("cuda");
  gather(tensor([1, 2]), 0, int32([2]));
  assertThrows(() => disposeBackend("cuda"), ArgumentError, "gather: expected indices from 0 to 1, got index 2");
  assertEquals(emulator?.leaks() ?? {}, {});
});

deviceTest("a synchronous backend throws where the operation is issued", async () => {
  await useBackend("cuda", { synchronous: true });
  const x = tensor([1, 2]);
  assertThrows(() => gather(x, 0, int32([2])), ArgumentError, "gather: expected indices from 0 to 1, got index 2");
  const before = waits();
  x.add(x);
  if (emulator !== undefined) assertEquals(waits(), before + 1);
  await assertRejects(() => createBackend({ synchronous: "yes" as unknown as boolean }), ArgumentError, "synchronous");
});

test("without pinned memory for the report there is an error that says so, and nothing to check", () => {
  const faults = new IndexFaults(
    { tryAllocateHost: () => undefined, freeHost: () => assert(false, "nothing to free") },
    { viewBytes: () => new Uint8Array(24) },
  );
  assertThrows(() => faults.address, OutOfMemoryError, "24 bytes of pinned host memory");
  faults.check();
  faults.dispose();
});
