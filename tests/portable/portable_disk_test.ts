import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  openVirtualDiskSync,
  type PortableVirtualDisk,
  VirtualDiskError,
} from "@virtdisk/virtdisk";
import { assertBytesEqual, pattern, TempDir } from "../support.ts";
import { createImage } from "../create_image.ts";

const MIB = 1 << 20;
const MICROSOFT = "ec984aec-a0f9-47e9-901f-71415a66345b";

/** A fixed VHD whose data are known: its data lie at the start of the file. */
async function fixedDisk(dir: TempDir, size = 3 * MIB): Promise<[PortableVirtualDisk, Uint8Array]> {
  const path = dir.file("fixed.vhd");
  (await createImage(path, { size, subtype: "fixed" })).close();
  const data = pattern(size);
  const file = Deno.openSync(path, { write: true });
  file.writeSync(data);
  file.close();
  return [openVirtualDiskSync(path, { backend: "portable" }), data];
}

Deno.test("readSync() reads any range, and less only at the end of the disk", async () => {
  using dir = new TempDir();
  const [disk, data] = await fixedDisk(dir);
  using _disk = disk;
  for (
    const [offset, length] of [[0, 1], [0, 512], [511, 2], [1000, 100_000], [
      3 * MIB - 7,
      7,
    ]] as const
  ) {
    const buffer = new Uint8Array(length);
    assertEquals(disk.readSync(buffer, offset), length);
    assertBytesEqual(buffer, data.subarray(offset, offset + length), `${offset}+${length}`);
  }
  const buffer = new Uint8Array(100).fill(7);
  assertEquals(disk.readSync(buffer, 3 * MIB - 10), 10);
  assertEquals(buffer[10], 7, "what lies beyond the end is left alone");
  assertEquals(disk.readSync(buffer, 3 * MIB), 0);
  assertEquals(disk.readSync(buffer, Number.MAX_SAFE_INTEGER), 0);
  assertEquals(disk.readSync(new Uint8Array(0), 0), 0);
});

Deno.test("readSync() fills a view in the middle of a larger buffer", async () => {
  using dir = new TempDir();
  const [disk, data] = await fixedDisk(dir);
  using _disk = disk;
  const whole = new Uint8Array(1024).fill(7);
  disk.readSync(whole.subarray(256, 768), 4096);
  assertBytesEqual(whole.subarray(256, 768), data.subarray(4096, 4608));
  assertEquals([whole[255], whole[768]], [7, 7]);
});

Deno.test("readSync() refuses wrong arguments", async () => {
  using dir = new TempDir();
  const [disk] = await fixedDisk(dir);
  using _disk = disk;
  for (const offset of [-1, 0.5, Number.NaN, Infinity, 2 ** 53]) {
    assertThrows(() => disk.readSync(new Uint8Array(1), offset), RangeError);
  }
  assertThrows(() => disk.readSync([] as unknown as Uint8Array, 0), TypeError);
});

Deno.test("readable() streams a range, and lets the event loop run meanwhile", async () => {
  using dir = new TempDir();
  const [disk, data] = await fixedDisk(dir);
  using _disk = disk;
  const bytes = new Uint8Array(await new Response(disk.readable()).arrayBuffer());
  assertBytesEqual(bytes, data);
  const part = disk.readable({ offset: 100, length: MIB + 5 });
  assertBytesEqual(
    new Uint8Array(await new Response(part).arrayBuffer()),
    data.subarray(100, MIB + 105),
  );
  assertEquals(
    (await new Response(disk.readable({ offset: 3 * MIB })).arrayBuffer()).byteLength,
    0,
  );
  assertThrows(() => disk.readable({ length: -1 }), RangeError);

  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  for await (const chunk of disk.readable()) {
    assert(chunk.length <= MIB);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  clearInterval(timer);
  assert(turns > 0);
});

Deno.test("readable() fails with the signal's reason, and after close()", async () => {
  using dir = new TempDir();
  const [disk] = await fixedDisk(dir);
  const controller = new AbortController();
  const reader = disk.readable({ signal: controller.signal }).getReader();
  await reader.read();
  controller.abort(new RangeError("enough"));
  await assertRejects(() => reader.read(), RangeError, "enough");

  const late = disk.readable().getReader();
  disk.close();
  const error = await assertRejects(() => late.read(), VirtualDiskError);
  assertEquals([error.symbol, error.operation], ["ERROR_INVALID_HANDLE", "ReadFile"]);
});

Deno.test("readable() can be cancelled by its reader", async () => {
  using dir = new TempDir();
  const [disk] = await fixedDisk(dir);
  using _disk = disk;
  for await (const _chunk of disk.readable()) break;
  assertEquals(disk.readSync(new Uint8Array(1), 0), 1);
});

Deno.test("extents() tells the file and the place in it", async () => {
  using dir = new TempDir();
  const [disk] = await fixedDisk(dir);
  assertEquals([...disk.extents()], [
    { kind: "file", offset: 0, length: 3 * MIB, path: disk.path, fileOffset: 0 },
  ]);
  assertEquals([...disk.extents({ offset: MIB, length: 10 })], [
    { kind: "file", offset: MIB, length: 10, path: disk.path, fileOffset: MIB },
  ]);
  assertEquals([...disk.extents({ offset: 4 * MIB })], []);
  const iterator = disk.extents()[Symbol.iterator]();
  disk.close();
  assertThrows(() => iterator.next(), VirtualDiskError, "ERROR_INVALID_HANDLE");
  assertThrows(() => disk.extents(), VirtualDiskError, "ERROR_INVALID_HANDLE");
});

Deno.test("extents() of a child names the parent that holds the bytes", async () => {
  using dir = new TempDir();
  const [base] = await fixedDisk(dir);
  base.close();
  (await createImage(dir.file("child.vhd"), { parent: base.path })).close();
  using child = openVirtualDiskSync(dir.file("child.vhd"), { backend: "portable" });
  assertEquals([...child.extents()], [
    { kind: "parent", offset: 0, length: 3 * MIB, path: base.path, fileOffset: 0 },
  ]);
});

Deno.test("a disk opened for information only cannot be read", async () => {
  using dir = new TempDir();
  const [disk] = await fixedDisk(dir);
  disk.close();
  for (const options of [{ getInfoOnly: true }, { access: ["get-info", "detach"] }] as const) {
    using query = openVirtualDiskSync(disk.path, { backend: "portable", ...options });
    assertEquals(query.getInformation("size").virtualSize, 3 * MIB);
    const uses = [
      () => query.readSync(new Uint8Array(1), 0),
      () => query.readable(),
      () => query.extents(),
    ];
    for (const use of uses) {
      assertEquals(assertThrows(use, VirtualDiskError).symbol, "ERROR_ACCESS_DENIED");
    }
  }
});

Deno.test("a disk opened without get-info tells nothing", async () => {
  using dir = new TempDir();
  const [disk] = await fixedDisk(dir);
  disk.close();
  using blind = openVirtualDiskSync(disk.path, { backend: "portable", access: ["attach-ro"] });
  assertEquals(
    assertThrows(() => blind.getInformation("size"), VirtualDiskError).symbol,
    "ERROR_ACCESS_DENIED",
  );
  assertThrows(() => blind.information(), VirtualDiskError);
  assertEquals(blind.readSync(new Uint8Array(1), 0), 1);
});

Deno.test("information() has a key for each class that applies, and no other", async () => {
  using dir = new TempDir();
  const identifier = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
  (await createImage(dir.file("a.vhd"), { size: 3 * MIB, identifier })).close();
  using vhd = openVirtualDiskSync(dir.file("a.vhd"), { backend: "portable" });
  assertEquals(vhd.information(), {
    size: {
      virtualSize: 3 * MIB,
      physicalSize: Deno.statSync(vhd.path).size,
      blockSize: 2 * MIB,
      sectorSize: 512,
    },
    identifier,
    storageType: { device: "vhd", vendor: MICROSOFT },
    providerSubtype: "dynamic",
    is4kAligned: true,
    vhdPhysicalSectorSize: 512,
    isLoaded: false,
    virtualDiskId: identifier,
  });

  (await createImage(dir.file("b.vhd"), { parent: vhd.path })).close();
  using child = openVirtualDiskSync(dir.file("b.vhd"), { backend: "portable" });
  const { parentLocation, parentIdentifier, parentTimestamp } = child.information();
  assertEquals(parentLocation, { resolved: true, paths: [vhd.path] });
  assertEquals([parentIdentifier, parentTimestamp], [identifier, 0]);
});

Deno.test("getInformation() tells a class that does not apply from one that only Windows knows", async (t) => {
  using dir = new TempDir();
  (await createImage(dir.file("a.vhdx"), { size: 3 * MIB })).close();
  using disk = openVirtualDiskSync(dir.file("a.vhdx"), { backend: "portable" });
  const rows = [
    ["parentLocation", "ERROR_VHD_INVALID_TYPE"],
    ["parentIdentifier", "ERROR_VHD_INVALID_TYPE"],
    ["parentTimestamp", "ERROR_VHD_INVALID_TYPE"],
    ["physicalDisk", "ERROR_NOT_SUPPORTED"],
    ["smallestSafeVirtualSize", "ERROR_VHD_COULD_NOT_COMPUTE_MINIMUM_VIRTUAL_SIZE"],
    ["fragmentationPercentage", "ERROR_NOT_SUPPORTED"],
    ["changeTrackingState", "ERROR_NOT_SUPPORTED"],
  ] as const;
  for (const [kind, symbol] of rows) {
    await t.step(kind, () => {
      const error = assertThrows(() => disk.getInformation(kind), VirtualDiskError);
      assertEquals([error.symbol, error.operation], [symbol, "GetVirtualDiskInformation"]);
    });
  }
  await t.step("a word that is no class", () => {
    assertThrows(() => disk.getInformation("colour" as "size"), TypeError);
  });
});

Deno.test("size, format and parents are those of the image", async () => {
  using dir = new TempDir();
  const base = dir.file("base.vhdx");
  (await createImage(base, { size: 3 * MIB })).close();
  using child = await createImage(dir.file("child.vhdx"), { parent: base });
  assertEquals([child.size, child.format, child.parents], [3 * MIB, "vhdx", [base]]);
  const [vhd] = await fixedDisk(dir, 5 * MIB);
  assertEquals([vhd.size, vhd.format, vhd.parents], [5 * MIB, "vhd", []]);
  using raw = openVirtualDiskSync(vhd.path, {
    backend: "portable",
    type: "raw",
    access: ["attach-ro"],
  });
  for (const use of [() => raw.size, () => raw.format]) {
    assertEquals(assertThrows(use, VirtualDiskError).symbol, "ERROR_ACCESS_DENIED");
  }
  vhd.close();
  for (const use of [() => vhd.size, () => vhd.format]) {
    assertEquals(assertThrows(use, VirtualDiskError).symbol, "ERROR_INVALID_HANDLE");
  }
});
