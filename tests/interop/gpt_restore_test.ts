/** GPTs that other programs made and something damaged, restored by a resize, and judged by other programs. */
import { assertEquals, assertGreater, assertMatch, assertStringIncludes } from "@std/assert";
import { createVirtualDisk, openVirtualDisk, type PortableVirtualDisk } from "@virtdisk/virtdisk";
import { MemoryDisk, settle } from "../portable/partitions/partition_builder.ts";
import { everySo, explored, sampled, sampledBound, sampledRows } from "../sampling.ts";
import { assertBytesEqual, pattern, run, TempDir, testWith, tool } from "../support.ts";
import { makePartitioned } from "./sgdisk.ts";

const MIB = 2 ** 20;
const SIZE = 8 * MIB;
/** The last partition ends there. */
const LAST_END = 5 * MIB;
const NEEDS = [tool("sgdisk"), tool("sfdisk"), tool("fdisk"), tool("sh")];

/** Where the parts of both tables are, in bytes. */
interface Places {
  readonly sector: number;
  /** Of an array of entries. */
  readonly array: number;
}

type Damage = (disk: Uint8Array, places: Places) => void;

const PRIMARY_DAMAGES: Record<string, Damage> = {
  "a changed byte in the primary header": (disk, { sector }) => void (disk[sector + 60]! ^= 1),
  "a changed byte in the primary entries": (disk, { sector }) => void (disk[2 * sector + 33]! ^= 1),
  "no primary table": (disk, { sector, array }) => void disk.fill(0, sector, 2 * sector + array),
  "noise for a primary table": (disk, { sector, array }) => {
    disk.set(pattern(sector + array), sector);
  },
};

const BACKUP_DAMAGES: Record<string, Damage> = {
  "a changed byte in the header of the backup": (disk, { sector }) => {
    disk[SIZE - sector + 60]! ^= 1;
  },
  "a changed byte in the entries of the backup": (disk, { sector, array }) => {
    disk[SIZE - sector - array + 33]! ^= 1;
  },
  "no backup": (disk, { sector, array }) => void disk.fill(0, SIZE - sector - array),
};

/** The damages that other programs notice whatever they look at. */
const WHOLE = ["nothing", "noise for a primary table", "no backup"];

interface Kind {
  readonly name: string;
  readonly type: "vhd" | "vhdx" | "raw";
  readonly sector: number;
  /** In the table. */
  readonly entries: number;
}

const KINDS: readonly Kind[] = [
  { name: "VHD", type: "vhd", sector: 512, entries: 128 },
  { name: "VHDX", type: "vhdx", sector: 512, entries: 128 },
  { name: "raw disk", type: "raw", sector: 512, entries: 128 },
  { name: "VHDX with 256 entries", type: "vhdx", sector: 512, entries: 256 },
  { name: "raw disk with 1024 entries", type: "raw", sector: 512, entries: 1024 },
  { name: "VHDX of 4096-byte sectors", type: "vhdx", sector: 4096, entries: 128 },
];

/** Runs a shell's command on a file; its output and its complaints. */
function shell(command: string, path: string): string {
  return run("sh", "-c", `${command} 2>&1`, path);
}

/** A disk of two partitions, with data up to the end of the second. */
function partitioned(dir: TempDir, { sector, entries }: Kind): Uint8Array<ArrayBuffer> {
  const path = dir.file("source.raw");
  if (sector === 512) {
    const partitions = ["-n", "1:2048:+1M", "-n", `2:${4 * 2048}:+1M`];
    makePartitioned(path, SIZE, "-S", `${entries}`, ...partitions);
  } else {
    Deno.writeFileSync(path, new Uint8Array(SIZE));
    const commands = "g\\nn\\n1\\n256\\n+1M\\nn\\n2\\n1024\\n+1M\\nw\\n";
    shell(`printf '${commands}' | fdisk -b ${sector} "$0"`, path);
  }
  const bytes = Deno.readFileSync(path);
  bytes.set(pattern(MIB), LAST_END - MIB);
  return bytes;
}

/** An image of the kind that holds a disk, open for writing. */
async function imageOf(
  dir: TempDir,
  { type, sector }: Kind,
  bytes: Uint8Array,
): Promise<PortableVirtualDisk> {
  const raw = dir.file("disk.raw");
  Deno.writeFileSync(raw, bytes);
  if (type === "raw") {
    return await openVirtualDisk(raw, { backend: "portable", type, readOnly: false });
  }
  return await createVirtualDisk(dir.file(`disk.${type}`), {
    source: raw,
    sourceType: "raw",
    ...(type === "vhdx" ? { sectorSize: sector } : {}),
    overwrite: true,
    backend: "portable",
  });
}

/** Closes the disk; gives what it holds, as a file. */
async function rawOf(dir: TempDir, disk: PortableVirtualDisk): Promise<string> {
  disk.close();
  if (disk.path.endsWith(".raw")) return disk.path;
  const raw = dir.file("result.raw");
  const options = { source: disk.path, type: "raw", overwrite: true, backend: "portable" } as const;
  (await createVirtualDisk(raw, options)).close();
  return raw;
}

/** Nobody finds anything wrong, be it only a damage that the other table makes up for. */
function assertSound(path: string, sector: number): void {
  const said = sector === 512 ? shell('sgdisk -v "$0"', path) : "";
  if (sector === 512) assertStringIncludes(said, "No problems found");
  assertEquals(/caution|warning|error|corrupt/i.exec(said), null, said);
  const verified = shell(`printf 'v\\nq\\n' | fdisk -b ${sector} "$0"`, path);
  assertStringIncludes(verified, "No errors detected.");
  assertEquals(/corrupt|invalid|mismatch|backup|will be/i.exec(verified), null, verified);
}

/** The identifiers of the disk and of its partitions, and where these are. */
function identity(path: string, sector: number): string {
  const dump = shell(`printf 'p\\nx\\np\\nq\\n' | fdisk -b ${sector} "$0"`, path);
  return dump.split("\n").filter((line) => /^Disk identifier|\.raw\d /.test(line)).join("\n")
    .replaceAll(/^\S*\.raw/gm, "");
}

/** What has happened to a disk, to what size it is resized, and whether its table is to be restored. */
type Row = [what: string, damage: Damage, size: number, isRestored: boolean];

function rowsOf({ name, type, sector, entries }: Kind): Row[] {
  const smallest = LAST_END + entries * 128 + sector;
  const sizes = [SIZE, SIZE + 2 * sector, 2 * SIZE, ...(type === "vhd" ? [] : [smallest])];
  const damages = [
    ["nothing", () => {}, false] as const,
    ...Object.entries(PRIMARY_DAMAGES).map(([what, damage]) => [what, damage, true] as const),
    ...Object.entries(BACKUP_DAMAGES).map(([what, damage]) => [what, damage, false] as const),
  ];
  // What exactly is damaged is the same to all kinds.
  const wanted = name === "raw disk" ? damages : damages.filter(([what]) => WHOLE.includes(what));
  return wanted.flatMap(([what, damage, isRestored]) =>
    sizes.map((size): Row => [what, damage, size, isRestored])
  );
}

for (const [i, kind] of KINDS.entries()) {
  testWith(
    [...NEEDS, ...everySo(2, i)],
    `resize(): a ${kind.name} has a sound GPT after a resize, whatever half was damaged`,
    async (t) => {
      const { sector, entries } = kind;
      const array = entries * 128;
      using dir = new TempDir();
      const whole = partitioned(dir, kind);
      assertSound(dir.file("source.raw"), sector);
      const expected = identity(dir.file("source.raw"), sector);
      assertEquals(expected.split("\n").length, 6, expected);
      for (const [what, damage, size, isRestored] of sampledRows(rowsOf(kind), 9, i + 4)) {
        await t.step(`${what}, ${size} bytes`, async () => {
          const bytes = whole.slice();
          damage(bytes, { sector, array });
          using disk = await imageOf(dir, kind, bytes);
          const smallest = disk.getInformation("smallestSafeVirtualSize");
          assertEquals(smallest, LAST_END + array + sector);
          const report = await disk.resize(size);
          assertEquals(report.partitionTable, "gpt");
          assertEquals(report.restoredFromBackup, isRestored ? true : undefined);
          const raw = await rawOf(dir, disk);
          assertSound(raw, sector);
          assertEquals(identity(raw, sector), expected);
          const data = Deno.readFileSync(raw).subarray(LAST_END - MIB, LAST_END);
          assertBytesEqual(data, pattern(MIB));
        });
      }
    },
  );
}

/** Sectors of a table: entries and header. */
const TABLE = 33;

function memoryDisk(bytes: Uint8Array, size: number): MemoryDisk {
  const disk = new MemoryDisk(size / 512);
  disk.bytes.set(bytes);
  return disk;
}

/** What a crash leaves of a disk that is given another size, sector by sector of what is written. */
function* crashed(bytes: Uint8Array, size: number): Generator<MemoryDisk> {
  const before = Math.min(size, SIZE);
  // Both tables, the protective record, the former backup.
  for (let sectors = 0; sectors <= 2 * TABLE + 2; sectors++) {
    const disk = memoryDisk(bytes, SIZE);
    settle(disk, before, sectors);
    yield disk;
  }
  if (size <= SIZE) return;
  const restored = memoryDisk(bytes, SIZE);
  settle(restored, SIZE);
  for (let sectors = 0; sectors <= TABLE + 3; sectors++) {
    const disk = memoryDisk(restored.bytes, size);
    settle(disk, size, sectors);
    yield disk;
  }
}

const SIZES = [
  ["keeps its size", SIZE],
  ["grows by less than its backup", SIZE + 10 * 512],
  ["grows", 2 * SIZE],
  ["shrinks by less than its backup", SIZE - 10 * 512],
  ["shrinks", LAST_END + TABLE * 512],
] as const;

for (const [i, [title, size]] of SIZES.entries()) {
  testWith(
    [...NEEDS, ...everySo(4, i)],
    `resize(): sfdisk finds the partitions whenever a resize crashes: a disk that ${title}`,
    () => {
      using dir = new TempDir();
      const bytes = partitioned(dir, KINDS[0]!);
      const path = dir.file("crashed.raw");
      PRIMARY_DAMAGES["noise for a primary table"]!(bytes, {
        sector: 512,
        array: (TABLE - 1) * 512,
      });
      let states = 0;
      for (const disk of sampled(crashed(bytes, size))) {
        Deno.writeFileSync(path, disk.bytes);
        const said = run("sgdisk", "-p", path);
        assertMatch(said, /^ +1 +2048 +4095 .*\n +2 +8192 +10239 /m, `${disk.writes}`);
        states++;
      }
      explored(`a disk that ${title}`, { "crash states": states });
      assertGreater(states, sampledBound(2 * TABLE));
    },
  );
}
