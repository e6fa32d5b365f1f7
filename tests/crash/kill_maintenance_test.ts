/**
 * A real process is killed while it maintains images, at any moment of the time that it takes: what is left
 * opens, reads right and is found to be sound; and the same operation ends as one that nobody killed.
 */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { checkVirtualDisk, compareVirtualDisks } from "@virtdisk/virtdisk";
import { Random } from "../fuzz/random.ts";
import { explored, sampledRounds, sampledRows } from "../sampling.ts";
import {
  assertBytesEqual,
  exists,
  onlyOn,
  ROOT,
  run,
  TempDir,
  testWith,
  tool,
} from "../support.ts";
import { foundEntries, isWhole } from "./gpt_oracle.ts";
import {
  DATA,
  type Images,
  type ImageType,
  MAINTENANCE,
  type Maintenance,
  open,
} from "./maintenance.ts";

const SEED = 17;
const LIVES = sampledRounds(4);
/** Of a hundred lives: how many go on with what the one before has left. */
const GOES_ON = 30;

/** Every second of these has each operation with one type, and as many of one type as of the other. */
const CASES = Object.entries(MAINTENANCE).flatMap(([operation, maintenance], i) => {
  const types = i % 2 === 0 ? maintenance.types : maintenance.types.toReversed();
  return types.map((type) => ({ operation, maintenance, type }));
});

for (const { operation, maintenance, type } of sampledRows(CASES, 9, 1)) {
  // Windows has no SIGKILL, and other systems no need to be told apart.
  testWith(
    [onlyOn("linux", "darwin"), tool("qemu-img")],
    `a killed process loses nothing of a ${type} (${operation}), and another one comes to its end`,
    async () => {
      using made = new TempDir();
      using whole = new TempDir();
      using dir = new TempDir();
      const bytes = await maintenance.make(imagesIn(made, type));
      copy(made, whole);
      let longest = await timeOf(whole, operation, type);
      const random = new Random(SEED);
      let kills = 0;
      for (let life = 0; life < LIVES || kills === 0; life++) {
        if (life === 0 || !random.chance(GOES_ON)) copy(made, dir);
        const time = longest * random.below(1000) / 1000;
        // A machine that has much else to do may have been slow when the time was taken.
        if (await runAndKill(dir, operation, type, time)) kills++;
        else longest /= 2;
        const images = imagesIn(dir, type);
        await assertLeft(maintenance, images, bytes);
        using again = new TempDir();
        copy(dir, again);
        await maintenance.run(imagesIn(again, type), () => {});
        await assertEnd(maintenance, imagesIn(again, type), imagesIn(whole, type), bytes);
      }
      explored(`${operation} of a ${type}`, { kills });
    },
  );
}

/** Whatever is there opens, and its file is sound; the disk reads as before. */
async function assertLeft(
  maintenance: Maintenance,
  images: Images,
  bytes: Uint8Array,
): Promise<void> {
  const { leaf, target = leaf } = maintenance;
  const name = exists(images.path(leaf)) ? leaf : target;
  await assertDisk(maintenance, images, name, bytes);
  // What has its final name is finished.
  if (target === "new" && exists(images.path(target))) {
    await assertDisk(maintenance, images, target, bytes);
  }
  const { findings } = await checkVirtualDisk(images.path(name));
  // A log that was left behind is a warning; what else is an error would not follow from a kill.
  assertEquals(findings.filter(({ severity }) => severity === "error"), []);
  const isDirty = findings.some(({ severity }) => severity !== "info");
  if (!isDirty) await checkWithQemu(images, name);
}

/** As where nobody was killed: the same files, which hold the same, and nothing to be repaired. */
async function assertEnd(
  maintenance: Maintenance,
  images: Images,
  whole: Images,
  bytes: Uint8Array,
): Promise<void> {
  const { leaf, target = leaf, isPartitioned } = maintenance;
  for (const name of new Set([leaf, target])) {
    assertEquals(exists(images.path(name)), exists(whole.path(name)), name);
    if (!exists(whole.path(name))) continue;
    await assertDisk(maintenance, images, name, bytes);
    for await (const range of compareVirtualDisks(images.path(name), whole.path(name))) {
      throw new Error(
        `${name} differs from that of a process that was not killed: ${range.offset}`,
      );
    }
    assertEquals((await checkVirtualDisk(images.path(name))).sound, true);
    await checkWithQemu(images, name);
    if (isPartitioned !== true) continue;
    using disk = await open(images, name, true);
    assert(isWhole(seen(disk)));
  }
}

async function assertDisk(
  { isPartitioned }: Maintenance,
  images: Images,
  name: string,
  expected: Uint8Array,
): Promise<void> {
  using disk = await open(images, name, true);
  assertBytesEqual(seen(disk).read(DATA.offset, DATA.length), expected, name);
  if (isPartitioned === true) assert(foundEntries(seen(disk)) !== undefined, "no sound table");
}

function seen(disk: Awaited<ReturnType<typeof open>>) {
  return {
    size: disk.getInformation("size").virtualSize,
    read: (offset: number, length: number) => {
      const bytes = new Uint8Array(length);
      disk.readSync(bytes, offset);
      return bytes;
    },
  };
}

/** QEMU has no check for VHDs, and opens no differencing VHDX. */
async function checkWithQemu(images: Images, name: string): Promise<void> {
  if (images.type !== "vhdx") return;
  using disk = await open(images, name, true);
  const isChild = disk.getInformation("providerSubtype") === "differencing";
  if (!isChild) run("qemu-img", "check", "-q", "-f", "vhdx", disk.path);
}

function imagesIn({ path: folder }: TempDir, type: ImageType): Images {
  return { type, path: (name) => join(folder, `${name}.${type}`) };
}

/** Makes a folder the copy of another one. */
function copy(from: TempDir, to: TempDir): void {
  for (const { name } of Deno.readDirSync(to.path)) Deno.removeSync(to.file(name));
  for (const { name } of Deno.readDirSync(from.path)) {
    Deno.copyFileSync(from.file(name), to.file(name));
  }
}

/** Milliseconds that the operation takes where nobody kills it. */
async function timeOf(dir: TempDir, operation: string, type: ImageType): Promise<number> {
  let begun = 0;
  const child = spawn(dir, operation, type);
  const reader = child.stdout.getReader();
  await reader.read();
  begun = performance.now();
  const { success } = await child.status;
  assert(success);
  await reader.cancel();
  return performance.now() - begun;
}

/** Whether the child was killed before it came to its end. */
async function runAndKill(
  dir: TempDir,
  operation: string,
  type: ImageType,
  time: number,
): Promise<boolean> {
  const child = spawn(dir, operation, type);
  const reader = child.stdout.getReader();
  await reader.read();
  await new Promise((resolve) => setTimeout(resolve, time));
  try {
    child.kill("SIGKILL");
  } catch (error) {
    // It has come to its end.
    if (!(error instanceof TypeError)) throw error;
  }
  const { code, signal } = await child.status;
  await reader.cancel();
  if (signal === null) assertEquals(code, 0);
  return signal !== null;
}

function spawn(dir: TempDir, operation: string, type: ImageType) {
  const script = `${ROOT}tests/crash/kill_maintenance_child.ts`;
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", script, operation, type, dir.path],
    cwd: ROOT,
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
}
