import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { createImage } from "../create_image.ts";
import { denoCommand } from "../deno_command.ts";
import { onlyOn, TempDir, testWith } from "../support.ts";

const CHILD = fromFileUrl(new URL("./children/interrupt_resizing.ts", import.meta.url));

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
      const flags = dryRun ? ["--dry-run"] : [];
      const { code, stderr } = await denoCommand({
        args: ["run", "--no-prompt", "--no-check", "--allow-all", CHILD, path, ...flags],
        env: { NO_COLOR: "1" },
        stdin: "null",
      }).output();
      assertEquals(new TextDecoder().decode(stderr), `virtdisk: interrupted: ${state}\n`);
      assertEquals(code, 143);
    },
  );
}
