/**
 * Makes an image and tells what has become of it.
 *
 * @module
 */
import { type CreateOptions, createVirtualDisk } from "../../mod.ts";
import { describe } from "./describe.ts";
import { inspectionJson, inspectionOf } from "./inspection.ts";
import { ProgressBar } from "./progress_bar.ts";
import type { Report } from "./report.ts";

/** Creates the image, with a progress bar; Ctrl-C cancels. Gives the exit status. */
export async function createAndTell(
  path: string,
  options: Omit<CreateOptions, "backend">,
  report: Report,
): Promise<number> {
  try {
    return await report.interruptible(() => path, async (signal) => {
      using disk = await createWithBar(path, { ...options, signal });
      const inspection = inspectionOf(disk);
      report.tellDone(path, inspectionJson(inspection), () => describe(inspection));
      return 0;
    }, () => `there is no new image${options.overwrite ? ", and an old one is as it was" : ""}`);
  } catch (error) {
    return report.fail(path, error);
  }
}

/** The portable backend makes the same image on every system. */
async function createWithBar(path: string, options: Omit<CreateOptions, "backend">) {
  using bar = new ProgressBar();
  return await createVirtualDisk(path, { ...options, backend: "portable", onProgress: bar.show });
}
