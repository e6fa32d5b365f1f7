/**
 * What is asked of a real Windows: where the double answers by inference, and where Windows' behaviour is
 * relied upon. The double is asked the same; `double_answers.json` keeps what it says.
 */
import { extname } from "@std/path";
import {
  attachedVirtualDisks,
  type AttachOptions,
  type InformationKind,
  type NativeVirtualDisk,
  openVirtualDisk,
  type PortableVirtualDisk,
} from "@virtdisk/virtdisk";
import { GET_VIRTUAL_DISK_INFO as CLASS } from "../../../src/constants.ts";
import { decodeMultiString } from "../../../src/bytes/utf16.ts";
import { Event } from "../../../src/native/call/handle.ts";
import {
  COMPACT_VIRTUAL_DISK_PARAMETERS,
  OVERLAPPED,
  VIRTUAL_DISK_PROGRESS,
} from "../../../src/native/ffi/structs.ts";
import { wideString } from "../../../src/native/ffi/text.ts";
import { createImage } from "../../create_image.ts";
import { IsoBuilder } from "../../portable/iso/iso_builder.ts";
import { codeName, type Machine, outcome, type Question } from "./question.ts";
import { REFUSALS } from "./refusals.ts";

const MIB = 2 ** 20;
const ABSENT_ITEM = "0f0f3c4e-3b1c-4a9f-8a52-7a4de21b2b60";
/** An attachment without device and volumes, which is there and gone at once. */
const QUIETLY: AttachOptions = { noLocalHost: true };
const WITHOUT_LETTER: AttachOptions = { noDriveLetter: true, volumeTimeout: 5000 };

const KINDS: readonly InformationKind[] = [
  "size",
  "identifier",
  "parentLocation",
  "parentIdentifier",
  "parentTimestamp",
  "storageType",
  "providerSubtype",
  "is4kAligned",
  "isLoaded",
  "physicalDisk",
  "vhdPhysicalSectorSize",
  "smallestSafeVirtualSize",
  "fragmentationPercentage",
  "virtualDiskId",
  "changeTrackingState",
];

const EVENT_FIRST = "the event was seen before a final status";
const STATUS_FIRST = "a final status was seen before the event";
const ORDER = [EVENT_FIRST, STATUS_FIRST];

/** The questions, in the order in which they are asked. */
export const QUESTIONS: readonly Question[] = [
  {
    title: "An image that is attached already is attached",
    evidence: "observed",
    needsElevation: true,
    async ask(machine) {
      using first = await machine.openNew("vhdx");
      await using _attachment = await first.attach(QUIETLY);
      using second = await reopened(machine, first, { readOnly: true, getInfoOnly: false });
      return {
        attach: second === undefined ? "not opened" : await outcome(() => second.attach(QUIETLY)),
      };
    },
  },
  {
    title: "An image that is not attached is asked for its device, and detached",
    evidence: "observed",
    async ask(machine) {
      using disk = await machine.openNew("vhdx");
      return {
        GetVirtualDiskPhysicalPath: await outcome(() => disk.physicalPath()),
        DetachVirtualDisk: await outcome(() => disk.detach({ force: true })),
      };
    },
  },
  {
    title: "A disk that is attached without a local host is asked for its device",
    evidence: "inferred",
    needsElevation: true,
    async ask(machine) {
      using disk = await machine.openNew("vhdx");
      await using _attachment = await disk.attach(QUIETLY);
      return { GetVirtualDiskPhysicalPath: await outcome(() => disk.physicalPath()) };
    },
  },
  {
    title: "Which flags of AttachVirtualDisk does this Windows take?",
    evidence: "inferred",
    needsElevation: true,
    async ask(machine) {
      const flags: readonly (keyof AttachOptions)[] = [
        "noDriveLetter",
        "noLocalHost",
        "noSecurityDescriptor",
        "bypassDefaultEncryptionPolicy",
        "nonPnp",
        "singlePartition",
        "registerVolume",
      ];
      const answers: Record<string, string> = {};
      for (const flag of flags) {
        using disk = await machine.openNew("vhdx");
        answers[flag] = await outcome(async () => {
          await using _attachment = await disk.attach({ [flag]: true, volumeTimeout: 1000 });
        });
      }
      return answers;
    },
  },
  {
    title: "Which flags of OpenVirtualDisk does this Windows take?",
    evidence: "inferred",
    async ask(machine) {
      const path = await machine.image("vhdx", { size: 64 * MIB });
      const answers: Record<string, string> = {};
      for (let bit = 0; bit < 13; bit++) {
        const flags = 2 ** bit;
        answers[`0x${flags.toString(16)}`] = await outcome(async () =>
          (await machine.open(path, { flags })).close()
        );
      }
      return answers;
    },
  },
  {
    title: "User metadata of a VHD, and an item that a VHDX does not have",
    evidence: "inferred",
    async ask(machine) {
      const answers: Record<string, string> = {};
      for (const extension of ["vhd", "vhdx"] as const) {
        using disk = await machine.openNew(extension);
        const { metadata } = disk;
        answers[`${extension} enumerate`] = await outcome(() => [...metadata.keys()]);
        answers[`${extension} get`] = await outcome(() => metadata.get(ABSENT_ITEM));
        answers[`${extension} delete`] = await outcome(() => metadata.delete(ABSENT_ITEM));
        answers[`${extension} set`] = await outcome(() =>
          metadata.set(ABSENT_ITEM, Uint8Array.of(1))
        );
      }
      return answers;
    },
  },
  {
    title: "Sizes that a disk cannot be given",
    evidence: "inferred",
    async ask(machine) {
      const answers: Record<string, string> = {};
      const rows: [string, (disk: NativeVirtualDisk) => Promise<unknown>][] = [
        ["expand to the present size", (disk) => disk.expand(64 * MIB)],
        ["expand to a smaller size", (disk) => disk.expand(32 * MIB)],
        ["resize to a smaller size", (disk) => disk.resize(32 * MIB)],
        ["resize to the smallest safe size", (disk) => disk.resize("smallest-safe")],
      ];
      for (const extension of ["vhd", "vhdx"] as const) {
        for (const [name, change] of rows) {
          using disk = await machine.openNew(extension);
          answers[`${extension} ${name}`] = await outcome(() => change(disk));
        }
      }
      return answers;
    },
  },
  {
    title: "Operations that do not fit the kind of a disk",
    evidence: "inferred",
    async ask(machine) {
      using dynamic = await machine.openNew("vhdx");
      using fixed = await machine.openNew("vhdx", { subtype: "fixed" });
      return {
        "merge of a disk without a parent": await outcome(() => dynamic.merge()),
        "compact of a fixed disk": await outcome(() => fixed.compact()),
        "changes of a disk that is not tracked": await outcome(
          () => [...dynamic.queryChanges("1")],
        ),
        "break of a mirror that there is not": await outcome(() => dynamic.breakMirror()),
      };
    },
  },
  {
    title: "What a call with an OVERLAPPED returns, and when it is over",
    evidence: "sample",
    varying: ORDER,
    async ask(machine) {
      using disk = await machine.openNew("vhdx");
      return await observeCompact(machine, disk, false);
    },
  },
  {
    title: "How a call ends that CancelIoEx is asked to end",
    evidence: "inferred",
    varying: ORDER,
    async ask(machine) {
      using disk = await machine.openNew("vhdx");
      // It may have ended by itself before: only what is not "done" says something.
      return await observeCompact(machine, disk, true);
    },
  },
  {
    title: "Information of every class",
    evidence: "inferred",
    needsFiles: true,
    async ask(machine) {
      const answers: Record<string, unknown> = {};
      for (const path of await allKinds(machine)) {
        using disk = await machine.open(path.path);
        for (const kind of KINDS) {
          const read = () => disk.getInformation(kind);
          const code = await outcome(read);
          answers[`${path.name} ${kind}`] = code === "done" ? read() : code;
        }
      }
      return answers;
    },
  },
  {
    title: "How many bytes GetVirtualDiskInformation wants and gives",
    evidence: "inferred",
    needsFiles: true,
    async ask(machine) {
      const parent = await machine.image("vhdx", { size: 64 * MIB });
      const child = await machine.image("vhdx", { parent });
      using disk = await machine.open(child);
      const answers: Record<string, unknown> = {};
      for (
        const name of ["IS_LOADED", "SIZE", "PARENT_LOCATION", "CHANGE_TRACKING_STATE"] as const
      ) {
        for (const capacity of [8, 12, 31, 32, 4096]) {
          answers[`${name} in ${capacity} bytes`] = sizedInformation(
            machine,
            disk,
            CLASS[name],
            capacity,
          );
        }
      }
      return answers;
    },
  },
  {
    title: "The identifiers of an image, before and after it is written",
    evidence: "inferred",
    needsFiles: true,
    async ask(machine) {
      const answers: Record<string, unknown> = {};
      for (const extension of ["vhd", "vhdx"] as const) {
        const path = await machine.image(extension, { size: 64 * MIB });
        const before = await identifiers(machine, path);
        using disk = await openVirtualDisk(path, { backend: "portable", readOnly: false });
        disk.writeSync(new Uint8Array(512).fill(1), 0);
        disk.close();
        const after = await identifiers(machine, path);
        answers[`${extension}: identifier and virtualDiskId are equal`] =
          before.identifier === before.virtualDiskId;
        answers[`${extension}: identifier is as before`] = before.identifier === after.identifier;
      }
      return answers;
    },
  },
  {
    title: "A VHDX whose log has not been replayed",
    evidence: "inferred",
    about: ["dirty-log-info"],
    needsFiles: true,
    async ask(machine) {
      const path = await dirtyImage(machine);
      return {
        "open for reading": await outcome(async () => (await machine.open(path)).close()),
        "open for information": await outcome(async () =>
          (await machine.open(path, { getInfoOnly: true })).close()
        ),
        "open for writing": await outcome(async () =>
          (await machine.open(path, { readOnly: false })).close()
        ),
      };
    },
  },
  {
    title: "Files that are no images, or not what they are called",
    evidence: "inferred",
    needsFiles: true,
    async ask(machine) {
      const open = (path: string) => outcome(async () => (await machine.open(path)).close());
      const vhdx = await machine.image("vhdx", { size: 64 * MIB });
      const asVhd = machine.path("vhd");
      await Deno.copyFile(vhdx, asVhd);
      const answers: Record<string, string> = {
        "a VHDX that is called .vhd": await open(asVhd),
        "no file": await open(machine.path("vhdx")),
      };
      for (const extension of ["vhd", "vhdx", "iso"]) {
        const path = machine.path(extension);
        await Deno.writeFile(path, new Uint8Array(MIB));
        answers[`zeros that are called .${extension}`] = await open(path);
      }
      return answers;
    },
  },
  {
    title: "What a create that fails leaves behind",
    evidence: "inferred",
    needsFiles: true,
    async ask(machine) {
      const tooLarge = machine.path("vhdx");
      const size = 60 * 2 ** 40;
      const code = await outcome(async () =>
        (await machine.create(tooLarge, { size, subtype: "fixed" })).close()
      );
      const existing = await machine.image("vhdx", { size: 64 * MIB });
      return {
        "a fixed disk that does not fit": code,
        "its file is there afterwards": await exists(tooLarge),
        "a file that is there already": await outcome(async () =>
          (await machine.create(existing, { size: 64 * MIB })).close()
        ),
      };
    },
  },
  {
    title: "What GetAllAttachedVirtualDiskPhysicalPaths lists of an attached image",
    evidence: "observed",
    needsElevation: true,
    async ask(machine) {
      using disk = await machine.openNew("vhdx");
      await using attachment = await disk.attach(WITHOUT_LETTER);
      const own = allPaths(machine).filter((each) => sameFile(each, disk.path));
      const listed = attachedVirtualDisks().find(({ imagePath }) => sameFile(imagePath, disk.path));
      return {
        "its own path, so often": own.length,
        "its device is that of the attachment": listed?.physicalPath?.toLowerCase() ===
          attachment.physicalPath?.toLowerCase(),
        "parents": listed?.parents,
        "error": listed?.error?.symbol,
      };
    },
  },
  {
    title: "The device of an attached disk, and its volumes",
    evidence: "documented",
    needsElevation: true,
    async ask(machine) {
      using disk = await machine.openNew("vhdx");
      await using attachment = await disk.attach(WITHOUT_LETTER);
      const { physicalPath = "none", volumes, complete } = attachment;
      return {
        "device": physicalPath.replace(/\d+$/, "N"),
        "isLoaded": await outcome(() => disk.getInformation("isLoaded")),
        "volumes of a blank disk": volumes.length,
        "complete": complete,
      };
    },
  },
  {
    title: "What an attached disk, another disk and a volume rest on",
    evidence: "observed",
    needsElevation: true,
    needsFiles: true,
    async ask(machine) {
      using disk = await machine.openNew("vhdx");
      await using attachment = await disk.attach(WITHOUT_LETTER);
      const own = await outcome(() => disk.storageDependencies());
      const first = own === "done" ? disk.storageDependencies()[0] : undefined;
      return {
        "of the disk itself": own,
        "flags": first?.flags,
        "ancestorLevel": first?.ancestorLevel,
        "deviceName": first?.deviceName.replace(/\d+$/, "N"),
        "imagePath names the image": first && sameFile(first.imagePath, disk.path),
        "a device with no access": dependencyCode(machine, attachment.physicalPath ?? "", 0),
        "a device with read access": dependencyCode(
          machine,
          attachment.physicalPath ?? "",
          0x8000_0000,
        ),
        "the first disk of the machine": dependencyCode(
          machine,
          "\\\\.\\PhysicalDrive0",
          0x8000_0000,
        ),
      };
    },
  },
  {
    title: "An ISO image is mounted",
    evidence: "documented",
    async ask(machine) {
      const path = machine.path("iso");
      await Deno.writeFile(path, isoImage());
      using disk = await machine.open(path);
      let device: string | undefined;
      const attach = await outcome(async () => {
        await using attachment = await disk.attach({ ...WITHOUT_LETTER, readOnly: true });
        device = attachment.physicalPath;
      });
      return { attach, device: device?.replace(/\d+$/, "N") };
    },
  },
  ...REFUSALS,
];

async function reopened(
  machine: Machine,
  { path }: NativeVirtualDisk,
  options: { readOnly: boolean; getInfoOnly: boolean },
): Promise<NativeVirtualDisk | undefined> {
  let disk: NativeVirtualDisk | undefined;
  await outcome(async () => disk = await machine.open(path, options));
  return disk;
}

/** Starts CompactVirtualDisk, and looks at it until event and status both say that it is over, or ten seconds. */
async function observeCompact(machine: Machine, { handle }: NativeVirtualDisk, cancel: boolean) {
  const { virtdisk, kernel32 } = machine.libraries;
  using event = new Event(kernel32);
  const overlapped = OVERLAPPED.pack({ Internal: 0n, InternalHigh: 0n, hEvent: event.value });
  const parameters = COMPACT_VIRTUAL_DISK_PARAMETERS.pack({
    Version: 1,
    Version1: { Reserved: 0 },
  });
  const returned = virtdisk.CompactVirtualDisk(handle, 0, parameters, overlapped);
  let status = returned;
  let sawEventFirst = false;
  let sawStatusFirst = false;
  let progressCode = 0;
  let cancelled: number | undefined;
  if (cancel && returned === 997) cancelled = kernel32.CancelIoEx(handle, overlapped);
  for (let waited = 0; returned === 997 && waited < 10_000; waited += 5) {
    const isSet = event.isSet();
    const bytes = new Uint8Array(VIRTUAL_DISK_PROGRESS.size);
    progressCode = virtdisk.GetVirtualDiskOperationProgress(handle, overlapped, bytes);
    if (progressCode === 0) status = VIRTUAL_DISK_PROGRESS.unpack(bytes).OperationStatus;
    const isFinal = progressCode === 0 && status !== 997;
    if (isSet && isFinal) break;
    sawEventFirst ||= isSet;
    sawStatusFirst ||= isFinal && !event.isSet();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const { Internal } = OVERLAPPED.unpack(overlapped);
  return {
    "the function returns": codeName(returned),
    "CancelIoEx found it": cancelled === undefined ? undefined : cancelled !== 0,
    "its last status": codeName(status),
    "progress was asked with": codeName(progressCode),
    "Internal at the end": `0x${(Internal & 0xffff_ffffn).toString(16)}`,
    [EVENT_FIRST]: sawEventFirst,
    [STATUS_FIRST]: sawStatusFirst,
  };
}

async function allKinds(machine: Machine): Promise<{ name: string; path: string }[]> {
  const images: { name: string; path: string }[] = [];
  for (const extension of ["vhd", "vhdx"] as const) {
    const parent = await machine.image(extension, { size: 64 * MIB });
    images.push({ name: `dynamic ${extension}`, path: parent });
    const fixed = await machine.image(extension, { size: 8 * MIB, subtype: "fixed" });
    images.push({ name: `fixed ${extension}`, path: fixed });
    images.push({ name: `child ${extension}`, path: await machine.image(extension, { parent }) });
  }
  return images;
}

function sizedInformation(
  { libraries: { virtdisk } }: Machine,
  { handle }: NativeVirtualDisk,
  version: number,
  capacity: number,
): string {
  // Room behind it, should the call not look at the size.
  const info = new Uint8Array(Math.max(capacity, 4096));
  new DataView(info.buffer).setUint32(0, version, true);
  const size = Uint32Array.of(capacity);
  const used = new Uint32Array(1);
  const code = virtdisk.GetVirtualDiskInformation(handle, size, info, used);
  return `${codeName(code)}, size ${size[0]}, used ${used[0]}`;
}

async function identifiers(machine: Machine, path: string) {
  using disk = await machine.open(path);
  return {
    identifier: disk.getInformation("identifier"),
    virtualDiskId: disk.getInformation("virtualDiskId"),
  };
}

/** A copy of a VHDX that is open and has been written to: its log is in use. */
async function dirtyImage(machine: Machine): Promise<string> {
  const original = machine.path("vhdx");
  const path = machine.path("vhdx");
  using disk: PortableVirtualDisk = await createImage(original, { size: 64 * MIB });
  disk.writeSync(new Uint8Array(4096).fill(1), 0);
  disk.flushSync();
  // A lock of Windows' own keeps others from reading the file; the backend's is on other bytes.
  await Deno.copyFile(original, path);
  return path;
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function allPaths({ libraries: { virtdisk } }: Machine): string[] {
  const bytes = new Uint8Array(1 << 20);
  const size = Uint32Array.of(bytes.length);
  const code = virtdisk.GetAllAttachedVirtualDiskPhysicalPaths(size, bytes);
  if (code !== 0) throw new Error(`GetAllAttachedVirtualDiskPhysicalPaths: ${codeName(code)}`);
  return decodeMultiString(bytes);
}

/** Short names and prefixes aside: the name of the file is this program's own. */
function sameFile(a: string, b: string): boolean {
  const name = (path: string) => path.toLowerCase().slice(path.lastIndexOf("\\") + 1);
  return extname(a).toLowerCase() === extname(b).toLowerCase() && name(a) === name(b);
}

function dependencyCode({ libraries }: Machine, path: string, access: number): string {
  const { virtdisk, kernel32 } = libraries;
  const handle = kernel32.CreateFileW(wideString(path), access, 7, null, 3, 0, 0n);
  if (handle === 0xffff_ffff_ffff_ffffn) return "the device does not open";
  try {
    const info = new Uint8Array(1 << 16);
    new DataView(info.buffer).setUint32(0, 2, true);
    const used = new Uint32Array(1);
    const code = virtdisk.GetStorageDependencyInformation(handle, 3, info.length, info, used);
    return codeName(code);
  } finally {
    kernel32.CloseHandle(handle);
  }
}

function isoImage(): Uint8Array<ArrayBuffer> {
  return new IsoBuilder(64).primary(16, { label: "VERIFY", blocks: 64 }).terminator(17).bytes;
}
