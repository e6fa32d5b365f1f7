/** The examples of whole tasks: uploads, backups, file systems, machines. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { checkVirtualDisk, createVirtualDisk, openVirtualDisk } from "@virtdisk/virtdisk/portable";
import { createImage } from "./create_image.ts";
import { example } from "./example.ts";
import { contentsHash } from "./images.ts";
import { MemoryDisk } from "./portable/partitions/partition_builder.ts";
import {
  contentsOf,
  e2,
  E2FSPROGS,
  fillAndEmpty,
  makeExt,
} from "./portable/filesystems/ext_images.ts";
import { sampledRows } from "./sampling.ts";
import {
  assertBytesEqual,
  exists,
  fileHash,
  onlyOn,
  pattern,
  ROOT,
  TempDir,
  testWith,
  tool,
} from "./support.ts";

const MiB = 2 ** 20;

/** A page blob of Azure's at a port of this machine: what is documented of Put Page, and no more. */
class PageBlob {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly ranges: string[] = [];
  readonly faults: string[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  /** As many requests are answered as by a server that is busy. */
  busy = 0;

  constructor(length: number, readonly answer = 201) {
    this.bytes = new Uint8Array(length);
    const options = { port: 0, hostname: "127.0.0.1", onListen() {} };
    this.#server = Deno.serve(options, (request) => this.#put(request));
  }

  get host(): string {
    return `127.0.0.1:${this.#server.addr.port}`;
  }

  async #put(request: Request): Promise<Response> {
    const body = new Uint8Array(await request.arrayBuffer());
    if (this.answer !== 201) return new Response("AuthenticationFailed", { status: this.answer });
    if (this.busy-- > 0) return new Response("ServerBusy", { status: 503 });
    const { searchParams } = new URL(request.url);
    const range = request.headers.get("x-ms-range") ?? "";
    const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(range)?.map(Number) ?? [];
    const isRight = request.method === "PUT" && searchParams.get("comp") === "page" &&
      searchParams.get("sig") === "secret" && request.headers.get("x-ms-page-write") === "update" &&
      request.headers.get("content-length") === `${body.length}` &&
      start! % 512 === 0 && end! + 1 - start! === body.length && body.length <= 4 * MiB &&
      end! < this.bytes.length;
    if (!isRight) {
      this.faults.push(`${request.method} ${request.url} ${range} with ${body.length} bytes`);
      return new Response("InvalidHeaderValue", { status: 400 });
    }
    this.bytes.set(body, start);
    this.ranges.push(range);
    return new Response(null, { status: 201 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

/** A raw disk of 9 MiB and a sector, with bytes at its start, in its middle and at its end. */
function makeRaw(path: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(9 * MiB + 512);
  for (const offset of [0, 8 * MiB, 9 * MiB]) bytes.set(pattern(512, offset), offset);
  Deno.writeFileSync(path, bytes);
  return bytes;
}

Deno.test("examples/upload_to_azure.ts writes the pages of a fixed VHD of the length it has told", async (t) => {
  using dir = new TempDir();
  const path = dir.file("disk.img");
  const bytes = makeRaw(path);
  const read = `--allow-read=${dir.path}`;
  const told = await example("upload_to_azure.ts", [read], path);
  assertEquals(told, { code: 0, out: `${10 * MiB + 512}\n` });
  await t.step("to a server that is busy at first", async () => {
    await using blob = new PageBlob(Number(told.out));
    blob.busy = 1;
    const url = `http://${blob.host}/images/disk.vhd?sv=2023-11-03&sig=secret`;
    const { code, out } = await example(
      "upload_to_azure.ts",
      [read, `--allow-net=${blob.host}`],
      path,
      url,
    );
    assertEquals([code, out], [0, `${6 * MiB + 512} of ${10 * MiB + 512} bytes sent\n`]);
    assertEquals([blob.faults, blob.ranges.length], [[], 2]);
    assertBytesEqual(blob.bytes.subarray(0, bytes.length), bytes);
    Deno.writeFileSync(dir.file("blob.vhd"), blob.bytes);
    assertEquals((await checkVirtualDisk(dir.file("blob.vhd"))).sound, true);
  });
  await t.step("and ends when it is not allowed to", async () => {
    await using blob = new PageBlob(0, 403);
    const flags = [read, `--allow-net=${blob.host}`];
    const { code, out } = await example("upload_to_azure.ts", flags, path, `http://${blob.host}/?`);
    assertEquals(code, 1);
    assertStringIncludes(out, "bytes=0-4194303: 403 AuthenticationFailed");
  });
});

Deno.test("examples/upload_stream.ts sends one request, whose length is told before", async (t) => {
  using dir = new TempDir();
  const path = dir.file("disk.vhdx");
  {
    using disk = await createImage(path, { size: 8 * MiB });
    disk.writeSync(pattern(MiB), 3 * MiB);
  }
  let length: string | null = null;
  let status = 200;
  let body = new Uint8Array();
  const options = { port: 0, hostname: "127.0.0.1", onListen() {} };
  const server = Deno.serve(options, async (request) => {
    length = request.headers.get("content-length");
    body = new Uint8Array(await request.arrayBuffer());
    return new Response(null, { status });
  });
  const host = `127.0.0.1:${server.addr.port}`;
  const flags = [`--allow-read=${dir.path}`, `--allow-net=${host}`];
  for (const type of sampledRows(["vhd", "vhdx", "raw"] as const, 3)) {
    await t.step(type, async () => {
      const { code, out } = await example(
        "upload_stream.ts",
        flags,
        path,
        type,
        `http://${host}/x`,
      );
      assertEquals([code, out], [0, `${body.length} bytes sent, status 200\n`]);
      assertEquals(length, `${body.length}`);
      Deno.writeFileSync(dir.file("sent"), body);
      using disk = await openVirtualDisk(path);
      using sent = await openVirtualDisk(dir.file("sent"), { type });
      assertEquals(contentsHash(sent), contentsHash(disk));
    });
  }
  await t.step("that is refused", async () => {
    status = 403;
    const { code, out } = await example("upload_stream.ts", flags, path, "vhd", `http://${host}/x`);
    assertEquals(code, 1);
    assertMatch(out, /bytes sent, status 403/);
  });
  await server.shutdown();
});

Deno.test("examples: what is saved of children by incremental_backup.ts, restore_backup.ts puts together", async (t) => {
  using dir = new TempDir();
  const [base, child, leaf] = ["base", "child", "leaf"].map((name) => dir.file(`${name}.vhdx`)) as [
    string,
    string,
    string,
  ];
  const size = 3 * MiB;
  {
    using disk = await createImage(base, { size });
    disk.writeSync(pattern(size), 0);
  }
  {
    using disk = await createImage(child, { parent: base });
    disk.writeSync(pattern(5000, 7), 1000);
    disk.writeSync(new Uint8Array(512), 2 * MiB);
  }
  {
    using disk = await createImage(leaf, { parent: child });
    await disk.resize(4 * MiB);
    disk.writeSync(pattern(5000, 8), 4000);
    disk.writeSync(pattern(512, 9), 4 * MiB - 512);
  }
  const folders = ["monday", "tuesday"].map((name) => dir.file(name)) as [string, string];
  const read = `--allow-read=${dir.path}`;
  const restore = [read, `--allow-write=${dir.path}`];
  for (const [index, path] of [child, leaf].entries()) {
    await t.step(`saves ${path.slice(dir.path.length + 1)}`, async () => {
      const flags = [read, `--allow-write=${folders[index]}`];
      const { code, out } = await example("incremental_backup.ts", flags, path, folders[index]!);
      assertEquals(code, 0, out);
      assertMatch(out, /^\d+ bytes of \d+\n$/);
    });
  }
  const restored = dir.file("new.vhdx");
  await t.step("restores the last", async () => {
    const saved = await example("restore_backup.ts", restore, base, restored, ...folders);
    assertEquals(saved, { code: 0, out: "" });
    using disk = await openVirtualDisk(leaf);
    using copy = await openVirtualDisk(restored);
    assertEquals(contentsHash(copy), contentsHash(disk));
  });
  const refusals: readonly (readonly [string, RegExp, string, ...string[]])[] = [
    ["over another disk", /monday is of a child of another disk/, leaf, folders[0]],
    ["in another order", /tuesday is of a child of another disk/, base, folders[1], folders[0]],
    ["without its end", /NotFound.*backup\.json/, base, dir.path],
  ];
  for (const [name, message, ...args] of sampledRows(refusals, 3)) {
    await t.step(`restores nothing ${name}`, async () => {
      const [first, ...rest] = args as [string, ...string[]];
      const target = dir.file("none.vhdx");
      const { code, out } = await example("restore_backup.ts", restore, first, target, ...rest);
      assertEquals(code, 1);
      assertMatch(out, message);
      assert(!exists(target));
    });
  }
  await t.step("restores nothing over a file that is there", async () => {
    const { code, out } = await example("restore_backup.ts", restore, base, restored, folders[0]);
    assertEquals(code, 1);
    assertStringIncludes(out, "ERROR_FILE_EXISTS");
  });
  await t.step("saves nothing of a damaged image", async () => {
    Deno.truncateSync(leaf, MiB);
    const flags = [read, `--allow-write=${dir.file("wednesday")}`];
    const { code, out } = await example(
      "incremental_backup.ts",
      flags,
      leaf,
      dir.file("wednesday"),
    );
    assertEquals(code, 1, out);
    assertStringIncludes(out, "error: ");
    assert(!exists(dir.file("wednesday")));
  });
});

testWith(
  [onlyOn("linux", "darwin"), ...E2FSPROGS],
  "examples/wsl_disk.ts shrinks a disk, and takes its file system out",
  async (t) => {
    using dir = new TempDir();
    const raw = dir.file("raw.img");
    makeExt(raw, 32 * MiB, "-t", "ext4");
    const names = fillAndEmpty(dir, raw, { seed: 4, removed: 12 * MiB });
    const contents = contentsOf(dir, raw, names);
    const allowed = [`--allow-read=${dir.path}`, `--allow-write=${dir.path}`];
    const path = dir.file("ext4.vhdx");
    const blockSize = MiB;
    (await createVirtualDisk(path, { source: raw, sourceType: "raw", blockSize })).close();
    await t.step("shrink", async () => {
      const { code, out } = await example("wsl_disk.ts", allowed, "shrink", path);
      const [, before, now] = /^ext4 \d+\n(\d+) bytes before, (\d+) now\n$/.exec(out) ?? [];
      assertEquals(code, 0, out);
      assert(Number(before) - Number(now) >= 10 * MiB, out);
    });
    await t.step("extract the whole disk", async () => {
      const target = dir.file("whole.img");
      const { code, out } = await example("wsl_disk.ts", allowed, "extract", path, target);
      assertEquals([code, out], [0, `${32 * MiB} bytes, ext4\n`]);
      e2("e2fsck", "-fn", target);
      assertEquals(contentsOf(dir, target, names), contents);
    });
    const parted = dir.file("parted.vhdx");
    await t.step("extract a partition", async () => {
      const first = 2048;
      const table = new MemoryDisk(40 * MiB / 512);
      table.gpt([first, first + 32 * MiB / 512 - 1]);
      table.bytes.set(Deno.readFileSync(raw), first * 512);
      {
        using disk = await createVirtualDisk(parted, { size: 40 * MiB });
        disk.writeSync(table.bytes, 0);
      }
      const target = dir.file("partition.img");
      const { code, out } = await example("wsl_disk.ts", allowed, "extract", parted, target, "1");
      assertEquals([code, out], [0, `${32 * MiB} bytes, ext4\n`]);
      assertBytesEqual(Deno.readFileSync(target), Deno.readFileSync(raw));
    });
    await t.step("extract no partition that is not there", async () => {
      const target = dir.file("none.img");
      const { code, out } = await example("wsl_disk.ts", allowed, "extract", parted, target, "2");
      assertEquals([code, out], [1, "0 file systems fit; there are: 1ext4\n"]);
      assert(!exists(target));
    });
  },
);

Deno.test("examples/rescue.ts saves what is left of a damaged image, and says what is lost", async (t) => {
  using dir = new TempDir();
  const [broken, saved] = [dir.file("broken.vhdx"), dir.file("saved.img")];
  const bytes = pattern(8 * MiB);
  {
    using disk = await createImage(broken, { size: 8 * MiB, blockSize: MiB });
    disk.writeSync(bytes, 0);
  }
  const allowed = [`--allow-read=${dir.path}`, `--allow-write=${dir.path}`];
  await t.step("nothing, if it is sound", async () => {
    const { code, out } = await example("rescue.ts", allowed, broken, dir.file("sound.img"));
    assertEquals([code, out.split("\n").at(-2)], [0, `0 of ${8 * MiB} bytes are lost`]);
    assertBytesEqual(Deno.readFileSync(dir.file("sound.img")), bytes);
  });
  Deno.truncateSync(broken, Deno.statSync(broken).size - 3 * MiB);
  const before = fileHash(broken);
  await t.step("three blocks, if it is cut off", async () => {
    const { code, out } = await example("rescue.ts", allowed, broken, saved);
    assertEquals(code, 1, out);
    assertStringIncludes(out, `lost: ${3 * MiB} bytes at ${5 * MiB} (cut-off)`);
    assertStringIncludes(out, `\n${3 * MiB} of ${8 * MiB} bytes are lost\n`);
    assertBytesEqual(Deno.readFileSync(saved), bytes.fill(0, 5 * MiB));
    assertEquals(fileHash(broken), before);
  });
  await t.step("and replaces no file", async () => {
    const { code, out } = await example("rescue.ts", allowed, broken, saved);
    assertEquals(code, 1);
    assertStringIncludes(out, "ERROR_FILE_EXISTS");
  });
});

/**
 * A boot sector that reads the sector behind it from its disk, prints it to the serial port up to a zero, and ends the
 * machine: what is written to port 0xf4 is half of its exit status.
 */
const BOOT_SECTOR =
  "31c08ed88ec0bb007eb80102b90200b600cd13be007efcac84c07406baf803eeebf5b010e6f4f4";

const QEMU = [onlyOn("linux", "darwin"), tool("qemu-system-x86_64")];

testWith(
  QEMU,
  "examples/boot_in_qemu.ts boots a child whose parent has what it reads",
  async () => {
    using dir = new TempDir();
    const [base, child] = [dir.file("base.vhdx"), dir.file("child, with a comma.vhdx")];
    {
      using disk = await createImage(base, { size: 8 * MiB });
      disk.writeSync(new TextEncoder().encode("read from the parent\n"), 512);
    }
    {
      using disk = await createImage(child, { parent: base });
      const sector = new Uint8Array(512);
      sector.set(Uint8Array.fromHex(BOOT_SECTOR));
      sector.set([0x55, 0xaa], 510);
      disk.writeSync(sector, 0);
    }
    const allowed = [
      "--allow-read",
      "--allow-write",
      "--allow-net",
      "--allow-run=qemu-system-x86_64",
    ];
    const devices = ["-display", "none", "-device", "isa-debug-exit,iobase=0xf4,iosize=4"];
    const machine = [...devices, "-m", "64M", "-serial", "stdio", "-nic", "none"];
    for (const options of sampledRows([[child], ["--writable", child]], 2, 1)) {
      const { code, out } = await example("boot_in_qemu.ts", allowed, ...options, ...machine);
      assertStringIncludes(out, "read from the parent\n");
      assertEquals(code, 0x10 * 2 + 1);
    }
  },
);

Deno.test("examples: each is short, says how it is called, and is listed", () => {
  const list = Deno.readTextFileSync(`${ROOT}/examples/README.md`);
  for (const { name } of Deno.readDirSync(`${ROOT}/examples`)) {
    if (!name.endsWith(".ts")) continue;
    assertStringIncludes(list, `[${name}](${name})`);
    const text = Deno.readTextFileSync(`${ROOT}/examples/${name}`);
    assert(text.split("\n").length <= 61, name);
    assertMatch(text, new RegExp(`^/\\*\\*\n[^]*?deno run [^]*?examples/${name}`), name);
  }
});
