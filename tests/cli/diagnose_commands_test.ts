/** Types each command that a diagnosis ends with into a shell, and sees whether it helps. */
import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { dirname } from "@std/path";
import { diagnose, type Diagnosis, openVirtualDiskSync } from "@virtdisk/virtdisk";
import { createImage } from "../create_image.ts";
import { dirtyVhdx, putEntries } from "../portable/vhdx/log_builder.ts";
import { HEADER, sealFooter, sealHeader, viewAt } from "../portable/vhd/vhd_builder.ts";
import { denoCommand } from "../deno_command.ts";
import {
  assertBytesEqual,
  type Need,
  onlyOn,
  pattern,
  run,
  TempDir,
  testWith,
  tool,
} from "../support.ts";
import { sampledRows } from "../sampling.ts";
import { runCli } from "./run_cli.ts";

const MIB = 1 << 20;
const POSIX = onlyOn("linux", "darwin");
const QEMU = tool("qemu-img");
const PORTABLE = { backend: "portable" } as const;

/** What a shell made of a command. */
interface Typed {
  readonly diagnosis: Diagnosis & { command: string };
  readonly code: number;
  readonly out: string;
}

/** Diagnoses a file of the folder, and types what the diagnosis says. */
async function typeCommand(dir: TempDir, name: string): Promise<Typed> {
  const { out } = await runCli(dir, ["diagnose", "--json", ...backend, "--", name]);
  const diagnosis = JSON.parse(out);
  assertEquals(typeof diagnosis.command, "string", out);
  const { code, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-c", diagnosis.command],
    cwd: dir.path,
    // The commands call Deno by its name.
    env: { PATH: `${dirname(Deno.execPath())}:${Deno.env.get("PATH")}`, NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  return { diagnosis, code, out: text.decode(stdout) + text.decode(stderr) };
}
const backend = ["--backend", "portable"];

/** The command ended well, and the file (by default the same one) is sound now. */
async function assertHelps(dir: TempDir, name: string, result = name): Promise<Diagnosis> {
  const { diagnosis, code, out } = await typeCommand(dir, name);
  assertNotEquals(diagnosis.verdict, "sound", diagnosis.summary);
  assertEquals(code, 0, `${diagnosis.command}: ${out}`);
  const after = await diagnose(dir.file(result), PORTABLE);
  assertEquals([after.verdict, after.summary], ["sound", "Nothing is wrong"], diagnosis.command);
  return diagnosis;
}

function contentsOf(path: string): Uint8Array {
  using disk = openVirtualDiskSync(path, PORTABLE);
  const bytes = new Uint8Array(disk.getInformation("size").virtualSize);
  disk.readSync(bytes, 0);
  return bytes;
}

/** Names that a shell takes apart unless they are quoted. */
const NAMES = [
  "plain",
  "two words",
  "it's",
  '"$HOME"',
  "-rf",
  "a;b&c",
  "[1]*?",
  "new\nline",
  "50%\tof 'it'",
  "ä€",
];

for (const name of sampledRows(NAMES, 10, 2)) {
  testWith([POSIX], `commands are quoted for a file called ${JSON.stringify(name)}`, async () => {
    using dir = new TempDir();
    (await createImage(dir.file(`${name}.vhdx`), { size: 8 * MIB })).close();
    Deno.renameSync(dir.file(`${name}.vhdx`), dir.file(`${name}.vhd`));
    await assertHelps(dir, `${name}.vhd`, `${name}.vhdx`);
    const { code, out } = await typeCommand(dir, `${name}.vhdx`);
    assertEquals(code, 0, out);
    assertMatch(out, /VHDX, dynamic/);
  });
}

testWith([POSIX], "what a file holds twice is repaired by the command", async () => {
  using dir = new TempDir();
  for (const missing of sampledRows([1, 100, 512], 3)) {
    (await createImage(dir.file("a.vhd"), { size: 8 * MIB, overwrite: true })).close();
    Deno.truncateSync(dir.file("a.vhd"), Deno.statSync(dir.file("a.vhd")).size - missing);
    await assertHelps(dir, "a.vhd");
  }
  const copies: [name: string, offset: number][] = [
    ["b.vhd", 100],
    ["b.vhdx", 0x10000 + 8],
    ["b.vhdx", 0x20000 + 8],
    ["b.vhdx", 0x30000 + 8],
    ["b.vhdx", 0x40000 + 8],
  ];
  for (const [name, offset] of sampledRows(copies, 5, 2)) {
    (await createImage(dir.file(name), { size: 8 * MIB, overwrite: true })).close();
    const bytes = Deno.readFileSync(dir.file(name));
    bytes[offset]! ^= 1;
    Deno.writeFileSync(dir.file(name), bytes);
    const { verdict } = await assertHelps(dir, name);
    assertEquals(verdict, "usable");
  }
  const dirty = dirtyVhdx();
  putEntries(dirty, 0, { sequence: 1n });
  Deno.writeFileSync(dir.file("dirty.vhdx"), dirty.bytes);
  await assertHelps(dir, "dirty.vhdx");
});

testWith([POSIX], "of an image that lacks more, the command tells all that is lost", async () => {
  using dir = new TempDir();
  {
    using disk = await createImage(dir.file("a.vhdx"), { size: 32 * MIB, blockSize: MIB });
    for (let at = 0; at < 32 * MIB; at += MIB) disk.writeSync(new Uint8Array(512).fill(1), at);
  }
  Deno.truncateSync(dir.file("a.vhdx"), 5 * MIB);
  const { diagnosis, code, out } = await typeCommand(dir, "a.vhdx");
  assertEquals([code, diagnosis.findings.length < 10], [1, true]);
  assert(out.split("\n").length > 30, out);
});

for (const format of sampledRows(["qcow2", "qcow", "qed", "vmdk", "vdi", "parallels"], 6)) {
  testWith(
    [POSIX, QEMU],
    `an image of the format ${format} is converted by the command`,
    async () => {
      using dir = new TempDir();
      const bytes = pattern(4 * MIB);
      Deno.writeFileSync(dir.file("disk.raw"), bytes);
      // Whatever the file is called.
      for (const name of [`disk.${format}`, "wrong name.vhdx"]) {
        run("qemu-img", "convert", "-f", "raw", "-O", format, dir.file("disk.raw"), dir.file(name));
        const result = name === "wrong name.vhdx" ? "wrong name-2.vhdx" : "disk.vhdx";
        const { findings } = await assertHelps(dir, name, result);
        assertMatch(
          findings[0]!.message,
          /^the file is an? .*image.*, not a VHD, VHDX or ISO image$/,
        );
        assertBytesEqual(contentsOf(dir.file(result)), bytes);
      }
    },
  );
}

const PACKED: [extension: string, needs: Need[], pack: string][] = [
  [".gz", [], "gzip -k a.vhdx"],
  [".bz2", [tool("bzip2")], "bzip2 -k a.vhdx"],
  [".xz", [tool("xz")], "xz -k a.vhdx"],
  [".zst", [tool("zstd")], "zstd -q a.vhdx"],
  [".lz4", [tool("lz4")], "lz4 -q a.vhdx a.vhdx.lz4"],
  [".zip", [tool("unzip"), tool("python3")], "python3 -m zipfile -c a.vhdx.zip a.vhdx"],
  [".tar", [], "tar -cf a.vhdx.tar a.vhdx"],
];
for (const [extension, needs, pack] of sampledRows(PACKED, 7)) {
  testWith([POSIX, ...needs], `a ${extension} file is unpacked by the command`, async () => {
    using dir = new TempDir();
    (await createImage(dir.file("a.vhdx"), { size: 8 * MIB })).close();
    const shell = await new Deno.Command("sh", { args: ["-c", pack], cwd: dir.path }).output();
    assertEquals(shell.code, 0);
    Deno.removeSync(dir.file("a.vhdx"));
    await assertHelps(dir, `a.vhdx${extension}`, "a.vhdx");
    // One that has lost its name does not overwrite itself.
    if ([".zip", ".tar"].includes(extension)) return;
    Deno.renameSync(dir.file(`a.vhdx${extension}`), dir.file("b.vhdx"));
    await assertHelps(dir, "b.vhdx", "b-2.vhdx");
  });
}

testWith([POSIX], "a raw disk becomes an image by the command, whatever it is called", async () => {
  using dir = new TempDir();
  const disk = pattern(4 * MIB);
  disk.fill(0, 0, 512);
  // A partition of type 0x83 with 2048 sectors from sector 2048 on.
  disk.set([0x83, 0, 0, 0, 0, 8, 0, 0, 0, 8, 0, 0], 450);
  disk.set([0x55, 0xaa], 510);
  const names = [["c.vhd", "c-2.vhd"], ["a.img", "a.vhdx"], ["b", "b.vhdx"]] as const;
  for (const [name, result] of sampledRows(names, 3)) {
    Deno.writeFileSync(dir.file(name), disk);
    const { findings } = await assertHelps(dir, name, result);
    assertMatch(findings[0]!.message, /disk with an MBR/);
    assertBytesEqual(contentsOf(dir.file(result)), disk);
  }
});

testWith([POSIX], "what is left of a fixed VHD can be saved by the command", async () => {
  using dir = new TempDir();
  for (const missing of sampledRows([100, 512, MIB + 7], 3)) {
    {
      using disk = await createImage(dir.file("a.vhd"), {
        size: 8 * MIB,
        subtype: "fixed",
        overwrite: true,
      });
      disk.writeSync(pattern(MIB), 0);
    }
    Deno.truncateSync(dir.file("a.vhd"), Deno.statSync(dir.file("a.vhd")).size - missing);
    await assertHelps(dir, "a.vhd", "a-2.vhd");
    assertBytesEqual(contentsOf(dir.file("a-2.vhd")).subarray(0, MIB), pattern(MIB));
    Deno.removeSync(dir.file("a-2.vhd"));
  }
});

testWith([POSIX], "a parent that was renamed is found, and told by the command", async () => {
  using dir = new TempDir();
  for (const extension of sampledRows([".vhd", ".vhdx"], 2, 1)) {
    const [base, child] = [`base${extension}`, `child${extension}`];
    (await createImage(dir.file(base), { size: 8 * MIB })).close();
    (await createImage(dir.file(child), { parent: dir.file(base) })).close();
    Deno.renameSync(dir.file(base), dir.file(`it's gone${extension}`));
    const { findings } = await assertHelps(dir, child);
    assertEquals(findings[0]?.symbol, "ERROR_VHD_PARENT_VHD_NOT_FOUND");
    // Where it is not to be found, the child says what it asks for.
    Deno.removeSync(dir.file(`it's gone${extension}`));
    const lost = await typeCommand(dir, child);
    assertEquals(lost.code, 0, lost.out);
    assertMatch(lost.out, /it's gone.* \(not opened\)/);
  }
});

testWith([POSIX], "a parent that is damaged is looked at by the command", async () => {
  using dir = new TempDir();
  (await createImage(dir.file("base.vhdx"), { size: 8 * MIB })).close();
  (await createImage(dir.file("child.vhdx"), { parent: dir.file("base.vhdx") })).close();
  const bytes = Deno.readFileSync(dir.file("base.vhdx"));
  bytes.fill(0, 0x30000, 0x50000);
  Deno.writeFileSync(dir.file("base.vhdx"), bytes);
  const { code, out } = await typeCommand(dir, "child.vhdx");
  assertEquals(code, 1, out);
  assertMatch(out, /region tables at offset 196608/);
});

testWith([POSIX], "a time stamp of the parent is stored anew by the command", async () => {
  using dir = new TempDir();
  (await createImage(dir.file("base.vhd"), { size: 8 * MIB })).close();
  (await createImage(dir.file("child.vhd"), { parent: dir.file("base.vhd") })).close();
  const child = Deno.readFileSync(dir.file("child.vhd"));
  viewAt(child).setUint32(HEADER + 56, 900_000_000, false);
  sealHeader(child);
  Deno.writeFileSync(dir.file("child.vhd"), child);
  const { verdict } = await assertHelps(dir, "child.vhd");
  assertEquals(verdict, "usable");
});

testWith([POSIX], "sizes that Windows refuses are put right by the command", async () => {
  using dir = new TempDir();
  (await createImage(dir.file("small.raw"), { size: MIB, type: "raw" })).close();
  for (const name of sampledRows(["a.vhd", "a.vhdx"], 2)) {
    (await createImage(dir.file(name), {
      source: dir.file("small.raw"),
      sourceType: "raw",
    })).close();
    await assertHelps(dir, name);
  }
  // The footer says that the disk ends a MiB before it.
  (await createImage(dir.file("long.vhd"), { size: 8 * MIB, subtype: "fixed" })).close();
  const bytes = Deno.readFileSync(dir.file("long.vhd"));
  viewAt(bytes).setBigUint64(8 * MIB + 48, BigInt(7 * MIB), false);
  sealFooter(bytes, 8 * MIB);
  Deno.writeFileSync(dir.file("long.vhd"), bytes);
  await assertHelps(dir, "long.vhd");
});

testWith(
  [POSIX, tool("xorriso")],
  "a disc of odd length is made whole by the command",
  async () => {
    using dir = new TempDir();
    Deno.writeTextFileSync(dir.file("a.txt"), "text");
    const path = dir.file("my disc.iso");
    run("xorriso", "-as", "mkisofs", "-quiet", "-o", path, dir.file("a.txt"));
    Deno.writeFileSync(path, new Uint8Array(100), { append: true });
    const { findings } = await assertHelps(dir, "my disc.iso");
    assertMatch(findings[0]!.message, /^the file has \d+ bytes, of which the volume has \d+: /);
  },
);

testWith([POSIX], "what is not there is looked for by the command", async () => {
  using dir = new TempDir();
  Deno.writeTextFileSync(dir.file("disk1.vhdx"), "");
  const { code, out } = await typeCommand(dir, "disk.vhdx");
  assertEquals(code, 0, out);
  assertMatch(out, /disk1\.vhdx/);
  Deno.mkdirSync(dir.file("folder"));
  Deno.writeTextFileSync(dir.file("folder/in.vhdx"), "");
  assertMatch((await typeCommand(dir, "folder")).out, /in\.vhdx/);
});

testWith(
  [POSIX],
  "the command has the permissions that it needs, wherever the file is",
  async () => {
    using dir = new TempDir();
    Deno.mkdirSync(dir.file("elsewhere"));
    const path = dir.file("elsewhere/a.vhd");
    (await createImage(path, { size: 8 * MIB })).close();
    Deno.truncateSync(path, Deno.statSync(path).size - 512);
    await assertHelps(dir, path, "elsewhere/a.vhd");
  },
);

testWith(
  [onlyOn("linux"), tool("ps")],
  "who has an image open is shown by the command",
  async () => {
    using dir = new TempDir();
    const path = dir.file("a.vhdx");
    (await createImage(path, { size: 8 * MIB })).close();
    const holder = denoCommand({
      args: [
        "eval",
        "(await Deno.open(Deno.args[0],{write:true})).lockSync(true);console.log(1);Deno.stdin.readSync(new Uint8Array(1))",
        path,
      ],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    try {
      const reader = holder.stdout.getReader();
      await reader.read();
      await reader.cancel();
      // Who it is, this program may look for: it has all permissions.
      const { verdict, command } = await diagnose(path, PORTABLE);
      assertEquals([verdict, command], ["unusable", `ps -fp ${holder.pid}`]);
      assertMatch(run("sh", "-c", command!), /deno eval/);
    } finally {
      await holder.stdin.close();
      await holder.status;
    }
  },
);

for (
  const [name, contents, shown] of [
    ["an empty file", "", /image\.vhdx/],
    ["a text", "notes of a meeting", /n {3}o {3}t {3}e {3}s/],
  ] as const
) {
  testWith([POSIX], `of ${name} the command shows what there is`, async () => {
    using dir = new TempDir();
    Deno.writeTextFileSync(dir.file("image.vhdx"), contents);
    const { code, out } = await typeCommand(dir, "image.vhdx");
    assertEquals(code, 0, out);
    assertMatch(out, shown);
  });
}
