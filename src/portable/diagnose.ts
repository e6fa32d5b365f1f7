/** Why an image does not open, by its file and contents alone: on every system. */
import type { Finding } from "../finding.ts";
import { diagnoseChain } from "./diagnose_chain.ts";
import { diagnoseFile } from "./diagnose_file.ts";
import { diagnoseImage } from "./diagnose_image.ts";

/**
 * Looks at a file, at the image in it, and at the image's parents. Nothing is changed.
 *
 * @throws {Deno.errors.NotCapable} Without `--allow-read` for them.
 */
export function diagnosePortable(path: string): Finding[] {
  const file = diagnoseFile(path);
  if (!file.readable) return [...file.findings];
  const image = diagnoseImage(path);
  const chain = image.isDifferencing ? diagnoseChain(path) : [];
  return [...file.findings, ...image.findings, ...chain];
}
