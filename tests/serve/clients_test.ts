/** What clients that others wrote make of a served disk: its contents, its map, and what they write. */
import { assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import {
  createVirtualDisk,
  openVirtualDisk,
  type PortableVirtualDisk,
} from "@virtdisk/virtdisk/portable";
import { contentsHash } from "../images.ts";
import {
  assertBytesEqual,
  fileHash,
  onlyOn,
  pattern,
  pythonModule,
  run,
  TempDir,
  testWith,
  tool,
} from "../support.ts";
import { everySo } from "../sampling.ts";
import { runClient } from "./client.ts";
import { Serving } from "./serving.ts";

const MIB = 1024 * 1024;
const SIZE = 24 * MIB;
const SOCKETS = onlyOn("linux", "darwin");
const LIBNBD = [SOCKETS, tool("nbdinfo"), tool("nbdcopy")];
const QEMU = [SOCKETS, tool("qemu-img"), tool("qemu-io")];

/** Images by what they are; each with data, holes, zeros and an odd end. */
const KINDS: Readonly<Record<string, (dir: TempDir) => Promise<PortableVirtualDisk>>> = {
  "a fixed VHD": (dir) => filled(dir, "vhd", "fixed"),
  "a dynamic VHD": (dir) => filled(dir, "vhd", "dynamic"),
  "a fixed VHDX": (dir) => filled(dir, "vhdx", "fixed"),
  "a dynamic VHDX": (dir) => filled(dir, "vhdx", "dynamic"),
  "a chain of five VHD": (dir) => chain(dir, "vhd"),
  "a chain of five VHDX": (dir) => chain(dir, "vhdx"),
};

async function filled(dir: TempDir, type: "vhd" | "vhdx", subtype: "fixed" | "dynamic") {
  const path = dir.file(`disk.${type}`);
  const disk = await createVirtualDisk(path, { type, subtype, size: SIZE });
  fill(disk, 1);
  return disk;
}

async function chain(dir: TempDir, type: "vhd" | "vhdx") {
  let parent = dir.file(`0.${type}`);
  {
    using base = await createVirtualDisk(parent, { type, size: SIZE });
    fill(base, 1);
  }
  for (let i = 1; i < 5; i++) {
    const path = dir.file(`${i}.${type}`);
    using child = await createVirtualDisk(path, { type, parent });
    child.writeSync(pattern(MIB / 2, i), i * 4 * MIB + 512 * i);
    parent = path;
  }
  return await openVirtualDisk(parent, { readOnly: false });
}

function fill(disk: PortableVirtualDisk, seed: number): void {
  disk.writeSync(pattern(3 * MIB, seed), MIB);
  disk.writeSync(pattern(1000, seed), 10 * MIB + 100);
  disk.writeSync(new Uint8Array(2 * MIB), 2 * MIB);
  disk.writeSync(pattern(513, seed), SIZE - 513);
}

/** Has a client copy all of a disk that is served into a raw disk. */
async function assertCopied(
  disk: PortableVirtualDisk,
  raw: string,
  ...client: [string, ...string[]]
) {
  await runClient(...client);
  using copy = await openVirtualDisk(raw, { type: "raw" });
  assertEquals(contentsHash(copy), contentsHash(disk));
}

for (const [i, [what, make]] of Object.entries(KINDS).entries()) {
  // In a sample each client asks one of them.
  testWith(
    [...LIBNBD, ...everySo(6, i + 1)],
    `serveVirtualDisk: nbdcopy and nbdinfo see ${what} as it is`,
    async () => {
      using dir = new TempDir();
      using disk = await make(dir);
      await using serving = await Serving.start(disk);
      const { uri } = serving.server;
      const raw = dir.file("copy.raw");
      await assertCopied(disk, raw, "nbdcopy", uri, raw);
      const map: { offset: number; length: number; type: number }[] = JSON.parse(
        await runClient("nbdinfo", "--map", "--json", uri),
      );
      assertEquals(joinedMap(map), mapOf(disk, () => 0, 3));
      const depths = JSON.parse(
        await runClient("nbdinfo", "--map=x-virtdisk:depth", "--json", uri),
      );
      const files = [disk.path, ...disk.parents];
      assertEquals(joinedMap(depths), mapOf(disk, (path) => files.indexOf(path) + 1, 0));
    },
  );

  testWith(
    [...QEMU, ...everySo(6, i)],
    `serveVirtualDisk: qemu-img sees ${what} as it is`,
    async () => {
      using dir = new TempDir();
      using disk = await make(dir);
      await using serving = await Serving.start(disk);
      const { uri } = serving.server;
      const raw = dir.file("copy.raw");
      await assertCopied(disk, raw, "qemu-img", "convert", "-O", "raw", uri, raw);
      assertMatch(
        await runClient("qemu-img", "compare", "-f", "raw", "-F", "raw", uri, raw),
        /identical/,
      );
      const map: { start: number; length: number; zero: boolean }[] = JSON.parse(
        await runClient("qemu-img", "map", "--output=json", uri),
      );
      const found = map.map(({ start, length, zero }) => ({
        offset: start,
        length,
        type: zero ? 3 : 0,
      }));
      assertEquals(joinedMap(found), mapOf(disk, () => 0, 3));
    },
  );

  const needs = [...LIBNBD, ...QEMU, ...everySo(6, i + 3)];
  testWith(needs, `serveVirtualDisk: clients write to ${what}`, async () => {
    using dir = new TempDir();
    using disk = await make(dir);
    const expected = new Uint8Array(SIZE);
    disk.readSync(expected, 0);
    {
      await using serving = await Serving.start(disk);
      const { uri } = serving.server;
      await runClient(
        "qemu-io",
        "-f",
        "raw",
        ...commands(
          "write -P 7 1M 3M",
          "write -z 2M 1M",
          "write -z 5000000 100000",
          "write -z -u 12M 4M",
          // What is there afterwards is not promised.
          "discard 6M 1M",
          "write -P 4 6M 1M",
          "write -f -P 9 20000000 70000",
          "aio_write -P 3 18M 1M",
          "aio_flush",
          "flush",
        ),
        uri,
      );
    }
    for (
      const [value, start, length] of [
        [7, MIB, 3 * MIB],
        [0, 2 * MIB, MIB],
        [0, 5_000_000, 100_000],
        [0, 12 * MIB, 4 * MIB],
        [4, 6 * MIB, MIB],
        [9, 20_000_000, 70_000],
        [3, 18 * MIB, MIB],
      ] as const
    ) expected.fill(value, start, start + length);
    const now = new Uint8Array(SIZE);
    disk.readSync(now, 0);
    assertBytesEqual(now, expected, "what was written, and no more,");
    // The other way: a copy onto the disk, zeros as holes.
    const source = dir.file("source.raw");
    Deno.writeFileSync(source, expected.reverse());
    {
      await using serving = await Serving.start(disk);
      await runClient("nbdcopy", "--flush", source, serving.server.uri);
    }
    using raw = await openVirtualDisk(source, { type: "raw" });
    assertEquals(contentsHash(disk), contentsHash(raw));
    disk.close();
    const { path } = disk;
    using again = await openVirtualDisk(path);
    assertEquals((await again.check()).findings, []);
  });
}

testWith(
  [...LIBNBD, ...QEMU, tool("genisoimage")],
  "serveVirtualDisk: clients see an ISO image as its file is, and cannot write to it",
  async () => {
    using dir = new TempDir();
    const path = dir.file("disc.iso");
    Deno.mkdirSync(dir.file("tree"));
    Deno.writeFileSync(dir.file("tree/data"), pattern(MIB + 5000));
    run("genisoimage", "-quiet", "-J", "-R", "-V", "SERVED", "-o", path, dir.file("tree"));
    using disk = await openVirtualDisk(path);
    await using serving = await Serving.start(disk);
    const { uri } = serving.server;
    const raw = dir.file("copy.raw");
    await runClient("nbdcopy", uri, raw);
    assertEquals(fileHash(raw), fileHash(path));
    await runClient("qemu-img", "compare", "-f", "raw", "-F", "raw", uri, path);
    const { exports: [told] } = JSON.parse(await runClient("nbdinfo", "--json", uri));
    assertEquals(told["export-size"], Deno.statSync(path).size);
    assertEquals([told.description, told.is_read_only], ["iso", true]);
    await assertRejects(() => runClient("qemu-io", "-f", "raw", "-c", "write 0 512", uri));
    assertEquals(fileHash(path), fileHash(raw));
  },
);

testWith(
  [...LIBNBD, ...QEMU],
  "serveVirtualDisk: clients see a VHDX with a dirty log as QEMU does once it has replayed it",
  async (t) => {
    using dir = new TempDir();
    const [path, left, replayed] = ["disk", "left", "replayed"].map((name) =>
      dir.file(`${name}.vhdx`)
    ) as [string, string, string];
    {
      using disk = await createVirtualDisk(path, { size: SIZE, blockSize: MIB });
      fill(disk, 1);
      disk.flushSync();
      disk.trimSync(2 * MIB, MIB);
      disk.writeSync(pattern(MIB, 5), 20 * MIB);
      disk.flushSync();
      // As a writer leaves it that is killed.
      for (const copy of [left, replayed]) Deno.copyFileSync(path, copy);
    }
    assertThrows(() => run("qemu-img", "convert", "-O", "raw", left, dir.file("none.raw")));
    run("qemu-img", "check", "-q", "-r", "all", "-f", "vhdx", replayed);
    const before = fileHash(left);
    for (const readOnly of [true, false]) {
      await t.step(readOnly ? "served for reading" : "served for writing", async () => {
        using disk = await openVirtualDisk(left, { readOnly });
        await using serving = await Serving.start(disk);
        const { uri } = serving.server;
        const raw = dir.file("copy.raw");
        await runClient("nbdcopy", uri, raw);
        for (const seen of [uri, raw]) {
          await runClient("qemu-img", "compare", "-f", "raw", "-F", "vhdx", seen, replayed);
        }
        // Reading leaves the log as it is.
        assertEquals(fileHash(left) === before, readOnly);
      });
    }
  },
);

testWith(
  [SOCKETS, pythonModule("nbd")],
  "serveVirtualDisk: libnbd's own view of what the server can",
  async () => {
    using dir = new TempDir();
    using disk = await filled(dir, "vhdx", "dynamic");
    await using serving = await Serving.start(disk);
    const script = `
import nbd, json, sys
h = nbd.NBD()
h.add_meta_context("base:allocation")
h.set_strict_mode(0)
h.connect_uri(sys.argv[1])
out = {"size": h.get_size(), "can": [h.can_trim(), h.can_zero(), h.can_fast_zero(), h.can_fua(), h.can_flush(),
  h.can_df(), h.can_multi_conn(), h.can_cache(), h.is_read_only(), h.get_structured_replies_negotiated()]}
errors = []
for f in [lambda: h.pread(512, h.get_size()), lambda: h.pwrite(b"x" * 512, h.get_size()),
          lambda: h.trim(1, h.get_size()),
          lambda: h.block_status(1, h.get_size(), lambda *a: 0), lambda: h.pread(0, 0)]:
    try:
        f(); errors.append(0)
    except nbd.Error as e:
        errors.append(e.errnum)
out["errors"] = errors
def many():
    cookies = [h.aio_pread(nbd.Buffer(65536), i * 65536) for i in range(64)]
    while h.aio_in_flight() > 0: h.poll(-1)
    return all(h.aio_command_completed(c) for c in cookies)
out["many"] = many()
print(json.dumps(out))
h.shutdown()
`;
    const told = JSON.parse(await runClient("/usr/bin/python3", "-c", script, serving.server.uri));
    assertEquals(told.size, SIZE);
    assertEquals(told.can, [true, true, true, true, true, true, true, true, false, true]);
    assertEquals(told.errors, [22, 28, 22, 22, 22]);
    assertEquals(told.many, true);
  },
);

testWith(
  [...LIBNBD, tool("nbdkit")],
  "serveVirtualDisk: through nbdkit that delays and fails",
  async () => {
    using dir = new TempDir();
    using disk = await chain(dir, "vhdx");
    await using serving = await Serving.start(disk);
    const raw = dir.file("copy.raw");
    const copied = await runClient(
      "nbdkit",
      "-U",
      "-",
      "--filter=delay",
      "--filter=stats",
      "nbd",
      `uri=${serving.server.uri}`,
      "rdelay=1ms",
      `statsfile=${dir.file("stats")}`,
      "--run",
      `nbdcopy "$uri" ${raw}`,
    );
    assertEquals(copied, "");
    using copy = await openVirtualDisk(raw, { type: "raw" });
    assertEquals(contentsHash(copy), contentsHash(disk));
    assertMatch(Deno.readTextFileSync(dir.file("stats")), /read: \d+ ops/);
  },
);

function commands(...each: readonly string[]): string[] {
  return each.flatMap((command) => ["-c", command]);
}

interface MapEntry {
  offset: number;
  length: number;
  type: number;
}

/** Neighbours that are alike are one. */
function joinedMap(entries: readonly MapEntry[]): MapEntry[] {
  const joined: MapEntry[] = [];
  for (const { offset, length, type } of entries) {
    const last = joined.at(-1);
    if (last?.type === type) last.length += length;
    else joined.push({ offset, length, type });
  }
  return joined;
}

function mapOf(
  disk: PortableVirtualDisk,
  ofFile: (path: string) => number,
  ofZeros: number,
): MapEntry[] {
  return joinedMap(
    [...disk.extents()].map((extent) => ({
      offset: extent.offset,
      length: extent.length,
      type: "path" in extent ? ofFile(extent.path!) : ofZeros,
    })),
  );
}
