/** A volume that is full under a served disk: clients are told, the server stays, and goes on when there is room. */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { openVirtualDisk } from "@virtdisk/virtdisk/portable";
import { OWN_VOLUMES, smallVolumes } from "../mounting.ts";
import { everySo } from "../sampling.ts";
import { assertBytesEqual, pattern, ROOT, run, TempDir, testWith, tool } from "../support.ts";
import { RawClient } from "./raw_client.ts";

const MIB = 2 ** 20;
/** What the served disk holds. */
const PIECES = 32;
const READ = 0;
const WRITE = 1;
const FLUSH = 3;
const WRITE_ZEROES = 6;
const FUA = 1;
const NO_HOLE = 2;
const ENOSPC = 28;

const DISKS = [["vhd", "vpc"], ["vhdx", "vhdx"]] as const;

for (const [i, [type, qemuFormat]] of DISKS.entries()) {
  testWith(
    [smallVolumes, tool("qemu-img"), ...everySo(2, i + 1)],
    `serveVirtualDisk: a ${type} on a full volume answers ENOSPC, loses nothing, and goes on`,
    async () => {
      using dir = new TempDir();
      const server = start(dir, type);
      const lines = server.stdout.pipeThrough(new TextDecoderStream()).getReader();
      const errors = new Response(server.stderr).text();
      const input = server.stdin.getWriter();
      try {
        assertEquals((await lines.read()).value, "serving\n");
        using client = await RawClient.ready(dir.file("s"));
        const write = async (piece: number, flags = 0) => {
          const data = pattern(MIB, piece);
          await client.request({ type: WRITE, offset: BigInt(piece * MIB), data, flags });
          return await client.readError();
        };
        let written = 0;
        while (await write(written) === 0) written++;
        assertGreater(written, 2);
        for (let i = 0; i < 20; i++) assertEquals(await write(written), ENOSPC);
        await client.request({
          type: WRITE_ZEROES,
          offset: BigInt(20 * MIB),
          length: 4 * MIB,
          flags: NO_HOLE,
        });
        assertEquals(await client.readError(), ENOSPC);
        // It is durable, or the client is told that it is not.
        await client.request({ type: FLUSH });
        assert([0, ENOSPC].includes(await client.readError()));
        for (let piece = 0; piece < written; piece++) await assertHolds(client, piece);

        await input.write(new TextEncoder().encode("more\n"));
        assertEquals((await lines.read()).value, "large\n");
        for (let piece = written; piece < PIECES; piece++) {
          assertEquals(await write(piece, FUA), 0);
        }
        for (let piece = 0; piece < PIECES; piece++) await assertHolds(client, piece);
      } finally {
        await input.close();
        const { code } = await server.status;
        assertEquals(code, 0, await errors);
        while (!(await lines.read()).done);
      }
      const path = dir.file("left");
      using disk = await openVirtualDisk(path);
      assertEquals((await disk.check()).findings, []);
      const raw = dir.file("raw");
      run("qemu-img", "convert", "-f", qemuFormat, "-O", "raw", path, raw);
      const bytes = Deno.readFileSync(raw);
      for (let piece = 0; piece < PIECES; piece++) {
        assertBytesEqual(bytes.subarray(piece * MIB, (piece + 1) * MIB), pattern(MIB, piece));
      }
    },
  );
}

function start(dir: TempDir, type: string): Deno.ChildProcess {
  const child = new URL("children/on_small_volume.ts", import.meta.url).pathname;
  return new Deno.Command("unshare", {
    args: [
      ...[...OWN_VOLUMES, Deno.execPath(), "run", "--no-check", "--allow-all", child],
      ...[dir.path, type],
    ],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

async function assertHolds(client: RawClient, piece: number): Promise<void> {
  // Less than what comes in several chunks.
  await client.request({ type: READ, offset: BigInt(piece * MIB), length: 8192 });
  const { data } = await client.readReply();
  assertBytesEqual(data.subarray(8), pattern(MIB, piece).subarray(0, 8192), `piece ${piece}`);
}
