/**
 * Every write, growth and flush of an operation on images fails once: a clear error, nothing is written
 * thereafter, what is there opens and reads as before, and the operation done again ends as without a fault.
 */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { checkVirtualDisk, VirtualDiskError } from "@virtdisk/virtdisk";
import { Random } from "../fuzz/random.ts";
import { MIB } from "../portable/vhdx/vhdx_builder.ts";
import { assertBytesEqual, testWith } from "../support.ts";
import { everySo, explored, Sample, sampledBound } from "../sampling.ts";
import { crashStates } from "./crash_states.ts";
import { type Files, type FolderFault, SimulatedFolder } from "./simulated_folder.ts";
import {
  chainFiles,
  type Kind,
  KINDS,
  openIn,
  partitioned,
  partitionedFile,
  PARTITIONS,
  readIn,
} from "./simulated_images.ts";
import { SECTOR } from "./stamp.ts";

const SEED = 61;
/** Of a hundred changes: how many fail. */
const PERCENT = { vhd: 100, vhdx: 60 } as const;
/** An operation of so few changes has each of them fail in each way. */
const FEW_CHANGES = 4;
const SMALL = 400 * SECTOR;
const LARGE = { vhd: SMALL + 130 * SECTOR, vhdx: MIB + 8192 } as const;

const FAULTS: readonly (Omit<FolderFault, "number"> & { readonly symbol: string })[] = [
  { code: "ENOSPC", written: 0, symbol: "ERROR_DISK_FULL" },
  { code: "ENOSPC", written: 50, symbol: "ERROR_DISK_FULL" },
  { code: "EIO", written: 80, symbol: "ERROR_IO_DEVICE" },
  { code: "EACCES", written: 0, symbol: "ERROR_ACCESS_DENIED" },
];

/** Where the headers of a VHDX are. */
const HEADERS: readonly number[] = [0x10000, 0x20000];

interface Case {
  readonly title: string;
  readonly kind: Kind;
  readonly operation: string;
  readonly files: () => Files;
  /** The disk that it is done to. */
  readonly leaf: string;
  /** What has the disk where the leaf is gone. */
  readonly target?: string;
  /** Whether the disk changes its size: then its partitions are what must stay. */
  readonly isPartitioned?: boolean;
  readonly run: (folder: SimulatedFolder) => Promise<unknown>;
}

function casesOf(kind: Kind): Case[] {
  const { type } = kind;
  const named = (number: number) => `${number}.${type}`;
  const resizing = (subtype: "fixed" | "dynamic", from: number, to: number): Case => ({
    title: `resizing a ${subtype} ${type} from ${from} to ${to} bytes`,
    kind,
    operation: "ResizeVirtualDisk",
    files: () => partitionedFile(kind, { subtype }, partitioned(from)),
    leaf: `disk.${type}`,
    isPartitioned: true,
    run: async (folder) => {
      using disk = await openIn(folder, `disk.${type}`, false);
      await disk.resize(to);
    },
  });
  const merging = (what: string, sourceDepth: number, removeChild: boolean): Case => ({
    title: `merging ${what} (${type})`,
    kind,
    operation: "MergeVirtualDisk",
    files: () => chainFiles(kind, 3),
    leaf: named(2),
    target: named(1),
    run: async (folder) => {
      using disk = await openIn(folder, named(2), false);
      const targetDepth = sourceDepth + 1;
      // Where only the files are left to be removed, there is nothing to merge any more.
      if (targetDepth > 1 + disk.parents.length) return;
      await disk.merge({ sourceDepth, removeChild });
    },
  });
  const resizes = [
    resizing("dynamic", SMALL, LARGE[type]),
    resizing("fixed", SMALL, LARGE[type]),
    ...(type === "vhdx" ? [resizing("dynamic", LARGE.vhdx, SMALL)] : []),
  ];
  return [
    ...resizes,
    merging("a child", 1, false),
    merging("a child, and removing it", 1, true),
    merging("the middle of a chain, and removing it", 2, true),
    {
      ...merging("into a new file", 1, false),
      target: `new.${type}`,
      run: async (folder) => {
        using disk = await openIn(folder, named(2), true);
        const path = folder.file(`new.${type}`);
        if (!folder.files().has(`new.${type}`)) await disk.merge({ into: path });
      },
    },
    {
      title: `compacting a ${type}`,
      kind,
      operation: "CompactVirtualDisk",
      files: () => withZeros(kind, chainFiles(kind, 1)),
      leaf: named(0),
      run: async (folder) => {
        using disk = await openIn(folder, named(0), false);
        await disk.compact();
      },
    },
    {
      title: `re-parenting a ${type}`,
      kind,
      operation: "SetVirtualDiskInformation",
      files: () => {
        const files = chainFiles(kind, 2);
        return files.set(`moved.${type}`, files.get(named(0))!.fork());
      },
      leaf: named(1),
      run: async (folder) => {
        using disk = await openIn(folder, named(1), false);
        disk.setInformation("parentPath", folder.file(`moved.${type}`));
      },
    },
    {
      title: `repairing a ${type}`,
      kind,
      operation: "OpenVirtualDisk",
      files: () => damaged(kind, chainFiles(kind, 1)),
      leaf: named(0),
      run: async (folder) => {
        const { sound } = await checkVirtualDisk(folder.file(named(0)), { repair: true });
        assert(sound);
      },
    },
  ];
}

/** Blocks that can go, before others that can move. */
function withZeros({ type, format, blockSize }: Kind, files: Files): Files {
  const image = format.openWritable(files.get(`0.${type}`)!);
  for (let offset = 0; offset < image.virtualSize; offset += blockSize) {
    const isOdd = offset / blockSize % 2 === 1;
    image.write(new Uint8Array(blockSize).fill(isOdd ? 1 : 0), offset);
  }
  image.finish();
  return files;
}

/** The second copy of what the format keeps twice. */
function damaged({ type }: Kind, files: Files): Files {
  const file = files.get(`0.${type}`)!;
  file.writeAt(new Uint8Array(512).fill(7), type === "vhd" ? 0 : 0x40000);
  return files;
}

for (const [i, each] of KINDS.flatMap(casesOf).entries()) {
  testWith(everySo(2, i), `${each.title} fails well at each change of a file`, async () => {
    const files = each.files();
    using whole = new SimulatedFolder(files);
    const before = await diskIn(each, whole);
    await each.run(whole);
    const changes = whole.steps.filter(({ kind }) => kind === "change").length;
    const random = new Random(SEED);
    const sample = new Sample();
    let faults = 0;
    for (const { number, symbol, ...fault } of faultsOf(changes, PERCENT[each.kind.type], random)) {
      if (!sample.takes()) continue;
      faults++;
      try {
        const left = await failAt(each, files, { ...fault, number }, symbol, random);
        for (const state of left) await checkLeft(each, state, before, whole);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        const where = `${fault.code} at change ${number} of ${changes}, ${fault.written} %`;
        throw new Error(`${where}: ${reason}`, { cause: error });
      }
    }
    explored(`${each.title}`, { faults });
    assertGreater(faults, sampledBound(3));
  });
}

type NumberedFault = FolderFault & { readonly symbol: string };

/** Of each change one fault or none; of few changes all faults. */
function faultsOf(changes: number, percent: number, random: Random): NumberedFault[] {
  return Array.from({ length: changes }, (_, number) => {
    const faults = changes <= FEW_CHANGES
      ? FAULTS
      : random.chance(percent)
      ? [FAULTS[(number + random.below(2)) % FAULTS.length]!]
      : [];
    return faults.map((fault) => ({ ...fault, number }));
  }).flat();
}

/** What is left: where nothing else happens, and where a crash comes on top. */
async function failAt(
  { run, operation }: Case,
  files: Files,
  fault: FolderFault,
  symbol: string,
  random: Random,
): Promise<Files[]> {
  using folder = new SimulatedFolder(files, fault);
  const error = await run(folder).then(() => undefined, (error: unknown) => error);
  const after = folder.stepsAfterFault;
  assert(after !== undefined, "the operation did less than without a fault");
  assert(error instanceof VirtualDiskError, `no VirtualDiskError: ${error}`);
  assertEquals(error.symbol, symbol);
  assert([operation, "CloseHandle"].includes(error.operation), error.operation);
  // A folder that fails leaves the files as they are: one that is open is closed well, as the headers of a VHDX say.
  const isOfFolder = error.message.includes("the folder could not be made durable");
  const written = after.flatMap((step) => {
    if (step.kind === "names") return step.description.endsWith(".tmp") ? [] : [step.description];
    if (step.kind !== "change" || step.change.kind === "flush") return [];
    const { change } = step;
    if (isOfFolder && change.kind === "write" && HEADERS.includes(change.offset)) return [];
    return [`${change.kind} at ${change.kind === "write" ? change.offset : change.size}`];
  });
  assertEquals(written, [], "something was written after a fault");
  const names = [...folder.files().keys()];
  assert(!names.some((name) => name.endsWith(".tmp")), "a temporary file is left");
  const crashed = names.map((name) => {
    const { base, changes } = folder.recorded(name);
    const states = [...crashStates(base, changes, random, 1, changes.length)];
    return [name, random.pick(states).file.fork()] as const;
  });
  return [folder.files(), new Map(crashed)];
}

/** It opens and reads as before; the operation ends as in the whole folder. */
async function checkLeft(
  each: Case,
  files: Files,
  before: Uint8Array,
  whole: SimulatedFolder,
): Promise<void> {
  using folder = new SimulatedFolder(files);
  assertBytesEqual(await diskIn(each, folder), before, "the disk");
  await each.run(folder);
  for (const name of whole.files().keys()) assert(folder.files().has(name), `${name} is missing`);
  for (const name of [each.leaf, each.target ?? each.leaf]) {
    if (!whole.files().has(name)) continue;
    const bytes = await readIn(folder, name);
    using other = new SimulatedFolder(whole.files());
    assertBytesEqual(bytes, await readIn(other, name), `done again, ${name}`);
  }
}

/** What must stay of the disk. */
async function diskIn(
  { leaf, target = leaf, isPartitioned }: Case,
  folder: SimulatedFolder,
): Promise<Uint8Array> {
  const bytes = await readIn(folder, folder.files().has(leaf) ? leaf : target);
  const { first, end } = PARTITIONS;
  return isPartitioned === true ? bytes.subarray(first * SECTOR, end * SECTOR) : bytes;
}
