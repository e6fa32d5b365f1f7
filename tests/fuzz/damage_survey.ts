/**
 * Counts what damage to fields without checksum does: here, in qemu-img and in libvhdi. Needs both, to make
 * images too; the last argument names the only one that is asked.
 *
 * ```sh
 * deno run --allow-all tests/fuzz/damage_survey.ts [COUNT] [SEED] [ours|qemu|libvhdi]
 * ```
 */
import { checkVirtualDisk } from "@virtdisk/virtdisk";
import { Buffer } from "node:buffer";
import { run, TempDir } from "../support.ts";
import {
  damageOf,
  isEffective,
  type Outcome,
  ownSubjects,
  patchFile,
  readHere,
  type Subject,
  subject,
} from "./damaged_fields.ts";
import { Random } from "./random.ts";

const MIB = 2 ** 20;

/** Reads it with QEMU, which knows no differencing images. */
function readByQemu({ path, format, parent, contents }: Subject, raw: string): Outcome | undefined {
  if (parent !== undefined) return undefined;
  const args = ["convert", "-f", format === "vhd" ? "vpc" : format, "-O", "raw", path, raw];
  const { success } = new Deno.Command("timeout", {
    args: ["20", "qemu-img", ...args],
    stdout: "null",
    stderr: "null",
  }).outputSync();
  if (!success) return "refused";
  if (Deno.statSync(raw).size !== contents.length) return "wrong";
  return Buffer.compare(Deno.readFileSync(raw), contents) === 0 ? "same" : "wrong";
}

const VHDI = `
import pyvhdi, sys
with open(sys.argv[1], "wb") as output:
  disks = []
  for path in sys.argv[2:]:
    disk = pyvhdi.file()
    disk.open(path)
    if disks: disks[-1].set_parent(disk)
    disks.append(disk)
  size = disks[0].get_media_size()
  if size > 1 << 26: sys.exit(3)
  at = 0
  while at < size:
    data = disks[0].read_buffer_at_offset(min(1 << 20, size - at), at)
    if not data: sys.exit(1)
    output.write(data)
    at += len(data)
`;

function readByVhdi({ path, parent, contents }: Subject, raw: string): Outcome {
  const paths = parent === undefined ? [path] : [path, parent];
  const { code } = new Deno.Command("timeout", {
    args: ["20", "/usr/bin/python3", "-c", VHDI, raw, ...paths],
    stdout: "null",
    stderr: "null",
  }).outputSync();
  // A size that is not worth reading.
  if (code === 3) return "wrong";
  if (code !== 0) return "refused";
  return Buffer.compare(Deno.readFileSync(raw), contents) === 0 ? "same" : "wrong";
}

/** Images that QEMU made. */
function qemuSubjects(dir: TempDir): Subject[] {
  return (["vhd", "vhdx"] as const).map((format) => {
    const path = dir.file(`qemu.${format}`);
    const type = format === "vhd" ? "vpc" : format;
    const options = format === "vhd" ? "subformat=dynamic,force_size=on" : "block_size=1M";
    run("qemu-img", "create", "-q", "-f", type, "-o", options, path, String(12 * MIB));
    const contents = new Uint8Array(12 * MIB);
    const commands: string[] = [];
    for (let i = 0; i < 9; i++) {
      const offset = i * 1_200_128 - i * 1_200_128 % 512;
      contents.fill(i + 1, offset, offset + 300_032);
      commands.push("-c", `write -q -P ${i + 1} ${offset} 300032`);
    }
    run("qemu-io", "-f", type, ...commands, path);
    return subject({ format, path, contents });
  });
}

/** Whether a check has anything to say that it does not say of the sound image. */
async function isNamed({ path }: Subject): Promise<boolean> {
  const { findings } = await checkVirtualDisk(path);
  return findings.length > 0;
}

const count = Number(Deno.args[0] ?? 2000);
const random = new Random(Number(Deno.args[1] ?? 17));
using dir = new TempDir();
const subjects = [...await ownSubjects(dir, random), ...qemuSubjects(dir)];
const raw = dir.file("disk.raw");
const counts = new Map<string, number>();
const add = (key: string) => counts.set(key, (counts.get(key) ?? 0) + 1);
const READERS: Record<string, (subject: Subject) => Outcome | undefined> = {
  ours: readHere,
  qemu: (each) => readByQemu(each, raw),
  libvhdi: (each) => readByVhdi(each, raw),
};
/** Only who reads the sound image as it is can be asked about a damaged one. */
const readers = new Map(subjects.map((each) => {
  const asked = Object.entries(READERS).filter(([who]) => who === (Deno.args[2] ?? who));
  const able = asked.filter(([, read]) => read(each) === "same");
  console.log(`${each.name}: read by ${able.map(([who]) => who).join(", ")}`);
  return [each, able];
}));
let done = 0;
while (done < count) {
  const each = random.pick(subjects);
  const damage = damageOf(each, random);
  if (!isEffective(each, damage)) continue;
  done++;
  const undo = patchFile(each, damage.patches);
  for (const [who, read] of readers.get(each)!) {
    const outcome = read(each);
    add(`all: ${who} ${outcome}`);
    add(`${each.name}: ${who} ${outcome}`);
    if (who !== "ours" || outcome !== "wrong") continue;
    add(`wrong here: ${each.name}, ${damage.field.kind}, ${damage.how}`);
    if (await isNamed(each)) add("wrong here, but a check names it");
  }
  undo();
}
console.log(`${count} damages`);
for (const key of [...counts.keys()].sort()) console.log(`  ${key}: ${counts.get(key)}`);
