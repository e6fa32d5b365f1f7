/** The map of a disk on the command line, and its numbers against those of other programs. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { svgPicture } from "../../src/cli/map_svg.ts";
import { DiskMap } from "../../src/cli/disk_map.ts";
import { createVirtualDisk } from "@virtdisk/virtdisk";
import { createImage } from "../create_image.ts";
import { openImage } from "../images.ts";
import {
  dumpedRanges,
  E2FSPROGS,
  fillAndEmpty,
  makeExt,
} from "../portable/filesystems/ext_images.ts";
import { sampledRows } from "../sampling.ts";
import { exists, run, TempDir, testWith, tool } from "../support.ts";
import { runCli, runCliWith } from "./run_cli.ts";

const MIB = 2 ** 20;

interface Range {
  readonly offset: number;
  readonly length: number;
}

/** What qemu-img says is in the file of a VHD; of a VHDX it says that all is. */
function qemuData(path: string): Range[] {
  const entries = JSON.parse(run("qemu-img", "map", "--output=json", "-f", "vpc", path));
  return entries.filter(({ data }: { data: boolean }) => data)
    .map(({ start, length }: { start: number; length: number }) => ({ offset: start, length }));
}

/** The blocks of 1 MiB of a raw disk in which there is anything. */
function blocksWithData(path: string): Range[] {
  const bytes = Deno.readFileSync(path);
  return Array.from({ length: bytes.length / MIB }, (_, i) => i * MIB)
    .filter((offset) => bytes.subarray(offset, offset + MIB).some((byte) => byte !== 0))
    .map((offset) => ({ offset, length: MIB }));
}

function sum(ranges: readonly Range[]): number {
  return ranges.reduce((all, { length }) => all + length, 0);
}

/** The bytes that two lists of ranges have in common. */
function common(first: readonly Range[], second: readonly Range[]): number {
  let bytes = 0;
  for (const a of first) {
    for (const b of second) {
      const start = Math.max(a.offset, b.offset);
      bytes += Math.max(0, Math.min(a.offset + a.length, b.offset + b.length) - start);
    }
  }
  return bytes;
}

async function totalsOf(dir: TempDir, ...args: string[]) {
  const { code, out, err } = await runCli(dir, ["map", "--json", "--as", "totals", ...args]);
  assertEquals([code, err], [0, ""]);
  return JSON.parse(out);
}

testWith(
  [tool("qemu-img"), ...E2FSPROGS],
  "map --as totals: what is in the file as qemu-img says, and free as dumpe2fs says",
  async (t) => {
    using dir = new TempDir();
    const raw = dir.file("raw.img");
    makeExt(raw, 48 * MIB, "-t", "ext4");
    fillAndEmpty(dir, raw, { seed: 5, largest: 2 * MIB, removed: 12 * MIB });
    const free = dumpedRanges(raw);
    for (const name of ["disk.vhdx", "disk.vhd"]) {
      await t.step(name, async () => {
        const path = dir.file(name);
        (await createVirtualDisk(path, {
          source: raw,
          sourceType: "raw",
          blockSize: name === "disk.vhdx" ? MIB : 512 * 1024,
          backend: "portable",
        })).close();
        const data = name === "disk.vhd" ? qemuData(path) : blocksWithData(raw);
        const totals = await totalsOf(dir, name);
        const [file] = totals.files;
        assertEquals([file.bytes, totals.storedBytes], [sum(data), sum(data)]);
        assertEquals(file.freeBytes, common(data, free));
        assertEquals(totals.partitions[0].freeBytes, sum(free));
        assert(file.freeBytes > 2 * MIB && file.freeBytes < file.bytes);
        assertEquals(
          totals.storedBytes + totals.zeroBytes + totals.trimmedBytes + totals.unallocatedBytes +
            totals.absentBytes,
          totals.length,
        );
      });
    }
  },
);

testWith(
  [tool("qemu-img")],
  "map --as totals: each sector is of the file that wrote it last",
  async () => {
    using dir = new TempDir();
    const names = ["base.vhd", "middle.vhd", "leaf.vhd"];
    for (const [i, name] of names.entries()) {
      using disk = await createImage(dir.file(name), {
        ...(i === 0 ? { size: 64 * MIB } : { parent: dir.file(names[i - 1]!) }),
      });
      for (let k = 0; k < 12; k++) {
        disk.writeSync(
          new Uint8Array(4096 * (k + 1)).fill(i + 1),
          ((k * 7 + i * 3) % 31) * 2 * MIB,
        );
      }
    }
    const totals = await totalsOf(dir, "leaf.vhd");
    // qemu-img reads no chains of VHD: each sector is of the file that wrote it last.
    const owner = new Map<number, number>();
    for (let i = 0; i < names.length; i++) {
      for (let k = 0; k < 12; k++) {
        const start = ((k * 7 + i * 3) % 31) * 2 * MIB;
        // A block without a parent is whole in the file.
        const length = i === 0 ? 2 * MIB : 4096 * (k + 1);
        for (let at = start; at < start + length; at += 512) owner.set(at, names.length - 1 - i);
      }
    }
    const expected = [0, 1, 2].map((depth) =>
      [...owner.values()].filter((each) => each === depth).length * 512
    );
    assertEquals(totals.files.map(({ bytes }: { bytes: number }) => bytes), expected);
    assertEquals(
      (await totalsOf(dir, "base.vhd")).storedBytes,
      sum(qemuData(dir.file("base.vhd"))),
    );
  },
);

Deno.test("map --as totals: fragmentation follows the order in which blocks were written", async () => {
  using dir = new TempDir();
  for (const [name, order] of [["up.vhdx", [0, 1, 2, 3]], ["down.vhdx", [3, 2, 1, 0]]] as const) {
    using disk = await createImage(dir.file(name), { size: 8 * MIB, blockSize: MIB });
    for (const block of order) disk.writeSync(new Uint8Array(MIB).fill(1), block * MIB);
  }
  const [up] = (await totalsOf(dir, "up.vhdx")).files;
  const [down] = (await totalsOf(dir, "down.vhdx")).files;
  assertEquals([up.blocks, up.pieces, up.fragmentation], [4, 1, 0]);
  assertEquals([down.blocks, down.pieces, down.fragmentation], [4, 4, 1]);
});

Deno.test("map looks at a disk of 64 TiB by what it holds, not block by block", async () => {
  using dir = new TempDir();
  {
    using disk = await createImage(dir.file("huge.vhdx"), { size: "64TiB" });
    disk.writeSync(new Uint8Array(512).fill(1), 40 * 2 ** 40);
    // It has two million blocks.
    assert(Array.from(disk.extents()).length < 2000);
  }
  const { out } = await runCli(dir, ["map", "--as", "picture", "huge.vhdx"]);
  assertMatch(out, /^A cell is 64 GiB;/m);
  // One block in one cell: it is seen, and seen to be less than half.
  assertEquals(out.match(/^ +[0-9.]+ [TG]iB \.*\+\.*$/gm)?.length, 1, out);
});

Deno.test("map --svg makes one file that is XML, says what it shows, and holds no script", async () => {
  using dir = new TempDir();
  const name = "<script>&'\".vhdx";
  const isWindows = Deno.build.os === "windows";
  const disk = isWindows ? "a&b'.vhdx" : name;
  (await createImage(dir.file(disk), { size: 8 * MIB })).close();
  const { code, out } = await runCli(dir, ["map", "--svg", "disk.svg", disk]);
  assertEquals(code, 0);
  assertStringIncludes(out, "never written");
  const svg = Deno.readTextFileSync(dir.file("disk.svg"));
  assertMatch(svg, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" [^>]*role="img"/);
  assertMatch(svg, /<title id="title">[^<]*vhdx: VHDX, dynamic, 8 MiB<\/title>\n<desc id="desc">/);
  assert(!/<script|javascript:|href=|@import/i.test(svg));
  // Standard output, which takes no permission to write; an older picture gives way.
  const piped = await runCliWith(dir, ["--allow-read=."], ["map", "--svg", "-", disk]);
  assertEquals([piped.code, piped.out], [0, svg]);
  assertEquals((await runCli(dir, ["map", "--svg", "disk.svg", disk])).code, 0);
});

testWith(
  [tool("/usr/bin/python3")],
  "map --svg: what it says is what the XML parser of Python reads",
  () => {
    using dir = new TempDir();
    const path = "/x/\x1b]0;\x07<b>&\ufffe\ud800.vhdx";
    const image = {
      path,
      format: "vhdx",
      subtype: "dynamic",
      virtualSize: MIB,
      blockSize: 0,
      fileSize: 0,
    };
    const map = new DiskMap({
      offset: 0,
      end: MIB,
      images: [{ ...image, dirtyLog: false } as never],
      columns: 8,
      rows: 1,
    });
    map.add({ kind: "file", offset: 0, length: MIB, path, fileOffset: 0 });
    const heading = "<b> & \x1b\ufffe\ud800";
    Deno.writeTextFileSync(dir.file("a.svg"), svgPicture(map, heading, ["a < b"]));
    const script = "import sys, xml.etree.ElementTree as E\n" +
      "print(ascii(E.parse(sys.argv[1]).getroot().find('{http://www.w3.org/2000/svg}title').text))";
    const title = run("/usr/bin/python3", "-c", script, dir.file("a.svg"));
    assertEquals(title.trim(), String.raw`'<b> & \ufffd\ufffd\ufffd'`);
  },
);

Deno.test("map refuses a picture that would take the place of an image, and options that clash", async () => {
  using dir = new TempDir();
  (await createImage(dir.file("disk.vhdx"), { size: 8 * MIB })).close();
  const rows: [args: string[], message: string][] = [
    [["--svg", "disk.vhdx", "disk.vhdx"], "the picture must have a name that ends in .svg"],
    [["--svg", "a.svg", "--as", "picture", "disk.vhdx"], "--svg and --as exclude each other"],
    [["--json", "--as", "picture", "disk.vhdx"], "--json has pieces or totals, and no picture"],
  ];
  for (const [args, message] of sampledRows(rows, 3)) {
    const { code, out, err } = await runCli(dir, ["map", ...args]);
    assertEquals(code, 2);
    assertStringIncludes(out + err, message);
  }
  using disk = await openImage(dir.file("disk.vhdx"), true);
  assertEquals(disk.size, 8 * MIB);
  assert(!exists(dir.file("a.svg")));
  const missing = await runCli(dir, ["map", "--svg", "none/a.svg", "disk.vhdx"]);
  assertEquals(missing.code, 2);
  assertStringIncludes(missing.err, "none");
});

Deno.test("map --as picture tells a parent that is not open, and free space that is not known", async () => {
  using dir = new TempDir();
  (await createImage(dir.file("base.vhdx"), { size: 8 * MIB })).close();
  (await createImage(dir.file("child.vhdx"), { parent: dir.file("base.vhdx") })).close();
  const { code, out } = await runCli(dir, ["map", "--as", "picture", "--no-parents", "child.vhdx"]);
  assertEquals(code, 0);
  assertMatch(out, /\n +0 bytes \?+\n/);
  assertMatch(out, /\n {2}\? +in a parent that is not open +8 MiB +100 %\n/);
  assertStringIncludes(out, "Free space is not known: ");
});
