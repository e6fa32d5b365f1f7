import { assertEquals } from "@std/assert";
import { createImage } from "../create_image.ts";
import { denoCommand } from "../deno_command.ts";
import { sampledRows } from "../sampling.ts";
import { onlyOn, TempDir, testWith } from "../support.ts";
import { FILE_LIMIT, runLimited } from "./limited_files.ts";
import { CLI_ARGS } from "./run_cli.ts";

const MIB = 1 << 20;
const SECTOR = 512;

/** A child of which every other sector is its own: more pieces than a pipe holds lines. */
async function makeFragments(dir: TempDir): Promise<void> {
  (await createImage(dir.file("base.vhdx"), { size: 4 * MIB })).close();
  using child = await createImage(dir.file("child.vhdx"), { parent: dir.file("base.vhdx") });
  const sector = new Uint8Array(SECTOR).fill(1);
  for (let offset = 0; offset < 4 * MIB; offset += 2 * SECTOR) child.writeSync(sector, offset);
}

/** Reads the first piece of what the command prints, and no more. */
async function readPart(dir: TempDir, ...args: string[]): Promise<{ code: number; err: string }> {
  const child = denoCommand({
    args: [...CLI_ARGS, ...args],
    cwd: dir.path,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  await reader.cancel();
  const err = await new Response(child.stderr).text();
  return { code: (await child.status).code, err };
}

testWith(
  [onlyOn("linux", "darwin")],
  "a reader that has seen enough is told nothing",
  async (t) => {
    using dir = new TempDir();
    await makeFragments(dir);
    const rows = [
      ["read", "child.vhdx"],
      ["convert", "--type", "raw", "child.vhdx", "-"],
      ["map", "child.vhdx"],
      ["changes", "--json", "child.vhdx"],
    ];
    for (const args of sampledRows(rows, 4)) {
      await t.step(args.join(" "), async () => {
        assertEquals(await readPart(dir, ...args), { code: 2, err: "" });
      });
    }
  },
);

testWith([onlyOn("linux")], "output that cannot be written is a failure", async (t) => {
  using dir = new TempDir();
  await makeFragments(dir);
  const convert = ["convert", "--type", "vhd", "child.vhdx", "-"];
  const commands = ["read", "map", "changes", "check", "info", "diagnose"];
  const rows = [...commands.map((command) => [command, "child.vhdx"]), convert, ["--help"]];
  for (const args of sampledRows(rows, 4, 3)) {
    await t.step(args.join(" "), async () => {
      const { code, stderr } = await new Deno.Command("sh", {
        args: [
          "-c",
          'exec "$0" "$@" >/dev/full',
          Deno.execPath(),
          ...CLI_ARGS,
          ...args,
        ],
        cwd: dir.path,
        stdin: "null",
      }).output();
      const message =
        "virtdisk: standard output: No space left on device (os error 28), after 0 bytes\n";
      assertEquals([code, new TextDecoder().decode(stderr)], [2, message]);
    });
  }
});

testWith(
  [onlyOn("linux")],
  "a full volume under standard output does not undo what was done",
  async () => {
    using dir = new TempDir();
    const { code, stderr } = await new Deno.Command("sh", {
      args: [
        ...["-c", 'exec "$0" "$@" >/dev/full', Deno.execPath(), ...CLI_ARGS],
        ...["create", "--size", "3MiB", "new.vhd"],
      ],
      cwd: dir.path,
      stdin: "null",
    }).output();
    const message = "virtdisk: standard output: No space left on device (os error 28), " +
      "after 0 bytes; what was asked for has been done\n";
    assertEquals([code, new TextDecoder().decode(stderr)], [2, message]);
    assertEquals(Array.from(Deno.readDirSync(dir.path), ({ name }) => name), ["new.vhd"]);
  },
);

testWith([onlyOn("linux")], "how much a file of limited size has taken is said", async () => {
  using dir = new TempDir();
  (await createImage(dir.file("a.vhd"), { size: 16 * MIB, subtype: "fixed" })).close();
  const { code, err } = await runLimited(dir, ["read", "a.vhd"], "out");
  const limit = FILE_LIMIT * 1024;
  const message = `virtdisk: standard output: File too large (os error 27), after ${limit} bytes\n`;
  assertEquals([code, err], [2, message]);
  assertEquals(Deno.statSync(dir.file("out")).size, limit);
});
