/** Files that are fetched page by page: what is fetched when, how much is kept, and what has no end. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  BytesMissing,
  eachFetched,
  FetchedFile,
  whenAllFetched,
  whenFetched,
} from "../../../src/portable/file/fetched_file.ts";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import { IS_FULL } from "../../sampling.ts";
import { assertBytesEqual } from "../../support.ts";

const PAGE = 65536;
const MIB = 2 ** 20;

/** Bytes that remember which ranges were fetched. */
class Remote {
  readonly ranges: [page: number, pages: number][] = [];
  readonly name = "(remote)";
  readonly origin = this;
  readonly size: number;
  #alike = new Uint8Array();
  readonly #byteAt: ((offset: number) => number) | number;
  /** Fails the fetches to come. */
  failure: Error | undefined;
  /** Holds them up. */
  gate: Promise<void> = Promise.resolve();

  /** @param byteAt One byte for all, if there are many. */
  constructor(
    size: number,
    byteAt: ((offset: number) => number) | number = (offset) =>
      (offset * 7 + (offset >> 16)) & 0xff,
  ) {
    this.size = size;
    this.#byteAt = byteAt;
  }

  #same(byte: number, length: number): Uint8Array {
    if (this.#alike.length < length) this.#alike = new Uint8Array(length).fill(byte);
    return this.#alike.subarray(0, length);
  }

  async fetch(offset: number, length: number): Promise<Uint8Array> {
    this.ranges.push([offset / PAGE, Math.ceil(length / PAGE)]);
    await this.gate;
    if (this.failure !== undefined) throw this.failure;
    return this.bytes(offset, length);
  }

  bytes(offset: number, length: number): Uint8Array {
    const byteAt = this.#byteAt;
    // Who reads it copies it: filling memory anew for each fetch would take longer than all else.
    if (typeof byteAt === "number") return this.#same(byteAt, length);
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) bytes[i] = byteAt(offset + i);
    return bytes;
  }
}

function read(file: FetchedFile, offset: number, length: number): Promise<Uint8Array> {
  return Promise.resolve(whenFetched(() => {
    const bytes = new Uint8Array(length);
    return bytes.subarray(0, file.readAt(bytes, offset));
  }));
}

Deno.test("FetchedFile.readAt: fetches whole pages once, the last one shorter", async () => {
  const remote = new Remote(3 * PAGE + 100);
  const file = new FetchedFile(remote);
  assertThrows(() => file.readAt(new Uint8Array(1), 0), BytesMissing);
  assertBytesEqual(await read(file, 10, 20), remote.bytes(10, 20));
  assertBytesEqual(await read(file, 0, PAGE), remote.bytes(0, PAGE));
  assertEquals(remote.ranges, [[0, 2]]);
  assertBytesEqual(await read(file, 3 * PAGE + 50, 500), remote.bytes(3 * PAGE + 50, 50));
  assertEquals((await read(file, 3 * PAGE + 100, 5)).length, 0);
  assertEquals((await read(file, 2 ** 50, 5)).length, 0);
  assertEquals(remote.ranges, [[0, 2], [3, 1]]);
});

Deno.test("FetchedFile.fetch: many who want the same wait for one fetch", async () => {
  const remote = new Remote(64 * PAGE);
  const file = new FetchedFile(remote);
  const reads = Array.from({ length: 20 }, (_, i) => read(file, i, 3 * PAGE));
  for (const [i, bytes] of (await Promise.all(reads)).entries()) {
    assertBytesEqual(bytes, remote.bytes(i, 3 * PAGE));
  }
  // Three pages, and the fourth of those that began later in the first.
  assertEquals(remote.ranges.reduce((sum, [, pages]) => sum + pages, 0) <= 8, true);
});

Deno.test("FetchedFile.fetch: what is read from front to back comes in pieces of 4 MiB, some ahead", async () => {
  const remote = new Remote(64 * MIB, 1);
  const file = new FetchedFile(remote);
  for (let offset = 0; offset < remote.size; offset += PAGE) await read(file, offset, PAGE);
  assert(remote.ranges.length < 30, String(remote.ranges.length));
  assertEquals(remote.ranges.reduce((sum, [, pages]) => sum + pages, 0), 1024);
  assertEquals(Math.max(...remote.ranges.map(([, pages]) => pages)), 64);
});

Deno.test("FetchedFile.fetch: what is read here and there costs two pages each", async () => {
  const remote = new Remote(64 * MIB, 1);
  const file = new FetchedFile(remote);
  for (let i = 0; i < 50; i++) await read(file, ((i * 37) % 100) * 10 * PAGE, 100);
  assertEquals(remote.ranges.length, 50);
  assert(remote.ranges.every(([, pages]) => pages === 2));
});

Deno.test("FetchedFile: keeps 64 MiB, those that were used last", async () => {
  const remote = new Remote(256 * MIB, 1);
  const file = new FetchedFile(remote);
  const isThere = (page: number) => {
    try {
      return file.readAt(new Uint8Array(1), page * PAGE) === 1;
    } catch {
      return false;
    }
  };
  await read(file, 0, PAGE);
  for (let page = 10; page < 3000; page += 3) {
    await read(file, page * PAGE, 1);
    assert(isThere(0));
  }
  let count = 0;
  for (let page = 0; page < 4096; page++) if (isThere(page)) count++;
  assertEquals(count, 1024);
});

Deno.test("whenFetched(): what never fits is told, and not fetched for ever", async () => {
  const remote = new Remote(512 * MIB, 1);
  const file = new FetchedFile(remote);
  const error = await assertRejects(
    async () => await whenFetched(() => file.readAt(new Uint8Array(65 * MIB), 0)),
    ImageError,
  );
  assertEquals(error.symbol, "ERROR_NOT_ENOUGH_MEMORY");
  const byte = new Uint8Array(1);
  // Who begins each time where something was missing last needs as much, and reads less on the way there.
  for (const goesOn of IS_FULL ? [true, false] : [true]) {
    let start = 0;
    const byPieces = await assertRejects(async () =>
      await whenFetched(() => {
        for (let i = 0; i < 2000; i++) {
          const number = (start + i) % 2000;
          if (goesOn) start = number;
          file.readAt(byte, 3 * number * PAGE);
        }
      }), ImageError);
    assertEquals(byPieces.symbol, "ERROR_NOT_ENOUGH_MEMORY");
  }
  assert(remote.ranges.length < 20_000, String(remote.ranges.length));
});

Deno.test("whenFetched(): a fetch that fails is what the reader is told, and is tried again by the next", async () => {
  const remote = new Remote(MIB);
  const file = new FetchedFile(remote);
  remote.failure = new ImageError("ERROR_READ_FAULT", { reason: "gone" });
  await assertRejects(() => read(file, 0, 10), ImageError, "gone");
  remote.failure = undefined;
  assertBytesEqual(await read(file, 0, 10), remote.bytes(0, 10));
});

Deno.test("whenFetched(): a signal ends the waiting at once", async () => {
  const remote = new Remote(MIB);
  const file = new FetchedFile(remote);
  const { promise, resolve } = Promise.withResolvers<void>();
  remote.gate = promise;
  const controller = new AbortController();
  const waiting = Promise.resolve(
    whenFetched(() => file.readAt(new Uint8Array(1), 0), controller.signal),
  );
  controller.abort(new Error("enough"));
  await assertRejects(() => waiting, Error, "enough");
  await assertRejects(
    async () => await whenFetched(() => file.readAt(new Uint8Array(1), 0), controller.signal),
    Error,
    "enough",
  );
  resolve();
});

Deno.test("FetchedFile.close: ends what waits, and nothing is read afterwards", async () => {
  const remote = new Remote(MIB);
  const file = new FetchedFile(remote);
  const { promise, resolve } = Promise.withResolvers<void>();
  remote.gate = promise;
  const waiting = read(file, 0, 1);
  file.close();
  resolve();
  const error = await assertRejects(() => waiting, ImageError);
  assertEquals(error.symbol, "ERROR_INVALID_HANDLE");
});

Deno.test("whenAllFetched(), eachFetched(): nothing is given twice, whatever is missing in between", async () => {
  const remote = new Remote(2 * MIB);
  const file = new FetchedFile(remote);
  function* pages() {
    for (let page = 0; page < 32; page++) {
      const byte = new Uint8Array(1);
      file.readAt(byte, page * PAGE + page);
      yield `${page}: ${byte[0]}`;
    }
  }
  const expected = Array.from({ length: 32 }, (_, page) => {
    return `${page}: ${remote.bytes(page * PAGE + page, 1)[0]}`;
  });
  assertEquals(await Array.fromAsync(eachFetched(pages)), expected);
  const other = new FetchedFile(remote);
  let runs = 0;
  const all = await whenAllFetched(async () => {
    runs++;
    const found: number[] = [];
    for (let page = 31; page >= 0; page -= 10) {
      await Promise.resolve();
      const byte = new Uint8Array(1);
      other.readAt(byte, page * PAGE);
      found.push(page);
    }
    return found;
  });
  assertEquals(all, [31, 21, 11, 1]);
  assertEquals(runs, 5);
});
