import { assertEquals } from "@std/assert";
import { resizeAndTell } from "../../src/cli/resized.ts";
import { createImage } from "../create_image.ts";
import { onlyOn, TempDir, testWith } from "../support.ts";

/** What is printed as an error while `run` runs. */
async function errorsOf(run: () => Promise<void>): Promise<string> {
  const { error } = console;
  const lines: string[] = [];
  console.error = (line: string) => lines.push(line);
  try {
    await run();
  } finally {
    console.error = error;
  }
  return lines.join("\n");
}

const ROWS = [
  [
    false,
    "the image is sound, and its disk has 8 MiB (8,388,608 bytes); run the command again to finish",
  ],
  [true, "nothing has been written"],
] as const;

for (const [dryRun, state] of ROWS) {
  testWith(
    [onlyOn("linux", "darwin")],
    `an interrupted ${dryRun ? "dry run of resizing" : "resizing"} says what the disk is`,
    async () => {
      using dir = new TempDir();
      const path = dir.file("disk.vhdx");
      (await createImage(path, { size: 2 ** 23 })).close();
      const errors = await errorsOf(async () => {
        const options = { subcommand: "resize" as const, type: undefined, dryRun, json: false };
        const status = await resizeAndTell(path, options, async (_, { signal }) => {
          // The test runner ends itself at SIGINT.
          Deno.kill(Deno.pid, "SIGTERM");
          while (true) {
            signal.throwIfAborted();
            await new Promise((resolve) => setTimeout(resolve, 1));
          }
        });
        assertEquals(status, 143);
      });
      assertEquals(errors, `virtdisk: interrupted: ${state}`);
    },
  );
}
