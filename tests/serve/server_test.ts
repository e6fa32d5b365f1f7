/** Where a server listens, and what it leaves behind. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { createVirtualDisk, openVirtualDisk, VirtualDiskError } from "@virtdisk/virtdisk/portable";
import { serveVirtualDisk } from "@virtdisk/virtdisk/serve";
import { onlyOn, TempDir, testWith } from "../support.ts";
import { MemoryDisk } from "./memory_disk.ts";
import { RawClient } from "./raw_client.ts";

const SIZE = 1024 * 1024;
const SOCKETS = [onlyOn("linux", "darwin")];

Deno.test("serveVirtualDisk: a port of the loopback address", async () => {
  const server = await serveVirtualDisk(new MemoryDisk(SIZE), { port: 0, name: "a b" });
  const { port, hostname, pathname } = new URL(server.uri.replace("nbd:", "http:"));
  assertEquals([hostname, pathname], ["127.0.0.1", "/a%20b"]);
  {
    using client = await RawClient.ready(Number(port), { name: "a b" });
    await client.request({ type: 0, length: 512 });
    assertEquals(await client.readError(), 0);
    await assertRejects(
      () => serveVirtualDisk(new MemoryDisk(SIZE), { port: Number(port) }),
      VirtualDiskError,
      "another program uses port",
    );
  }
  await server.close();
  await server.close();
  await server.finished;
  // A program that another test starts at this moment holds the port until it runs: who gets in is greeted by nobody.
  await assertRejects(() => RawClient.greeted(Number(port)));
});

testWith(
  SOCKETS,
  "serveVirtualDisk: a socket that only its owner may use, and that goes with the server",
  async () => {
    using dir = new TempDir();
    const socket = dir.file("nbd sock?&#.s");
    {
      await using server = await serveVirtualDisk(new MemoryDisk(SIZE), { socket });
      assertEquals(Deno.statSync(socket).mode! & 0o777, 0o600);
      assertEquals([...Deno.readDirSync(dir.path)].length, 1);
      assertEquals(new URL(server.uri).searchParams.get("socket"), socket);
    }
    assertEquals([...Deno.readDirSync(dir.path)], []);
  },
);

testWith(
  SOCKETS,
  "serveVirtualDisk: threads that make sockets at once leave the rights of new files as they were",
  async () => {
    using dir = new TempDir();
    const before = Deno.umask();
    try {
      await Promise.all(["a", "b", "c"].map((name) => {
        const url = new URL("children/listen_often.ts", import.meta.url);
        const worker = new Worker(url, { type: "module" });
        const { promise, resolve, reject } = Promise.withResolvers<void>();
        worker.onmessage = () => resolve();
        worker.onerror = (event) => {
          event.preventDefault();
          reject(new Error(event.message));
        };
        worker.postMessage([dir.path, name, 300]);
        return promise.finally(() => worker.terminate());
      }));
      // A test beside this one may be in such a moment.
      for (let i = 0; i < 500 && Deno.umask() !== before; i++) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      assertEquals(Deno.umask(), before);
    } finally {
      Deno.umask(before);
    }
  },
);

testWith(
  SOCKETS,
  "serveVirtualDisk: by default a socket in a folder that only its owner may enter",
  async () => {
    const server = await serveVirtualDisk(new MemoryDisk(SIZE));
    const socket = new URL(server.uri).searchParams.get("socket")!;
    const folder = socket.slice(0, socket.lastIndexOf("/"));
    assertEquals(Deno.statSync(folder).mode! & 0o777, 0o700);
    await server.close();
    await assertRejects(() => Deno.stat(folder), Deno.errors.NotFound);
  },
);

/** A program that another test starts at this moment has a copy of a closed socket until it is loaded. */
async function nobodyListens(socket: string): Promise<void> {
  for (;;) {
    try {
      (await Deno.connect({ transport: "unix", path: socket })).close();
    } catch (error) {
      if (error instanceof Deno.errors.ConnectionRefused) return;
      throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

testWith(
  SOCKETS,
  "serveVirtualDisk: what is at the path of the socket stays, unless nobody listens there",
  async () => {
    using dir = new TempDir();
    const socket = dir.file("s");
    Deno.writeTextFileSync(socket, "a file");
    const serve = () => serveVirtualDisk(new MemoryDisk(SIZE), { socket });
    const error = await assertRejects(serve, VirtualDiskError);
    assertEquals([error.symbol, error.path], ["ERROR_ALREADY_EXISTS", socket]);
    assertEquals(Deno.readTextFileSync(socket), "a file");
    Deno.removeSync(socket);
    {
      await using _server = await serve();
      assertEquals((await assertRejects(serve, VirtualDiskError)).symbol, "ERROR_ALREADY_EXISTS");
    }
    // As a server leaves it that was killed.
    const killed = Deno.listen({ transport: "unix", path: dir.file("killed") });
    Deno.linkSync(dir.file("killed"), socket);
    killed.close();
    assert(Deno.lstatSync(socket).isSocket);
    await nobodyListens(socket);
    await using _server = await serve();
    using client = await RawClient.ready(socket);
    await client.request({ type: 0, length: 512 });
    assertEquals(await client.readError(), 0);
  },
);

Deno.test("serveVirtualDisk: wrong arguments are told before anything is made", async (t) => {
  const disk = new MemoryDisk(SIZE);
  const cases: Readonly<Record<string, [() => Promise<unknown>, new () => Error, string]>> = {
    "no disk": [() => serveVirtualDisk({}), TypeError, "a disk at least"],
    "a port and a socket": [
      () => serveVirtualDisk(disk, { port: 0, socket: "s" }),
      TypeError,
      "socket cannot be used beside port",
    ],
    "a port that is none": [
      () => serveVirtualDisk(disk, { port: 70000 }),
      RangeError,
      "port must be",
    ],
    "no clients": [
      () => serveVirtualDisk(disk, { port: 0, maxConnections: 0 }),
      RangeError,
      "maxConnections must be",
    ],
    "a name for several": [
      () => serveVirtualDisk({ a: disk }, { name: "b" }),
      TypeError,
      "name is for one disk",
    ],
    "a name that is too long": [
      () => serveVirtualDisk(disk, { name: "x".repeat(4097) }),
      RangeError,
      "at most 4096 bytes",
    ],
  };
  for (const [what, [serve, type, message]] of Object.entries(cases)) {
    await t.step(what, async () => {
      await assertRejects(serve, type, message);
    });
  }
});

Deno.test("serveVirtualDisk: a signal that was given before ends it at once", async () => {
  const reason = new Error("not wanted");
  const signal = AbortSignal.abort(reason);
  const serve = () => serveVirtualDisk(new MemoryDisk(SIZE), { port: 0, signal });
  assertEquals(await assertRejects(serve), reason);
});

Deno.test("serveVirtualDisk: a parent of other images is not served for writing", async () => {
  using dir = new TempDir();
  const parent = dir.file("base.vhdx");
  (await createVirtualDisk(parent, { size: "8MiB" })).close();
  (await createVirtualDisk(dir.file("child.vhdx"), { parent })).close();
  using disk = await openVirtualDisk(parent, { readOnly: false });
  const error = await assertRejects(() => serveVirtualDisk(disk, { port: 0 }), VirtualDiskError);
  assertEquals(error.symbol, "ERROR_VHD_INVALID_STATE");
  await using _server = await serveVirtualDisk(disk, { port: 0, readOnly: true });
});
