/** Sizes as people type them: as text, in the options of both backends, and where a disk gets a new size. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { createVirtualDisk, openVirtualDisk, parseSize } from "@virtdisk/virtdisk";
import { nativeCreateRequest } from "../../src/native/create_request.ts";
import { createImage } from "../create_image.ts";
import { TempDir } from "../support.ts";

const [KIB, MIB, GIB, TIB] = [2 ** 10, 2 ** 20, 2 ** 30, 2 ** 40];

Deno.test("sizes are numbers with units, all of them powers of 1024", () => {
  const rows: [text: string, bytes: number][] = [
    ["0", 0],
    ["4096", 4096],
    ["512B", 512],
    ["67,108,864 bytes", 64 * MIB],
    ["64KiB", 64 * KIB],
    ["64k", 64 * KIB],
    ["64KB", 64 * KIB],
    ["512M", 512 * MIB],
    ["10G", 10 * GIB],
    ["10GB", 10 * GIB],
    ["10gb", 10 * GIB],
    ["10GiB", 10 * GIB],
    ["1.5tib", 1.5 * TIB],
    ["2T", 2 * TIB],
    [" 3 MiB ", 3 * MIB],
    ["0x10000", 0x10000],
  ];
  for (const [text, bytes] of rows) assertEquals(parseSize(text), bytes, text);
});

Deno.test("what is no size is refused, with the size that may have been meant", () => {
  const must = "--size must be a number of bytes or a size such as 10GiB, not";
  const rows: [text: string, message: string][] = [
    ["", `${must} ""`],
    ["big", `${must} "big"`],
    ["GiB", `${must} "GiB"`],
    ["NaN", `${must} "NaN"`],
    ["10Gigs", `${must} "10Gigs"; did you mean 10GiB?`],
    ["10GBit", `${must} "10GBit"; did you mean 10GiB?`],
    ["1,5MiB", `${must} "1,5MiB"; did you mean 1.5MiB?`],
    ["1MiB2", `${must} "1MiB2"; did you mean 1MiB?`],
    ["-5M", `${must} "-5M"; did you mean 5MiB?`],
    ["+5M", '--size cannot be relative, as "+5M" is; did you mean 5MiB?'],
    ["1e3", `${must} "1e3"`],
    ["1,00", `${must} "1,00"; did you mean 1.00?`],
    [
      "0.3KiB",
      '--size must be a whole number of bytes, and "0.3KiB" has 307.2; did you mean 307?',
    ],
    [
      "1.5",
      '--size must be a whole number of bytes, and "1.5" has 1.5; did you mean 1.5GiB?',
    ],
    [
      "99999.6",
      '--size must be a whole number of bytes, and "99999.6" has 99999.6; did you mean 100000?',
    ],
    ["9007199254740992", '--size must be less than 8 PiB, not "9007199254740992"'],
    ["9P", '--size must be less than 8 PiB, not "9P"'],
    [
      `${"9".repeat(400)}`,
      `--size must be less than 8 PiB, not "${"9".repeat(20)}...${"9".repeat(20)}"`,
    ],
  ];
  for (const [text, message] of rows) {
    assertEquals(assertThrows(() => parseSize(text, "--size"), RangeError).message, message, text);
  }
});

Deno.test("each size of a new disk may be text", async () => {
  using dir = new TempDir();
  using disk = await createImage(dir.file("a.vhdx"), {
    size: "10M",
    blockSize: "2MiB",
    sectorSize: "4K",
    physicalSectorSize: "4096",
  });
  const { virtualSize, blockSize, sectorSize } = disk.getInformation("size");
  assertEquals([virtualSize, blockSize, sectorSize], [10 * MIB, 2 * MIB, 4096]);
  const { byteLength } = await disk.imageStream({ type: "raw", size: "11MB", alignment: "4MiB" });
  assertEquals(byteLength, 12 * MIB);
});

Deno.test("each size of a native request may be text", () => {
  const options = {
    size: "10G",
    blockSize: "2MiB",
    sectorSize: "0x200",
    physicalSectorSize: "4K",
    dataAlignment: "2M",
  };
  const { parameters } = nativeCreateRequest("a.vhdx", options);
  const made = parameters({ parent: 0n, source: 0n, sourceLimit: 0n });
  if (made.Version !== 4) throw new Error(`version ${made.Version}`);
  const {
    MaximumSize,
    BlockSizeInBytes,
    SectorSizeInBytes,
    PhysicalSectorSizeInBytes,
    DataAlignment,
  } = made.Version4;
  assertEquals(
    [MaximumSize, BlockSizeInBytes, SectorSizeInBytes, PhysicalSectorSizeInBytes, DataAlignment],
    [10n * 2n ** 30n, 2 * MIB, 512, 4096, 2n * 2n ** 20n],
  );
});

Deno.test("a wrong size names its option and makes nothing, on either backend", async (t) => {
  using dir = new TempDir();
  const path = dir.file("a.vhdx");
  const must = (name: string, given: string) =>
    `${name} must be a number of bytes or a size such as 10GiB, not ${given}`;
  const rows: [options: Record<string, string>, message: string][] = [
    [{ size: "ten" }, must("size", '"ten"')],
    [{ size: "10M", blockSize: "2 mega" }, must("blockSize", '"2 mega"; did you mean 2MiB?')],
    [{ size: "10M", sectorSize: "4ki" }, must("sectorSize", '"4ki"; did you mean 4KiB?')],
    [
      { size: "10M", physicalSectorSize: "+1" },
      'physicalSectorSize cannot be relative, as "+1" is; did you mean 1?',
    ],
  ];
  for (const [options, message] of rows) {
    await t.step(JSON.stringify(options), async () => {
      const error = await assertRejects(() => createImage(path, options), RangeError);
      assertEquals(error.message, message);
      assertEquals(
        assertThrows(() => nativeCreateRequest(path, options), RangeError).message,
        message,
      );
    });
  }
  await t.step("alignment", async () => {
    const of = (alignment: string | number) => createImage(path, { size: "10M", alignment });
    const wrong = await assertRejects(() => of("1 MiBi"), RangeError);
    assertEquals(wrong.message, must("alignment", '"1 MiBi"; did you mean 1MiB?'));
    for (const alignment of [0, 100, "1000"]) {
      await assertRejects(() => of(alignment), Error, "ERROR_INVALID_PARAMETER");
    }
  });
  assertEquals([...Deno.readDirSync(dir.path)], []);
});

Deno.test("a size of the wrong kind is a TypeError", async () => {
  using dir = new TempDir();
  const error = await assertRejects(
    // @ts-expect-error: no size
    () => createImage(dir.file("a.vhdx"), { size: {} }),
    TypeError,
  );
  assertEquals(
    error.message,
    'size must be a number of bytes or a size such as "10GiB", not an object',
  );
});

Deno.test("a disk gets the size that is said, or so much more", async () => {
  using dir = new TempDir();
  using disk = await createImage(dir.file("a.vhdx"), { size: "10M" });
  assertEquals((await disk.expand("20M")).virtualSize, 20 * MIB);
  assertEquals((await disk.expand("+5M")).virtualSize, 25 * MIB);
  assertEquals((await disk.resize("+1048576")).virtualSize, 26 * MIB);
  assertEquals((await disk.resize("+1M", { dryRun: true })).virtualSize, 27 * MIB);
  assertEquals((await disk.resize("26M")).virtualSize, 26 * MIB);
  const rows: [size: string, message: string][] = [
    ["+big", 'size must be a size such as 10GiB or +100MiB, or smallest-safe, not "+big"'],
    [
      "+ 1Mega",
      'size must be a number of bytes or a size such as 10GiB, not "1Mega"; did you mean 1MiB?',
    ],
    [
      "smalest-safe",
      'size must be a size such as 10GiB or +100MiB, or smallest-safe, not "smalest-safe"; did you mean smallest-safe?',
    ],
  ];
  for (const [size, message] of rows) {
    assertEquals((await assertRejects(() => disk.resize(size), RangeError)).message, message);
  }
  await assertRejects(() => disk.expand("smallest-safe"), RangeError, "size must be");
  await assertRejects(() => disk.expand("+9007199254740991"), RangeError, "size must be");
});

Deno.test(".raw and .img name a raw disk that is to be made, and only that", async () => {
  using dir = new TempDir();
  for (const name of ["a.raw", "b.IMG"]) {
    (await createVirtualDisk(dir.file(name), { size: "1000", backend: "portable" })).close();
    assertEquals(Deno.statSync(dir.file(name)).size, 1000);
    await assertRejects(
      () => openVirtualDisk(dir.file(name), { backend: "portable" }),
      Error,
      "ERROR_VIRTDISK_PROVIDER_NOT_FOUND",
    );
  }
  const error = await assertRejects(() => createImage(dir.file("a.qcow2"), { size: "10M" }), Error);
  assertEquals(
    error.message.includes(
      'the extension must be .vhd, .vhdx, .avhd, .avhdx, .raw or .img to say what to make, not ".qcow2"',
    ),
    true,
    error.message,
  );
});
