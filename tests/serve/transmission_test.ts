/** The commands of the protocol: each rule for servers, by a client that uses or breaks it. */
import { assert, assertEquals } from "@std/assert";
import { VirtualDiskError } from "@virtdisk/virtdisk";
import { onlyOn, testWith } from "../support.ts";
import { MemoryDisk } from "./memory_disk.ts";
import { RawClient, type RawRequest, u64, viewOf } from "./raw_client.ts";
import { Serving } from "./serving.ts";

const MIB = 1024 * 1024;
const SIZE = 8 * MIB;
const SOCKETS = [onlyOn("linux", "darwin")];

const READ = 0;
const WRITE = 1;
const DISC = 2;
const FLUSH = 3;
const TRIM = 4;
const CACHE = 5;
const WRITE_ZEROES = 6;
const BLOCK_STATUS = 7;

const FUA = 1;
const NO_HOLE = 2;
const DF = 4;
const REQ_ONE = 8;
const FAST_ZERO = 16;

const EPERM = 1;
const EIO = 5;
const EINVAL = 22;
const ENOSPC = 28;
const EOVERFLOW = 75;
const ENOTSUP = 95;

/** A disk whose second MiB holds data, unlike the rest. */
function diskWithData(options = {}): MemoryDisk {
  const disk = new MemoryDisk(SIZE, options);
  for (let i = MIB; i < 2 * MIB; i++) disk.bytes[i] = i % 251 + 1;
  return disk;
}

interface Case {
  readonly request: RawRequest;
  readonly expected: number;
  readonly readOnly?: boolean;
  /** What the disk was asked to do. */
  readonly calls?: readonly string[];
}

const AT_END = BigInt(SIZE);
const DATA = new Uint8Array(512).fill(9);

const CASES: Readonly<Record<string, Case>> = {
  "a read within the disk": { request: { type: READ, length: 512 }, expected: 0 },
  "a read of one byte": { request: { type: READ, offset: AT_END - 1n, length: 1 }, expected: 0 },
  "a read beyond the end": {
    request: { type: READ, offset: AT_END - 511n, length: 512 },
    expected: EINVAL,
  },
  "a read far beyond the end": {
    request: { type: READ, offset: 2n ** 64n - 1n, length: 1 },
    expected: EINVAL,
  },
  "a read of nothing": { request: { type: READ, length: 0 }, expected: EINVAL },
  "a read of 4 GiB": { request: { type: READ, length: 0xffffffff }, expected: EINVAL },
  "a read with an unknown flag": {
    request: { type: READ, length: 512, flags: 0x100 },
    expected: EINVAL,
  },
  "a read with the flag of another command": {
    request: { type: READ, length: 512, flags: REQ_ONE },
    expected: EINVAL,
  },
  "a durable read": { request: { type: READ, length: 512, flags: FUA }, expected: 0 },
  "a write": { request: { type: WRITE, data: DATA }, expected: 0, calls: ["write"] },
  "a durable write": {
    request: { type: WRITE, data: DATA, flags: FUA },
    expected: 0,
    calls: ["write", "flush"],
  },
  "a write beyond the end": {
    request: { type: WRITE, data: DATA, offset: AT_END - 511n },
    expected: ENOSPC,
  },
  "a write with the flag of another command": {
    request: { type: WRITE, data: DATA, flags: NO_HOLE },
    expected: EINVAL,
  },
  "a write of nothing": { request: { type: WRITE, data: new Uint8Array() }, expected: EINVAL },
  "a write to what is served for reading": {
    request: { type: WRITE, data: DATA },
    expected: EPERM,
    readOnly: true,
  },
  "a trim of what is served for reading": {
    request: { type: TRIM, length: 512 },
    expected: EPERM,
    readOnly: true,
  },
  "zeroing what is served for reading": {
    request: { type: WRITE_ZEROES, length: 512 },
    expected: EPERM,
    readOnly: true,
  },
  "a flush": { request: { type: FLUSH }, expected: 0, calls: ["flush"] },
  "a flush of what is served for reading": {
    request: { type: FLUSH },
    expected: 0,
    readOnly: true,
  },
  "a trim": { request: { type: TRIM, length: MIB }, expected: 0, calls: ["trim"] },
  "a trim of more than a request can carry": {
    request: { type: TRIM, length: SIZE },
    expected: 0,
    calls: ["trim"],
  },
  "a durable trim": {
    request: { type: TRIM, length: MIB, flags: FUA },
    expected: 0,
    calls: ["trim", "flush"],
  },
  "a trim beyond the end": {
    request: { type: TRIM, offset: AT_END, length: 1 },
    expected: EINVAL,
  },
  "zeroing": { request: { type: WRITE_ZEROES, length: MIB }, expected: 0, calls: ["zero"] },
  "zeroing without holes": {
    request: { type: WRITE_ZEROES, length: MIB, flags: NO_HOLE },
    expected: 0,
    calls: ["zero and allocate"],
  },
  "zeroing beyond the end": {
    request: { type: WRITE_ZEROES, offset: AT_END - 1n, length: 2 },
    expected: ENOSPC,
  },
  "fast zeroing of whole blocks": {
    request: { type: WRITE_ZEROES, offset: BigInt(MIB), length: MIB, flags: FAST_ZERO },
    expected: 0,
    calls: ["zero"],
  },
  "fast zeroing of a part of a block": {
    request: { type: WRITE_ZEROES, offset: BigInt(MIB), length: 512, flags: FAST_ZERO },
    expected: ENOTSUP,
  },
  "fast zeroing of a part of what is zeros": {
    request: { type: WRITE_ZEROES, length: 512, flags: FAST_ZERO },
    expected: 0,
    calls: ["zero"],
  },
  "caching": { request: { type: CACHE, length: SIZE }, expected: 0 },
  "caching beyond the end": { request: { type: CACHE, length: SIZE + 1 }, expected: EINVAL },
  "caching with a flag": { request: { type: CACHE, length: 1, flags: DF }, expected: EINVAL },
  "the status of blocks without a context": {
    request: { type: BLOCK_STATUS, length: 512 },
    expected: EINVAL,
  },
  "an unknown command": { request: { type: 77, length: 512 }, expected: EINVAL },
  "an unknown command of a name that objects have": { request: { type: 8 }, expected: EINVAL },
};

testWith(SOCKETS, "serveVirtualDisk: what each command is answered", async (t) => {
  for (const structured of [true, false]) {
    for (
      const [what, { request, expected, readOnly = false, calls = [] }] of Object.entries(CASES)
    ) {
      await t.step(`${what}${structured ? "" : ", with simple replies"}`, async () => {
        const disk = diskWithData({ readOnly });
        await using serving = await Serving.start(disk);
        using client = await RawClient.ready(serving.socket, { structured });
        await client.request(request);
        assertEquals(await client.readError(request.type === READ ? request.length : 0), expected);
        assertEquals(disk.calls, calls);
        // Whatever it was, the next command is understood.
        await client.request({ type: READ, offset: BigInt(MIB), length: 3, cookie: 2n });
        const reply = await client.readReply(3);
        assertEquals(reply.cookie, 2n);
        assertEquals([...reply.data.subarray(-3)], [...disk.bytes.subarray(MIB, MIB + 3)]);
      });
    }
  }
});

testWith(SOCKETS, "serveVirtualDisk: a read of one piece needs structured replies", async () => {
  await using serving = await Serving.start(diskWithData());
  using simple = await RawClient.ready(serving.socket, { structured: false });
  await simple.request({ type: READ, length: 512, flags: DF });
  assertEquals(await simple.readError(512), EINVAL);
  using client = await RawClient.ready(serving.socket);
  await client.request({ type: READ, offset: BigInt(MIB / 2), length: MIB, flags: DF });
  const { type, flags, data } = await client.readReply();
  assertEquals([type, flags, data.length], [1, 1, 8 + MIB]);
  await client.request({ type: READ, length: 3 * MIB, flags: DF });
  assertEquals(await client.readError(), EOVERFLOW);
});

testWith(
  SOCKETS,
  "serveVirtualDisk: a long read comes as data and holes that make it up",
  async () => {
    const disk = diskWithData();
    await using serving = await Serving.start(disk);
    using client = await RawClient.ready(serving.socket);
    const start = MIB / 2;
    const length = SIZE - start - 100;
    await client.request({ type: READ, offset: BigInt(start), length, cookie: 5n });
    const bytes = new Uint8Array(length).fill(0xaa);
    let holes = 0;
    let end = start;
    for (let isDone = false; !isDone;) {
      const { type, flags, data, cookie } = await client.readReply();
      assertEquals(cookie, 5n);
      isDone = (flags & 1) !== 0;
      const at = Number(viewOf(data).getBigUint64(0));
      assertEquals(at, end, "pieces follow each other");
      if (type === 2) {
        const hole = viewOf(data).getUint32(8);
        bytes.fill(0, at - start, at - start + hole);
        holes += hole;
        end += hole;
      } else {
        assertEquals(type, 1);
        bytes.set(data.subarray(8), at - start);
        end += data.length - 8;
      }
    }
    assertEquals(bytes, disk.bytes.subarray(start, start + length));
    assertEquals(holes, length - MIB);
  },
);

testWith(SOCKETS, "serveVirtualDisk: a long read comes whole in a simple reply", async () => {
  const disk = diskWithData();
  await using serving = await Serving.start(disk);
  using client = await RawClient.ready(serving.socket, { structured: false });
  await client.request({ type: READ, length: SIZE });
  assertEquals((await client.readReply(SIZE)).data, disk.bytes);
});

testWith(SOCKETS, "serveVirtualDisk: a read that fails is told, in its middle too", async () => {
  const disk = diskWithData();
  await using serving = await Serving.start(disk);
  disk.failsAt = { place: MIB + 5, error: new Error("the disk is broken") };
  using client = await RawClient.ready(serving.socket);
  await client.request({ type: READ, length: 4 * MIB });
  assertEquals(await client.readError(), EIO);
  using simple = await RawClient.ready(serving.socket, { structured: false });
  await simple.request({ type: READ, offset: BigInt(MIB), length: MIB });
  assertEquals(await simple.readError(MIB), EIO);
  // Here a success has been told before: only the end of the connection can tell.
  disk.failsAt = { place: 3 * MIB, error: new Error("the disk is broken") };
  await simple.request({ type: READ, length: 4 * MIB });
  await simple.read(16 + 3 * MIB);
  assert(await simple.isEnded());
  assertEquals(serving.events.filter(({ kind }) => kind === "failed").length, 3);
});

testWith(
  SOCKETS,
  "serveVirtualDisk: a write that fails is told, and its data are read",
  async () => {
    const disk = diskWithData();
    await using serving = await Serving.start(disk);
    using client = await RawClient.ready(serving.socket);
    const full = new VirtualDiskError(112, "WriteFile", {
      reason: "the volume is full",
    });
    disk.failsAt = { place: MIB, error: full };
    await client.request({ type: WRITE, data: new Uint8Array(4 * MIB), cookie: 3n });
    assertEquals(await client.readError(), ENOSPC);
    await client.request({ type: READ, offset: BigInt(5 * MIB), length: 16 });
    assertEquals(await client.readError(), 0);
  },
);

testWith(
  SOCKETS,
  "serveVirtualDisk: a write of more than 32 MiB is refused, and its data are read",
  async () => {
    const disk = new MemoryDisk(40 * MIB);
    await using serving = await Serving.start(disk);
    using client = await RawClient.ready(serving.socket);
    await client.request({ type: WRITE, data: new Uint8Array(33 * MIB).fill(1) });
    assertEquals(await client.readError(), EOVERFLOW);
    assertEquals(disk.calls, []);
    await client.request({ type: WRITE, data: new Uint8Array(32 * MIB).fill(1) });
    assertEquals(await client.readError(), 0);
    assertEquals(disk.bytes.indexOf(0), 32 * MIB);
  },
);

testWith(
  SOCKETS,
  "serveVirtualDisk: the status of blocks, for each context that was chosen",
  async (t) => {
    const disk = diskWithData();
    await using serving = await Serving.start(disk);
    const contexts = ["base:allocation", "x-virtdisk:depth"];
    const cases: Readonly<
      Record<string, { offset: number; length: number; flags?: number; expected: number[][] }>
    > = {
      "the whole disk": {
        offset: 0,
        length: SIZE,
        expected: [[MIB, 3, MIB, 0, SIZE - 2 * MIB, 3], [MIB, 0, MIB, 1, SIZE - 2 * MIB, 0]],
      },
      "one descriptor": { offset: 0, length: SIZE, flags: REQ_ONE, expected: [[MIB, 3], [MIB, 0]] },
      "one descriptor, no longer than asked": {
        offset: 100,
        length: 200,
        flags: REQ_ONE,
        expected: [[200, 3], [200, 0]],
      },
      "the last byte": { offset: SIZE - 1, length: 1, expected: [[1, 3], [1, 0]] },
    };
    for (const [what, { offset, length, flags = 0, expected }] of Object.entries(cases)) {
      await t.step(what, async () => {
        using client = await RawClient.ready(serving.socket, { contexts });
        await client.request({ type: BLOCK_STATUS, offset: BigInt(offset), length, flags });
        const found = new Map<number, number[]>();
        for (let isDone = false; !isDone;) {
          const reply = await client.readReply();
          assertEquals(reply.type, 5);
          const view = viewOf(reply.data);
          const values = Array.from(
            { length: (reply.data.length - 4) / 4 },
            (_, i) => view.getUint32(4 + 4 * i),
          );
          found.set(view.getUint32(0), values);
          isDone = (reply.flags & 1) !== 0;
        }
        assertEquals([...found.values()], expected);
      });
    }
    await t.step("beyond the end, and of nothing", async () => {
      using client = await RawClient.ready(serving.socket, { contexts });
      await client.request({ type: BLOCK_STATUS, offset: BigInt(SIZE - 1), length: 2 });
      assertEquals(await client.readError(), EINVAL);
      await client.request({ type: BLOCK_STATUS, offset: 0n, length: 0 });
      assertEquals(await client.readError(), EINVAL);
    });
  },
);

testWith(SOCKETS, "serveVirtualDisk: each reply carries the cookie of its request", async () => {
  await using serving = await Serving.start(diskWithData());
  using client = await RawClient.ready(serving.socket);
  const cookies = Array.from({ length: 200 }, (_, i) => 2n ** 63n + BigInt(i));
  for (const cookie of cookies) await client.request({ type: READ, length: 1, cookie });
  const found = [];
  for (let i = 0; i < cookies.length; i++) found.push((await client.readReply()).cookie);
  assertEquals(found.sort(), cookies);
});

testWith(
  SOCKETS,
  "serveVirtualDisk: a request that does not begin as one ends the connection",
  async () => {
    await using serving = await Serving.start(diskWithData());
    using client = await RawClient.ready(serving.socket);
    await client.request({ type: READ, magic: 0x25609514, length: 512 });
    assert(await client.isEnded());
  },
);

testWith(SOCKETS, "serveVirtualDisk: DISC ends the connection when all is answered", async () => {
  await using serving = await Serving.start(diskWithData());
  using client = await RawClient.ready(serving.socket);
  await client.request({ type: WRITE_ZEROES, length: SIZE, cookie: 9n });
  await client.request({ type: DISC });
  assertEquals((await client.readReply()).cookie, 9n);
  assert(await client.isEnded());
});

testWith(
  SOCKETS,
  "serveVirtualDisk: a client that reads nothing holds up nobody, and little memory",
  async () => {
    const disk = diskWithData();
    await using serving = await Serving.start(disk);
    using deaf = await RawClient.ready(serving.socket);
    // As many as fit before the server takes no more of them.
    let sent = 0;
    const sending = (async () => {
      for (; sent < 10_000; sent++) {
        await deaf.request({ type: READ, offset: BigInt(MIB), length: MIB });
      }
    })().catch(() => {});
    using client = await RawClient.ready(serving.socket);
    for (let i = 0; i < 100; i++) {
      await client.request({ type: READ, offset: BigInt(MIB), length: 4096 });
      assertEquals(await client.readError(), 0);
    }
    // What the sockets and buffers hold is a few thousand requests of 28 bytes, of the reads a handful is done.
    assert(sent < 10_000, `${sent} requests were taken`);
    deaf[Symbol.dispose]();
    await sending;
  },
);

testWith(SOCKETS, "serveVirtualDisk: half a request and silence hold up nobody", async () => {
  await using serving = await Serving.start(diskWithData());
  using silent = await RawClient.ready(serving.socket);
  await silent.send(new Uint8Array([0x25, 0x60]));
  using unfinished = await RawClient.ready(serving.socket);
  await unfinished.request({ type: WRITE, length: MIB, data: DATA });
  using client = await RawClient.ready(serving.socket);
  await client.request({ type: FLUSH });
  assertEquals(await client.readError(), 0);
});

testWith(
  SOCKETS,
  "DiskServer.close: what was answered is durable, and the connections end",
  async () => {
    const disk = diskWithData();
    const serving = await Serving.start(disk);
    using client = await RawClient.ready(serving.socket);
    await client.request({ type: WRITE, data: DATA });
    assertEquals(await client.readError(), 0);
    await serving[Symbol.asyncDispose]();
    assertEquals(disk.calls, ["write", "flush"]);
    assert(await client.isEnded());
    await serving.server.finished;
  },
);

testWith(SOCKETS, "serveVirtualDisk: a signal ends the server, before it begins too", async () => {
  const controller = new AbortController();
  await using serving = await Serving.start(diskWithData(), { signal: controller.signal });
  using client = await RawClient.ready(serving.socket);
  controller.abort();
  await serving.server.finished;
  assert(await client.isEnded());
});

testWith(SOCKETS, "serveVirtualDisk: writes of all connections are seen by all", async () => {
  await using serving = await Serving.start(diskWithData());
  using one = await RawClient.ready(serving.socket);
  using two = await RawClient.ready(serving.socket);
  await one.request({ type: WRITE, data: u64(0x0102030405060708n) });
  assertEquals(await one.readError(), 0);
  await two.request({ type: READ, length: 8 });
  const { data } = await two.readReply();
  assertEquals(viewOf(data).getBigUint64(8), 0x0102030405060708n);
});
