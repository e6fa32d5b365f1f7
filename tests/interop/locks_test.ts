/** Images that another program has locked, by locks that Deno does not notice by itself. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { diagnose, openVirtualDiskSync, VirtualDiskError } from "@virtdisk/virtdisk";
import { runCli, runCliWith } from "../cli/run_cli.ts";
import { runnable } from "../bundles.ts";
import { createImage } from "../create_image.ts";
import { denoCommand } from "../deno_command.ts";
import { sampledRows } from "../sampling.ts";
import {
  exists,
  onlyOn,
  pattern,
  pythonModule,
  ROOT,
  TempDir,
  testWith,
  tool,
  whenSo,
} from "../support.ts";

const MIB = 1 << 20;
const QEMU = [onlyOn("linux"), tool("qemu-io")];

/** A program that has a file open until its standard input ends. */
class Holder implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #output: ReadableStreamDefaultReader<string>;
  readonly pid: number;

  private constructor(child: Deno.ChildProcess, output: ReadableStreamDefaultReader<string>) {
    this.#child = child;
    this.#output = output;
    this.pid = child.pid;
  }

  /** Starts it, and waits until it says that it is ready. */
  static async start(program: string, args: string[], ready: string): Promise<Holder> {
    const child = new Deno.Command(program, {
      args,
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    for (let text = ""; !text.includes(ready);) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`${program} ended with ${JSON.stringify(await child.status)}`);
      text += value;
    }
    return new Holder(child, reader);
  }

  static qemu(path: string, format: string, ...options: string[]): Promise<Holder> {
    return Holder.start("qemu-io", [...options, "-f", format, path], "qemu-io>");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stdin.close();
    await this.#child.status;
    await this.#output.cancel();
  }
}

/** What an opener is told; `undefined` if it gets the disk. */
function refusal(path: string, options: { readOnly?: boolean; getInfoOnly?: boolean } = {}) {
  try {
    openVirtualDiskSync(path, { backend: "portable", ...options }).close();
    return undefined;
  } catch (error) {
    if (!(error instanceof VirtualDiskError)) throw error;
    assertEquals(error.symbol, "ERROR_SHARING_VIOLATION");
    return error.message;
  }
}

const WRITING = { readOnly: false };

for (const [format, qemuFormat] of [["vhdx", "vhdx"], ["vhd", "vpc"]] as const) {
  testWith(QEMU, `${format}: what QEMU writes to is neither read nor written`, async () => {
    using dir = new TempDir();
    const path = dir.file(`disk.${format}`);
    const child = dir.file(`child.${format}`);
    (await createImage(path, { size: 4 * MIB })).close();
    (await createImage(child, { parent: path })).close();
    {
      await using qemu = await Holder.qemu(path, qemuFormat);
      const expected = `process ${qemu.pid} (qemu-io) has the image open for writing`;
      for (const [file, options] of [[path, {}], [path, WRITING], [child, {}], [child, WRITING]]) {
        const message = refusal(file as string, options as typeof WRITING) ?? "";
        assertStringIncludes(message, expected);
        assertStringIncludes(message, JSON.stringify(path));
      }
      assertEquals(refusal(path, { getInfoOnly: true }), undefined);
      await assertRejects(
        () => createImage(path, { size: 4 * MIB, overwrite: true }),
        VirtualDiskError,
        `the file that would be replaced is open: ${expected}`,
      );
    }
    assertEquals(refusal(path, WRITING), undefined);
    assertEquals(refusal(child), undefined);
  });

  testWith(QEMU, `${format}: what QEMU reads is read, but not written`, async () => {
    using dir = new TempDir();
    const path = dir.file(`disk.${format}`);
    (await createImage(path, { size: 4 * MIB })).close();
    await using qemu = await Holder.qemu(path, qemuFormat, "-r");
    assertEquals(refusal(path), undefined);
    assertStringIncludes(
      refusal(path, WRITING) ?? "",
      `process ${qemu.pid} (qemu-io) has the image open, and allows nobody to write to it`,
    );
  });

  testWith(QEMU, `${format}: a QEMU that lets others write is in nobody's way`, async () => {
    using dir = new TempDir();
    const path = dir.file(`disk.${format}`);
    (await createImage(path, { size: 4 * MIB })).close();
    await using _qemu = await Holder.qemu(path, qemuFormat, "-r", "-U");
    assertEquals([refusal(path), refusal(path, WRITING)], [undefined, undefined]);
  });
}

testWith(
  [...QEMU, tool("qemu-nbd")],
  "openVirtualDisk(): a disk that qemu-nbd serves is not written",
  async () => {
    using dir = new TempDir();
    const path = dir.file("disk.vhdx");
    (await createImage(path, { size: 4 * MIB })).close();
    const socket = dir.file("socket");
    const args = ["--persistent", "--format=vhdx", `--socket=${socket}`, path];
    const child = new Deno.Command("qemu-nbd", { args }).spawn();
    try {
      await whenSo(() => exists(socket), child);
      // It listens before it opens the image, and greets when it has.
      using connection = await Deno.connect({ transport: "unix", path: socket });
      assertEquals((await connection.read(new Uint8Array(8))) !== null, true);
      assertStringIncludes(
        refusal(path, WRITING) ?? "",
        `process ${child.pid} (qemu-nbd) has the image open for writing`,
      );
    } finally {
      child.kill("SIGKILL");
      await child.status;
    }
  },
);

/** Locks a part of a file as `fcntl` does, until standard input ends. */
const LOCK = `
import fcntl, sys
path, mode, start, length = sys.argv[1:]
file = open(path, "r+b")
fcntl.lockf(file, getattr(fcntl, mode), int(length), int(start))
print("locked", flush=True)
sys.stdin.read()
`;

testWith(
  [onlyOn("linux"), pythonModule("fcntl")],
  "openVirtualDisk(): other programs' locks count too",
  async (t) => {
    using dir = new TempDir();
    const path = dir.file("disk.vhdx");
    (await createImage(path, { size: 4 * MIB })).close();
    const rows: [mode: string, start: number, length: number, read: boolean, write: boolean][] = [
      ["LOCK_EX", 0, 0, false, false],
      ["LOCK_SH", 0, 0, true, false],
      ["LOCK_EX", 100, 1, false, false],
      ["LOCK_SH", 100, 1, true, true],
      ["LOCK_SH", 200, 1, false, false],
      ["LOCK_SH", 201, 1, true, false],
      ["LOCK_SH", 100, 2, false, false],
      ["LOCK_SH", 103, 1, false, false],
      ["LOCK_SH", 99, 2, true, false],
      ["LOCK_SH", 2 ** 40, 1, true, false],
    ];
    for (const [mode, start, length, read, write] of sampledRows(rows, 3)) {
      await t.step(`${mode} ${start} ${length}`, async () => {
        const args = ["-c", LOCK, path, mode, `${start}`, `${length}`];
        await using python = await Holder.start("/usr/bin/python3", args, "locked");
        const messages = [refusal(path), refusal(path, WRITING)];
        assertEquals(messages.map((message) => message === undefined), [read, write]);
        for (const message of messages) {
          if (message !== undefined) {
            assertStringIncludes(message, `process ${python.pid} (python3`);
          }
        }
      });
    }
  },
);

testWith(QEMU, "diagnose() names who has locked the image, or that it could not look", async () => {
  using dir = new TempDir();
  const path = dir.file("disk.vhdx");
  (await createImage(path, { size: 4 * MIB })).close();
  const locks = async () =>
    (await diagnose(path, { backend: "portable" })).findings.filter(({ subject }) =>
      subject === "lock"
    );
  assertEquals(await locks(), []);
  const args = ["diagnose", "disk.vhdx"];
  {
    await using qemu = await Holder.qemu(path, "vhdx", "-r");
    const [found] = await locks();
    assertEquals([found?.severity, found?.symbol], ["warning", "ERROR_SHARING_VIOLATION"]);
    assertStringIncludes(found?.message ?? "", `process ${qemu.pid} (qemu-io)`);
  }
  await using qemu = await Holder.qemu(path, "vhdx");
  const [found] = await locks();
  assertEquals([found?.severity, found?.symbol], ["error", "ERROR_SHARING_VIOLATION"]);
  const all = await runCliWith(dir, ["--allow-all"], args);
  assertEquals(all.code, 1);
  assertStringIncludes(all.out, `process ${qemu.pid} (qemu-io) has the image open for writing`);
  assertStringIncludes(all.out, "Close it there, or detach it");
  assertStringIncludes(all.out, "Meanwhile look at it with `virtdisk info`");
  const least = await runCli(dir, args);
  assertMatch(least.out, /info lock: whether QEMU, or another program .* was not looked at\n/);
  assertStringIncludes(least.out, "--allow-all");
});

testWith(
  [onlyOn("linux")],
  "openVirtualDisk(): who has the image open in the way of Deno is named too",
  async () => {
    using dir = new TempDir();
    const path = dir.file("disk.vhdx");
    (await createImage(path, { size: 4 * MIB })).close();
    {
      const args = ["run", "-A", "--config", `${ROOT}/deno.json`, runnable("src/cli/main.ts")];
      const child = denoCommand({
        args: [...args, "write", path],
        stdin: "piped",
      }).spawn();
      const writer = child.stdin.getWriter();
      // More than a pipe holds: what has been taken from it was taken by one who has the disk.
      await writer.write(pattern(MIB));
      assertMatch(refusal(path) ?? "", /: process \d+ \(deno\) has the image open for writing \(/);
      assert(refusal(path)?.includes(`process ${child.pid} `));
      await writer.close();
      assertEquals((await child.status).code, 0);
    }
    using _disk = openVirtualDiskSync(path, { backend: "portable", readOnly: false });
    assertStringIncludes(
      refusal(path) ?? "",
      "this process itself has the image open for writing",
    );
  },
);
