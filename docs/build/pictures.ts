/**
 * `deno task pictures`: makes the pictures of README and of the pages anew, from disks that it makes. It needs
 * `script` of util-linux, `mke2fs` and `debugfs` of e2fsprogs, and `sgdisk`.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { convertVirtualDisk, createVirtualDisk, openVirtualDisk } from "../../portable.ts";
import { terminalSvg } from "./terminal_svg.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
const PICTURES = join(ROOT, "docs/pictures");
const MIB = 2 ** 20;
/** Where the Linux partition begins, and its size. */
const START = 101 * MIB;
const SIZE = 1800 * MIB;
/** Where a damaged file is cut off. */
const CUT = 200 * MIB;
/** What differs from run to run is the same in all pictures. */
const TIME = new Date("2026-11-30T09:00:00Z");

const folder = Deno.makeTempDirSync();
try {
  await makeDisks();
  Deno.mkdirSync(PICTURES, { recursive: true });
  virtdisk("map --svg map.svg monday.avhdx");
  Deno.copyFileSync(join(folder, "map.svg"), join(PICTURES, "map.svg"));
  picture("map-terminal", "virtdisk map monday.avhdx on a terminal", "map monday.avhdx", 100);
  Deno.copyFileSync(join(folder, "server.vhdx"), join(folder, "broken.vhdx"));
  Deno.truncateSync(join(folder, "broken.vhdx"), CUT);
  // What is lost ends with 1.
  virtdisk("map --salvage --svg lost.svg broken.vhdx || true");
  Deno.copyFileSync(join(folder, "lost.svg"), join(PICTURES, "lost.svg"));
  await makeChains();
  picture("tree-terminal", "virtdisk info --tree on a terminal", "info --tree .", 112);
} finally {
  Deno.removeSync(folder, { recursive: true });
}

/** Runs a program in the folder of the disks; gives what it prints. */
function run(program: string, ...args: string[]): string {
  const { success, stdout, stderr } = new Deno.Command(program, {
    args,
    cwd: folder,
    env: { E2FSPROGS_FAKE_TIME: String(TIME.getTime() / 1000), TERM: "xterm-256color" },
  }).outputSync();
  const text = new TextDecoder();
  if (!success) throw new Error(`${program} ${args.join(" ")}: ${text.decode(stderr)}`);
  return text.decode(stdout);
}

function commandLine(line: string): string {
  const flags = `--no-prompt --allow-read=. --allow-write=. --config=${join(ROOT, "deno.json")}`;
  return `${Deno.execPath()} run ${flags} ${join(ROOT, "src/cli/main.ts")} ${line}`;
}

function virtdisk(line: string): void {
  run("sh", "-c", commandLine(line));
}

/** Takes a picture of a terminal of so many columns. */
function picture(name: string, title: string, line: string, columns: number): void {
  // A finding ends with 1.
  const typed = `stty cols ${columns + 1}; ${commandLine(line)}; true`;
  const shown = run("script", "-qec", typed, "/dev/null")
    // Bars of progress are drawn over.
    // deno-lint-ignore no-control-regex
    .replaceAll(/\r[^\r\n]*\x1b\[K|\r?\x1b\[2K/g, "")
    .replaceAll("\r\n", "\n")
    // As whoever has the alias types it.
    .replaceAll(/deno run [^\n]*?main\.ts /g, "virtdisk ")
    .replaceAll(`${Deno.realPathSync(folder)}/`, "/vm/");
  Deno.writeTextFileSync(
    join(PICTURES, `${name}.svg`),
    terminalSvg({ title, command: `virtdisk ${line}`, output: shown }),
  );
}

/** A disk with two partitions, and two states of it: files come and go in each. */
async function makeDisks(): Promise<void> {
  const at = (name: string) => join(folder, name);
  run("truncate", "-s", "1902M", "disk.img");
  run("sgdisk", "-n1:0:+100M", "-t1:ef00", "-n2:0:0", "-t2:8300", "disk.img");
  run("truncate", "-s", "100M", "efi.img");
  run("mkfs.vfat", "efi.img");
  run("dd", "if=efi.img", "of=disk.img", "bs=1M", "seek=1", "conv=notrunc,sparse");
  const uuid = "1b2c3d4e-0000-4000-8000-000000000001";
  run("truncate", "-s", String(SIZE), "linux.img");
  run("mke2fs", "-q", "-t", "ext4", "-U", uuid, "-E", `hash_seed=${uuid}`, "linux.img");
  change(["write 30 a", "write 50 b", "write 25 c", "write 60 d", "write 45 e", "write 35 f"]);
  run("dd", "if=linux.img", "of=disk.img", "bs=1M", `seek=${START / MIB}`, "conv=notrunc,sparse");
  await convertVirtualDisk(at("disk.img"), at("server.vhdx"), {
    sourceType: "raw",
    blockSize: MIB,
  });
  const states: [name: string, parent: string, changes: string[]][] = [
    ["sunday.avhdx", "server.vhdx", ["rm b", "write 70 g", "write 20 h", "rm d"]],
    ["monday.avhdx", "sunday.avhdx", ["write 40 i", "rm g", "write 55 j", "write 15 k"]],
  ];
  for (const [name, parent, changes] of states) {
    change(changes);
    const options = { type: "vhdx", parent: at(parent), blockSize: MIB } as const;
    using disk = await createVirtualDisk(at(name), options);
    using file = Deno.openSync(at("linux.img"));
    const [now, before] = [new Uint8Array(64 * 1024), new Uint8Array(64 * 1024)];
    for (let offset = 0; offset < SIZE; offset += now.length) {
      file.readSync(now);
      disk.readSync(before, START + offset);
      if (Buffer.compare(now, before) !== 0) disk.writeSync(now, START + offset);
    }
  }
  using disk = await openVirtualDisk(at("monday.avhdx"), { readOnly: false });
  disk.trimSync(START + 1500 * MIB, 90 * MIB);
  for (const name of ["disk.img", "linux.img", "efi.img"]) Deno.removeSync(at(name));
}

/** Has files written, of so many MiB, and removed. */
function change(lines: readonly string[]): void {
  for (const line of lines) {
    const [verb, ...words] = line.split(" ");
    if (verb === "rm") {
      run("debugfs", "-w", "-R", line, "linux.img");
      continue;
    }
    const [size, name] = words as [string, string];
    Deno.writeFileSync(
      join(folder, name),
      new Uint8Array(Number(size) * MIB).fill(name.charCodeAt(0)),
    );
    run("debugfs", "-w", "-R", `write ${name} ${name}`, "linux.img");
    Deno.removeSync(join(folder, name));
  }
}

/** Beside it a fork, a parent that was renamed, and files of Hyper-V. */
async function makeChains(): Promise<void> {
  const at = (name: string) => join(folder, name);
  for (const name of ["map.svg", "lost.svg", "broken.vhdx"]) Deno.removeSync(at(name));
  const make = async (name: string, size: string | undefined, parent: string | undefined) => {
    using disk = await createVirtualDisk(at(name), {
      type: "vhdx",
      ...(parent === undefined ? { size: size! } : { parent: at(parent) }),
    });
    for (let i = 0; i < 9; i++) disk.writeSync(new Uint8Array(300_000).fill(1), i * 40 * MIB);
  };
  await make("web.vhdx", "20GiB", undefined);
  await make("web_blue.avhdx", undefined, "web.vhdx");
  await make("web_green.avhdx", undefined, "web.vhdx");
  await make("mail.vhdx", "40GiB", undefined);
  await make("mail_today.avhdx", undefined, "mail.vhdx");
  Deno.renameSync(at("mail.vhdx"), at("mail-old.vhdx"));
  Deno.writeTextFileSync(at("server.vhdx.rct"), "");
  for (const { name } of Deno.readDirSync(folder)) Deno.utimeSync(at(name), TIME, TIME);
}
