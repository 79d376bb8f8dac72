// covers: backends/cuda/libraries.ts, backends/cuda/errors.ts
// Where libraries are looked for: toolkits, environments and wheels made of empty files, the variables that name a place, and
// what is said when nothing is found or a file is not a library.

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { CudaError, endsProcess, isDeviceLost } from "../../../backends/cuda/errors.ts";
import { openDriver, openToolkit } from "../../../backends/cuda/libraries.ts";
import { libraryCandidates, libraryFolders } from "../../../backends/cuda/search.ts";
import { BackendError } from "../../../src/tensor/errors.ts";
import { runtime } from "../../../src/runtime/mod.ts";
import { temporaryDirectory } from "../../support/files.ts";
import { test } from "../../support/test.ts";

const isLinux = runtime.platform === "linux";

/** Runs with environment variables as given and no others: for this module graph only, because test files share their process. */
async function withEnvironment(variables: Record<string, string>, run: () => Promise<void>): Promise<void> {
  const before = runtime.env;
  Object.assign(runtime, { env: (name: string) => variables[name] });
  try {
    await run();
  } finally {
    Object.assign(runtime, { env: before });
  }
}

/** Writes empty files below a folder. */
async function touch(folder: string, ...paths: string[]): Promise<void> {
  for (const path of paths) {
    await runtime.makeDirectory(`${folder}/${path.slice(0, path.lastIndexOf("/"))}`);
    await runtime.writeFile(`${folder}/${path}`, new Uint8Array());
  }
}

test.runIf(
  isLinux,
  "ESCNN_CUDA_HOME may be a toolkit, an environment or a folder of wheels",
  "CUDA's names of Linux",
  async () => {
    await using directory = await temporaryDirectory();
    const { path } = directory;
    await touch(
      path,
      "toolkit/lib64/libnvrtc.so.12",
      "venv/lib/python3.11/site-packages/nvidia/cu13/lib/libnvrtc.so.13",
      "venv/lib/python3.11/site-packages/nvidia/cudnn/lib/libcudnn.so.9",
      "wheels/cuda_nvrtc/lib/libnvrtc.so.12",
    );
    const found = async (home: string, majors: readonly number[]) => {
      let paths: readonly string[] = [];
      await withEnvironment({ ESCNN_CUDA_HOME: `${path}/${home}` }, async () => {
        ({ paths } = await libraryCandidates("nvrtc", majors, await libraryFolders()));
      });
      return paths.map((name) => name.replace(`${path}/`, ""));
    };
    assertEquals(await found("toolkit", [13, 12]), ["toolkit/lib64/libnvrtc.so.12"]);
    assertEquals(await found("toolkit", [13]), []);
    assertEquals(await found("venv", [13, 12]), ["venv/lib/python3.11/site-packages/nvidia/cu13/lib/libnvrtc.so.13"]);
    assertEquals(await found("wheels", [13, 12]), ["wheels/cuda_nvrtc/lib/libnvrtc.so.12"]);
  },
);

test.runIf(
  isLinux,
  "without it the loader comes first, then environments, the newest version first",
  "CUDA's names of Linux",
  async () => {
    await using directory = await temporaryDirectory();
    const { path } = directory;
    await touch(
      path,
      "venv/lib/python3.12/site-packages/nvidia/cublas/lib/libcublas.so.12",
      "cuda/lib64/libcublas.so.13",
      "cuda/lib64/libcublas.so.12",
    );
    await withEnvironment({ CUDA_HOME: `${path}/cuda`, VIRTUAL_ENV: `${path}/venv` }, async () => {
      const { paths } = await libraryCandidates("cublas", [13, 12], await libraryFolders());
      const ours = paths.filter((name) => name.startsWith(path) || !name.includes("/"));
      assertEquals(ours.map((name) => name.replace(`${path}/`, "")), [
        "libcublas.so.13",
        "cuda/lib64/libcublas.so.13",
        "libcublas.so.12",
        "cuda/lib64/libcublas.so.12",
        "venv/lib/python3.12/site-packages/nvidia/cublas/lib/libcublas.so.12",
      ]);
    });
    await withEnvironment({ ESCNN_CUBLAS: "/some/where.so" }, async () => {
      assertEquals((await libraryCandidates("cublas", [13], [])).paths, ["/some/where.so"]);
    });
  },
);

test.runIf(
  isLinux,
  "what is missing is told with its names, the places and the next step",
  "CUDA's names of Linux",
  async () => {
    await using directory = await temporaryDirectory();
    const { path } = directory;
    await withEnvironment({ ESCNN_CUDA_HOME: path }, async () => {
      const error = await assertRejects(() => openToolkit([13, 12]), BackendError);
      for (
        const part of [
          "cuDNN (libcudnn.so.9)",
          `ESCNN_CUDA_HOME=${path}`,
          "pip install",
          "ESCNN_CUDNN",
        ]
      ) {
        assertStringIncludes(error.message, part);
      }
    });
    await withEnvironment({ ESCNN_CUDA_DRIVER: "off" }, async () => {
      await assertRejects(() => openDriver(), BackendError, "ESCNN_CUDA_DRIVER=off");
    });
  },
);

test.runIf(
  isLinux,
  "a file that is no library, or another one, is told with the file",
  "CUDA's names of Linux",
  async () => {
    await using directory = await temporaryDirectory();
    const { path } = directory;
    await touch(path, "lib/libcuda.so.1");
    const file = `${path}/lib/libcuda.so.1`;
    await withEnvironment({ ESCNN_CUDA_DRIVER: file }, async () => {
      await assertRejects(() => openDriver(), BackendError, `${file}: `);
    });
    await withEnvironment({ ESCNN_CUDA_DRIVER: "libc.so.6" }, async () => {
      const error = await assertRejects(() => openDriver(), BackendError);
      for (const part of ["the CUDA driver (libcuda.so.1)", "a library without cuInit", "at libc.so.6"]) {
        assertStringIncludes(error.message, part);
      }
    });
  },
);

test("CudaError names the call, the library, the status and what was being done", () => {
  const failure = { library: "cuBLAS", call: "cublasSgemm", status: 14, text: "an internal operation failed" };
  const error = new CudaError(failure).during("matmul of [2, 3], [3, 4]");
  assertEquals(
    error.message,
    "matmul of [2, 3], [3, 4]: cublasSgemm: expected success of cuBLAS, got status 14: an internal operation failed.",
  );
  assertEquals([error instanceof BackendError, error.name], [true, "CudaError"]);
  assertStringIncludes(new CudaError({ ...failure, deviceLost: true }).message, "in a new process only");
  const statuses = [700, 719, 226, 710, 810, 46, 2, 1];
  assertEquals(statuses.filter(isDeviceLost), [700, 719, 226, 710, 810, 46]);
  // A device that went away, or that something else holds, may come back.
  assertEquals(statuses.filter(endsProcess), [700, 719, 226, 710, 810]);
});
