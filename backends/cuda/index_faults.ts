/**
 * Indices out of range on the cuda backend. The host does not look at them before a launch, because that would wait for the device: the
 * kernels do, skip what is out of range, and write the first one that comes to a report in pinned memory. Whoever waits next reads it.
 */

import type { FfiAdapter } from "../../ffi/mod.ts";
import { ArgumentError, OutOfMemoryError } from "../../src/tensor/errors.ts";
import type { Driver } from "./driver.ts";

/** Numbers of the operations in a report; 0 says that there is none. */
export const INDEX_OPERATIONS = { gather: 1, scatterAdd: 2 } as const;

/** Bytes of a report: operation and index (`int`), size of the axis and place of the index (`long long`). */
const REPORT_BYTES = 24;

/** What the report needs of the driver. */
export type ReportDriver = Pick<Driver, "tryAllocateHost" | "freeHost">;

/** The report of a device. */
export class IndexFaults {
  readonly #driver: ReportDriver;
  readonly #adapter: Pick<FfiAdapter, "viewBytes">;
  #address = 0;
  #report: DataView | undefined;

  /**
   * Takes its memory at the first use.
   *
   * @param adapter To see pinned memory.
   */
  constructor(driver: ReportDriver, adapter: Pick<FfiAdapter, "viewBytes">) {
    this.#driver = driver;
    this.#adapter = adapter;
  }

  /** The report's address, for host and device. @throws OutOfMemoryError */
  get address(): number {
    if (this.#address !== 0) return this.#address;
    const address = this.#driver.tryAllocateHost(REPORT_BYTES);
    if (address === undefined) {
      throw new OutOfMemoryError({
        op: "cuda indices",
        expected: `${REPORT_BYTES} bytes of pinned host memory`,
        actual: "none left",
        hint: "Free memory of the host, or raise the limit of locked memory (ulimit -l)",
      });
    }
    const bytes = this.#adapter.viewBytes(address, REPORT_BYTES).fill(0);
    this.#report = new DataView(bytes.buffer, bytes.byteOffset, REPORT_BYTES);
    return this.#address = address;
  }

  /**
   * Looks at the report, after a wait for the stream, and clears it.
   *
   * @throws ArgumentError with the operation, the index, and where it stood.
   */
  check(): void {
    const report = this.#report;
    const operation = report?.getInt32(0, true);
    if (report === undefined || operation === 0) return;
    report.setInt32(0, 0, true);
    const size = report.getBigInt64(8, true);
    throw new ArgumentError({
      op: operation === INDEX_OPERATIONS.gather ? "gather" : "scatterAdd",
      expected: `indices from 0 to ${size - 1n}`,
      actual: `index ${report.getInt32(4, true)} at element ${report.getBigInt64(16, true)} of the indices in memory`,
      hint: "The device found it in an operation issued before this call, which left the element out; " +
        'useBackend("cuda", { synchronous: true }) throws where it is issued',
    });
  }

  /** Gives the memory back. */
  dispose(): void {
    if (this.#address === 0) return;
    const address = this.#address;
    this.#address = 0;
    this.#report = undefined;
    this.#driver.freeHost(address);
  }
}
