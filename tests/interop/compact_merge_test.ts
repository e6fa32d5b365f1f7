/** Images compacted and merged here, read by QEMU and libvhdi; images of QEMU's, compacted here. */
import { assert, assertEquals } from "@std/assert";
import { openVirtualDisk } from "@virtdisk/virtdisk";
import { createImage } from "../create_image.ts";
import { allStates, everySo, IS_FULL } from "../sampling.ts";
import { assertBytesEqual, fileHash, pattern, run, TempDir, testWith } from "../support.ts";
import { LIBVHDI, libvhdiRead, QEMU, qemuCreate, qemuWrite } from "./vhd_oracles.ts";
import { qemuCreateVhdx, qemuWriteVhdx } from "./vhdx_oracles.ts";

const MIB = 2 ** 20;
const QEMU_FORMAT = { vhd: "vpc", vhdx: "vhdx" } as const;
const FORMATS = ["vhd", "vhdx"] as const;

type Format = (typeof FORMATS)[number];

/** The hash of the disk that QEMU sees. */
function qemuHash(dir: TempDir, format: Format, path: string): string {
  const raw = dir.file("disk.raw");
  if (format === "vhdx") run("qemu-img", "check", "-q", "-f", "vhdx", path);
  run("qemu-img", "convert", "-f", QEMU_FORMAT[format], "-O", "raw", path, raw);
  return fileHash(raw);
}

/** How long a file is that holds so many blocks and nothing else. */
function idealSize(format: Format, blocks: number, blockSize: number): number {
  return format === "vhd" ? 2048 + blocks * (blockSize + 512) : 4 * MIB + blocks * blockSize;
}

for (const format of FORMATS) {
  for (const [i, blockSize] of [2 * MIB, format === "vhd" ? MIB / 2 : 8 * MIB].entries()) {
    testWith(
      [...QEMU, ...everySo(2, i)],
      `a ${format.toUpperCase()} with blocks of ${blockSize} bytes, filled and half zeroed, compacts to what it holds`,
      async () => {
        using dir = new TempDir();
        const path = dir.file(`disk.${format}`);
        const size = (IS_FULL ? 64 : 16) * MIB;
        using disk = await createImage(path, { size, blockSize });
        const blocks = size / blockSize;
        for (let i = 0; i < blocks; i++) disk.writeSync(pattern(blockSize, i), i * blockSize);
        for (let i = 0; i < blocks; i += 2) {
          disk.writeSync(new Uint8Array(blockSize), (i * 7 % blocks) * blockSize);
        }
        disk.flushSync();
        disk.close();
        const hash = qemuHash(dir, format, path);
        using again = await openVirtualDisk(path, { backend: "portable", readOnly: false });
        const { releasedBlocks, fileSize } = await again.compact();
        again.close();
        assertEquals(releasedBlocks, blocks / 2);
        assertEquals(Deno.statSync(path).size, fileSize);
        const ideal = idealSize(format, blocks / 2, blockSize);
        assert(
          fileSize >= ideal && fileSize <= ideal + 2 * blockSize,
          `${fileSize} bytes, ideal are ${ideal}`,
        );
        assertEquals(qemuHash(dir, format, path), hash);
      },
    );
  }

  testWith(
    QEMU,
    `compact(): a ${format.toUpperCase()} made by QEMU compacts, and QEMU goes on writing to it`,
    async () => {
      using dir = new TempDir();
      const path = dir.file(`disk.${format}`);
      const write = format === "vhd" ? qemuWrite : qemuWriteVhdx;
      if (format === "vhd") qemuCreate(path, 40 * MIB);
      else qemuCreateVhdx(path, 40 * MIB, "subformat=dynamic,block_size=2M");
      write(path, [
        { offset: 30 * MIB, length: 3 * MIB, value: 0 },
        { offset: 20 * MIB, length: 3 * MIB, value: 5 },
        { offset: 2 * MIB, length: 4 * MIB, value: 0 },
        { offset: 12 * MIB + 512, length: 4 * MIB, value: 9 },
      ]);
      const hash = qemuHash(dir, format, path);
      const size = Deno.statSync(path).size;
      {
        using disk = await openVirtualDisk(path, { backend: "portable", readOnly: false });
        const { fileSize } = await disk.compact();
        assert(fileSize <= size - 4 * MIB, `${fileSize} of ${size} bytes are left`);
      }
      assertEquals(qemuHash(dir, format, path), hash);
      write(path, [{ offset: 34 * MIB, length: MIB, value: 3 }]);
      using disk = await openVirtualDisk(path, { backend: "portable" });
      const bytes = new Uint8Array(MIB);
      disk.readSync(bytes, 34 * MIB);
      assertBytesEqual(bytes, new Uint8Array(MIB).fill(3));
      disk.readSync(bytes, 20 * MIB);
      assertBytesEqual(bytes, new Uint8Array(MIB).fill(5));
    },
  );

  testWith(
    [...QEMU, ...LIBVHDI, allStates],
    `merge(): merged ${format.toUpperCase()} images are read by QEMU, and by libvhdi as chains`,
    async () => {
      using dir = new TempDir();
      const path = (depth: number) => dir.file(`${depth}.${format}`);
      const size = 24 * MIB;
      const bytes = new Uint8Array(size);
      (await createImage(path(0), { size, blockSize: 2 * MIB })).close();
      for (let depth = 1; depth <= 4; depth++) {
        using child = await createImage(path(depth), {
          parent: path(depth - 1),
          blockSize: format === "vhd" ? depth % 2 === 0 ? 2 * MIB : MIB / 2 : 4 * MIB,
        });
        // Whole 4 KiB: libvhdi takes what follows a written sector for written, up to there.
        const data = pattern(5 * MIB, depth);
        child.writeSync(data, depth * 3 * MIB + 4096);
        bytes.set(data, depth * 3 * MIB + 4096);
        child.writeSync(new Uint8Array(MIB), (depth * 3 + 1) * MIB);
        bytes.fill(0, (depth * 3 + 1) * MIB, (depth * 3 + 2) * MIB);
      }
      const all = [{ offset: 0, length: size }];
      const readAll = (...depths: number[]) =>
        libvhdiRead(depths.map(path), all, dir.file("libvhdi.raw"));
      using leaf = await openVirtualDisk(path(4), { backend: "portable", readOnly: false });
      await leaf.merge({ sourceDepth: 1, targetDepth: 3 });
      leaf.close();
      // The ancestor is a differencing image itself.
      assertBytesEqual(readAll(2, 1, 0), bytes, "the merged ancestor");
      assertBytesEqual(readAll(4, 3, 2, 1, 0), bytes, "the chain that it was merged from");
      using middle = await openVirtualDisk(path(2), { backend: "portable", readOnly: false });
      await middle.compact();
      middle.close();
      assertBytesEqual(readAll(2, 1, 0), bytes, "the compacted ancestor");
      using rest = await openVirtualDisk(path(2), { backend: "portable", readOnly: false });
      // What was merged before is still there, and is lost now.
      await rest.merge({ depth: 2, removeChild: true, ignoreChildren: true });
      Deno.writeFileSync(dir.file("expected.raw"), bytes);
      assertEquals(qemuHash(dir, format, path(0)), fileHash(dir.file("expected.raw")));
    },
  );
}
