/** The `serve` command, as clients meet it. */
import { assertEquals, assertMatch } from "@std/assert";
import { createImage } from "../create_image.ts";
import { RawClient } from "../serve/raw_client.ts";
import { onlyOn, TempDir, testWith } from "../support.ts";
import { violations } from "./json_schema.ts";
import { runCli } from "./run_cli.ts";
import { serving } from "./serving.ts";

const MIB = 1 << 20;
const SOCKETS = [onlyOn("linux", "darwin")];

/** A child of one sector of ones, and its empty parent. */
async function makeChain(dir: TempDir): Promise<void> {
  (await createImage(dir.file("base.vhdx"), { size: 8 * MIB })).close();
  using child = await createImage(dir.file("child.vhdx"), { parent: dir.file("base.vhdx") });
  child.writeSync(new Uint8Array(512).fill(1), MIB);
}

async function firstByte(socket: string, name: string): Promise<number> {
  using client = await RawClient.ready(socket, { name });
  await client.request({ type: 0, offset: BigInt(MIB), length: 1 });
  return (await client.readReply()).data.at(-1)!;
}

function socketOf(uri: string): string {
  return new URL(uri).searchParams.get("socket")!;
}

testWith(SOCKETS, "serve: a chain and each of its levels, until it is interrupted", async () => {
  using dir = new TempDir();
  await makeChain(dir);
  const { code, errors } = await serving(
    dir,
    ["--json", "--levels", "child.vhdx"],
    async (line) => {
      const printed = JSON.parse(line);
      assertEquals(violations(printed), [], line);
      assertEquals([printed.readOnly, printed.path], [true, dir.file("child.vhdx")]);
      assertEquals(
        printed.exports.map(({ name, file }: { name: string; file: string }) => [name, file]),
        [["", dir.file("child.vhdx")], ["base.vhdx", dir.file("base.vhdx")]],
      );
      const socket = socketOf(printed.uri);
      assertEquals([await firstByte(socket, ""), await firstByte(socket, "base.vhdx")], [1, 0]);
      using client = await RawClient.ready(socket);
      await client.request({ type: 1, data: new Uint8Array(512) });
      assertEquals(await client.readError(), 1);
    },
  );
  assertEquals([code, errors], [0, ""]);
  // Nothing of it is left.
  assertEquals([...Deno.readDirSync(dir.path)].length, 2);
});

testWith(SOCKETS, "serve --writable: what clients write is there afterwards", async () => {
  using dir = new TempDir();
  (await createImage(dir.file("disk.vhdx"), { size: 8 * MIB })).close();
  const args = ["--writable", "--socket", "nbd.sock", "disk.vhdx"];
  const { code, errors } = await serving(dir, args, async (text) => {
    assertMatch(text, /served for writing at\n {2}nbd\+unix:\/\/\/\?socket=\//);
    using client = await RawClient.ready(dir.file("nbd.sock"));
    await client.request({ type: 1, offset: BigInt(MIB), data: new Uint8Array(512).fill(7) });
    assertEquals(await client.readError(), 0);
  });
  assertEquals([code, errors], [0, ""]);
  const { bytes } = await runCli(dir, ["read", "--offset", "1MiB", "--length", "1", "disk.vhdx"]);
  assertEquals([...bytes], [7]);
});

testWith(SOCKETS, "serve --writable: a parent is refused before anything is served", async () => {
  using dir = new TempDir();
  await makeChain(dir);
  const { code, err } = await runCli(dir, ["serve", "--writable", "base.vhdx"]);
  assertEquals(code, 2);
  assertMatch(err, /--ignore-children/);
});

testWith(
  SOCKETS,
  "serve --host: an address that others reach is told to be open to all",
  async () => {
    using dir = new TempDir();
    (await createImage(dir.file("disk.vhdx"), { size: 8 * MIB })).close();
    const { code } = await serving(
      dir,
      ["--port", "0", "--host", "0.0.0.0", "disk.vhdx"],
      (text) => {
        assertMatch(text, /Whoever reaches 0\.0\.0\.0 can read it: there is no password/);
        return Promise.resolve();
      },
    );
    assertEquals(code, 0);
  },
);

Deno.test("serve: what cannot be understood ends with 2", async (t) => {
  using dir = new TempDir();
  const rows: Readonly<Record<string, [args: string[], says: RegExp]>> = {
    "no file": [[], /FILE is missing/],
    "a port that is none": [["--port", "70000", "a.vhdx"], /--port must be a whole number from 0/],
    "a socket and a port": [["--socket", "s", "--port", "0", "a.vhdx"], /exclude each other/],
    "a host without a port": [["--host", "::1", "a.vhdx"], /--host needs --port/],
    "a name for several": [["--name", "x", "a.vhdx", "b.vhdx"], /--name is for one FILE/],
  };
  for (const [what, [args, says]] of Object.entries(rows)) {
    await t.step(what, async () => {
      const { code, err } = await runCli(dir, ["serve", ...args]);
      assertEquals(code, 2);
      assertMatch(err, says);
    });
  }
});
