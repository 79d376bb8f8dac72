/**
 * Where NVIDIA's libraries may be: the system's loader, toolkit folders, conda environments, and the wheels that Python packages
 * bring. Gives the folders and file names to try; opening them is `libraries.ts`'s.
 */

import { runtime } from "../../src/runtime/mod.ts";

/** The libraries that the backend uses. */
export type LibraryRole = "driver" | "nvrtc" | "cublas" | "cudnn";

/** What is looked for, and how to get it. */
export interface LibraryDescription {
  /** Its name for people. */
  readonly name: string;
  /** The environment variable with its path. */
  readonly variable: string;
  /** How to install it. */
  readonly install: string;
  /** File names on Linux and on Windows, by the major version of CUDA; the driver and cuDNN have the same one for all. */
  readonly files: (cudaMajor: number, windows: boolean) => string;
}

const WHEELS = (cuda: string, library: string) =>
  `install it with pip install ${library}-cu12 (or ${cuda} for CUDA 13), or with NVIDIA's CUDA toolkit`;

/** The four libraries. */
export const LIBRARIES: { readonly [R in LibraryRole]: LibraryDescription } = {
  driver: {
    name: "the CUDA driver",
    variable: "ESCNN_CUDA_DRIVER",
    install: "install NVIDIA's driver (version 525 or later) on a machine with an NVIDIA GPU",
    files: (_, windows) => windows ? "nvcuda.dll" : "libcuda.so.1",
  },
  nvrtc: {
    name: "NVRTC",
    variable: "ESCNN_NVRTC",
    install: WHEELS("nvidia-cuda-nvrtc", "nvidia-cuda-nvrtc"),
    files: (major, windows) => windows ? `nvrtc64_${major}0_0.dll` : `libnvrtc.so.${major}`,
  },
  cublas: {
    name: "cuBLAS",
    variable: "ESCNN_CUBLAS",
    install: WHEELS("nvidia-cublas", "nvidia-cublas"),
    files: (major, windows) => windows ? `cublas64_${major}.dll` : `libcublas.so.${major}`,
  },
  cudnn: {
    name: "cuDNN",
    variable: "ESCNN_CUDNN",
    install:
      "install it with pip install nvidia-cudnn-cu12 (or nvidia-cudnn-cu13 for CUDA 13), or NVIDIA's cuDNN 9 package",
    files: (_, windows) => windows ? "cudnn64_9.dll" : "libcudnn.so.9",
  },
};

/** The variable that names one place for all libraries but the driver. */
export const HOME_VARIABLE = "ESCNN_CUDA_HOME";

/** Folders in which the system keeps the driver. */
const DRIVER_FOLDERS: readonly string[] = [
  "/usr/lib/x86_64-linux-gnu",
  "/usr/lib/aarch64-linux-gnu",
  "/usr/lib64",
  "/usr/lib/wsl/lib",
  "/usr/local/nvidia/lib64",
  "/run/opengl-driver/lib",
];

/** Folders of a Python package folder `nvidia`, old layout and that of CUDA 13. */
function wheelFolders(nvidia: string): string[] {
  return ["cu13", "cuda_nvrtc", "cublas", "cudnn"].flatMap((
    part,
  ) => [`${nvidia}/${part}/lib`, `${nvidia}/${part}/bin`]);
}

/** Names in a folder; none where it is not there or may not be read. */
async function list(folder: string): Promise<string[]> {
  try {
    return await runtime.exists(folder) ? await runtime.listDirectory(folder) : [];
  } catch {
    return [];
  }
}

/** Folders below a prefix such as a toolkit, a conda environment or a virtual environment. */
async function prefixFolders(prefix: string): Promise<string[]> {
  const folders = [`${prefix}/lib64`, `${prefix}/lib`, `${prefix}/targets/x86_64-linux/lib`, `${prefix}/bin`];
  for (const python of await list(`${prefix}/lib`)) {
    if (!/^python3/.test(python)) continue;
    for (const packages of ["site-packages", "dist-packages"]) {
      folders.push(...wheelFolders(`${prefix}/lib/${python}/${packages}/nvidia`));
    }
  }
  return folders;
}

/**
 * The folders to look into for all libraries but the driver, the likeliest first. With `ESCNN_CUDA_HOME` only those below it: a
 * toolkit, an environment, or a folder of wheels.
 */
export async function libraryFolders(): Promise<string[]> {
  const home = runtime.env(HOME_VARIABLE);
  if (home) {
    return [home, ...wheelFolders(home), ...wheelFolders(`${home}/nvidia`), ...await prefixFolders(home)];
  }
  const prefixes: string[] = [];
  for (const variable of ["CUDA_HOME", "CUDA_PATH", "VIRTUAL_ENV", "CONDA_PREFIX"]) {
    const value = runtime.env(variable);
    if (value) prefixes.push(value);
  }
  prefixes.push("/usr/local/cuda");
  const versions = (await list("/usr/local")).filter((name) => /^cuda-1[23]/.test(name));
  prefixes.push(...versions.reverse().map((name) => `/usr/local/${name}`), "/opt/cuda", "/usr/local", "/usr");
  const user = runtime.env("HOME");
  if (user) prefixes.push(`${user}/.local`);
  const folders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"];
  for (const prefix of prefixes) folders.push(...await prefixFolders(prefix));
  return [...new Set(folders)];
}

/** Paths and names to try for a library, in order. */
export interface Candidates {
  /** What to open. */
  readonly paths: readonly string[];
  /** The folders that were looked into, for the message. */
  readonly searched: readonly string[];
}

/**
 * What to try for a library.
 *
 * @param majors Major versions of CUDA that would do, the best first.
 * @param folders From {@linkcode libraryFolders}; the driver has its own.
 */
export async function libraryCandidates(
  role: LibraryRole,
  majors: readonly number[],
  folders: readonly string[],
): Promise<Candidates> {
  const { files, variable } = LIBRARIES[role];
  const given = runtime.env(variable);
  if (given) return { paths: [given], searched: [`${variable}=${given}`] };
  const windows = runtime.platform === "windows";
  const places = role === "driver" ? DRIVER_FOLDERS : folders;
  // Without permission to look everything "does not exist": then the loader has to tell.
  const blind = !await runtime.exists("/");
  const found: string[] = [];
  const names = [...new Set(majors.map((major) => files(major, windows)))];
  for (const name of names) {
    for (const folder of places) {
      if (blind || await runtime.exists(`${folder}/${name}`)) found.push(`${folder}/${name}`);
    }
  }
  const home = role !== "driver" && runtime.env(HOME_VARIABLE);
  if (home) return { paths: found, searched: [`${HOME_VARIABLE}=${home}`] };
  // The loader's own search comes first for each version: LD_LIBRARY_PATH and the system's cache are the user's choice.
  const paths = names.flatMap((name) => [name, ...found.filter((path) => path.endsWith(`/${name}`))]);
  return { paths, searched: ["the system's loader", ...places] };
}
