/** The options of the protocol: each rule for servers, by a client that uses or breaks it. */
import { joined } from "../../src/bytes/joined.ts";
import { assert, assertEquals } from "@std/assert";
import { onlyOn, testWith } from "../support.ts";
import { MemoryDisk } from "./memory_disk.ts";
import {
  infoRequest,
  metaQuery,
  RawClient,
  stringOf,
  u16,
  u32,
  u64,
  viewOf,
} from "./raw_client.ts";
import { Serving } from "./serving.ts";

const MIB = 1024 * 1024;
const ACK = 1;
const SERVER = 2;
const INFO = 3;
const META_CONTEXT = 4;
const UNSUP = 0x80000001;
const POLICY = 0x80000002;
const INVALID = 0x80000003;
const UNKNOWN = 0x80000006;
const TOO_BIG = 0x80000009;
const SOCKETS = [onlyOn("linux", "darwin")];
const EMPTY = new Uint8Array();

/** What ends the connection, and nothing else: the next client is served. */
const FATAL: readonly [what: string, send: (client: RawClient) => Promise<void>][] = [
  ["an unknown flag of the client", (client) => client.send(u32(4 | 3))],
  ["an option without its magic", async (client) => {
    await client.send(u32(3));
    await client.option(3, EMPTY, { magic: 1n });
  }],
  ["an option of 4 GiB", async (client) => {
    await client.send(u32(3));
    await client.option(3, EMPTY, { length: 0xffffffff });
  }],
  ["an unknown name in the oldest option", async (client) => {
    await client.send(u32(3));
    await client.option(1, new TextEncoder().encode("none"));
  }],
  ["another option without the fixed newstyle", async (client) => {
    await client.send(u32(0));
    await client.option(3);
  }],
  ["a request for an option", async (client) => {
    await client.send(u32(3));
    await client.request({ type: 0, length: 512 });
  }],
];

for (const [what, send] of FATAL) {
  testWith(SOCKETS, `serveVirtualDisk: ${what} ends the connection`, async () => {
    await using serving = await Serving.start(new MemoryDisk(MIB));
    using client = await RawClient.connect(serving.socket);
    await client.readGreeting();
    await send(client);
    assert(await client.isEnded());
    using next = await RawClient.ready(serving.socket);
    await next.request({ type: 0, length: 512 });
    assertEquals(await next.readError(), 0);
  });
}

/** What is refused, after which the client may go on. */
const REFUSED: readonly [what: string, option: number, data: Uint8Array, reply: number][] = [
  ["an unknown option", 99, EMPTY, UNSUP],
  ["TLS", 5, EMPTY, POLICY],
  ["extended headers", 11, EMPTY, UNSUP],
  ["a list with data", 3, u32(0), INVALID],
  ["structured replies with data", 8, u32(0), INVALID],
  ["GO without data", 7, EMPTY, INVALID],
  ["GO with a name that is longer than the data", 7, joined(u32(9), u16(0)), INVALID],
  ["GO with a name of 4 GiB", 7, joined(u32(0xffffffff), u16(0)), INVALID],
  ["GO with fewer kinds than it says", 7, joined(stringOf(""), u16(2), u16(1)), INVALID],
  ["GO with more than it says", 7, joined(infoRequest(""), u16(1)), INVALID],
  ["GO with a name that is no UTF-8", 7, joined(u32(1), Uint8Array.of(0xff), u16(0)), INVALID],
  ["GO with a name of more than 4096 bytes", 7, infoRequest("x".repeat(4097)), INVALID],
  ["GO with an unknown name", 7, infoRequest("none"), UNKNOWN],
  ["INFO of an unknown name", 6, infoRequest("none"), UNKNOWN],
  ["an option of 64 KiB", 7, new Uint8Array(64 * 1024), TOO_BIG],
  ["contexts before structured replies", 10, metaQuery("", ["base:allocation"]), INVALID],
  ["a list of contexts before structured replies", 9, metaQuery("", []), INVALID],
];

for (const [what, option, data, expected] of REFUSED) {
  testWith(SOCKETS, `serveVirtualDisk: ${what} is refused`, async () => {
    await using serving = await Serving.start(new MemoryDisk(MIB));
    using client = await RawClient.greeted(serving.socket);
    await client.option(option, data);
    const reply = await client.readOptionReply();
    assertEquals([reply.option, reply.type], [option, expected]);
    await client.option(3);
    assertEquals((await client.readOptionReply()).type, SERVER);
    assertEquals((await client.readOptionReply()).type, ACK);
  });
}

testWith(
  SOCKETS,
  "serveVirtualDisk: INFO tells size, flags, name, description and sizes",
  async () => {
    await using serving = await Serving.start({
      first: new MemoryDisk(MIB),
      second: new MemoryDisk(3 * MIB, { readOnly: true }),
    });
    using client = await RawClient.greeted(serving.socket);
    await client.option(6, infoRequest("second", [1, 2, 3, 77]));
    const told = new Map<number, Uint8Array>();
    while (true) {
      const { type, data } = await client.readOptionReply();
      if (type === ACK) break;
      assertEquals(type, INFO);
      told.set(viewOf(data).getUint16(0), data.subarray(2));
    }
    const exported = viewOf(told.get(0)!);
    assertEquals(exported.getBigUint64(0), BigInt(3 * MIB));
    // HAS_FLAGS, READ_ONLY, SEND_FLUSH, SEND_FUA, CAN_MULTI_CONN, SEND_CACHE; no DF without structured replies.
    assertEquals(exported.getUint16(8), 0b101_0000_1111);
    assertEquals(new TextDecoder().decode(told.get(1)), "second");
    assertEquals(new TextDecoder().decode(told.get(2)), "dynamic vhdx");
    const sizes = viewOf(told.get(3)!);
    assertEquals([0, 4, 8].map((at) => sizes.getUint32(at)), [1, 4096, 32 * MIB]);
    assertEquals([...told.keys()].sort(), [0, 1, 2, 3]);
  },
);

testWith(
  SOCKETS,
  "serveVirtualDisk: LIST names every disk, and the empty name is the first",
  async () => {
    await using serving = await Serving.start({
      a: new MemoryDisk(MIB),
      "ö b": new MemoryDisk(2 * MIB),
    });
    using client = await RawClient.greeted(serving.socket);
    await client.option(3);
    const names: string[] = [];
    while (true) {
      const { type, data } = await client.readOptionReply();
      if (type === ACK) break;
      assertEquals(type, SERVER);
      const length = viewOf(data).getUint32(0);
      names.push(new TextDecoder().decode(data.subarray(4, 4 + length)));
    }
    assertEquals(names, ["a", "ö b"]);
    await client.option(7, infoRequest(""));
    const { data } = await client.readOptionReply();
    assertEquals(viewOf(data).getBigUint64(2), BigInt(MIB));
    assertEquals([...serving.server.uris.values()], [
      `nbd+unix:///a?socket=${serving.socket}`,
      `nbd+unix:///%C3%B6%20b?socket=${serving.socket}`,
    ]);
  },
);

testWith(
  SOCKETS,
  "serveVirtualDisk: EXPORT_NAME pads its answer, unless that was agreed off",
  async () => {
    await using serving = await Serving.start(new MemoryDisk(MIB));
    for (const [flags, padding] of [[3, 0], [1, 124], [0, 124]] as const) {
      using client = await RawClient.greeted(serving.socket, flags);
      await client.option(1);
      const reply = await client.read(10 + padding);
      assertEquals(viewOf(reply).getBigUint64(0), BigInt(MIB));
      await client.request({ type: 0, length: 512, cookie: 77n });
      assertEquals((await client.readReply(512)).cookie, 77n);
    }
  },
);

testWith(SOCKETS, "serveVirtualDisk: ABORT is answered, and the connection ends", async () => {
  await using serving = await Serving.start(new MemoryDisk(MIB));
  using client = await RawClient.greeted(serving.socket);
  await client.option(2);
  assertEquals((await client.readOptionReply()).type, ACK);
  assert(await client.isEnded());
});

testWith(SOCKETS, "serveVirtualDisk: contexts are listed and chosen by their names", async (t) => {
  const cases: readonly [option: number, queries: string[], expected: string[]][] = [
    [9, [], ["base:allocation", "x-virtdisk:depth", "qemu:allocation-depth"]],
    [9, ["base:"], ["base:allocation"]],
    [9, ["other:"], []],
    [10, ["base:allocation", "other:x"], ["base:allocation"]],
    [10, ["qemu:allocation-depth", "base:allocation"], [
      "base:allocation",
      "qemu:allocation-depth",
    ]],
    [10, [], []],
    [10, ["base:"], []],
  ];
  for (const [option, queries, expected] of cases) {
    await t.step(`${option === 9 ? "list" : "set"} ${JSON.stringify(queries)}`, async () => {
      await using serving = await Serving.start(new MemoryDisk(MIB));
      using client = await RawClient.greeted(serving.socket);
      await client.option(8);
      await client.readOptionReply();
      await client.option(option, metaQuery("", queries));
      const names: string[] = [];
      const ids = new Set<number>();
      while (true) {
        const { type, data } = await client.readOptionReply();
        if (type === ACK) break;
        assertEquals(type, META_CONTEXT);
        ids.add(viewOf(data).getUint32(0));
        names.push(new TextDecoder().decode(data.subarray(4)));
      }
      assertEquals(names, expected);
      if (option === 9 && names.length > 0) assertEquals([...ids], [0]);
      else assertEquals(ids.size, names.length);
    });
  }
});

/** After each of these the status of blocks is refused, for no context is in force. */
const FORGOTTEN: readonly [what: string, option: number, data: Uint8Array][] = [
  ["of another disk", 10, metaQuery("b", ["base:allocation"])],
  ["that were replaced by none", 10, metaQuery("a", [])],
  ["that were replaced by a malformed choice", 10, u32(9)],
  ["that were replaced by those of an unknown disk", 10, metaQuery("none", ["base:allocation"])],
];

for (const [what, option, data] of FORGOTTEN) {
  testWith(SOCKETS, `serveVirtualDisk: contexts ${what} are not in force`, async () => {
    await using serving = await Serving.start({ a: new MemoryDisk(MIB), b: new MemoryDisk(MIB) });
    using client = await RawClient.greeted(serving.socket);
    await client.option(8);
    await client.readOptionReply();
    await client.option(10, metaQuery("a", ["base:allocation"]));
    while ((await client.readOptionReply()).type === META_CONTEXT);
    await client.option(option, data);
    while ((await client.readOptionReply()).type === META_CONTEXT);
    await client.option(7, infoRequest("a"));
    while ((await client.readOptionReply()).type === INFO);
    await client.request({ type: 7, length: 512 });
    assertEquals(await client.readError(), 22);
  });
}

testWith(SOCKETS, "serveVirtualDisk: a client may go at every byte of a session", async () => {
  const session = joined(
    u32(3),
    u64(0x49484156454f5054n),
    u32(8),
    u32(0),
    u64(0x49484156454f5054n),
    u32(7),
    u32(6),
    infoRequest(""),
    u32(0x25609513),
    u16(0),
    u16(1),
    u64(5n),
    u64(0n),
    u32(16),
    new Uint8Array(16).fill(7),
    u32(0x25609513),
    u16(0),
    u16(2),
    u64(6n),
    u64(0n),
    u32(0),
  );
  const disk = new MemoryDisk(MIB);
  await using serving = await Serving.start(disk);
  for (let length = 0; length <= session.length; length++) {
    using client = await RawClient.connect(serving.socket);
    await client.send(session.subarray(0, length));
    if (length === session.length) assert(await client.readToEnd() > 0);
  }
  using last = await RawClient.ready(serving.socket);
  await last.request({ type: 0, length: 16 });
  const reply = await last.readReply();
  assertEquals(reply.data.subarray(8), new Uint8Array(16).fill(7));
});

testWith(
  SOCKETS,
  "serveVirtualDisk: a client too many is turned away, and taken when another is gone",
  async () => {
    await using serving = await Serving.start(new MemoryDisk(MIB), { maxConnections: 2 });
    using _first = await RawClient.ready(serving.socket);
    {
      using _second = await RawClient.ready(serving.socket);
      using third = await RawClient.connect(serving.socket);
      assert(await third.isEnded());
    }
    // The server sees a moment later that the second one is gone.
    for (let i = 0;; i++) {
      try {
        using client = await RawClient.ready(serving.socket);
        await client.request({ type: 0, length: 512 });
        return assertEquals(await client.readError(), 0);
      } catch (error) {
        if (i === 1000) throw error;
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    }
  },
);
