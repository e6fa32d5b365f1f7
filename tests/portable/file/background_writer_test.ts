/** Files that are written while what comes next is read. */
import { assertEquals, assertGreater, assertRejects } from "@std/assert";
import { type CreateOptions, createVirtualDisk, VirtualDiskError } from "@virtdisk/virtdisk";
import { BackgroundWriter } from "../../../src/portable/file/background_writer.ts";
import { ImageFile } from "../../../src/portable/file/image_file.ts";
import { assertBytesEqual, pattern, TempDir } from "../../support.ts";
import { contentsOf } from "../../images.ts";

const MIB = 2 ** 20;

type Later = "write" | "syncData";

/** Does something else in the place of what a file does later, as long as its scope lasts. */
function instead<Name extends Later>(
  name: Name,
  replacement: (original: Deno.FsFile[Name], file: Deno.FsFile) => Deno.FsFile[Name],
): Disposable {
  const original = Deno.FsFile.prototype[name];
  Object.assign(Deno.FsFile.prototype, {
    [name](this: Deno.FsFile, bytes: Uint8Array) {
      const bound = original.bind(this) as Deno.FsFile[Name];
      return replacement(bound, this)(bytes);
    },
  });
  return {
    [Symbol.dispose]: () => void Object.assign(Deno.FsFile.prototype, { [name]: original }),
  };
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Pieces of 1 MiB: `x` for data, `.` for zeros. */
function disk(pieces: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(pieces.length * MIB);
  [...pieces].forEach((piece, i) => {
    if (piece === "x") bytes.set(pattern(MIB, i), i * MIB);
  });
  return bytes;
}

Deno.test("BackgroundWriter writes what it is given, in order, long and short", async () => {
  using dir = new TempDir();
  using file = ImageFile.open(dir.file("a"), { createNew: true, write: true });
  const lengths = [3 * MIB, 512, 200_000, 1, 2 * MIB];
  const bytes = pattern(lengths.reduce((sum, length) => sum + length));
  {
    await using writer = new BackgroundWriter(file);
    let offset = 0;
    for (const length of lengths) {
      await writer.write(bytes.subarray(offset, offset + length), offset);
      offset += length;
    }
    await writer.settle();
  }
  assertEquals([file.size, file.written], [bytes.length, bytes.length]);
  assertBytesEqual(Deno.readFileSync(dir.file("a")), bytes);
});

Deno.test("BackgroundWriter tells of a write that failed with the next one, and nothing is written any more", async () => {
  using dir = new TempDir();
  using file = ImageFile.open(dir.file("a"), { createNew: true, write: true });
  using _ = instead("write", () => () => Promise.reject(new Deno.errors.PermissionDenied()));
  {
    await using writer = new BackgroundWriter(file);
    await writer.write(new Uint8Array(MIB), 0);
    await assertRejects(() => writer.write(new Uint8Array(MIB), MIB), Error, "ACCESS_DENIED");
    await assertRejects(() => writer.settle(), Error, "ACCESS_DENIED");
  }
  assertEquals([file.hasFailed, file.written], [true, 0]);
});

Deno.test("BackgroundWriter makes durable what it has written while it goes on, and what fails there fails", async (t) => {
  for (const isFailing of [false, true]) {
    await t.step(isFailing ? "it fails" : "it does not", async () => {
      using dir = new TempDir();
      using file = ImageFile.open(dir.file("a"), { createNew: true, write: true });
      let [syncs, written] = [0, 0];
      using _ = instead("syncData", (original) => async () => {
        syncs++;
        await original();
        if (isFailing) throw Object.assign(new Error("injected"), { code: "EIO" });
      });
      const write = async () => {
        await using writer = new BackgroundWriter(file);
        for (; written < 100; written++) {
          await writer.write(new Uint8Array(MIB).fill(1), written * MIB);
          // Time for what is done meanwhile.
          await pause(1);
        }
        await writer.settle();
      };
      if (isFailing) await assertRejects(write, Error, "ERROR_IO_DEVICE");
      else await write();
      assertGreater(syncs, 0);
      assertEquals([file.hasFailed, written < 100], [isFailing, isFailing]);
    });
  }
});

Deno.test("BackgroundWriter goes on where the file cannot be opened once more", async () => {
  using dir = new TempDir();
  using file = ImageFile.open(dir.file("a"), { createNew: true, write: true });
  const original = Deno.openSync;
  let opens = 0;
  Deno.openSync = () => {
    opens++;
    throw Object.assign(new Error("injected"), { code: "EMFILE" });
  };
  try {
    await using writer = new BackgroundWriter(file);
    for (let i = 0; i < 100; i++) await writer.write(new Uint8Array(MIB).fill(1), i * MIB);
    await writer.settle();
  } finally {
    Deno.openSync = original;
  }
  assertEquals([opens, file.hasFailed, file.size], [1, false, 100 * MIB]);
});

const WAYS: Record<string, (path: string) => CreateOptions> = {
  "a file": (path) => ({ source: path, sourceType: "raw" }),
  "a stream that fills buffers": (path) => ({ source: Deno.openSync(path).readable, size: "8MiB" }),
  "a stream that has its own": (path) => ({
    source: ReadableStream.from(chunksOf(Deno.readFileSync(path))),
    size: "8MiB",
  }),
};

function* chunksOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += 700_001) {
    yield bytes.subarray(start, start + 700_001);
  }
}

for (const [name, from] of Object.entries(WAYS)) {
  Deno.test(`a copy of ${name} is right, however long a write takes`, async () => {
    using dir = new TempDir();
    using _ = instead("write", (original) => async (bytes) => {
      await pause(5);
      return await original(bytes);
    });
    for (const pieces of ["xx.x..x.", "..xxx.xx"]) {
      const bytes = disk(pieces);
      Deno.writeFileSync(dir.file("source"), bytes);
      for (const target of ["fixed.vhd", "a.vhdx"]) {
        using copy = await createVirtualDisk(dir.file(target), {
          ...from(dir.file("source")),
          ...(target === "fixed.vhd" ? { subtype: "fixed" } : {}),
          ...(target === "a.vhdx" ? { blockSize: MIB } : {}),
          overwrite: true,
          backend: "portable",
        });
        assertBytesEqual(contentsOf(copy), bytes, `${pieces} ${target}`);
      }
    }
  });
}

Deno.test("a copy whose source fails while something is written leaves nothing, and nothing open", async () => {
  using dir = new TempDir();
  const failure = new Error("the network is down");
  let isWriting = false;
  using _ = instead("write", (original) => async (bytes) => {
    isWriting = true;
    await pause(20);
    isWriting = false;
    return await original(bytes);
  });
  const source = ReadableStream.from((async function* () {
    yield pattern(2 * MIB);
    await pause(1);
    throw failure;
  })());
  const options = { type: "raw", source, backend: "portable" } as const;
  const thrown = await assertRejects(() => createVirtualDisk(dir.file("a"), options));
  assertEquals([thrown, isWriting], [failure, false]);
  assertEquals([...Deno.readDirSync(dir.path)], []);
});

Deno.test("a copy that cannot be made durable on the way fails, and leaves nothing", async () => {
  using dir = new TempDir();
  using _ = instead("syncData", () => () => {
    return Promise.reject(Object.assign(new Error("injected"), { code: "EIO" }));
  });
  const chunks = new Array(100).fill(new Uint8Array(MIB).fill(1));
  const options = {
    type: "raw",
    source: ReadableStream.from(chunks),
    backend: "portable",
  } as const;
  const error = await assertRejects(
    () => createVirtualDisk(dir.file("a"), options),
    VirtualDiskError,
  );
  assertEquals(error.symbol, "ERROR_IO_DEVICE");
  assertEquals([...Deno.readDirSync(dir.path)], []);
});
