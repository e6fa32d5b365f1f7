import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { buildDouble, doubleNeed } from "../../double/double.ts";
import { run, testWith } from "../../support.ts";

const CHILD = fromFileUrl(new URL("../children/collect_operation.ts", import.meta.url));

testWith(
  [doubleNeed],
  "what operations work on outlives garbage collections, and Deno ends",
  () => {
    const { virtdisk, kernel32 } = buildDouble();
    const flags = ["--v8-flags=--expose-gc", "--allow-all", "--no-check"];
    const output = run(Deno.execPath(), "run", ...flags, CHILD, virtdisk, kernel32);
    const { statuses, intact } = JSON.parse(output);
    assertEquals(statuses, [
      "fulfilled",
      "fulfilled",
      "fulfilled",
      "fulfilled",
      "rejected",
      "fulfilled",
    ]);
    assertEquals(intact, Array(6).fill(true));
  },
);

const TERMINATED = fromFileUrl(new URL("../children/terminated_worker.ts", import.meta.url));

testWith(
  [doubleNeed],
  "what operations, opening and attaching work on outlives the worker that started them",
  () => {
    const { virtdisk, kernel32 } = buildDouble();
    const flags = ["--allow-all", "--no-check"];
    const output = run(Deno.execPath(), "run", ...flags, TERMINATED, virtdisk, kernel32);
    assertEquals(JSON.parse(output), {
      operations: {
        AttachVirtualDisk: true,
        CompactVirtualDisk: true,
        CreateVirtualDisk: true,
        MirrorVirtualDisk: true,
        ResizeVirtualDisk: true,
      },
      opensSpoilt: 0,
    });
  },
);
