import { assertEquals, assertGreater } from "@std/assert";
import { createVirtualDisk, type ImageStreamOptions, openVirtualDisk } from "@virtdisk/virtdisk";
import { everySo, IS_FULL, sampledRows } from "../sampling.ts";
import {
  assertBytesEqual,
  fileHash,
  pythonModule,
  run,
  TempDir,
  testWith,
  tool,
} from "../support.ts";
import {
  DISK_SIZE,
  makeChain,
  makeRawDisk,
  QEMU_FORMAT,
  qemuConvert,
  qemuHash,
  qemuStoredBytes,
} from "./convert_oracles.ts";
import { libvhdiRead } from "./vhd_oracles.ts";

const MIB = 1 << 20;
const QEMU = tool("qemu-img");

type Target = Pick<ImageStreamOptions, "type" | "subtype" | "blockSize">;

const TARGETS: readonly Target[] = [
  { type: "raw" },
  { type: "vhd", subtype: "fixed" },
  { type: "vhd", subtype: "dynamic" },
  { type: "vhd", subtype: "dynamic", blockSize: MIB / 2 },
  { type: "vhdx", subtype: "fixed" },
  { type: "vhdx", subtype: "dynamic" },
  { type: "vhdx", subtype: "dynamic", blockSize: MIB },
  { type: "vhdx", subtype: "dynamic", blockSize: 256 * MIB },
];

/** Makes a source of the raw disk; gives its path and, where it must be said, its format. */
type MakeSource = (
  dir: TempDir,
  raw: string,
) => Promise<{ path: string; type?: "raw" }> | { path: string; type?: "raw" };

const SOURCES: Record<string, MakeSource> = {
  "a raw disk": (_, raw) => ({ path: raw, type: "raw" }),
  "a fixed VHD of QEMU": (dir, raw) => byQemu(dir, raw, "vhd", "subformat=fixed,force_size=on"),
  "a dynamic VHD of QEMU": (dir, raw) => byQemu(dir, raw, "vhd", "subformat=dynamic,force_size=on"),
  "a fixed VHDX of QEMU": (dir, raw) => byQemu(dir, raw, "vhdx", "subformat=fixed"),
  "a dynamic VHDX of QEMU": (dir, raw) => byQemu(dir, raw, "vhdx", "subformat=dynamic"),
  "a chain of VHDs": async (dir) => ({ path: await makeChain(dir, "vhd") }),
  "a chain of VHDXs": async (dir) => ({ path: await makeChain(dir, "vhdx") }),
};

function byQemu(dir: TempDir, raw: string, type: "vhd" | "vhdx", options: string) {
  const path = dir.file(`source.${type}`);
  qemuConvert(raw, path, QEMU_FORMAT[type], options);
  return { path };
}

for (const [i, [name, makeSource]] of Object.entries(SOURCES).entries()) {
  testWith(
    [QEMU, ...everySo(2, i)],
    `${name} becomes every kind of image, as a file and as a stream`,
    async (t) => {
      using dir = new TempDir();
      const raw = makeRawDisk(dir);
      const expected = fileHash(raw);
      const source = await makeSource(dir, raw);
      for (const target of sampledRows(TARGETS, 8, i)) {
        await t.step(JSON.stringify(target), async () => {
          const path = dir.file(`target.${target.type}`);
          const options = sourceOptions(source);
          (await createVirtualDisk(path, { ...target, ...options, backend: "portable" })).close();
          assertSameDisk(path, target, expected, dir);
          const length = await stream(source, target, dir.file("stream"));
          assertEquals(Deno.statSync(dir.file("stream")).size, length);
          assertEquals(Deno.statSync(path).size, length);
          assertSameDisk(dir.file("stream"), target, expected, dir);
          Deno.removeSync(path);
        });
      }
    },
  );
}

function sourceOptions({ path, type }: { path: string; type?: "raw" }) {
  return { source: path, ...(type === undefined ? {} : { sourceType: type }) };
}

async function stream(
  source: { path: string; type?: "raw" },
  options: ImageStreamOptions,
  path: string,
): Promise<number> {
  using disk = await openVirtualDisk(source.path, {
    backend: "portable",
    ...(source.type === undefined ? {} : { type: source.type }),
  });
  const { byteLength, readable } = await disk.imageStream(options);
  await Deno.writeFile(path, readable);
  return byteLength;
}

function assertSameDisk(path: string, { type }: Target, expected: string, dir: TempDir): void {
  const format = QEMU_FORMAT[type];
  assertEquals(qemuHash(path, format, dir), expected);
  if (type === "vhdx") run("qemu-img", "check", "-q", "-f", "vhdx", path);
}

testWith(
  [QEMU],
  "convertVirtualDisk(): what qemu-img converts back from an image made here is the same disk",
  async () => {
    using dir = new TempDir();
    const raw = makeRawDisk(dir);
    for (const type of ["vhd", "vhdx"] as const) {
      const path = dir.file(`disk.${type}`);
      (await createVirtualDisk(path, { source: raw, sourceType: "raw", backend: "portable" }))
        .close();
      run("qemu-img", "compare", "-q", "-f", "raw", "-F", QEMU_FORMAT[type], raw, path);
    }
  },
);

testWith(
  [pythonModule("pyvhdi")],
  "convertVirtualDisk(): libvhdi reads every image as the same disk",
  async (t) => {
    using dir = new TempDir();
    const raw = makeRawDisk(dir);
    const expected = fileHash(raw);
    const images = TARGETS.filter(({ type, blockSize = 0 }) =>
      type !== "raw" && Number(blockSize) < 64 * MIB
    );
    for (const target of sampledRows(images, 4, 1)) {
      await t.step(JSON.stringify(target), async () => {
        const path = dir.file(`target.${target.type}`);
        const options = { ...target, source: raw, sourceType: "raw", backend: "portable" } as const;
        (await createVirtualDisk(path, options)).close();
        libvhdiRead([path], [{ offset: 0, length: DISK_SIZE }], dir.file("libvhdi.raw"));
        assertEquals(fileHash(dir.file("libvhdi.raw")), expected);
        Deno.removeSync(path);
      });
    }
  },
);

testWith(
  [QEMU],
  "createVirtualDisk(): holes stay holes: zeros are neither stored in blocks nor in the file",
  async () => {
    using dir = new TempDir();
    const raw = makeRawDisk(dir);
    for (const target of sampledRows(TARGETS, 2)) {
      const path = dir.file(`target.${target.type}`);
      const options = { ...target, source: raw, sourceType: "raw", backend: "portable" } as const;
      (await createVirtualDisk(path, options)).close();
      const onDisk = (Deno.statSync(path).blocks ?? 0) * 512;
      // 5 MiB of data, four small pieces to the grain of 64 KiB, tables.
      assertGreater(10 * MIB, onDisk, JSON.stringify(target));
      // QEMU sees whole blocks, and in a fixed VHDX the file's holes as data.
      const isBlocky = target.type === "vhd" && target.subtype === "dynamic";
      if (isBlocky) assertGreater(16 * MIB, qemuStoredBytes(path, "vpc"));
      Deno.removeSync(path);
    }
  },
);

testWith(
  [QEMU],
  "convertVirtualDisk(): zeros that a source stores are left out, in a file and in a stream",
  async () => {
    using dir = new TempDir();
    const size = (IS_FULL ? 64 : 8) * MIB;
    Deno.writeFileSync(dir.file("zeros.raw"), new Uint8Array(size));
    const source = { path: dir.file("zeros.raw"), type: "raw" } as const;
    for (const type of ["vhd", "vhdx"] as const) {
      const path = dir.file(`zeros.${type}`);
      const options = sourceOptions(source);
      (await createVirtualDisk(path, { ...options, backend: "portable" })).close();
      (await createVirtualDisk(dir.file(`empty.${type}`), { size, backend: "portable" })).close();
      const empty = Deno.statSync(dir.file(`empty.${type}`)).size;
      assertEquals(Deno.statSync(path).size, empty);
      assertEquals(await stream(source, { type }, dir.file("stream")), empty);
      run("qemu-img", "compare", "-q", "-f", "raw", "-F", QEMU_FORMAT[type], source.path, path);
    }
  },
);

testWith(
  [tool("xorriso"), QEMU],
  "convertVirtualDisk(): an ISO image becomes a raw disk and a disk image",
  async () => {
    using dir = new TempDir();
    Deno.writeTextFileSync(dir.file("hello.txt"), "hello");
    run("xorriso", "-as", "mkisofs", "-quiet", "-o", dir.file("disc.iso"), dir.file("hello.txt"));
    for (const type of ["raw", "vhd", "vhdx"] as const) {
      const path = dir.file(`disc.${type}`);
      (await createVirtualDisk(path, { source: dir.file("disc.iso"), type, backend: "portable" }))
        .close();
      assertEquals(qemuHash(path, QEMU_FORMAT[type], dir), fileHash(dir.file("disc.iso")));
    }
    assertEquals(fileHash(dir.file("disc.raw")), fileHash(dir.file("disc.iso")));
  },
);

testWith(
  [QEMU],
  "convertVirtualDisk(): a fixed VHD for Azure is a whole number of MiB, and its footer",
  async (t) => {
    using dir = new TempDir();
    const rows: [size: number, expected: number][] = [
      [5 * MIB, 5 * MIB],
      [5 * MIB + 512, 6 * MIB],
      [6 * MIB - 512, 6 * MIB],
    ];
    for (const [size, expected] of rows) {
      await t.step(`${size} bytes`, async () => {
        const path = dir.file(`${size}.vhd`);
        Deno.writeFileSync(dir.file("disk.raw"), new Uint8Array(size).fill(7));
        const target = { type: "vhd", subtype: "fixed", alignment: "1MiB" } as const;
        const source = { path: dir.file("disk.raw"), type: "raw" } as const;
        const options = { ...target, ...sourceOptions(source), backend: "portable" } as const;
        (await createVirtualDisk(path, options)).close();
        assertEquals(Deno.statSync(path).size, expected + 512);
        assertEquals(await stream(source, target, dir.file("stream")), expected + 512);
        const info = JSON.parse(run("qemu-img", "info", "-f", "vpc", "--output=json", path));
        assertEquals(info["virtual-size"], expected);
        const bytes = Deno.readFileSync(path);
        const disk = new Uint8Array(expected).fill(7, 0, size);
        assertBytesEqual(bytes.subarray(0, expected), disk);
      });
    }
  },
);
