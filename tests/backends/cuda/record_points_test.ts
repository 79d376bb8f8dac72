// Recorded steps of networks on point clouds, on the emulator or a GPU: over a graph that was used before they are those of steps that are not
// recorded, to the bit; a graph that is new in every step is refused.
// covers: src/nn/plain/point_convolution.ts, src/nn/point/pool_graphs.ts

import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import {
  Adam,
  BackendError,
  disposeBackend,
  DisposedError,
  FieldType,
  GeometricTensor,
  gspaces,
  plain,
  poolGraphs,
  R3PointConv,
  radiusGraph,
  randn,
  recordStep,
  scope,
  seed,
  type Tensor,
  tensor,
  useBackend,
} from "@escnn/escnn";
import { test } from "../../support/test.ts";
import { chooseDevice } from "./chosen_device.ts";

const { name: device, missing, emulator } = await chooseDevice();

function deviceTest(name: string, run: () => Promise<void>): void {
  test.runIf(missing === undefined, `${device}: ${name}`, missing ?? "", async () => {
    emulator?.reset();
    await useBackend("cuda");
    await run();
    disposeBackend("cuda");
    emulator?.reset();
    assertEquals(emulator?.leaks() ?? {}, {}, "left behind");
  });
}

/** A ring of six points that hear their neighbours; the last one hears nobody. */
const EDGES = Int32Array.of(1, 5, 0, 2, 1, 3, 2, 4, 3, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4);
const POINTS = 6;

/** A network of two convolutions on points, and its training step. */
function training() {
  seed(4);
  const space = gspaces.rot3dOnR3();
  const type = new FieldType(space, [space.irrep(0), space.irrep(1)]);
  const first = new R3PointConv(type, type, { width: 1.5, ringCount: 2 });
  const second = new R3PointConv(type, type, { width: 1.5, ringCount: 2 });
  const optimizer = new Adam([...first.parameters(), ...second.parameters()], { learningRate: 1e-2 });
  const coords = randn([POINTS, 3]);
  const step = (x: Tensor, edges: Tensor | plain.PointGraph): Tensor => {
    optimizer.zeroGrad();
    const hidden = first.forward(new GeometricTensor(x, type, coords), edges);
    const loss = second.forward(hidden, edges).tensor.sub(1).square().mean();
    loss.backward();
    optimizer.step();
    return loss;
  };
  return { step, optimizer };
}

deviceTest("a step over a fixed graph is recorded, and the same to the bit", async () => {
  const run = async (recordings: number, asTensor: boolean): Promise<number[]> => {
    const { step, optimizer } = training();
    const edges = asTensor ? tensor(EDGES, [2, EDGES.length / 2]) : new plain.PointGraph(EDGES, POINTS, POINTS);
    using recorded = await recordStep((x: Tensor) => step(x, edges), { recordings });
    const losses: number[] = [];
    for (let i = 0; i < 6; i++) {
      using _ = scope();
      losses.push(await recorded.run(randn([POINTS, 4])).item());
    }
    assertEquals(recorded.recordings, recordings);
    if (recordings > 0 && !asTensor) {
      edges.dispose();
      assertThrows(() => recorded.run(randn([POINTS, 4])), DisposedError, "uses memory that has been freed since");
    }
    optimizer.dispose();
    return losses;
  };
  const expected = await run(0, false);
  assertNotEquals(expected[0], expected[5]);
  for (const asTensor of [false, true]) assertEquals(await run(1, asTensor), expected);
});

deviceTest("a step that makes its graph cannot be recorded", async () => {
  const { step, optimizer } = training();
  using makes = await recordStep((x: Tensor) => step(x, new plain.PointGraph(EDGES, POINTS, POINTS)));
  using gets = await recordStep((x: Tensor, edges: Tensor) => step(x, edges));
  const x = randn([POINTS, 4]);
  makes.run(x);
  assertThrows(() => makes.run(x), BackendError, "write, which needs the host");
  const edges = (): Tensor => tensor(EDGES, [2, EDGES.length / 2]);
  gets.run(x, edges());
  assertThrows(() => gets.run(x, edges()), BackendError, "read, which needs the host");
  optimizer.dispose();
});

deviceTest(
  "a step that pools over edges to graphs is recorded, and the same to the bit; radiusGraph reads the device",
  async () => {
    const run = async (recordings: number): Promise<number[]> => {
      seed(5);
      const space = gspaces.rot3dOnR3(), type = new FieldType(space, [space.irrep(0), space.irrep(1)]);
      const conv = new R3PointConv(type, type, { width: 1.5, ringCount: 2 }), head = new plain.Linear(4, 1);
      const optimizer = new Adam([...conv.parameters(), ...head.parameters()], { learningRate: 1e-2 });
      const coords = randn([POINTS, 3]), graph = await radiusGraph(coords, 2, { batch: [0, 0, 0, 0, 2, 2] });
      const clouds = new plain.PointGraph(Int32Array.of(0, 1, 2, 3, 4, 5, 0, 0, 0, 0, 2, 2), POINTS, 3);
      using recorded = await recordStep((x: Tensor) => {
        optimizer.zeroGrad();
        const features = conv.forward(new GeometricTensor(x, type, coords), graph);
        const means = poolGraphs(features, clouds).tensor,
          most = poolGraphs(features.tensor, clouds, { reduction: "max" });
        const sums = poolGraphs(features.tensor, clouds, { reduction: "sum" });
        const loss = head.forward(means.add(most).add(sums)).sub(1).square().mean();
        loss.backward();
        optimizer.step();
        return loss;
      }, { recordings });
      const losses: number[] = [];
      for (let i = 0; i < 6; i++) {
        using _ = scope();
        losses.push(await recorded.run(randn([POINTS, 4])).item());
      }
      assertEquals(recorded.recordings, recordings);
      optimizer.dispose();
      return losses;
    };
    const expected = await run(0);
    assertNotEquals(expected[0], expected[5]);
    assertEquals(await run(1), expected);
  },
);
