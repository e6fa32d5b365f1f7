/** Images that have no path: in memory, and behind an object that reads and writes. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  checkVirtualDisk,
  convertVirtualDisk,
  type DiskSource,
  openVirtualDisk,
  openVirtualDiskSync,
  type RandomAccess,
  VirtualDiskError,
} from "@virtdisk/virtdisk";
import { openVirtualDisk as openPortable } from "@virtdisk/virtdisk/portable";
import { createImage } from "../create_image.ts";
import { contentsHash, contentsOf, createChain, hashOf, openImage } from "../images.ts";
import { assertBytesEqual, pattern, run, TempDir, testWith, tool } from "../support.ts";
import { afterCalls, fileHandle, MemoryHandle } from "./handles.ts";

const MIB = 2 ** 20;
const SIZE = 8 * MIB;

type Refused = Pick<VirtualDiskError, "symbol" | "path">;

async function refusal(run: () => Promise<unknown>): Promise<VirtualDiskError & Refused> {
  return await assertRejects(run, VirtualDiskError);
}

/** Images that qemu-img makes of a raw disk with something in it. */
const QEMU_FORMATS: Readonly<Record<string, readonly string[]>> = {
  "disk.vhd": ["-O", "vpc", "-o", "subformat=dynamic,force_size=on"],
  "fixed.vhd": ["-O", "vpc", "-o", "subformat=fixed,force_size=on"],
  "disk.vhdx": ["-O", "vhdx", "-o", "block_size=1M"],
};

/** A disk of 8 MiB in three places. */
function rawDisk(): Uint8Array<ArrayBuffer> {
  const disk = new Uint8Array(SIZE);
  disk.set(pattern(70_000, 1), 0);
  disk.set(pattern(MIB, 2), 3 * MIB + 512);
  disk.set(pattern(1000, 3), SIZE - 1000);
  return disk;
}

testWith(
  [tool("qemu-img")],
  "openVirtualDisk: what qemu-img made reads the same in memory, behind a handle and from its file",
  async (t) => {
    using dir = new TempDir();
    const disk = rawDisk();
    Deno.writeFileSync(dir.file("disk.img"), disk);
    for (const [name, options] of Object.entries(QEMU_FORMATS)) {
      await t.step(name, async () => {
        const path = dir.file(name);
        run("qemu-img", "convert", "-f", "raw", ...options, dir.file("disk.img"), path);
        const bytes = Deno.readFileSync(path);
        const sources: Record<string, () => DiskSource> = {
          "(Uint8Array)": () => bytes,
          "(handle)": () => fileHandle(path),
        };
        for (const [called, source] of Object.entries(sources)) {
          using opened = await openPortable(source());
          assertBytesEqual(contentsOf(opened).subarray(0, SIZE), disk, called);
          assertEquals(opened.path, called);
          assertEquals(opened.parents, []);
          assert(opened.readOnly);
          assertEquals(opened.information().size?.physicalSize, bytes.length);
          assertEquals(opened.details().images[0].fileSize, bytes.length);
          assertEquals(
            (await opened.check()).findings.filter(({ severity }) => severity === "error"),
            [],
          );
        }
      });
    }
  },
);

testWith(
  [tool("qemu-img")],
  "openVirtualDisk: what is written through a handle, qemu-img reads",
  async (t) => {
    for (const name of ["disk.vhd", "disk.vhdx"]) {
      await t.step(name, async () => {
        using dir = new TempDir();
        const path = dir.file(name);
        (await createImage(path, { size: SIZE })).close();
        const written = pattern(3 * MIB, 9);
        {
          using disk = await openPortable(fileHandle(path), { readOnly: false });
          disk.writeSync(written, 2 * MIB + 100);
          await disk.resize(2 * SIZE);
        }
        const format = name.endsWith("x") ? "vhdx" : "vpc";
        const sizes = format === "vpc" ? ["--image-opts"] : [];
        const image = format === "vpc"
          ? `driver=vpc,file.filename=${path},force_size_calc=current_size`
          : path;
        const kind = sizes.length > 0 ? sizes : ["-f", format];
        run("qemu-img", "convert", ...kind, "-O", "raw", image, dir.file("raw"));
        const expected = new Uint8Array(2 * SIZE);
        expected.set(written, 2 * MIB + 100);
        assertBytesEqual(Deno.readFileSync(dir.file("raw")), expected);
        assert((await checkVirtualDisk(path)).sound);
      });
    }
  },
);

Deno.test("openVirtualDisk: after a crash at any call of a handle, every flushed byte is there", async (t) => {
  for (const name of ["disk.vhd", "disk.vhdx"]) {
    await t.step(name, async () => {
      using dir = new TempDir();
      (await createImage(dir.file(name), { size: SIZE })).close();
      const before = Deno.readFileSync(dir.file(name));
      // Writes that come in pieces of 5000 bytes may stop within each of them.
      const handle = new MemoryHandle(before, 5000);
      const first = pattern(9000, 4);
      const flushes: number[] = [];
      {
        using disk = await openPortable(handle, { readOnly: false });
        disk.writeSync(first, 4096);
        disk.flushSync();
        flushes.push(handle.calls.length);
        disk.writeSync(pattern(9000, 5), 5 * MIB);
      }
      assert(flushes[0]! > 2 && handle.calls.length > flushes[0]!);
      assertEquals(handle.calls.at(-1)?.kind, "flush");
      for (let count = 0; count <= handle.calls.length; count++) {
        const bytes = afterCalls(before, handle.calls.slice(0, count));
        using disk = openVirtualDiskSync(bytes, { backend: "portable" });
        assertEquals(disk.size, SIZE);
        const read = new Uint8Array(first.length);
        disk.readSync(read, 4096);
        if (count >= flushes[0]!) assertBytesEqual(read, first, `after ${count} calls`);
      }
    });
  }
});

Deno.test("openVirtualDisk: a handle is closed with its disk, and not if the disk does not open", async () => {
  using dir = new TempDir();
  (await createImage(dir.file("disk.vhdx"), { size: SIZE })).close();
  const handle = new MemoryHandle(Deno.readFileSync(dir.file("disk.vhdx")));
  const disk = await openPortable(handle);
  assertEquals(handle.closed, 0);
  disk.close();
  disk.close();
  assertEquals(handle.closed, 1);

  const wrong = new MemoryHandle(pattern(70_000));
  assertEquals(
    (await refusal(() => openPortable(wrong))).symbol,
    "ERROR_VIRTDISK_PROVIDER_NOT_FOUND",
  );
  assertEquals(wrong.closed, 0);
});

Deno.test("openVirtualDisk: a handle that answers nonsense, or fails, is told as such", async (t) => {
  using dir = new TempDir();
  (await createImage(dir.file("disk.vhdx"), { size: SIZE })).close();
  const bytes = Deno.readFileSync(dir.file("disk.vhdx"));
  const good = () => new MemoryHandle(bytes);
  const withMethods = (methods: object) => {
    const handle = good();
    const own = Object.fromEntries(
      (["read", "write", "getSize", "truncate", "flush", "close"] as const)
        .map((name) => [name, handle[name].bind(handle)]),
    );
    return { ...own, ...methods } as unknown as RandomAccess;
  };
  const rows: [title: string, methods: object, symbol: string, text: string][] = [
    [
      "a promise of a size",
      { getSize: () => Promise.resolve(1) },
      "ERROR_INVALID_DATA",
      "a promise",
    ],
    [
      "a size that is none",
      { getSize: () => -1 },
      "ERROR_INVALID_DATA",
      "getSize() of the handle gave -1",
    ],
    ["no size", { getSize: () => undefined }, "ERROR_INVALID_DATA", "gave undefined"],
    ["more than asked for", { read: () => 2 ** 40 }, "ERROR_INVALID_DATA", "read() of the handle"],
    ["half a byte", { read: () => 0.5 }, "ERROR_INVALID_DATA", "gave 0.5"],
    [
      "an error",
      {
        read() {
          throw new Error("the cable is out");
        },
      },
      "ERROR_GEN_FAILURE",
      "the cable is out",
    ],
    [
      "a handle that has been closed",
      {
        getSize() {
          throw new DOMException("The access handle was already closed", "InvalidStateError");
        },
      },
      "ERROR_GEN_FAILURE",
      "already closed",
    ],
  ];
  for (const [title, methods, symbol, text] of rows) {
    await t.step(title, async () => {
      const error = await refusal(() => openPortable(withMethods(methods)));
      assertEquals(error.symbol, symbol);
      assert(error.message.includes(text), error.message);
    });
  }
  await t.step("a write that does nothing, after which nothing more is written", async () => {
    let writes = 0;
    const handle = withMethods({
      write: () => {
        writes++;
        return 0;
      },
    });
    const disk = await openPortable(handle, { readOnly: false });
    for (let i = 0; i < 2; i++) {
      const error = assertThrows(() => disk.writeSync(pattern(512), 0), VirtualDiskError);
      assertEquals(error.symbol, "ERROR_INVALID_DATA");
    }
    assertEquals(writes, 1);
    disk.close();
  });
  await t.step("no space left", async () => {
    const handle = withMethods({
      write() {
        throw new DOMException("No capacity available", "QuotaExceededError");
      },
    });
    const disk = await openPortable(handle, { readOnly: false });
    const error = assertThrows(() => disk.writeSync(pattern(512), 0), VirtualDiskError);
    assertEquals(error.symbol, "ERROR_DISK_FULL");
    disk.close();
  });
  await t.step("what can only be read", async () => {
    const reader: RandomAccess = { read: good().read.bind(good()), getSize: () => bytes.length };
    (await openPortable({ ...reader, read: (buffer, at) => good().read(buffer, at) })).close();
    const error = await refusal(() => openPortable(reader, { readOnly: false }));
    assertEquals(error.symbol, "ERROR_WRITE_PROTECT");
    assert(error.message.includes("it lacks write(), truncate(), flush()"), error.message);
  });
});

Deno.test("openVirtualDisk: a Uint8Array is written in place, and grows if its buffer does", async (t) => {
  using dir = new TempDir();
  (await createImage(dir.file("disk.vhd"), { size: SIZE })).close();
  const image = Deno.readFileSync(dir.file("disk.vhd"));
  const written = pattern(1000, 7);
  await t.step("a buffer that can grow", async () => {
    const bytes = new Uint8Array(new ArrayBuffer(image.length, { maxByteLength: 2 * SIZE }));
    bytes.set(image);
    {
      using disk = await openPortable(bytes, { readOnly: false });
      disk.writeSync(written, 5 * MIB);
      assert(bytes.length > image.length);
      disk.writeSync(new Uint8Array(1000), 5 * MIB);
      await disk.compact();
    }
    assert(bytes.length <= image.length);
    using disk = await openPortable(bytes);
    assertEquals(contentsHash(disk), await hashOf(dir.file("disk.vhd")));
  });
  await t.step("one that cannot", async () => {
    const bytes = image.slice();
    const disk = await openPortable(bytes, { readOnly: false });
    const error = assertThrows(() => disk.writeSync(written, 0), VirtualDiskError);
    assertEquals(error.symbol, "ERROR_DISK_FULL");
    assert(error.message.includes("maxByteLength"), error.message);
    disk.close();
  });
  await t.step("an array of a fixed length in a buffer that can grow", async () => {
    const buffer = new ArrayBuffer(image.length + 8, { maxByteLength: 2 * SIZE });
    const bytes = new Uint8Array(buffer, 8, image.length);
    bytes.set(image);
    const disk = await openPortable(bytes, { readOnly: false });
    const error = assertThrows(() => disk.writeSync(written, 0), VirtualDiskError);
    assertEquals(error.symbol, "ERROR_DISK_FULL");
    assertEquals(buffer.byteLength, image.length + 8);
    disk.close();
  });
  await t.step("a fixed disk needs no space", async () => {
    (await createImage(dir.file("fixed.vhd"), { size: SIZE, subtype: "fixed" })).close();
    const bytes = Deno.readFileSync(dir.file("fixed.vhd"));
    using disk = await openPortable(bytes, { readOnly: false });
    disk.writeSync(written, 100);
    assertBytesEqual(bytes.subarray(100, 1100), written);
  });
});

Deno.test("openVirtualDisk: the parents of an image without a path are given, never looked for", async (t) => {
  using dir = new TempDir();
  const paths = ["base.vhdx", "middle.vhdx", "leaf.vhdx"].map((name) => dir.file(name));
  await createChain(paths, { size: SIZE }, (disk, depth) => {
    disk.writeSync(pattern(4096, depth), depth * MIB);
  });
  const [base, middle, leaf] = paths.map((path) => Deno.readFileSync(path));
  const [basePath, middlePath, leafPath] = paths;
  const expected = await hashOf(leafPath!);
  await t.step("refused without them", async () => {
    const error = await refusal(() => openPortable(leaf!));
    assertEquals(error.symbol, "ERROR_VHD_PARENT_VHD_NOT_FOUND");
    assert(error.message.includes("has no path itself"), error.message);
    assert(error.causes.some((cause) => cause.includes("pass `parents`")), error.message);
  });
  const rows: [title: string, source: DiskSource, parents: readonly DiskSource[]][] = [
    ["all in memory", leaf!, [middle!, base!]],
    ["handles", new MemoryHandle(leaf!), [new MemoryHandle(middle!), new MemoryHandle(base!)]],
    ["a path finds its own", leaf!, [middlePath!]],
    ["a path, and a parent in memory", leaf!, [middlePath!, base!]],
    ["for a child with a path", leafPath!, [middle!, basePath!]],
  ];
  for (const [title, source, parents] of rows) {
    await t.step(title, async () => {
      using disk = await openPortable(source, { parents });
      assertEquals(contentsHash(disk), expected);
      assertEquals(disk.parents.length, 2);
    });
  }
  await t.step("wrong ones", async () => {
    const swapped = await refusal(() => openPortable(leaf!, { parents: [base!] }));
    assertEquals(swapped.symbol, "ERROR_VHD_CHILD_PARENT_ID_MISMATCH");
    const more = await refusal(() => openPortable(leaf!, { parents: [middle!, base!, base!] }));
    assertEquals(more.symbol, "ERROR_INVALID_PARAMETER");
    assert(more.message.includes("names 3, and the image has 2"), more.message);
    const circle = await refusal(() => openPortable(leaf!, { parents: [leaf!] }));
    assertEquals(circle.symbol, "ERROR_VHD_DIFFERENCING_CHAIN_CYCLE_DETECTED");
    const both = await refusal(() => openPortable(leaf!, { parents: [], flags: ["no-parents"] }));
    assertEquals(both.symbol, "ERROR_INVALID_PARAMETER");
  });
  await t.step("alone", async () => {
    using disk = await openPortable(leaf!, { flags: ["no-parents"] });
    const { resolved, paths: places } = disk.getInformation("parentLocation");
    assert(!resolved && places.some((place) => place.includes("middle.vhdx")));
  });
  await t.step("what needs paths is refused", async () => {
    const handle = new MemoryHandle(leaf!);
    using disk = await openPortable(handle, { parents: [middlePath!], readOnly: false });
    const error = await refusal(() => disk.merge());
    assertEquals(error.symbol, "ERROR_NOT_SUPPORTED");
    const rebase = assertThrows(
      () => disk.setInformation("parentPath", { path: middlePath! }),
      VirtualDiskError,
    );
    assertEquals(rebase.symbol, "ERROR_NOT_SUPPORTED");
    assertEquals(handle.calls.filter(({ kind }) => kind !== "flush"), []);
  });
  await t.step("convertVirtualDisk: with sourceParents", async () => {
    const handle = new MemoryHandle(leaf!);
    const options = { backend: "portable" as const, sourceParents: [middle!, base!] };
    await convertVirtualDisk(handle, dir.file("flat.vhdx"), options);
    assertEquals(handle.closed, 0);
    using disk = await openImage(dir.file("flat.vhdx"), true);
    assertEquals(contentsHash(disk), expected);
  });
});

Deno.test("openVirtualDisk: the native backend refuses what has no path, and by itself is not chosen", async () => {
  using dir = new TempDir();
  (await createImage(dir.file("disk.vhd"), { size: SIZE })).close();
  const bytes = Deno.readFileSync(dir.file("disk.vhd"));
  using disk = await openVirtualDisk(bytes);
  assertEquals(disk.backend, "portable");
  const error = await refusal(() => openVirtualDisk(bytes, { backend: "native" }));
  assertEquals(error.symbol, "ERROR_INVALID_PARAMETER");
});
