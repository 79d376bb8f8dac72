// Temporary folders for tests, in any runtime.

interface FileSystem {
  promises: {
    mkdtemp(prefix: string): Promise<string>;
    rm(path: string, options: { recursive: boolean; force: boolean }): Promise<void>;
  };
}

interface Builtins {
  process: { getBuiltinModule(name: string): unknown };
}

/** A folder that a test made and removes. */
export interface TemporaryDirectory extends AsyncDisposable {
  /** Its absolute path. */
  path: string;
  /** Removes it with all that is in it. */
  remove(): Promise<void>;
}

/** Makes an empty folder in the system's temporary folder. */
export async function temporaryDirectory(): Promise<TemporaryDirectory> {
  const { process } = globalThis as unknown as Builtins;
  const fs = process.getBuiltinModule("node:fs") as FileSystem;
  const { tmpdir } = process.getBuiltinModule("node:os") as { tmpdir(): string };
  const path = await fs.promises.mkdtemp(`${tmpdir()}/escnn-test-`);
  const remove = (): Promise<void> => fs.promises.rm(path, { recursive: true, force: true });
  return { path, remove, [Symbol.asyncDispose]: remove };
}
