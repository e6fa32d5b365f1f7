/** What is said of rights and limits of the user, and of Deno's permissions. */
import { assertEquals } from "@std/assert";
import { ordinaryUser, runCliAsUser } from "../cli/as_user.ts";
import { runLimited } from "../cli/limited_files.ts";
import { CLI_ARGS } from "../cli/run_cli.ts";
import { denoCommand } from "../deno_command.ts";
import { allStates, sampledRows } from "../sampling.ts";
import { onlyOn, TempDir, testWith } from "../support.ts";
import { assertSays, create, makeChildOf, MIB, NOT_AT_A_SHELL, NOT_HERE, open } from "./message.ts";

testWith(
  [ordinaryUser],
  "message 3 and 15. files and folders that this user may not read or write",
  async () => {
    using dir = new TempDir();
    await makeChildOf(dir);
    await create(dir, "secret.vhdx", { size: 4 * MIB });
    Deno.chmodSync(dir.file("secret.vhdx"), 0o000);
    for (const name of ["base.vhdx", "child.vhdx"]) Deno.chmodSync(dir.file(name), 0o444);
    const never = [NOT_HERE, NOT_AT_A_SHELL, /rwDepth/, /attached/];
    const rows: [args: string[], says: RegExp[], ...never: RegExp[]][] = [
      [["map", "secret.vhdx"], [/This user may not read the file/], /write/],
      [
        ["compact", "base.vhdx"],
        [/This user may not write to the file/, /chmod u\+w/],
        /may not read/,
      ],
      [["merge", "child.vhdx"], [/This user may not write to the file/]],
    ];
    for (const [args, says, ...others] of sampledRows(rows, 2)) {
      const { code, err } = runCliAsUser(dir, args);
      assertEquals(code, 2, args.join(" "));
      assertSays(err, says, [...never, ...others]);
    }
    // Folders of root, in which others make no file; the files themselves may be written.
    Deno.mkdirSync(dir.file("closed"), { mode: 0o755 });
    await create(dir, "closed/base.vhdx", { size: 4 * MIB });
    await create(dir, "closed/child.vhdx", { parent: dir.file("closed/base.vhdx") });
    for (const name of ["base.vhdx", "child.vhdx"]) {
      Deno.chmodSync(
        dir.file(`closed/${name}`),
        0o666,
      );
    }
    Deno.chmodSync(dir.file("closed"), 0o555);
    const folders: [args: string[], says: RegExp[]][] = [
      [["create", "--size", "4MiB", "closed/new.vhdx"], [
        /"closed\/new\.vhdx"/,
        /make, rename or remove files in the folder/,
      ]],
      [["merge", "--remove-child", "closed/child.vhdx"], [
        /make, rename or remove files in the folder/,
      ]],
    ];
    for (const [args, says] of sampledRows(folders, 2)) {
      const { code, err } = runCliAsUser(dir, args);
      assertEquals(code, 2, args.join(" "));
      assertSays(err, says, never);
    }
    Deno.chmodSync(dir.file("closed"), 0o755);
  },
);

// The sample has all of the message in full_volume_test.ts.
testWith(
  [onlyOn("linux"), allStates],
  "message 16. a file that may not become so large is not a network share",
  async () => {
    using dir = new TempDir();
    await create(dir, "disk.vhdx", { size: 64 * MIB });
    using source = await open(dir, "disk.vhdx", { readOnly: false });
    source.writeSync(new Uint8Array(8 * MIB).fill(1), 0);
    source.close();
    const { err } = await runLimited(dir, ["convert", "disk.vhdx", "new.vhd"]);
    assertSays(err, [/"new\.vhd": the file would become larger/, /`ulimit -f`/], [
      /share/,
      NOT_HERE,
      NOT_AT_A_SHELL,
    ]);
  },
);

testWith([onlyOn("linux", "darwin")], "message 19. a permission that was not given", async () => {
  using dir = new TempDir();
  await create(dir, "disk.vhdx", { size: 4 * MIB });
  for (
    const [flag, args] of [["--allow-read", ["map", "disk.vhdx"]], [
      "--allow-write",
      ["compact", "disk.vhdx"],
    ]] as const
  ) {
    const { code, stderr } = await denoCommand({
      args: [...CLI_ARGS.filter((arg) => !arg.startsWith(flag)), ...args],
      cwd: dir.path,
      env: { NO_COLOR: "1" },
    }).output();
    assertEquals(code, 2);
    assertSays(new TextDecoder().decode(stderr), [new RegExp(flag)], [NOT_HERE, /ERROR_/]);
  }
});
