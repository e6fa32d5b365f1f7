/** Images on a web server, read by range requests. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { toFileUrl } from "@std/path";
import {
  checkVirtualDisk,
  compareVirtualDisks,
  convertVirtualDisk,
  createVirtualDisk,
  VirtualDiskError,
} from "@virtdisk/virtdisk";
import { openVirtualDisk } from "@virtdisk/virtdisk/portable";
import { HttpFetcher } from "../../src/portable/file/http_fetcher.ts";
import { ImageError } from "../../src/portable/file/image_error.ts";
import { runnable } from "../bundles.ts";
import { createImage } from "../create_image.ts";
import { denoCommand } from "../deno_command.ts";
import { createChain, hashOf, openImage, streamHash } from "../images.ts";
import { IS_FULL, sampledRows } from "../sampling.ts";
import { assertBytesEqual, pattern, run, TempDir, testWith, tool } from "../support.ts";
import { type Behaviour, ImageServer } from "./http_server.ts";

const MIB = 2 ** 20;
const SIZE = 24 * MIB;
/** Nobody waits long in a test. */
const SHORT = { idle: 300, pauses: [5, 5] };
const FOREVER = new AbortController().signal;

/** An image of this library with something in it. */
async function imageBytes(dir: TempDir, name: string): Promise<Uint8Array<ArrayBuffer>> {
  {
    using disk = await createImage(dir.file(name), { size: SIZE });
    disk.writeSync(pattern(5 * MIB, 3), 100);
    disk.writeSync(pattern(5000, 4), 17 * MIB);
  }
  return Deno.readFileSync(dir.file(name));
}

testWith(
  [tool("qemu-img")],
  "openVirtualDisk: what qemu-img made reads the same from a server as from its file",
  async (t) => {
    using dir = new TempDir();
    const disk = new Uint8Array(SIZE);
    disk.set(pattern(3 * MIB, 1), 512);
    disk.set(pattern(70_000, 2), 20 * MIB + 77);
    Deno.writeFileSync(dir.file("disk.img"), disk);
    const rows: Record<string, string[]> = {
      "disk.vhd": ["-O", "vpc", "-o", "subformat=dynamic,force_size=on"],
      "fixed.vhd": ["-O", "vpc", "-o", "subformat=fixed,force_size=on"],
      "disk.vhdx": ["-O", "vhdx", "-o", "block_size=1M"],
    };
    for (const [name, options] of sampledRows(Object.entries(rows), 3, 2)) {
      await t.step(name, async () => {
        const path = dir.file(name);
        run("qemu-img", "convert", "-f", "raw", ...options, dir.file("disk.img"), path);
        await using server = new ImageServer({ [name]: Deno.readFileSync(path) });
        const url = server.url(name);
        const expected = await hashOf(path);
        {
          using opened = await openVirtualDisk(url);
          assertEquals(opened.path, url.href);
          using local = await openImage(path, true);
          const information = await opened.fetched((disk) => disk.information());
          assertEquals(information, local.information());
          assertEquals(await streamHash(opened), expected);
        }
        await convertVirtualDisk(url, dir.file(`${name}.copy.vhdx`), { backend: "portable" });
        assertEquals(await hashOf(dir.file(`${name}.copy.vhdx`)), expected);
        assertEquals(await Array.fromAsync(compareVirtualDisks(url, path)), []);
        assertEquals((await checkVirtualDisk(url)).sound, (await checkVirtualDisk(path)).sound);
        const own = await createVirtualDisk(dir.file(`${name}.own.vhd`), {
          source: url,
          backend: "portable",
        });
        own.close();
      });
    }
  },
);

Deno.test("openVirtualDisk: what an image of 800 MB is, two or three requests tell", async (t) => {
  using dir = new TempDir();
  for (const name of ["disk.vhdx", "disk.vhd"]) {
    await t.step(name, async () => {
      {
        using disk = await createImage(dir.file(name), { size: 1024 * MIB });
        for (let i = 0; i < 800; i += 2) disk.writeSync(pattern(4096, i), i * MIB);
      }
      const path = dir.file(name);
      const { size } = Deno.statSync(path);
      assert(size > 790 * MIB);
      await using server = new ImageServer({});
      server.stored[name] = { path, size };
      using disk = await openVirtualDisk(server.url(name), { getInfoOnly: true });
      assertEquals(disk.size, 1024 * MIB);
      assertEquals(disk.getInformation("size").physicalSize, size);
      assert(server.asked.length <= 3, JSON.stringify(server.asked));
    });
  }
});

Deno.test("convertVirtualDisk: a file on a server is fetched in long pieces, each once", async () => {
  using dir = new TempDir();
  const [mebibytes, requests] = IS_FULL ? [60, 30] : [28, 20];
  {
    using disk = await createImage(dir.file("disk.vhdx"), { size: (mebibytes + 4) * MIB });
    disk.writeSync(pattern(mebibytes * MIB, 3), 0);
  }
  const bytes = Deno.readFileSync(dir.file("disk.vhdx"));
  await using server = new ImageServer({ "disk.vhdx": bytes });
  const options = { backend: "portable" } as const;
  await convertVirtualDisk(server.url("disk.vhdx"), dir.file("copy.vhd"), options);
  assertEquals(await hashOf(dir.file("copy.vhd")), await hashOf(dir.file("disk.vhdx")));
  assert(server.asked.length < requests, String(server.asked.length));
  let fetched = 0;
  for (const { range } of server.asked) {
    const [, start, end] = /(\d+)-(\d+)/.exec(range!)!;
    fetched += Math.min(bytes.length, Number(end) + 1) - Number(start);
  }
  assert(fetched <= 1.2 * bytes.length, `${fetched} of ${bytes.length}`);
});

/** An answer of which a part comes, and then no more: the connection is closed. */
function brokenOff(part: Uint8Array<ArrayBuffer>, headers: Record<string, string>, length: number) {
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(part);
      controller.close();
    },
  });
  const init = { status: 206, headers: { ...headers, "content-length": String(length) } };
  return new Response(body, init);
}

/** Opens and reads all, with a server that does as it is told; gives what is thrown. */
async function failure(behaviour: Behaviour, change?: (server: ImageServer) => void) {
  const bytes = pattern(3 * MIB);
  await using server = new ImageServer({ file: bytes }, behaviour);
  change?.(server);
  return await assertRejects(async () => {
    const fetcher = await HttpFetcher.open(server.url("file?secret=1"), FOREVER, SHORT);
    await fetcher.fetch(MIB, MIB, FOREVER);
  }, ImageError);
}

Deno.test("HttpFetcher: what a server does not do as it should is refused, each with its reason", async (t) => {
  let server: ImageServer;
  const later = (answer: Behaviour): Behaviour => (wanted, files) =>
    wanted.count === 0 ? undefined : answer(wanted, files);
  const respond = (status: number, headers: Record<string, string> = {}) => () =>
    new Response("x", { status, headers });
  const part = (
    shape: (start: number, end: number) => [number, number],
    headers: Record<string, string> = {},
  ): Behaviour =>
  (wanted) => {
    const [start, end] = shape(wanted.start, wanted.end);
    return server.part({ path: "file", start, end }, headers);
  };
  const asIs = (start: number, end: number): [number, number] => [start, end];
  const rows: [title: string, behaviour: Behaviour, symbol: string, says: string][] = [
    ["no ranges", (_, { file }) => new Response(file!), "ERROR_NOT_SUPPORTED", "range requests"],
    [
      "no ranges any more",
      later((_, { file }) => new Response(file!, { headers: { etag: '"one"' } })),
      "ERROR_NOT_SUPPORTED",
      "range requests",
    ],
    ["a part of unknown place", respond(206), "ERROR_NOT_SUPPORTED", "does not say which"],
    [
      "a file of unknown length",
      part(asIs, { "content-range": "bytes 0-524287/*" }),
      "ERROR_NOT_SUPPORTED",
      "does not say which",
    ],
    [
      "gzip",
      part(asIs, { "content-encoding": "gzip" }),
      "ERROR_NOT_SUPPORTED",
      "packs the file (gzip)",
    ],
    [
      "gzip later",
      later(part(asIs, { "content-encoding": "gzip" })),
      "ERROR_NOT_SUPPORTED",
      "packs the file",
    ],
    [
      "another part",
      later(part((start, end) => [start + 10, end])),
      "ERROR_INVALID_DATA",
      "where those from",
    ],
    [
      "more than was asked for",
      later(part((start, end) => [start, end + 10])),
      "ERROR_INVALID_DATA",
      "where those from",
    ],
    [
      "a longer body",
      later(({ start, end }, { file }) => {
        const headers = server.headers({ path: "file", start, end });
        return new Response(file!.slice(start, end + 5), { status: 206, headers });
      }),
      "ERROR_INVALID_DATA",
      "more than the",
    ],
    [
      "a shorter body",
      later(({ start, end }, { file }) => {
        const headers = server.headers({ path: "file", start, end });
        return new Response(file!.slice(start, start + 5), { status: 206, headers });
      }),
      "ERROR_READ_FAULT",
      "ended after 5 of",
    ],
    [
      "a byte at a time",
      later(part((start) => [start, start + 1])),
      "ERROR_READ_FAULT",
      "less than it is asked for",
    ],
    [
      "another ETag",
      later(part(asIs, { etag: '"two"' })),
      "ERROR_FILE_INVALID",
      'its ETag was "one", and is "two" now',
    ],
    [
      "another date",
      later(part(asIs, { "last-modified": "Tue, 01 Dec 2026 00:00:00 GMT" })),
      "ERROR_FILE_INVALID",
      "it was last modified on",
    ],
    [
      "another length",
      later(({ start, end }, { file }) => {
        return new Response(file!.slice(start, end), {
          status: 206,
          headers: {
            ...server.headers({ path: "file", start, end }),
            "content-range": `bytes ${start}-${end - 1}/7340032`,
          },
        });
      }),
      "ERROR_FILE_INVALID",
      "it had 3145728 bytes, and has 7340032 now",
    ],
    [
      "shorter than what is asked for",
      later(respond(416, { "content-range": "bytes */5" })),
      "ERROR_FILE_INVALID",
      "shorter",
    ],
    [
      "all of another version",
      later((_, { file }) => new Response(file!, { headers: { etag: '"two"' } })),
      "ERROR_FILE_INVALID",
      "ETag",
    ],
    ["not there", respond(404), "ERROR_FILE_NOT_FOUND", "the server says 404"],
    ["not allowed", respond(403), "ERROR_ACCESS_DENIED", "the server says 403"],
    ["busy for long", respond(503), "ERROR_NOT_READY", "the server says 503"],
    ["nonsense", respond(204 + 96), "ERROR_INVALID_DATA", "the server says 300"],
    ["a redirect to nowhere", respond(302), "ERROR_INVALID_DATA", "does not say where to"],
    [
      "a redirect in a circle",
      () => new Response(null, { status: 302, headers: { location: "/file" } }),
      "ERROR_BAD_PATHNAME",
      "again and again",
    ],
    [
      "a redirect to a file of this host",
      respond(302, { location: "file:///etc/passwd" }),
      "ERROR_ACCESS_DENIED",
      "which is not https:",
    ],
    [
      "a redirect to no server",
      respond(307, { location: "data:text/plain,abc" }),
      "ERROR_ACCESS_DENIED",
      "which is not https:",
    ],
    [
      "silence",
      later(() => new Promise((resolve) => setTimeout(() => resolve(undefined), 700))),
      "ERROR_TIMEOUT",
      "not sent a byte",
    ],
    [
      "silence within an answer",
      later(({ start, end }) => {
        const headers = server.headers({ path: "file", start, end });
        const body = new ReadableStream({
          start: (controller) => controller.enqueue(new Uint8Array(5)),
        });
        return new Response(body, { status: 206, headers });
      }),
      "ERROR_TIMEOUT",
      "not sent a byte",
    ],
    [
      "breaking off",
      later(({ start, end }) => {
        const headers = server.headers({ path: "file", start, end });
        return brokenOff(new Uint8Array(5), headers, 1000);
      }),
      "ERROR_BAD_NETPATH",
      "has broken off",
    ],
  ];
  for (const [title, behaviour, symbol, says] of rows) {
    await t.step(title, async () => {
      const error = await failure(behaviour, (each) => {
        server = each;
      });
      assertEquals([error.symbol, error.message.includes(says)], [symbol, true], error.message);
      assert(!JSON.stringify(error.options.path).includes("secret"));
    });
  }
  await t.step("no version at all", async () => {
    const error = await failure(() => undefined, (server) => {
      server.etag = null;
      server.lastModified = null;
    });
    assertEquals(error.symbol, "ERROR_NOT_SUPPORTED");
    assert(error.message.includes("neither ETag nor Last-Modified"), error.message);
  });
  await t.step("no server", async () => {
    const port = await freePort();
    const url = new URL(`http://127.0.0.1:${port}/`);
    const error = await assertRejects(() => HttpFetcher.open(url, FOREVER, SHORT), ImageError);
    assertEquals(error.symbol, "ERROR_BAD_NETPATH");
  });
});

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

Deno.test("HttpFetcher: what a server may do is put up with", async (t) => {
  const bytes = pattern(3 * MIB);
  async function fetched(behaviour: Behaviour, change?: (server: ImageServer) => void) {
    await using server = new ImageServer({ file: bytes }, behaviour);
    change?.(server);
    const fetcher = await HttpFetcher.open(server.url("file"), FOREVER, SHORT);
    assertEquals(fetcher.size, bytes.length);
    const part = await fetcher.fetch(MIB, MIB, FOREVER);
    assertBytesEqual(part, bytes.subarray(MIB, 2 * MIB));
    return server.asked;
  }
  let server: ImageServer;
  const keep = (each: ImageServer) => {
    server = each;
  };
  await t.step("answers that are shorter than asked for", async () => {
    const asked = await fetched(
      ({ path, start, end }) => server.part({ path, start, end: Math.min(end, start + 300_000) }),
      keep,
    );
    assertEquals(asked.length, 5);
  });
  await t.step("answers that break off, again and again", async () => {
    const asked = await fetched(({ path, start, end, count }, { file }) => {
      if (count === 0) return undefined;
      const headers = server.headers({ path, start, end });
      if (start + 100_000 >= end) return undefined;
      return brokenOff(file!.slice(start, start + 100_000), headers, end - start);
    }, keep);
    assert(asked.length >= 11, String(asked.length));
  });
  await t.step("a server that is busy for a moment", async () => {
    const asked = await fetched(({ count }) => {
      return count % 3 === 2 ? undefined : new Response(null, { status: 503 });
    });
    assertEquals(asked.length, 6);
  });
  await t.step("weak validators, of which none is a condition", async () => {
    const asked = await fetched(() => undefined, (server) => {
      server.etag = 'W/"one"';
    });
    assert(asked.every(({ ifRange }) => ifRange === null));
  });
  await t.step("a redirect, which is remembered", async () => {
    const asked = await fetched(
      ({ path }) =>
        path === "file"
          ? new Response(null, { status: 302, headers: { location: "/real?sig=1" } })
          : undefined,
      (server) => {
        server.files["real"] = bytes;
      },
    );
    assertEquals(asked.map(({ path }) => path), ["file", "real", "real"]);
  });
  await t.step("a place that is good for a while only", async () => {
    let signed = 0;
    const asked = await fetched(({ path, count }) => {
      if (path === "file") {
        return new Response(null, { status: 302, headers: { location: `/real${++signed}` } });
      }
      return path === "real1" && count > 1 ? new Response(null, { status: 403 }) : undefined;
    }, (server) => {
      server.files["real1"] = bytes;
      server.files["real2"] = bytes;
    });
    assertEquals(asked.map(({ path }) => path), ["file", "real1", "real1", "file", "real2"]);
  });
  await t.step("a short file, of which all comes at once", async () => {
    const short = pattern(5000);
    await using server = new ImageServer({ file: short }, () => new Response(short));
    const fetcher = await HttpFetcher.open(server.url("file"), FOREVER, SHORT);
    assertBytesEqual(fetcher.head, short);
  });
  await t.step("an empty file", async () => {
    await using server = new ImageServer({ file: new Uint8Array() });
    const error = await assertRejects(() => openVirtualDisk(server.url("file")), VirtualDiskError);
    assertEquals(error.symbol, "ERROR_VIRTDISK_PROVIDER_NOT_FOUND");
  });
});

Deno.test("openVirtualDisk: a file that changes under an open disk is an error, not a mix", async () => {
  using dir = new TempDir();
  const bytes = await imageBytes(dir, "disk.vhdx");
  await using server = new ImageServer({ "disk.vhdx": bytes });
  using disk = await openVirtualDisk(server.url("disk.vhdx"));
  await disk.read(new Uint8Array(10), 0);
  server.etag = '"two"';
  const read = () => disk.read(new Uint8Array(MIB), 3 * MIB);
  assertEquals((await assertRejects(read, VirtualDiskError)).symbol, "ERROR_FILE_INVALID");
  server.etag = '"one"';
  assertEquals((await assertRejects(read, VirtualDiskError)).symbol, "ERROR_FILE_INVALID");
});

Deno.test("openVirtualDisk: nothing is fetched that an image on a server names", async () => {
  using dir = new TempDir();
  const paths = ["base.vhdx", "leaf.vhdx"].map((name) => dir.file(name));
  await createChain(paths, { size: SIZE }, (disk, depth) => {
    disk.writeSync(pattern(5000, depth), depth * MIB);
  });
  const [base, leaf] = paths.map((path) => Deno.readFileSync(path));
  await using server = new ImageServer({ "base.vhdx": base!, "leaf.vhdx": leaf! });
  const url = server.url("leaf.vhdx");
  const error = await assertRejects(() => openVirtualDisk(url), VirtualDiskError);
  assertEquals(error.symbol, "ERROR_VHD_PARENT_VHD_NOT_FOUND");
  assert(error.causes[0]!.includes("pass `parents`"), error.message);
  assert(server.asked.every(({ path }) => path === "leaf.vhdx"));
  using disk = await openVirtualDisk(url, { parents: [server.url("base.vhdx")] });
  assertEquals(disk.parents, [server.url("base.vhdx").href]);
  assertEquals(await streamHash(disk), await hashOf(paths[1]!));
});

Deno.test("convertVirtualDisk: a signal ends the waiting for a server, and leaves no file", async () => {
  using dir = new TempDir();
  const bytes = await imageBytes(dir, "disk.vhdx");
  const stalled = Promise.withResolvers<undefined>();
  await using server = new ImageServer({ "disk.vhdx": bytes }, ({ start }) => {
    return start < 5 * MIB || start > bytes.length - MIB ? undefined : stalled.promise;
  });
  const controller = new AbortController();
  const options = { backend: "portable", signal: controller.signal } as const;
  const converting = convertVirtualDisk(server.url("disk.vhdx"), dir.file("copy.vhd"), options);
  setTimeout(() => controller.abort(new Error("enough")), 300);
  await assertRejects(() => converting, Error, "enough");
  stalled.resolve(undefined);
  assertEquals([...Deno.readDirSync(dir.path)].map(({ name }) => name), ["disk.vhdx"]);
});

Deno.test("openVirtualDisk: closing a disk ends what is being fetched for it", async () => {
  using dir = new TempDir();
  const bytes = await imageBytes(dir, "disk.vhdx");
  const stalled = Promise.withResolvers<undefined>();
  await using server = new ImageServer({ "disk.vhdx": bytes });
  const disk = await openVirtualDisk(server.url("disk.vhdx"));
  server.behaviour = () => stalled.promise;
  const reading = disk.read(new Uint8Array(MIB), 3 * MIB);
  setTimeout(() => disk.close(), 100);
  const error = await assertRejects(() => reading, VirtualDiskError);
  assertEquals(error.symbol, "ERROR_INVALID_HANDLE");
  stalled.resolve(undefined);
});

Deno.test("openVirtualDisk: a string is a path, whatever it looks like, and nothing is fetched for it", async () => {
  await using server = new ImageServer({ "disk.vhdx": pattern(1000) });
  const text = server.url("disk.vhdx").href;
  const error = await assertRejects(() => openVirtualDisk(text), VirtualDiskError);
  assert(
    error.symbol.endsWith("_NOT_FOUND") || error.symbol === "ERROR_INVALID_NAME",
    error.symbol,
  );
  if (Deno.build.os !== "windows") {
    assert(error.message.includes(`new URL("${text}")`), error.message);
  }
  assertEquals(server.asked, []);
});

Deno.test("openVirtualDisk: what may be damaged is not read while it is fetched", async () => {
  await using server = new ImageServer({ "disk.vhdx": pattern(1000) });
  const url = server.url("disk.vhdx");
  const options = { damage: "tolerate" } as const;
  const error = await assertRejects(() => openVirtualDisk(url, options), VirtualDiskError);
  assertEquals(error.symbol, "ERROR_NOT_SUPPORTED");
  using dir = new TempDir();
  const copy = await assertRejects(
    () => convertVirtualDisk(url, dir.file("copy.vhd"), { ...options, backend: "portable" }),
    VirtualDiskError,
  );
  assertEquals(copy.symbol, "ERROR_NOT_SUPPORTED");
  assertEquals(server.asked, []);
});

Deno.test("openVirtualDisk: what gives access to a file is in no message", async () => {
  await using server = new ImageServer({});
  const url = new URL(`http://me:hidden@${server.host}/disk.vhdx?signature=hidden#hidden`);
  const error = await assertRejects(() => openVirtualDisk(url), VirtualDiskError);
  assertEquals(error.path, server.url("disk.vhdx").href);
  assert(!error.message.includes("hidden"), error.message);
});

/** Runs a script that opens a URL, with nothing allowed but what is said. */
async function asUser(url: URL, ...flags: string[]): Promise<string> {
  using dir = new TempDir();
  const script = dir.file("open.ts");
  const face = toFileUrl(runnable("portable.ts")).href;
  Deno.writeTextFileSync(
    script,
    `import { openVirtualDisk } from ${JSON.stringify(face)};
     try {
       using disk = await openVirtualDisk(new URL(Deno.args[0]));
       console.log(disk.size, await disk.read(new Uint8Array(10), 0));
     } catch (error) {
       console.log(error.name, error.message);
     }`,
  );
  const { stdout, stderr } = await denoCommand({
    args: ["run", "--no-prompt", "--no-check", ...flags, script, url.href],
    env: { NO_COLOR: "1" },
  }).output();
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

Deno.test("openVirtualDisk: a URL needs --allow-net for its server alone, and says so", async () => {
  using dir = new TempDir();
  const bytes = await imageBytes(dir, "disk.vhdx");
  await using server = new ImageServer({ "disk.vhdx": bytes });
  await using other = new ImageServer(
    {},
    () => new Response(null, { status: 302, headers: { location: server.url("disk.vhdx").href } }),
  );
  const url = server.url("disk.vhdx");
  assertEquals((await asUser(url, `--allow-net=${server.host}`)).trim(), `${SIZE} 10`);
  const refused = await asUser(url);
  assert(refused.startsWith("NotCapable"), refused);
  assert(refused.includes(`run again with --allow-net=${server.host}`), refused);
  const redirected = await asUser(other.url("x"), `--allow-net=${other.host}`);
  assert(redirected.includes(`to which ${other.host} redirects`), redirected);
  assert(redirected.includes(`run again with --allow-net=${server.host}`), redirected);
  const both = await asUser(other.url("x"), `--allow-net=${other.host},${server.host}`);
  assertEquals(both.trim(), `${SIZE} 10`);
});

testWith(
  [tool("openssl")],
  "openVirtualDisk: an https: server is read, and may not redirect to an unprotected one",
  async () => {
    using dir = new TempDir();
    const bytes = await imageBytes(dir, "disk.vhdx");
    const [key, cert] = [dir.file("key.pem"), dir.file("cert.pem")];
    const subject = ["-subj", "/CN=virtdisk", "-addext", "subjectAltName=IP:127.0.0.1"];
    const kind = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"];
    const limits = ["-addext", "basicConstraints=critical,CA:FALSE"];
    run("openssl", "req", ...kind, "-keyout", key, "-out", cert, ...subject, ...limits);
    const tls = { key: Deno.readTextFileSync(key), cert: Deno.readTextFileSync(cert) };
    await using server = new ImageServer({ "disk.vhdx": bytes }, undefined, tls);
    const flags = [`--cert=${cert}`, `--allow-net=${server.host}`];
    const url = server.url("disk.vhdx");
    assertEquals(url.protocol, "https:");
    assertEquals((await asUser(url, ...flags)).trim(), `${SIZE} 10`);
    server.behaviour = () =>
      new Response(null, { status: 302, headers: { location: "http://127.0.0.1:9999/disk.vhdx" } });
    const refused = await asUser(url, ...flags);
    assert(
      refused.includes("ERROR_ACCESS_DENIED") && refused.includes("which is not https:"),
      refused,
    );
  },
);
