import { assertEquals, assertRejects } from "@std/assert";
import {
  type CreateOptions,
  createVirtualDisk,
  openVirtualDisk,
  type PortableVirtualDisk,
  type Progress,
  VirtualDiskError,
} from "@virtdisk/virtdisk";
import { assertBytesEqual, pattern, TempDir } from "../../support.ts";
import { contentsOf } from "../../images.ts";

const MIB = 1 << 20;

function create(path: string, options: CreateOptions): Promise<PortableVirtualDisk> {
  return createVirtualDisk(path, { ...options, backend: "portable" });
}

function streamOf(...chunks: Uint8Array[]): ReadableStream<Uint8Array> {
  return ReadableStream.from(chunks);
}

/** A raw disk of 8 MiB with something in it. */
function rawDisk(dir: TempDir, name = "disk.raw"): { source: string; sourceType: "raw" } {
  const bytes = new Uint8Array(8 * MIB);
  bytes.set(pattern(3 * MIB), MIB - 100);
  Deno.writeFileSync(dir.file(name), bytes);
  return { source: dir.file(name), sourceType: "raw" };
}

Deno.test("createVirtualDisk(): a copy has its source's size, or a larger one with zeros behind", async (t) => {
  using dir = new TempDir();
  const from = rawDisk(dir);
  const bytes = Deno.readFileSync(from.source);
  for (const type of ["vhd", "vhdx", "raw"] as const) {
    for (const size of [undefined, 8 * MIB, 9 * MIB]) {
      await t.step(`${type} ${size}`, async () => {
        const options = { ...from, type, ...(size === undefined ? {} : { size }) };
        using copy = await create(dir.file("copy"), { ...options, overwrite: true });
        const expected = new Uint8Array(size ?? 8 * MIB);
        expected.set(bytes);
        assertBytesEqual(contentsOf(copy), expected);
      });
    }
  }
});

Deno.test("createVirtualDisk(): a copy that was just made can be written", async () => {
  using dir = new TempDir();
  for (const type of ["vhd", "vhdx", "raw"] as const) {
    using copy = await create(dir.file(`copy.${type}`), { ...rawDisk(dir), type });
    copy.writeSync(pattern(1000), 7 * MIB + 10);
    const read = new Uint8Array(1000);
    copy.readSync(read, 7 * MIB + 10);
    assertBytesEqual(read, pattern(1000));
  }
});

Deno.test("createVirtualDisk(): a disk of no whole number of sectors is rounded up, and stays as it is when raw", async () => {
  using dir = new TempDir();
  Deno.writeFileSync(dir.file("odd.raw"), pattern(5 * MIB + 1));
  const from = { source: dir.file("odd.raw"), sourceType: "raw" } as const;
  using vhd = await create(dir.file("a.vhd"), from);
  using vhdx = await create(dir.file("b.vhdx"), { ...from, sectorSize: 4096 });
  using raw = await create(dir.file("c.raw"), { ...from, type: "raw" });
  const sizes = [vhd, vhdx, raw].map((disk) => disk.getInformation("size").virtualSize - 5 * MIB);
  assertEquals(sizes, [512, 4096, 1]);
  raw.writeSync(new Uint8Array([9]), 5 * MIB);
  assertEquals(contentsOf(raw).at(-1), 9);
});

Deno.test("createVirtualDisk(): a copy keeps the sectors of its source, which only VHDX can where they have 4096 bytes", async () => {
  using dir = new TempDir();
  const source = dir.file("source.vhdx");
  (await create(source, { size: 8 * MIB, sectorSize: 4096 })).close();
  using copy = await create(dir.file("copy.vhdx"), { source });
  assertEquals(copy.getInformation("size").sectorSize, 4096);
  const error = await assertRejects(() => create(dir.file("a.vhd"), { source }), VirtualDiskError);
  assertEquals(error.code, 87);
  using forced = await create(dir.file("b.vhd"), { source, sectorSize: 512 });
  assertEquals(forced.getInformation("size").sectorSize, 512);
});

Deno.test("createVirtualDisk() refuses what no copy can be (87), and leaves nothing", async (t) => {
  using dir = new TempDir();
  using target = new TempDir();
  const from = rawDisk(dir);
  Deno.writeFileSync(dir.file("parent.vhd"), new Uint8Array(0));
  const rows: [name: string, options: CreateOptions][] = [
    ["a.vhd", { ...from, size: 8 * MIB - 512 }],
    ["a.vhd", { ...from, size: 8 * MIB + 1 }],
    ["a.vhdx", { ...from, parent: dir.file("parent.vhd") }],
    ["a.vhdx", { ...from, subtype: "differencing" }],
    ["a.disk", from],
    ["a.raw", { ...from, type: "raw", subtype: "dynamic" }],
    ["a.raw", { ...from, type: "raw", blockSize: MIB }],
    ["a.raw", { ...from, type: "raw", sectorSize: 512 }],
    ["a.raw", { ...from, type: "raw", identifier: crypto.randomUUID() }],
    ["a.raw", { type: "raw", size: 0 }],
    ["a.raw", { type: "raw", source: streamOf() }],
    ["a.vhd", { subtype: "fixed", source: streamOf(new Uint8Array(4 * MIB)), size: 3 * MIB }],
    ["a.vhdx", { source: streamOf(new Uint8Array(4 * MIB)), size: 3 * MIB }],
  ];
  for (const [name, options] of rows) {
    await t.step(`${name} ${Object.keys(options)} ${options.size}`, async () => {
      const path = target.file(name);
      const error = await assertRejects(() => create(path, options), VirtualDiskError);
      assertEquals([error.code, error.operation], [87, "CreateVirtualDisk"]);
      assertEquals([...Deno.readDirSync(target.path)], []);
    });
  }
});

Deno.test("createVirtualDisk(): a raw disk is one only where the caller says so", async () => {
  using dir = new TempDir();
  const { source } = rawDisk(dir);
  const refused = [
    () => create(dir.file("a.vhd"), { source }),
    () => openVirtualDisk(source, { backend: "portable" }),
  ];
  for (const attempt of refused) {
    const error = await assertRejects(attempt, VirtualDiskError);
    assertEquals(error.symbol, "ERROR_VIRTDISK_PROVIDER_NOT_FOUND");
  }
  using disk = await openVirtualDisk(source, { backend: "portable", type: "raw" });
  assertEquals(disk.getInformation("storageType").device, "unknown");
  assertBytesEqual(contentsOf(disk), Deno.readFileSync(source));
  const error = await assertRejects(
    () => openVirtualDisk(source, { backend: "native", type: "raw" }),
    VirtualDiskError,
  );
  assertEquals(error.symbol, "ERROR_NOT_SUPPORTED");
});

Deno.test("createVirtualDisk(): a stream of a raw disk becomes an image, however it is cut into chunks", async (t) => {
  const bytes = pattern(5 * MIB);
  bytes.fill(0, MIB + 7, 3 * MIB + 9);
  const cuts: Record<string, number[]> = {
    "in one chunk": [5 * MIB],
    "in chunks across the blocks": [MIB + 1, 3, 0, 2 * MIB, 2 * MIB - 4],
    "in small chunks": new Array(5 * 16).fill(MIB / 16),
  };
  for (const [name, lengths] of Object.entries(cuts)) {
    await t.step(name, async () => {
      using dir = new TempDir();
      let start = 0;
      const chunks = lengths.map((length) => bytes.slice(start, start += length));
      const rows: [name: string, options: CreateOptions][] = [
        ["a.vhd", { size: 5 * MIB }],
        ["b.vhd", { subtype: "fixed" }],
        ["c.vhdx", { size: 5 * MIB, blockSize: MIB }],
        ["d.vhdx", { size: 5 * MIB, subtype: "fixed" }],
        ["e.raw", { type: "raw" }],
      ];
      for (const [file, options] of rows) {
        using disk = await create(dir.file(file), { ...options, source: streamOf(...chunks) });
        assertBytesEqual(contentsOf(disk), bytes, file);
      }
    });
  }
});

/** A stream that can fill a reader's buffer, cut in chunks of so many bytes. */
function byteStream(
  bytes: Uint8Array,
  { length, answers }: { length: number; answers: boolean },
): ReadableStream<Uint8Array> {
  let position = 0;
  return new ReadableStream({
    type: "bytes",
    pull(controller) {
      const { byobRequest } = controller;
      const view = byobRequest?.view;
      if (position >= bytes.length) {
        controller.close();
        // Not every source does that, and then nobody is told.
        if (answers) byobRequest?.respond(0);
      } else if (answers && view) {
        const room = Math.min(length, view.byteLength);
        const part = bytes.subarray(position, position += room);
        new Uint8Array(view.buffer, view.byteOffset).set(part);
        byobRequest.respond(part.length);
      } else controller.enqueue(bytes.slice(position, position += length));
    },
  });
}

Deno.test("createVirtualDisk(): a stream that fills its reader's buffers is taken to its end, however it is closed", async (t) => {
  const bytes = pattern(3 * MIB + 5);
  for (const length of [100_000, MIB, 2 * MIB, 4 * MIB]) {
    for (const answers of [true, false]) {
      await t.step(`${length} bytes at once, ${answers ? "filled in" : "queued"}`, async () => {
        using dir = new TempDir();
        const source = byteStream(bytes, { length, answers });
        using disk = await create(dir.file("a.raw"), { type: "raw", source });
        assertBytesEqual(contentsOf(disk), bytes);
      });
    }
  }
  await t.step("of a Blob", async () => {
    using dir = new TempDir();
    const source = new Blob([bytes]).stream();
    using disk = await create(dir.file("a.raw"), { type: "raw", source });
    assertBytesEqual(contentsOf(disk), bytes);
  });
});

Deno.test("createVirtualDisk(): of a stream the size must be said where tables stand before the data", async () => {
  using dir = new TempDir();
  for (const name of ["a.vhd", "a.vhdx"]) {
    let reason: unknown;
    const source = new ReadableStream<Uint8Array>({ cancel: (why) => void (reason = why) });
    const error = await assertRejects(() => create(dir.file(name), { source }), TypeError);
    assertEquals(reason, error, "a stream that is not read is cancelled");
  }
  assertEquals([...Deno.readDirSync(dir.path)], []);
});

Deno.test("createVirtualDisk(): a stream that fails, gives no bytes or is read by others is the error, and leaves nothing", async () => {
  using dir = new TempDir();
  const failure = new Error("the network is down");
  const failing = ReadableStream.from((async function* () {
    yield new Uint8Array(MIB);
    await Promise.resolve();
    throw failure;
  })());
  const thrown = await assertRejects(() =>
    create(dir.file("a.raw"), { type: "raw", source: failing })
  );
  assertEquals(thrown, failure);
  const text = ReadableStream.from(["text"]) as unknown as ReadableStream<Uint8Array>;
  await assertRejects(() => create(dir.file("a.raw"), { type: "raw", source: text }), TypeError);
  const locked = streamOf(new Uint8Array(4));
  locked.getReader();
  const error = await assertRejects(
    () => create(dir.file("a.raw"), { type: "raw", source: locked }),
    VirtualDiskError,
  );
  assertEquals(error.code, 87);
  assertEquals([...Deno.readDirSync(dir.path)], []);
});

Deno.test("createVirtualDisk(): an image with a damaged table in the middle is not copied, and leaves nothing", async () => {
  using dir = new TempDir();
  using target = new TempDir();
  const source = dir.file("source.vhd");
  (await create(source, { ...rawDisk(dir), blockSize: MIB / 2 })).close();
  using file = Deno.openSync(source, { write: true });
  // The sixth entry of the table leads beyond the file.
  file.seekSync(1536 + 5 * 4, Deno.SeekMode.Start);
  file.writeSync(new Uint8Array([0x7f, 0xff, 0xff, 0]));
  for (const name of ["a.vhd", "a.vhdx"]) {
    const error = await assertRejects(
      () => create(target.file(name), { source }),
      VirtualDiskError,
    );
    assertEquals(error.symbol, "ERROR_VHD_BLOCK_ALLOCATION_TABLE_CORRUPT");
    assertEquals(error.operation, "CreateVirtualDisk");
  }
  assertEquals([...Deno.readDirSync(target.path)], []);
  using disk = await openVirtualDisk(source, { backend: "portable" });
  await assertRejects(() => disk.imageStream({ type: "vhd" }), VirtualDiskError);
  const { readable } = await disk.imageStream({ type: "raw" });
  const error = await assertRejects(() => new Response(readable).bytes(), VirtualDiskError);
  assertEquals(error.symbol, "ERROR_VHD_BLOCK_ALLOCATION_TABLE_CORRUPT");
});

Deno.test("createVirtualDisk(): an aborted copy rejects with the signal's reason and leaves nothing", async (t) => {
  using dir = new TempDir();
  using target = new TempDir();
  const { source } = rawDisk(dir);
  const reason = new Error("changed my mind");
  await t.step("in the middle, from outside", async () => {
    const controller = new AbortController();
    // The event loop turns while the copying goes on, or this would never be asked for more.
    let chunks = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(stream) {
        if (chunks++ === 20) controller.abort(reason);
        stream.enqueue(new Uint8Array(MIB).fill(1));
      },
    });
    const options = { type: "raw", source: endless, signal: controller.signal } as const;
    assertEquals(await assertRejects(() => create(target.file("a"), options)), reason);
  });
  await t.step("while a stream gives nothing", async () => {
    const controller = new AbortController();
    const silent = new ReadableStream<Uint8Array>();
    const options = { type: "raw", source: silent, signal: controller.signal } as const;
    const copying = create(target.file("a"), options);
    queueMicrotask(() => controller.abort(reason));
    assertEquals(await assertRejects(() => copying), reason);
  });
  await t.step("by what onProgress throws", async () => {
    const onProgress = () => {
      throw reason;
    };
    const options = { source, sourceType: "raw", onProgress } as const;
    assertEquals(await assertRejects(() => create(target.file("a.vhd"), options)), reason);
  });
  assertEquals([...Deno.readDirSync(target.path)], []);
});

Deno.test("createVirtualDisk(): progress grows to 1, and counts the bytes of the disk", async () => {
  using dir = new TempDir();
  const seen: Progress[] = [];
  const chunks = new Array(200).fill(new Uint8Array(MIB).fill(1));
  const onProgress = (progress: Progress) => void seen.push(progress);
  (await create(dir.file("a.vhdx"), { size: 200 * MIB, source: streamOf(...chunks), onProgress }))
    .close();
  const fractions = seen.map(({ fraction }) => fraction);
  assertEquals(fractions, fractions.toSorted((a, b) => a - b));
  assertEquals(fractions.at(-1), 1);
  for (const { total } of seen.slice(0, -1)) assertEquals(total, 200 * MIB);
});

Deno.test("createVirtualDisk(): an existing file is replaced only where that is asked for, even by its own copy", async () => {
  using dir = new TempDir();
  const { source } = rawDisk(dir);
  const before = Deno.readFileSync(source);
  const same = { source, sourceType: "raw", type: "vhdx" } as const;
  const error = await assertRejects(() => create(source, same), VirtualDiskError);
  assertEquals(error.symbol, "ERROR_FILE_EXISTS");
  assertBytesEqual(Deno.readFileSync(source), before);
  using copy = await create(source, { ...same, overwrite: true });
  assertEquals(copy.getInformation("storageType").device, "vhdx");
  assertBytesEqual(contentsOf(copy), before);
});

Deno.test("createVirtualDisk(): a source that somebody writes cannot be copied", async () => {
  using dir = new TempDir();
  using source = await create(dir.file("source.vhdx"), { size: 8 * MIB });
  const error = await assertRejects(
    () => create(dir.file("copy.vhdx"), { source: source.path }),
    VirtualDiskError,
  );
  assertEquals(error.symbol, "ERROR_SHARING_VIOLATION");
});
