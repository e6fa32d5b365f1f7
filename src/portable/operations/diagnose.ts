/** Why an image does not open, by its file and contents alone: on every system. */
import type { Finding } from "../../disk/finding.ts";
import type { OperationOptions } from "../../disk/progress.ts";
import { diagnoseChain } from "./diagnose_chain.ts";
import { diagnoseFile } from "./diagnose_file.ts";
import { diagnoseImage } from "./diagnose_image.ts";

/**
 * Looks at a file, at the image in it, and at the image's parents. Nothing is changed.
 *
 * @throws {Deno.errors.NotCapable} Without `--allow-read` for them.
 */
export async function diagnosePortable(
  path: string,
  options: OperationOptions,
): Promise<Finding[]> {
  const file = diagnoseFile(path);
  if (!file.readable) return [...file.findings];
  const image = await diagnoseImage(path, options);
  const chain = image.isDifferencing ? diagnoseChain(path) : { findings: [], parents: [] };
  const findings = [...file.findings, ...image.findings, ...chain.findings];
  for (const parent of chain.parents) {
    const { findings: inParent } = await diagnoseImage(parent, options);
    // What is unusual but allowed in a parent keeps nobody from using the child.
    findings.push(...inParent.filter(({ severity }) => severity !== "info"));
  }
  return findings;
}
