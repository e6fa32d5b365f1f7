/** The size of a disk, which no checksum covers in a VHDX, against the GUID partition table that sgdisk wrote. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { checkVirtualDisk } from "@virtdisk/virtdisk";
import { subject } from "../fuzz/damaged_fields.ts";
import { run, TempDir, testWith, tool } from "../support.ts";
import { makePartitioned } from "./sgdisk.ts";

const MIB = 2 ** 20;
const SIZE = 12 * MIB;
const NEEDS = [tool("qemu-img"), tool("sgdisk")];

/** A disk with a table, as an image. */
function partitioned(dir: TempDir, format: "vhd" | "vhdx"): string {
  const raw = dir.file("disk.raw");
  makePartitioned(raw, SIZE, "--clear", "--new=1:2048:0");
  const path = dir.file(`disk.${format}`);
  const type = format === "vhd" ? "vpc" : format;
  const options = format === "vhd" ? "force_size=on" : "block_size=1M";
  run("qemu-img", "convert", "-f", "raw", "-O", type, "-o", options, raw, path);
  return path;
}

for (const format of ["vhd", "vhdx"] as const) {
  testWith(NEEDS, `check() says nothing of a ${format} whose size its GPT confirms`, async () => {
    using dir = new TempDir();
    const { sound, findings } = await checkVirtualDisk(partitioned(dir, format));
    assertEquals([sound, findings.filter(({ structure }) => structure.includes("GUID"))], [
      true,
      [],
    ]);
  });
}

testWith(
  NEEDS,
  "check() warns of a disk that is smaller than its GPT, and mentions a larger one",
  async () => {
    using dir = new TempDir();
    const path = partitioned(dir, "vhdx");
    const { fields } = subject({ format: "vhdx", path, contents: new Uint8Array(0) });
    const { offset } = fields.find(({ kind }) => kind === "size")!;
    for (
      const [size, severity, expected] of [
        [SIZE - MIB, "warning", "the size is damaged, or the disk was cut off"],
        [SIZE + MIB, "info", "unless the disk was enlarged"],
      ] as const
    ) {
      using file = Deno.openSync(path, { write: true });
      file.seekSync(offset, Deno.SeekMode.Start);
      file.writeSync(new Uint8Array(new BigUint64Array([BigInt(size)]).buffer));
      const { sound, findings } = await checkVirtualDisk(path);
      const finding = findings.find(({ structure }) => structure === "GUID partition table");
      assertEquals([finding?.severity, sound], [severity, severity === "info"]);
      assertStringIncludes(finding!.expected, expected);
      assertStringIncludes(String(finding!.found), `a disk of ${SIZE} bytes`);
    }
  },
);
