/** Ctrl-C, a closed terminal, other signals that end a program: the command ends soon, and says in which state it leaves the files. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { openVirtualDisk } from "@virtdisk/virtdisk";
import { createImage } from "../create_image.ts";
import { denoCommand } from "../deno_command.ts";
import { allStates, everySo, IS_FULL, sampledRows } from "../sampling.ts";
import { assertBytesEqual, fileHash, onlyOn, TempDir, testWith, tool, whenSo } from "../support.ts";
import { CLI_ARGS, runCli } from "./run_cli.ts";
import { runOnTerminal, terminalNeed } from "./terminal.ts";
import { startConverting, startUnfinished } from "./unfinished_command.ts";

const MIB = 2 ** 20;
/** Of holes, which have to be read all the same: some seconds on any machine. */
const SIZE = 64 * 2 ** 30;
const DRAWN = / %/;

/** All that is in the folder. */
function names(dir: TempDir): string[] {
  return Array.from(Deno.readDirSync(dir.path), ({ name }) => name).sort();
}

async function makeFixed(dir: TempDir, ...files: string[]): Promise<void> {
  for (const file of files) {
    (await createImage(dir.file(file), { size: SIZE, subtype: "fixed" })).close();
  }
}

/** The last line on the terminal, the bar before it erased. */
function lastLine(text: string): string {
  const [line = ""] = text.trimEnd().split("\n").slice(-1);
  assert(line.includes("\r\x1b[2K"), JSON.stringify(line));
  return line.slice(line.lastIndexOf("\r\x1b[2K") + "\r\x1b[2K".length);
}

testWith(
  [terminalNeed],
  "the bar shows the speed on a terminal, and Ctrl-C ends the work",
  async () => {
    using dir = new TempDir();
    await makeFixed(dir, "a.vhd", "b.vhd");
    const { code, text } = await runOnTerminal(dir, ["compare", "a.vhd", "b.vhd"], {
      interruptAt: /B\/s .* left/,
      output: "differences",
    });
    assertEquals([code, lastLine(text)], [130, "virtdisk: interrupted"]);
    const line = text.split("\r").find((each) => each.includes("left")) ?? "";
    // How far it is by then is for the machine to say.
    assertMatch(line, /^\[(?=.{30}\])#*\.+\] {2,3}[0-9]+ % [0-9.]+ [KMG]iB\/s [0-9:]+ left/);
    assertEquals(Deno.readTextFileSync(dir.file("differences")), "");
  },
);

// As compare above, whose output goes elsewhere too.
testWith(
  [terminalNeed, allStates],
  "read shows how far it is where its output goes elsewhere",
  async () => {
    using dir = new TempDir();
    await makeFixed(dir, "a.vhd");
    const { code, text } = await runOnTerminal(dir, ["read", "a.vhd"], {
      interruptAt: /B\/s .* left/,
      output: "/dev/null",
    });
    assertEquals([code, lastLine(text)], [130, "virtdisk: interrupted"]);
  },
);

testWith([terminalNeed], "an interrupted convert or merge --into leaves no file", async (t) => {
  using dir = new TempDir();
  await makeFixed(dir, "a.vhd");
  (await createImage(dir.file("child.vhd"), { parent: dir.file("a.vhd") })).close();
  const rows: [args: string[], state: string][] = [
    [["convert", "a.vhd", "new.vhdx"], "there is no new image"],
    [
      ["convert", "--overwrite", "a.vhd", "child.vhd"],
      "there is no new image, and an old one is as it was",
    ],
    [
      ["merge", "--into", "new.vhd", "child.vhd"],
      "the images are as before, and there is no new one",
    ],
  ];
  const before = fileHash(dir.file("child.vhd"));
  for (const [args, state] of sampledRows(rows, 3)) {
    await t.step(args.join(" "), async () => {
      const { code, text } = await runOnTerminal(dir, args, { interruptAt: DRAWN });
      assertEquals([code, lastLine(text)], [130, `virtdisk: interrupted: ${state}`]);
      assertEquals(names(dir), ["a.vhd", "child.vhd"]);
      assertEquals(fileHash(dir.file("child.vhd")), before);
    });
  }
});

testWith(
  [terminalNeed],
  "an interrupted convert to standard output says that it is a part",
  async () => {
    using dir = new TempDir();
    await makeFixed(dir, "a.vhd");
    const args = ["convert", "--type", "raw", "a.vhd", "-"];
    // Nobody wants the gigabytes on the disk.
    const { code, text } = await runOnTerminal(dir, args, {
      interruptAt: DRAWN,
      output: "/dev/null",
    });
    assertEquals([code, lastLine(text)], [
      130,
      "virtdisk: interrupted: standard output got a part of the image",
    ]);
  },
);

testWith([terminalNeed], "an interrupted compact or merge leaves sound images", async (t) => {
  using dir = new TempDir();
  const blockSize = 256 * MIB;
  {
    using disk = await createImage(dir.file("disk.vhdx"), { size: SIZE, blockSize });
    for (const byte of [1, 0]) {
      // Blocks that hold nothing but zeros, which are holes of the file.
      for (let at = 0; at < SIZE; at += blockSize) disk.writeSync(new Uint8Array([byte]), at);
    }
  }
  // Only if it is interrupted a merge must take some time.
  const size = (IS_FULL ? 64 : 4) * MIB;
  (await createImage(dir.file("base.vhdx"), { size })).close();
  {
    using child = await createImage(dir.file("child.vhdx"), { parent: dir.file("base.vhdx") });
    const sector = new Uint8Array(512).fill(1);
    for (let at = 0; at < size; at += 1024) child.writeSync(sector, at);
  }
  const rows: [args: string[], state: string][] = [
    [["compact", "--dry-run", "disk.vhdx"], "nothing has been written"],
    [
      ["compact", "disk.vhdx"],
      "the image is sound, with the same disk in it; run the command again to finish",
    ],
    [
      ["merge", "--remove-child", "child.vhdx"],
      'the images are sound, and "child.vhdx" reads as before; run the command again to finish',
    ],
  ];
  const { bytes } = await runCli(dir, ["read", "child.vhdx"]);
  for (const [args, state] of sampledRows(rows, 3, 1)) {
    await t.step(args.join(" "), async () => {
      const { code, text } = await runOnTerminal(dir, args, { interruptAt: DRAWN });
      assertEquals([code, lastLine(text)], [130, `virtdisk: interrupted: ${state}`]);
      assertEquals((await runCli(dir, ["check", "disk.vhdx", "base.vhdx", "child.vhdx"])).code, 0);
    });
  }
  assertEquals((await runCli(dir, ["merge", "--remove-child", "child.vhdx"])).code, 0);
  assertBytesEqual((await runCli(dir, ["read", "base.vhdx"])).bytes, bytes);
});

testWith([onlyOn("linux", "darwin")], "an interrupted write says what is in the disk", async () => {
  using dir = new TempDir();
  (await createImage(dir.file("disk.vhdx"), { size: 8 * MIB })).close();
  const command = ["write", "--offset", "1MiB", "disk.vhdx"];
  const { child, writer } = await startUnfinished(dir, command);
  // A block is in the file as soon as there is something to be interrupted.
  await whenSo(() => Deno.statSync(dir.file("disk.vhdx")).size >= 8 * MIB, child);
  child.kill("SIGINT");
  const { code, stderr } = await child.output();
  await writer.abort().catch(() => {});
  const [, end] = new TextDecoder().decode(stderr).match(
    /^virtdisk: interrupted: the image is sound; bytes 1048576 to ([0-9]+) of the disk have been written\n$/,
  ) ?? [];
  assertEquals([code, end !== undefined], [130, true]);
  using disk = await openVirtualDisk(dir.file("disk.vhdx"), { backend: "portable" });
  const bytes = new Uint8Array(3 * MIB);
  disk.readSync(bytes, 0);
  assertEquals([bytes.indexOf(1), bytes.lastIndexOf(1) + 1], [MIB, Number(end)]);
});

testWith([terminalNeed], "a closed terminal ends the work as Ctrl-C does", async () => {
  using dir = new TempDir();
  await makeFixed(dir, "a.vhd");
  const { code } = await runOnTerminal(dir, ["convert", "a.vhd", "new.vhdx"], {
    interruptAt: DRAWN,
    hangUp: true,
  });
  assertEquals([code, names(dir)], [129, ["a.vhd"]]);
});

const ENDINGS = [["SIGHUP", 129], ["SIGINT", 130], ["SIGTERM", 143]] as const;

// Ctrl-C ends other commands above, SIGTERM one below.
for (const [i, [signal, status]] of ENDINGS.entries()) {
  testWith(
    [onlyOn("linux", "darwin"), ...everySo(3, i)],
    `${signal} ends a conversion with ${status}`,
    async () => {
      using dir = new TempDir();
      const { child, writer } = await startConverting(dir, "new.vhdx");
      child.kill(signal);
      const { code, stderr } = await child.output();
      await writer.abort().catch(() => {});
      const message = "virtdisk: interrupted: there is no new image\n";
      assertEquals([code, new TextDecoder().decode(stderr)], [status, message]);
      assertEquals(names(dir), []);
    },
  );
}

const WRITERS = [["read", "a.vhd"], ["convert", "--type", "raw", "a.vhd", "-"]];

for (const [i, args] of WRITERS.entries()) {
  testWith(
    [onlyOn("linux", "darwin"), ...everySo(2, i)],
    `${args[0]} ends at a signal while nobody takes what it writes`,
    async () => {
      using dir = new TempDir();
      (await createImage(dir.file("a.vhd"), { size: 16 * MIB, subtype: "fixed" })).close();
      const child = denoCommand({
        args: [...CLI_ARGS, ...args],
        cwd: dir.path,
        env: { NO_COLOR: "1" },
        stdin: "null",
        stdout: "piped",
        stderr: "null",
      }).spawn();
      const reader = child.stdout.getReader();
      await reader.read();
      // Until the pipe is full.
      await new Promise((resolve) => setTimeout(resolve, 300));
      child.kill("SIGTERM");
      const { code } = await child.status;
      await reader.cancel();
      assertEquals(code, 143);
    },
  );
}

testWith([tool("nohup"), terminalNeed], "under nohup a closed terminal ends nothing", async () => {
  using dir = new TempDir();
  const size = (IS_FULL ? 2048 : 512) * MIB;
  (await createImage(dir.file("a.vhd"), { size, subtype: "fixed" })).close();
  // Closes the terminal that nohup was given as soon as the new file is there.
  const script = `
import glob, os, pty, sys, time
pid, terminal = pty.fork()
if pid == 0:
    os.execvp("nohup", ["nohup", *sys.argv[1:]])
while not glob.glob(".virtdisk-*"):
    ended, status = os.waitpid(pid, os.WNOHANG)
    if ended:
        sys.exit(f"ended before there was a file: {os.waitstatus_to_exitcode(status)}")
    time.sleep(0.01)
os.close(terminal)
os.kill(pid, 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))`;
  const { code, stderr } = await new Deno.Command("/usr/bin/python3", {
    args: ["-c", script, Deno.execPath(), ...CLI_ARGS, "convert", "a.vhd", "new.vhdx"],
    cwd: dir.path,
    env: { NO_COLOR: "1" },
  }).output();
  assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
  assertEquals(names(dir), ["a.vhd", "new.vhdx", "nohup.out"]);
});
