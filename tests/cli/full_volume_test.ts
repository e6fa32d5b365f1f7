/** A volume that is full: which file, why, how far the work got, and in which state it leaves what there was. */
import { assertEquals, assertMatch } from "@std/assert";
import { createImage } from "../create_image.ts";
import { OWN_VOLUMES, smallVolumes } from "../mounting.ts";
import { sampledRows } from "../sampling.ts";
import { onlyOn, pattern, TempDir, testWith } from "../support.ts";
import { runLimited } from "./limited_files.ts";
import { CLI_ARGS } from "./run_cli.ts";

const MIB = 2 ** 20;

/**
 * Runs commands with a volume of 8 MiB at `small`, which goes with them; gives what the last one left.
 * `virtdisk` is a function of the shell.
 */
async function runOnSmallVolume(dir: TempDir, script: string) {
  Deno.mkdirSync(dir.file("small"), { recursive: true });
  const { code, stdout, stderr } = await new Deno.Command("unshare", {
    args: [
      ...[...OWN_VOLUMES, "bash", "-c"],
      `cli=("$@"); virtdisk() { "$0" "\${cli[@]}" "$@"; }
       mount -t tmpfs -o size=8m none small || exit 99
       ${script}
       status=$?; ls -A small; exit $status`,
      ...[Deno.execPath(), ...CLI_ARGS],
    ],
    cwd: dir.path,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  return { code, out: text.decode(stdout), err: text.decode(stderr) };
}

/** A disk of 32 MiB of which 16 MiB are not zeros. */
async function makeSource(dir: TempDir): Promise<void> {
  using disk = await createImage(dir.file("a.vhdx"), { size: 32 * MIB });
  disk.writeSync(pattern(16 * MIB), 0);
}

testWith([smallVolumes], "a copy that does not fit names itself and leaves nothing", async (t) => {
  using dir = new TempDir();
  await makeSource(dir);
  const rows = [["--subtype", "fixed", "new.vhd"], ["new.vhdx"], ["--type", "raw", "new.raw"]];
  for (const args of sampledRows(rows, 3)) {
    await t.step(args.join(" "), async () => {
      const options = args.slice(0, -1).join(" ");
      const target = `small/${args.at(-1)}`;
      const { code, out, err } = await runOnSmallVolume(
        dir,
        `virtdisk convert ${options} a.vhdx ${target}`,
      );
      assertEquals([code, out], [2, ""]);
      const [, written] = err.match(
        /^virtdisk: "small\/new\.[a-z]+": the volume is full: (\d+) bytes of the new image had been written; it has been removed \(ERROR_DISK_FULL, 112\)\. Free space on the volume, or use another one\.\n$/,
      ) ?? [err];
      assertEquals(Number(written) >= 4 * MIB && Number(written) <= 8 * MIB, true, written);
    });
  }
});

testWith([smallVolumes], "a merge into a new file that does not fit leaves nothing", async () => {
  using dir = new TempDir();
  await makeSource(dir);
  const { code, out, err } = await runOnSmallVolume(
    dir,
    "virtdisk merge --into small/b.vhdx a.vhdx",
  );
  assertEquals([code, out], [2, ""]);
  assertMatch(err, /^virtdisk: "small\/b\.vhdx": the volume is full: \d+ bytes/);
});

testWith(
  [smallVolumes],
  "a write says how much of it is certain, and the image is sound",
  async () => {
    using dir = new TempDir();
    const { code, out, err } = await runOnSmallVolume(
      dir,
      `virtdisk create --size 64MiB --block-size 1MiB small/d.vhdx >/dev/null
     head -c 16M /dev/urandom | virtdisk write --offset 1MiB small/d.vhdx
     status=$?; virtdisk check small/d.vhdx >/dev/null || exit 98; (exit $status)`,
    );
    assertEquals([code, out], [2, "d.vhdx\n"]);
    const [first, second, ...more] = err.trimEnd().split("\n");
    assertMatch(
      first!,
      /^virtdisk: ".*\/small\/d\.vhdx": the volume is full \(ERROR_DISK_FULL, 112\)\. Free space on the volume, or use another one\.$/,
    );
    assertMatch(
      second!,
      /^ {2}the image is sound; no byte is certain to have been written, up to \d+ a part may have been$/,
    );
    assertEquals(more, []);
  },
);

testWith([smallVolumes], "a disk that cannot grow keeps its size", async () => {
  using dir = new TempDir();
  const { code, err } = await runOnSmallVolume(
    dir,
    `virtdisk create --size 64MiB small/d.vhdx >/dev/null
     head -c 100M /dev/zero >small/filler 2>/dev/null
     virtdisk resize small/d.vhdx 60TiB
     status=$?; virtdisk check small/d.vhdx >/dev/null || exit 98; (exit $status)`,
  );
  assertMatch(err, /^virtdisk: ".*\/small\/d\.vhdx": the volume is full/);
  assertMatch(
    err,
    /\n {2}the image is sound; `virtdisk info` shows whether its disk has the new size\n$/,
  );
  assertEquals(code, 2);
});

testWith(
  [onlyOn("linux")],
  "a limit on the size of files is an error, not a sudden end",
  async () => {
    using dir = new TempDir();
    await makeSource(dir);
    const args = ["convert", "--subtype", "fixed", "a.vhdx", "new.vhd"];
    const { code, err } = await runLimited(dir, args);
    assertMatch(
      err,
      /^virtdisk: "new\.vhd": the file would become larger than the file system or a limit of the process allows: \d+ bytes of the new image had been written; it has been removed \(ERROR_FILE_SYSTEM_LIMITATION, 665\)\. Use a file system for larger files: .*\n {2}or: Raise the limit of the process, which `ulimit -f` shows\.\n$/,
    );
    assertEquals(code, 2);
    assertEquals(Array.from(Deno.readDirSync(dir.path), ({ name }) => name), ["a.vhdx"]);
  },
);
