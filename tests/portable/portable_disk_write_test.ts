import {
  assertEquals,
  assertInstanceOf,
  assertLessOrEqual,
  assertNotEquals,
  assertThrows,
} from "@std/assert";
import { createVirtualDisk, type PortableVirtualDisk, VirtualDiskError } from "@virtdisk/virtdisk";
import { assertBytesEqual, pattern, TempDir } from "../support.ts";
import { contentsOf, openImageSync } from "../images.ts";

const MIB = 1 << 20;
const ITEM = "0f0f3c4e-3b1c-4a9f-8a52-7a4de21b2b60";

function writer(path: string, options = {}): PortableVirtualDisk {
  return openImageSync(path, { readOnly: false, ...options });
}

for (const format of ["vhd", "vhdx"] as const) {
  for (const subtype of ["dynamic", "fixed"] as const) {
    Deno.test(`${format} ${subtype}: what is written is read back, and nothing else changes`, async () => {
      using dir = new TempDir();
      const path = dir.file(`disk.${format}`);
      (await createVirtualDisk(path, { size: 8 * MIB, subtype, backend: "portable" })).close();
      const expected = new Uint8Array(8 * MIB);
      {
        using disk = writer(path);
        for (
          const [offset, length] of [[0, 1], [700, 3], [511, 2], [2 * MIB - 5, 10], [
            8 * MIB - 1,
            1,
          ], [
            3 * MIB,
            MIB,
          ]] as const
        ) {
          const bytes = pattern(length, offset);
          assertEquals(disk.writeSync(bytes, offset), length);
          expected.set(bytes, offset);
        }
        disk.flushSync();
        assertBytesEqual(contentsOf(disk), expected, "before close");
      }
      using disk = openImageSync(path);
      assertBytesEqual(contentsOf(disk), expected, "after close");
    });
  }

  Deno.test(`${format} differencing: partial sectors keep the parent's bytes, and the parent stays as it is`, async () => {
    using dir = new TempDir();
    const base = dir.file(`base.${format}`);
    const child = dir.file(`child.${format}`);
    const expected = pattern(8 * MIB);
    {
      using disk = await createVirtualDisk(base, { size: 8 * MIB, backend: "portable" });
      disk.writeSync(expected, 0);
    }
    const before = Deno.readFileSync(base);
    (await createVirtualDisk(child, { parent: base, backend: "portable" })).close();
    {
      using disk = writer(child);
      for (const [offset, length] of [[100, 50], [1000, 4000], [5 * MIB - 3, 6]] as const) {
        const bytes = pattern(length, 99);
        disk.writeSync(bytes, offset);
        expected.set(bytes, offset);
      }
      assertBytesEqual(contentsOf(disk), expected, "before close");
    }
    using disk = openImageSync(child);
    assertBytesEqual(contentsOf(disk), expected, "after close");
    assertBytesEqual(Deno.readFileSync(base), before, "parent");
  });

  Deno.test(`${format}: zeros into nothing take no space, and trimmed blocks give theirs back`, async () => {
    using dir = new TempDir();
    const path = dir.file(`disk.${format}`);
    using disk = await createVirtualDisk(path, {
      size: 64 * MIB,
      blockSize: 2 * MIB,
      backend: "portable",
    });
    disk.writeSync(new Uint8Array(10 * MIB), 0);
    assertEquals([...disk.extents()].map(({ kind }) => kind), ["zero"]);
    disk.writeSync(pattern(10 * MIB), 0);
    disk.flushSync();
    disk.trimSync(MIB, 5 * MIB);
    disk.flushSync();
    const bytes = contentsOf(disk);
    assertBytesEqual(bytes.subarray(0, 2 * MIB), pattern(10 * MIB).subarray(0, 2 * MIB));
    assertEquals(bytes.subarray(2 * MIB, 6 * MIB).every((byte) => byte === 0), true);
    assertBytesEqual(bytes.subarray(6 * MIB, 10 * MIB), pattern(10 * MIB).subarray(6 * MIB));
  });

  Deno.test(`${format}: a disk opened for reading is not written, whatever is asked`, async () => {
    using dir = new TempDir();
    const path = dir.file(`disk.${format}`);
    (await createVirtualDisk(path, { size: 8 * MIB, backend: "portable" })).close();
    using disk = openImageSync(path);
    const uses = [
      () => disk.writeSync(new Uint8Array(1), 0),
      () => disk.trimSync(0, MIB),
      () => disk.flushSync(),
      () => disk.setInformation("virtualDiskId", ITEM),
    ];
    for (const use of uses) {
      assertEquals(assertThrows(use, VirtualDiskError).symbol, "ERROR_ACCESS_DENIED");
    }
  });

  Deno.test(`${format}: a range beyond the disk is refused, and nothing is written`, async () => {
    using dir = new TempDir();
    using disk = await createVirtualDisk(dir.file(`disk.${format}`), {
      size: 8 * MIB,
      backend: "portable",
    });
    const error = assertThrows(() => disk.writeSync(pattern(10), 8 * MIB - 9), VirtualDiskError);
    assertEquals([error.symbol, error.operation], ["ERROR_SECTOR_NOT_FOUND", "WriteFile"]);
    assertThrows(() => disk.trimSync(8 * MIB, 1), VirtualDiskError);
    assertEquals(disk.writeSync(new Uint8Array(0), 8 * MIB), 0);
    assertEquals(contentsOf(disk).every((byte) => byte === 0), true);
    for (const offset of [-1, 0.5, Number.NaN]) {
      assertThrows(() => disk.writeSync(new Uint8Array(1), offset), RangeError);
    }
  });

  Deno.test(`${format}: a writable open that changes nothing leaves the file as it was`, async () => {
    using dir = new TempDir();
    const path = dir.file(`disk.${format}`);
    (await createVirtualDisk(path, { size: 8 * MIB, backend: "portable" })).close();
    const before = Deno.readFileSync(path);
    {
      using disk = writer(path);
      disk.flushSync();
    }
    assertBytesEqual(Deno.readFileSync(path), before);
  });

  Deno.test(`${format}: after a write that failed nothing more is written, and the image opens`, async () => {
    using dir = new TempDir();
    const path = dir.file(`disk.${format}`);
    (await createVirtualDisk(path, { size: 64 * MIB, blockSize: 2 * MIB, backend: "portable" }))
      .close();
    const disk = writer(path);
    disk.writeSync(pattern(MIB), 0);
    disk.flushSync();
    const failing = () => {
      disk.writeSync(pattern(MIB, 1), 10 * MIB);
      disk.flushSync();
    };
    withFailingWrites("EIO", () => {
      assertEquals(assertThrows(failing, VirtualDiskError).symbol, "ERROR_IO_DEVICE");
    });
    const again = () => {
      disk.writeSync(pattern(MIB, 2), 20 * MIB);
      disk.flushSync();
    };
    assertEquals(assertThrows(again, VirtualDiskError).symbol, "ERROR_IO_DEVICE");
    disk.close();
    using reopened = writer(path);
    const bytes = contentsOf(reopened);
    assertBytesEqual(bytes.subarray(0, MIB), pattern(MIB));
    assertEquals(bytes.subarray(20 * MIB, 21 * MIB).every((byte) => byte === 0), true);
  });

  Deno.test(`${format}: a write that found no room is done again, and nothing before it is lost`, async () => {
    using dir = new TempDir();
    const path = dir.file(`disk.${format}`);
    (await createVirtualDisk(path, { size: 64 * MIB, blockSize: 2 * MIB, backend: "portable" }))
      .close();
    const disk = writer(path);
    const write = () => disk.writeSync(pattern(MIB, 1), 10 * MIB);
    const tryInVain = () =>
      withFailingWrites("ENOSPC", () => {
        for (let i = 0; i < 100; i++) {
          assertEquals(assertThrows(write, VirtualDiskError).symbol, "ERROR_DISK_FULL");
        }
      });
    tryInVain();
    disk.writeSync(pattern(MIB), 0);
    const length = Deno.statSync(path).size;
    tryInVain();
    // Many tries take no more room than one.
    assertLessOrEqual(Deno.statSync(path).size, length + 3 * MIB);
    disk.writeSync(pattern(MIB, 2), 20 * MIB);
    write();
    disk.close();
    using reopened = writer(path);
    const bytes = contentsOf(reopened);
    for (const [seed, place] of [[0, 0], [1, 10], [2, 20]] as const) {
      assertBytesEqual(bytes.subarray(place * MIB, (place + 1) * MIB), pattern(MIB, seed));
    }
    assertEquals((await reopened.check()).findings, []);
  });

  Deno.test(`${format}: a close tells of a full volume, the end of a scope unless a write has`, async () => {
    using dir = new TempDir();
    const path = dir.file(`disk.${format}`);
    const create = async () => {
      const disk = await createVirtualDisk(path, {
        size: 64 * MIB,
        overwrite: true,
        backend: "portable",
      });
      disk.writeSync(pattern(MIB), 0);
      return disk;
    };
    const refuse = (disk: PortableVirtualDisk) => {
      const write = () => disk.writeSync(pattern(MIB), 20 * MIB);
      assertEquals(assertThrows(write, VirtualDiskError).symbol, "ERROR_DISK_FULL");
    };
    const tells = (close: () => void) => {
      assertEquals(assertThrows(close, VirtualDiskError).symbol, "ERROR_DISK_FULL");
    };
    const close = (disk: PortableVirtualDisk) => disk.close();
    const leave = (disk: PortableVirtualDisk) => disk[Symbol.dispose]();
    for (const end of [close, leave]) {
      const untold = await create();
      withFailingWrites("ENOSPC", () => tells(() => end(untold)));
    }
    const closed = await create();
    withFailingWrites("ENOSPC", () => {
      refuse(closed);
      // What was written before is lost.
      tells(() => close(closed));
    });
    const ended = await create();
    withFailingWrites("ENOSPC", () => {
      refuse(ended);
      leave(ended);
    });
    // It is told again once what was refused has been made good.
    const flushed = await create();
    withFailingWrites("ENOSPC", () => refuse(flushed));
    flushed.flushSync();
    flushed.writeSync(pattern(MIB), 30 * MIB);
    withFailingWrites("ENOSPC", () => tells(() => leave(flushed)));
  });
}

Deno.test("setInformation() sets what the format has, and says what it has not", async () => {
  using dir = new TempDir();
  const size = 8 * MIB;
  using vhd = await createVirtualDisk(dir.file("a.vhd"), { size, backend: "portable" });
  vhd.setInformation("identifier", ITEM.toUpperCase());
  assertEquals(vhd.getInformation("identifier"), ITEM);
  using vhdx = await createVirtualDisk(dir.file("a.vhdx"), { size, backend: "portable" });
  vhdx.setInformation("virtualDiskId", ITEM);
  vhdx.setInformation("vhdPhysicalSectorSize", 512);
  for (const disk of [vhd, vhdx]) disk.close();
  using vhdAgain = openImageSync(dir.file("a.vhd"));
  using vhdxAgain = openImageSync(dir.file("a.vhdx"));
  assertEquals(vhdAgain.getInformation("identifier"), ITEM);
  assertEquals(vhdxAgain.getInformation("virtualDiskId"), ITEM);
  assertEquals(vhdxAgain.getInformation("vhdPhysicalSectorSize"), 512);
  assertNotEquals(vhdxAgain.getInformation("identifier"), ITEM);

  using writableVhd = writer(dir.file("b.vhd"), await create(dir.file("b.vhd")));
  using writableVhdx = writer(dir.file("b.vhdx"), await create(dir.file("b.vhdx")));
  const rows = [
    [() => writableVhd.setInformation("virtualDiskId", ITEM), "ERROR_VHD_INVALID_TYPE"],
    [() => writableVhd.setInformation("vhdPhysicalSectorSize", 4096), "ERROR_VHD_INVALID_TYPE"],
    [() => writableVhdx.setInformation("identifier", ITEM), "ERROR_VHD_INVALID_TYPE"],
    [() => writableVhdx.setInformation("vhdPhysicalSectorSize", 1024), "ERROR_INVALID_PARAMETER"],
    [() => writableVhdx.setInformation("changeTrackingEnabled", true), "ERROR_NOT_SUPPORTED"],
  ] as const;
  for (const [use, symbol] of rows) {
    assertEquals(assertThrows(use, VirtualDiskError).symbol, symbol);
  }
});

async function create(path: string): Promise<Record<string, never>> {
  (await createVirtualDisk(path, { size: 8 * MIB, backend: "portable" })).close();
  return {};
}

Deno.test("metadata of a VHDX is a map that lasts, and other formats have none", async () => {
  using dir = new TempDir();
  const path = dir.file("a.vhdx");
  {
    using disk = await createVirtualDisk(path, { size: 8 * MIB, backend: "portable" });
    disk.metadata.set(ITEM, pattern(1000)).set(
      `{${ITEM.replace("0f0f", "AAAA")}}`,
      new Uint8Array(),
    );
    assertEquals(disk.metadata.size, 2);
    assertEquals(disk.metadata.delete(ITEM.replace("0f0f", "aaaa")), true);
    assertEquals(disk.metadata.delete(ITEM.replace("0f0f", "aaaa")), false);
  }
  using disk = openImageSync(path);
  assertEquals([...disk.metadata.keys()], [ITEM]);
  const value = disk.metadata.get(ITEM);
  assertInstanceOf(value, Uint8Array);
  assertBytesEqual(value, pattern(1000));
  const set = () => disk.metadata.set(ITEM, new Uint8Array(1));
  assertEquals(assertThrows(set, VirtualDiskError).symbol, "ERROR_ACCESS_DENIED");
  await create(dir.file("b.vhd"));
  using vhd = openImageSync(dir.file("b.vhd"));
  assertEquals(
    assertThrows(() => vhd.metadata.keys(), VirtualDiskError).symbol,
    "ERROR_NOT_SUPPORTED",
  );
});

Deno.test("a raw disk that was created can be written, to its last odd byte", async () => {
  using dir = new TempDir();
  {
    using disk = await createVirtualDisk(dir.file("a.raw"), {
      type: "raw",
      size: 3 * MIB,
      backend: "portable",
    });
    disk.writeSync(pattern(3), 3 * MIB - 3);
  }
  const bytes = Deno.readFileSync(dir.file("a.raw"));
  assertEquals([bytes.length, ...bytes.subarray(-4)], [3 * MIB, 0, 1, 2, 3]);
});

for (const format of ["vhd", "vhdx"] as const) {
  Deno.test(`${format}: a parent is not written while it has children, unless asked`, async () => {
    using dir = new TempDir();
    const base = dir.file(`base.${format}`);
    const child = dir.file(`child.${format}`);
    await create(base);
    (await createVirtualDisk(child, { parent: base, backend: "portable" })).close();
    const before = Deno.readFileSync(base);
    {
      using disk = writer(base);
      const changes = format === "vhd" ? [() => disk.setInformation("identifier", ITEM)] : [
        () => disk.setInformation("virtualDiskId", ITEM),
        () => disk.setInformation("vhdPhysicalSectorSize", 512),
        () => disk.metadata.set(ITEM, pattern(1)),
        () => disk.metadata.delete(ITEM),
      ];
      changes.push(() => disk.writeSync(pattern(1), 0), () => disk.trimSync(0, MIB));
      for (const use of changes) {
        const error = assertThrows(use, VirtualDiskError);
        assertEquals(error.symbol, "ERROR_VHD_INVALID_STATE");
        assertEquals(error.message.includes(JSON.stringify(child)), true);
        assertEquals(error.causes.join().includes("ignoreChildren"), true);
      }
      disk.flushSync();
    }
    assertBytesEqual(Deno.readFileSync(base), before);
    {
      using disk = writer(base, { ignoreChildren: true });
      assertEquals(disk.writeSync(pattern(1), 0), 1);
    }
    Deno.removeSync(child);
    using disk = writer(base);
    assertEquals(disk.writeSync(pattern(1), 0), 1);
  });
}

function withFailingWrites(code: string, run: () => void): void {
  const original = Deno.FsFile.prototype.writeSync;
  Deno.FsFile.prototype.writeSync = () => {
    throw Object.assign(new Error("it cannot be written"), { code });
  };
  try {
    run();
  } finally {
    Deno.FsFile.prototype.writeSync = original;
  }
}
