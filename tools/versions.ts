// The versions of the runtimes that the project is tested with. The tasks look at the running Deno before anything else,
// because a version pinned in package.json would not be the one that `npx deno` runs.

/** The Deno that `.ci/run` uses. */
export const TESTED_DENO = "2.9.6";

/** The Deno versions that are supported: from the first to below the second. */
export const SUPPORTED_DENO: readonly [from: string, below: string] = ["2.9.0", "3.0.0"];

function compare(a: string, b: string): number {
  const left = a.split(/[.-]/).map(Number), right = b.split(/[.-]/).map(Number);
  for (let i = 0; i < 3; i++) {
    if (left[i] !== right[i]) return left[i] - right[i];
  }
  return 0;
}

/**
 * Whether a version of Deno is supported.
 *
 * @param version "2.9.6".
 */
export function isSupportedDeno(version: string): boolean {
  return compare(version, SUPPORTED_DENO[0]) >= 0 && compare(version, SUPPORTED_DENO[1]) < 0;
}

/** Ends the process with a message when the running Deno is not supported. */
export function requireSupportedDeno(): void {
  const { deno } = Deno.version;
  if (isSupportedDeno(deno)) return;
  const [from, below] = SUPPORTED_DENO;
  console.error(
    `Expected Deno ${from} or later, below ${below}; this is ${deno}. Run: npx -y deno@${TESTED_DENO} task …`,
  );
  Deno.exit(1);
}
