/** Who made an image, when, and its partitions, against the programs that made them. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { type DiskDetails, openVirtualDisk } from "@virtdisk/virtdisk";
import { createImage } from "../create_image.ts";
import { run, sharedImageNeed, TempDir, testWith, tool, unpackSharedImage } from "../support.ts";

const MIB = 1 << 20;
const QEMU = tool("qemu-img");
const SGDISK = tool("/usr/sbin/sgdisk");
const XORRISO = tool("xorriso");

async function detailsOf(path: string, type?: "raw"): Promise<DiskDetails> {
  using disk = await openVirtualDisk(path, {
    backend: "portable",
    getInfoOnly: true,
    ...(type === undefined ? {} : { type }),
  });
  return disk.details();
}

/** Within a minute of now: the clock is the same. */
function assertRecent(time: string | undefined): void {
  assert(Math.abs(Date.parse(time!) - Date.now()) < 60_000, `${time}`);
}

testWith([QEMU], "details(): images of QEMU say that QEMU made them", async () => {
  using dir = new TempDir();
  for (const [name, format] of [["a.vhd", "vpc"], ["a.vhdx", "vhdx"]] as const) {
    run("qemu-img", "create", "-q", "-f", format, dir.file(name), "10M");
    const { images: [image] } = await detailsOf(dir.file(name));
    assertMatch(image.creator!, /^QEMU /);
    if (format === "vpc") assertRecent(image.created);
    assertRecent(image.modified);
    const [blocks] = run("stat", "--format=%b", dir.file(name)).trim().split("\n");
    assertEquals(image.allocatedSize, Number(blocks) * 512);
  }
});

testWith([SGDISK], "details(): partitions are those that sgdisk made", async () => {
  using dir = new TempDir();
  const raw = dir.file("disk.raw");
  Deno.writeFileSync(raw, new Uint8Array(0));
  Deno.truncateSync(raw, 64 * MIB);
  run(
    "/usr/sbin/sgdisk",
    "-n",
    "1:2048:+8M",
    "-t",
    "1:ef00",
    "-n",
    "2:0:+16M",
    "-t",
    "2:8300",
    raw,
  );
  (await createImage(dir.file("disk.vhdx"), { source: raw, sourceType: "raw" })).close();
  const expected = {
    kind: "gpt",
    isBackup: false,
    partitions: [
      { number: 1, offset: MIB, length: 8 * MIB, type: "c12a7328-f81f-11d2-ba4b-00a0c93ec93b" },
      {
        number: 2,
        offset: 9 * MIB,
        length: 16 * MIB,
        type: "0fc63daf-8483-4772-8e79-3d69d8477de4",
      },
    ],
  } as const;
  assertEquals((await detailsOf(raw, "raw")).partitionTable, expected);
  assertEquals((await detailsOf(dir.file("disk.vhdx"))).partitionTable, expected);
  // A child has the partitions of its parent; alone it has none.
  (await createImage(dir.file("child.vhdx"), { parent: dir.file("disk.vhdx") })).close();
  assertEquals((await detailsOf(dir.file("child.vhdx"))).partitionTable, expected);
  using alone = await openVirtualDisk(dir.file("child.vhdx"), {
    backend: "portable",
    getInfoOnly: true,
    flags: ["no-parents"],
  });
  assertEquals(alone.details().partitionTable, undefined);
});

testWith([XORRISO], "details(): a disc of xorriso says so, and when it was made", async () => {
  using dir = new TempDir();
  Deno.writeTextFileSync(dir.file("a.txt"), "text");
  run("xorriso", "-as", "mkisofs", "-quiet", "-o", dir.file("disc.iso"), dir.file("a.txt"));
  const { images: [image], partitionTable } = await detailsOf(dir.file("disc.iso"));
  assertMatch(image.creator!, /XORRISO/i);
  assertRecent(image.created);
  assertEquals(partitionTable, undefined);
});

testWith(
  [sharedImageNeed("vhdx-log-replay.vhdx.gz")],
  "details(): an image of Windows with a log that was left behind is told",
  async () => {
    using dir = new TempDir();
    const { images: [image] } = await detailsOf(
      await unpackSharedImage("vhdx-log-replay.vhdx.gz", dir),
    );
    assertEquals([image.dirtyLog, image.creator], [true, "Microsoft Windows 10.0.15063.0"]);
  },
);
