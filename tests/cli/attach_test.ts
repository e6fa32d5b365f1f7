/** The commands that attach and detach disks: what they say off Windows, and do where the double stands for it. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { denoCommand } from "../deno_command.ts";
import { TempDir, testWith } from "../support.ts";
import { KERNEL32, systemHas, VIRTDISK } from "../windows/system.ts";
import { alternatives, violations } from "./json_schema.ts";
import { runnable } from "../bundles.ts";
import { type Outcome, runCli } from "./run_cli.ts";

const elsewhere = systemHas("elsewhere");
const withDouble = systemHas("double");
const IMAGE = "C:\\images\\disk.vhdx";

/** Runs a command with leave for the two libraries alone; `attached` are images that somebody has attached. */
async function run(args: string[], attached = ""): Promise<Pick<Outcome, "code" | "out" | "err">> {
  const { code, stdout, stderr } = await denoCommand({
    args: ["run", "--no-prompt", `--allow-ffi=${VIRTDISK},${KERNEL32}`, runnable("src/cli/main.ts")]
      .concat(args),
    env: { NO_COLOR: "1", VIRTDISK_DOUBLE_ATTACHED: attached },
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).replaceAll("\r\n", "\n");
  return { code, out: text(stdout), err: text(stderr) };
}

for (const args of [["attach", "disk.vhdx"], ["detach", "E:"], ["attached"]]) {
  testWith([elsewhere], `${args[0]} says that only Windows attaches, and what helps`, async () => {
    using dir = new TempDir();
    const { code, out, err } = await runCli(dir, args);
    assertEquals([code, out], [2, ""]);
    assertMatch(err, /only Windows attaches disks .*`virtdisk read`.*`virtdisk serve`/);
    const json = await runCli(dir, [args[0]!, "--json", ...args.slice(1)]);
    const failure = JSON.parse(json.out);
    assertEquals([json.code, json.err, violations(failure)], [2, "", []]);
    assertEquals([failure.ok, failure.symbol], [false, "ERROR_NOT_SUPPORTED"]);
    assertEquals(failure.path, args[1] === "disk.vhdx" ? dir.file("disk.vhdx") : null);
  });
}

Deno.test("attach takes --at-boot with --permanent alone, and seconds", async () => {
  using dir = new TempDir();
  const rows = [
    [["attach", "--at-boot", "a.vhdx"], "attach: --at-boot needs --permanent"],
    [
      ["attach", "--wait", "soon", "a.vhdx"],
      'attach: --wait must be a number of seconds, not "soon"',
    ],
    [["attached", "a.vhdx"], 'attached takes no file, not "a.vhdx"'],
  ] as const;
  for (const [args, message] of rows) {
    const { code, err } = await runCli(dir, args);
    assertEquals([code, err.split("\n")[0]], [2, `virtdisk: ${message}`]);
  }
});

testWith([withDouble], "attach prints the device, and with --permanent returns", async () => {
  const text = await run(["attach", "--permanent", "--wait", "0", IMAGE]);
  assertEquals([text.code, text.err], [0, ""]);
  assertMatch(
    text.out,
    /disk\.vhdx: attached as \\\\\.\\PhysicalDrive7\n.*\nIt stays attached until/s,
  );
  const json = await run(["attach", "--permanent", "--wait", "0", "--json", IMAGE]);
  assertEquals(alternatives(JSON.parse(json.out)), ["attachment"]);
  const { path, physicalPath, volumes, complete, permanent } = JSON.parse(json.out);
  assertEquals([path, physicalPath], [IMAGE, "\\\\.\\PhysicalDrive7"]);
  // The machine has no such device: nothing of it has appeared.
  assertEquals([volumes, complete, permanent], [[], false, true]);
});

testWith([withDouble], "attach says what Windows refuses", async () => {
  const { code, out, err } = await run(["attach", "--permanent", IMAGE], IMAGE);
  assertEquals([code, out], [2, ""]);
  assertStringIncludes(err, "ERROR_BAD_COMMAND");
});

testWith([withDouble], "detach takes an image or its device", async () => {
  for (const named of [IMAGE, "\\\\.\\PhysicalDrive7", "physicaldrive7"]) {
    const { code, out, err } = await run(["detach", named], IMAGE);
    assertEquals([code, out, err], [0, `${IMAGE}: detached\n`, ""]);
  }
  const json = await run(["detach", "--json", "--force", IMAGE], IMAGE);
  assertEquals(alternatives(JSON.parse(json.out)), ["detachment"]);
  assertEquals(JSON.parse(json.out).path, IMAGE);
  const none = await run(["detach", IMAGE]);
  assertEquals([none.code, none.out], [2, ""]);
  assertStringIncludes(none.err, "not attached. One that `virtdisk attach`");
  for (const named of ["E:", "PhysicalDrive9"]) {
    const absent = await run(["detach", named], IMAGE);
    assertEquals(absent.code, 2);
    assertMatch(absent.err, /no attached image is there .*"virtdisk attached"/);
  }
});

testWith([withDouble], "attached lists images with their devices", async () => {
  const none = await run(["attached"]);
  assertEquals(none, { code: 0, out: "", err: "" });
  const table = await run(["attached"], `${IMAGE};C:\\images\\setup.iso`);
  assertEquals([table.code, table.err], [0, ""]);
  assertMatch(table.out, /^DEVICE +MOUNTED AT +IMAGE\n/);
  assertMatch(table.out, /^PhysicalDrive7 +- +C:\\images\\disk\.vhdx$/m);
  assertMatch(table.out, /^CDROM8 +- +C:\\images\\setup\.iso$/m);
  const json = await run(["attached", "--json"], IMAGE);
  assertEquals(alternatives(JSON.parse(json.out)), ["attached"]);
  assertEquals(JSON.parse(json.out), {
    schema: 1,
    subcommand: "attached",
    ok: true,
    path: IMAGE,
    physicalPath: "\\\\.\\PhysicalDrive7",
    parents: [],
    mountPoints: [],
  });
});
