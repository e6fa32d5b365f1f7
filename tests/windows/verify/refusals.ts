/** What is asked of a real Windows about calls that it refuses: with which codes is only inferred. */
import type { AttachOptions, NativeVirtualDisk } from "@virtdisk/virtdisk";
import { Event } from "../../../src/native/call/handle.ts";
import { CallMemory } from "../../../src/native/call/memory.ts";
import { wideString } from "../../../src/native/ffi/text.ts";
import { IsoBuilder } from "../../portable/iso/iso_builder.ts";
import { type Answers, codeName, type Machine, outcome, type Question } from "./question.ts";
import {
  type Bytes,
  created,
  opened,
  openParameters,
  storageType,
  structure,
  withHandle,
} from "./raw_calls.ts";

const MIB = 2 ** 20;
const ITEM = "0f0f3c4e-3b1c-4a9f-8a52-7a4de21b2b60";
const QUIETLY: AttachOptions = { noLocalHost: true };
/** VIRTUAL_DISK_ACCESS_*. */
const ACCESS = { attachRead: 0x10000, attachWrite: 0x20000, getInfo: 0x80000, metaops: 0x200000 };
const UNKNOWN_FLAG = 0x4000_0000;

/** Asks one thing after the other; each gives a code. */
async function codes(rows: Readonly<Record<string, () => number | string | Promise<string>>>) {
  const answers: Answers = {};
  for (const [name, ask] of Object.entries(rows)) {
    const answer = await ask();
    answers[name] = typeof answer === "number" ? codeName(answer) : answer;
  }
  return answers;
}

/** Calls on a disk that is open to be changed. */
async function onDisk(
  machine: Machine,
  rows: (disk: NativeVirtualDisk) => Parameters<typeof codes>[0],
): Promise<Answers> {
  using disk = await machine.openNew("vhdx");
  return await codes(rows(disk));
}

async function iso(machine: Machine): Promise<string> {
  const path = machine.path("iso");
  const image = new IsoBuilder(64).primary(16, { label: "VERIFY", blocks: 64 }).terminator(17);
  await Deno.writeFile(path, image.bytes);
  return path;
}

function attach({ libraries }: Machine, handle: bigint, call: {
  readonly flags?: number;
  readonly providerFlags?: number;
  readonly parameters?: Bytes;
}): number {
  const { AttachVirtualDisk, DetachVirtualDisk } = libraries.virtdisk;
  const { flags = 8, providerFlags = 0, parameters = null } = call;
  const code = AttachVirtualDisk(handle, null, flags, providerFlags, parameters, null);
  if (code === 0) DetachVirtualDisk(handle, 0, 0);
  return code;
}

/** The questions, in the order in which they are asked. */
export const REFUSALS: readonly Question[] = [
  {
    title: "Paths that OpenVirtualDisk refuses",
    evidence: "inferred",
    about: ["empty-path", "path-too-long"],
    ask: (machine) =>
      codes({
        "an empty path": () => opened(machine, { path: "" }),
        "a path of 32768 characters": () =>
          opened(machine, { path: `C:\\${"a".repeat(32_760)}.vhdx` }),
      }),
  },
  {
    title: "A path of more than 259 characters without a prefix, in kernel32.dll",
    evidence: "inferred",
    about: ["long-path"],
    ask({ libraries: { kernel32 } }) {
      const name = "a".repeat(100);
      const missing = kernel32.GetFileAttributesW(
        wideString(`C:\\${name}\\${name}\\${name}.vhdx`),
      );
      const code = kernel32.GetLastError();
      return Promise.resolve({
        "GetFileAttributesW of one that is not there": missing === 0xffff_ffff
          ? codeName(code)
          : "found",
      });
    },
  },
  {
    title: "Storage types and masks that OpenVirtualDisk refuses",
    evidence: "inferred",
    about: ["unknown-provider", "v2-mask"],
    async ask(machine) {
      const path = await machine.image("vhdx", { size: 64 * MIB });
      const other = machine.path("img");
      await Deno.copyFile(path, other);
      const vendor = "01234567-89ab-cdef-0123-456789abcdef";
      return await codes({
        "a device that there is not": () => opened(machine, { path, type: storageType(9) }),
        "a vendor that there is not": () => opened(machine, { path, type: storageType(3, vendor) }),
        "create for a device that there is not": () =>
          created(machine, { path: machine.path("vhdx"), type: storageType(9) }),
        "create by an extension that says nothing": () =>
          created(machine, { path: machine.path("img") }),
        "version 2 with a mask": () => opened(machine, { path, mask: ACCESS.getInfo }),
      });
    },
  },
  {
    title: "How an ISO image does not open and is not attached",
    evidence: "inferred",
    about: ["iso-version-2", "iso-open-flags", "iso-write-mask", "iso-attach", "create-iso"],
    async ask(machine) {
      const path = await iso(machine);
      const type = storageType(1);
      const mask = ACCESS.attachRead | ACCESS.getInfo;
      const call = { path, type, parameters: openParameters(1) };
      return await codes({
        "version 2": () => opened(machine, { path, type }),
        "NO_PARENTS": () => opened(machine, { ...call, mask, flags: 1 }),
        "ATTACH_RW": () => opened(machine, { ...call, mask: ACCESS.attachWrite }),
        "METAOPS": () => opened(machine, { ...call, mask: ACCESS.metaops }),
        "create": () => created(machine, { path: machine.path("iso"), type }),
        "attach to be written": () =>
          withHandle(machine, { ...call, mask }, (h) => codeName(attach(machine, h, { flags: 0 }))),
        "attach without a local host": () =>
          withHandle(machine, { ...call, mask }, (h) => codeName(attach(machine, h, { flags: 9 }))),
      });
    },
  },
  {
    title: "What a handle refuses that was not opened for it",
    evidence: "inferred",
    about: ["v2-rights", "metadata-handle"],
    async ask(machine) {
      const path = await machine.image("vhdx", { size: 64 * MIB });
      const { virtdisk } = machine.libraries;
      const readOnly = { path, parameters: openParameters(2, 0, 1) };
      const infoOnly = { path, parameters: openParameters(2, 1, 0) };
      const version1 = { path, mask: ACCESS.getInfo | ACCESS.metaops, parameters: null };
      const identify = (handle: bigint) =>
        codeName(virtdisk.SetVirtualDiskInformation(handle, structure(32, { 0: 2, 8: 1 })));
      const set = (handle: bigint) =>
        codeName(virtdisk.SetVirtualDiskMetadata(handle, guid(1), 1, Uint8Array.of(1)));
      const count = (handle: bigint) =>
        codeName(virtdisk.EnumerateVirtualDiskMetadata(handle, new Uint8Array(4), null));
      return await codes({
        "attach to be written, read-only": () =>
          withHandle(machine, readOnly, (h) => codeName(attach(machine, h, {}))),
        "attach, for information alone": () =>
          withHandle(machine, infoOnly, (h) => codeName(attach(machine, h, { flags: 9 }))),
        "detach, for information alone": () =>
          withHandle(machine, infoOnly, (h) => codeName(virtdisk.DetachVirtualDisk(h, 0, 0))),
        "change, read-only": () => withHandle(machine, readOnly, identify),
        "change, for information alone": () => withHandle(machine, infoOnly, identify),
        "metadata set, read-only": () => withHandle(machine, readOnly, set),
        "metadata set, for information alone": () => withHandle(machine, infoOnly, set),
        "metadata, version 1": () => withHandle(machine, version1, count),
      });
    },
  },
  {
    title: "A handle of something else",
    evidence: "inferred",
    about: ["foreign-handle"],
    async ask({ libraries: { virtdisk, kernel32 } }) {
      using event = new Event(kernel32);
      const handle = event.value;
      const size = Uint32Array.of(32);
      return await codes({
        "attach": () => virtdisk.AttachVirtualDisk(handle, null, 0, 0, null, null),
        "detach": () => virtdisk.DetachVirtualDisk(handle, 0, 0),
        "physical path": () => virtdisk.GetVirtualDiskPhysicalPath(handle, Uint32Array.of(0), null),
        "information": () =>
          virtdisk.GetVirtualDiskInformation(handle, size, structure(32, { 0: 1 }), null),
        "set": () => virtdisk.SetVirtualDiskInformation(handle, structure(32, { 0: 2, 8: 1 })),
        "metadata": () => virtdisk.EnumerateVirtualDiskMetadata(handle, new Uint8Array(4), null),
        "compact": () => virtdisk.CompactVirtualDisk(handle, 0, null, null),
        "break of a mirror": () => virtdisk.BreakMirrorVirtualDisk(handle),
        "progress": () =>
          virtdisk.GetVirtualDiskOperationProgress(handle, new Uint8Array(32), new Uint8Array(24)),
      });
    },
  },
  {
    title: "Parameters that AttachVirtualDisk and DetachVirtualDisk refuse",
    evidence: "inferred",
    about: ["attach-parameters", "provider-flags"],
    needsElevation: true,
    ask: (machine) =>
      onDisk(machine, ({ handle }) => ({
        "reserved": () => attach(machine, handle, { parameters: structure(24, { 0: 1, 8: 1 }) }),
        "the range's flag without a range": () => attach(machine, handle, { flags: 0x88 }),
        "a range without its flag": () =>
          attach(machine, handle, { parameters: structure(24, { 0: 2, 8: 0n, 16: 1n << 20n }) }),
        "provider flags": () => attach(machine, handle, { providerFlags: 1 }),
        "provider flags of detach": () =>
          machine.libraries.virtdisk.DetachVirtualDisk(handle, 0, 1),
        "provider flags of create": () =>
          created(machine, { path: machine.path("vhdx"), providerFlags: 1 }),
      })),
  },
  {
    title: "Parameters that CreateVirtualDisk refuses",
    evidence: "inferred",
    about: ["create-parameters", "create-parent", "create-too-large", "unqualified-path"],
    async ask(machine) {
      const parent = await machine.image("vhdx", { size: 64 * MIB });
      const create = (call: Omit<Parameters<typeof created>[1], "path">, extension = "vhdx") =>
        created(machine, { path: machine.path(extension), ...call });
      const noSize = { 24: 0n };
      return await codes({
        "a parent and a source": () => create({ parent, source: parent, members: noSize }),
        "a parent and a size": () => create({ parent }),
        "a parent, and fixed": () => create({ parent, flags: 1, members: noSize }),
        "a parent by a relative path": () => create({ parent: "parent.vhdx", members: noSize }),
        "a source by a relative path": () => create({ source: "parent.vhdx", members: noSize }),
        "sectors of 1024 bytes": () => create({ members: { 36: 1024 } }),
        "physical sectors of 1024 bytes": () => create({ members: { 40: 1024 } }),
        "sectors of 4096 bytes in a VHD": () => create({ members: { 36: 4096 } }, "vhd"),
        "unknown flags to open it with": () => create({ members: { 64: UNKNOWN_FLAG } }),
        "a VHD of 3 TiB": () => create({ members: { 24: 3n << 40n } }, "vhd"),
        "a VHDX of 65 TiB": () => create({ members: { 24: 65n << 40n } }),
      });
    },
  },
  {
    title: "Classes and sizes of GetVirtualDiskInformation and SetVirtualDiskInformation",
    evidence: "inferred",
    about: ["unknown-class", "info-size", "set-values"],
    ask: (machine) =>
      onDisk(machine, ({ handle }) => {
        const { GetVirtualDiskInformation, SetVirtualDiskInformation } = machine.libraries.virtdisk;
        const get = (version: number, size: number) =>
          // Room behind it, should the call not look at the size.
          GetVirtualDiskInformation(
            handle,
            Uint32Array.of(size),
            structure(4096, { 0: version }),
            null,
          );
        return {
          "get class 0": () => get(0, 32),
          "get class 16": () => get(16, 32),
          "get SIZE in 4 bytes": () => get(1, 4),
          "set class 0": () => SetVirtualDiskInformation(handle, structure(32, { 0: 0 })),
          "set class 8": () => SetVirtualDiskInformation(handle, structure(32, { 0: 8 })),
          "set sectors of 1024 bytes": () =>
            SetVirtualDiskInformation(handle, structure(32, { 0: 4, 8: 1024 })),
          "set the parent of depth 0": () => {
            using memory = new CallMemory(machine.libraries.kernel32);
            const path = memory.addressOfString("C:\\parent.vhdx");
            return SetVirtualDiskInformation(handle, structure(32, { 0: 3, 8: 0, 16: path }));
          },
        };
      }),
  },
  {
    title: "The parent of a disk that is opened without its parents",
    evidence: "inferred",
    about: ["parent-not-opened"],
    needsFiles: true,
    async ask(machine) {
      const parent = await machine.image("vhdx", { size: 64 * MIB });
      const child = await machine.image("vhdx", { parent });
      using disk = await machine.open(child, { flags: ["no-parents"], getInfoOnly: true });
      const code = await outcome(() => disk.getInformation("parentLocation"));
      const location = code === "done" ? disk.getInformation("parentLocation") : undefined;
      return { code, resolved: location?.resolved, candidates: location?.paths.length };
    },
  },
  {
    title: "User metadata that is refused",
    evidence: "inferred",
    about: ["metadata-nil", "metadata-absent", "metadata-full", "metadata-kind"],
    async ask(machine) {
      const { virtdisk } = machine.libraries;
      using vhd = await machine.openNew("vhd");
      const large = new Uint8Array(MIB + 1);
      const refused = await onDisk(machine, ({ handle }) => ({
        "get the item of zeros": () =>
          virtdisk.GetVirtualDiskMetadata(handle, guid(0), new Uint8Array(4), null),
        "set the item of zeros": () =>
          virtdisk.SetVirtualDiskMetadata(handle, guid(0), 1, Uint8Array.of(1)),
        "delete the item of zeros": () => virtdisk.DeleteVirtualDiskMetadata(handle, guid(0)),
        "get an absent item": () =>
          virtdisk.GetVirtualDiskMetadata(handle, guid(1), new Uint8Array(4), null),
        "delete an absent item": () => virtdisk.DeleteVirtualDiskMetadata(handle, guid(1)),
        "set more than a mebibyte": () =>
          virtdisk.SetVirtualDiskMetadata(handle, guid(1), large.length, large),
      }));
      return { ...refused, "set in a VHD": await outcome(() => vhd.metadata.set(ITEM, large)) };
    },
  },
  {
    title: "Flags that there are not",
    evidence: "inferred",
    about: ["unknown-flags"],
    ask: (machine) =>
      onDisk(machine, ({ handle }) => {
        const { virtdisk } = machine.libraries;
        const size = structure(16, { 0: 1, 8: 128n << 20n });
        const snapshot = structure(20, { 0: 1, 4: 1 });
        return {
          "expand": () => virtdisk.ExpandVirtualDisk(handle, UNKNOWN_FLAG, size, null),
          "resize": () => virtdisk.ResizeVirtualDisk(handle, UNKNOWN_FLAG, size, null),
          "take a snapshot": () =>
            virtdisk.TakeSnapshotVhdSet?.(handle, snapshot, UNKNOWN_FLAG) ?? "absent",
        };
      }),
  },
  {
    title: "Parameters that maintenance refuses",
    evidence: "inferred",
    about: ["compact-parameters", "merge-parameters", "size-parameters"],
    async ask(machine) {
      const parent = await machine.image("vhdx", { size: 64 * MIB });
      const path = await machine.image("vhdx", { parent });
      const { virtdisk } = machine.libraries;
      const merge = (handle: bigint, ...words: readonly number[]) =>
        codeName(virtdisk.MergeVirtualDisk(
          handle,
          0,
          structure(12, Object.fromEntries(words.map((word, i) => [4 * i, word]))),
          null,
        ));
      const version1 = { path, mask: 0x3f0000, parameters: openParameters(1, 1) };
      const merges = await codes({
        "merge by version 1, of version 2": () =>
          withHandle(machine, { path }, (h) => merge(h, 1, 1)),
        "merge of depth 0": () => withHandle(machine, version1, (h) => merge(h, 1, 0)),
        "merge deeper than RWDepth": () => withHandle(machine, version1, (h) => merge(h, 1, 1)),
        "merge of a disk into itself": () =>
          withHandle(machine, { path }, (h) => merge(h, 2, 1, 1)),
        "merge from depth 0": () => withHandle(machine, { path }, (h) => merge(h, 2, 0, 1)),
      });
      const sizes = await onDisk(machine, ({ handle }) => {
        const size = (bytes: number) => structure(16, { 0: 1, 8: BigInt(bytes) });
        return {
          "compact with flag 1": () => virtdisk.CompactVirtualDisk(handle, 1, null, null),
          "compact with flag 2": () => virtdisk.CompactVirtualDisk(handle, 2, null, null),
          "compact with flag 4": () => virtdisk.CompactVirtualDisk(handle, 4, null, null),
          "compact, reserved": () =>
            virtdisk.CompactVirtualDisk(handle, 0, structure(8, { 0: 1, 4: 1 }), null),
          "expand to half a sector": () =>
            virtdisk.ExpandVirtualDisk(handle, 0, size(65 * MIB + 256), null),
          "expand to nothing": () => virtdisk.ExpandVirtualDisk(handle, 0, size(0), null),
          "resize to half a sector": () =>
            virtdisk.ResizeVirtualDisk(handle, 0, size(65 * MIB + 256), null),
          "resize to nothing": () => virtdisk.ResizeVirtualDisk(handle, 0, size(0), null),
          "resize to the smallest, and a size": () =>
            virtdisk.ResizeVirtualDisk(handle, 2, size(64 * MIB), null),
          "resize unsafely, and to the smallest": () =>
            virtdisk.ResizeVirtualDisk(handle, 3, size(0), null),
        };
      });
      return { ...merges, ...sizes };
    },
  },
  {
    title: "Operations on a disk that is attached",
    evidence: "inferred",
    about: ["operation-attached"],
    needsElevation: true,
    async ask(machine) {
      using disk = await machine.openNew("vhdx");
      const { virtdisk } = machine.libraries;
      const { handle } = disk;
      const size = structure(16, { 0: 1, 8: 128n << 20n });
      await using _attachment = await disk.attach(QUIETLY);
      return await codes({
        "compact": () => virtdisk.CompactVirtualDisk(handle, 0, null, null),
        "expand": () => virtdisk.ExpandVirtualDisk(handle, 0, size, null),
        "set": () => virtdisk.SetVirtualDiskInformation(handle, structure(32, { 0: 5, 8: 1 })),
      });
    },
  },
  {
    title: "Attached images without a local host, and the list of them",
    evidence: "inferred",
    about: ["device-no-host", "path-list-no-host", "path-list-end"],
    needsElevation: true,
    async ask(machine) {
      const { GetAllAttachedVirtualDiskPhysicalPaths: getAll } = machine.libraries.virtdisk;
      const list = () => {
        const units = new Uint16Array(1 << 19);
        const size = Uint32Array.of(units.byteLength);
        const code = getAll(size, new Uint8Array(units.buffer));
        return { code, units: units.subarray(0, size[0]! / 2) };
      };
      const before = list();
      using disk = await machine.openNew("vhdx");
      await using _attachment = await disk.attach(QUIETLY);
      const hidden = list();
      using other = await machine.openNew("vhdx");
      await using _other = await other.attach({ noDriveLetter: true, volumeTimeout: 0 });
      const { code, units } = list();
      return {
        "its device": await outcome(() => disk.physicalPath()),
        "it is in the list": hidden.units.length > before.units.length,
        "the list": codeName(code),
        "NULs at the end of the list": units.length - units.findLastIndex((unit) => unit > 0) - 1,
      };
    },
  },
  {
    title: "Mirrors that are refused, and progress of nothing",
    evidence: "inferred",
    about: ["mirror-arguments", "break-nothing", "progress-of-nothing"],
    async ask(machine) {
      const path = await machine.image("vhdx", { size: 64 * MIB });
      const { virtdisk, kernel32 } = machine.libraries;
      // Kept for ever: a mirror that is not refused may come back to it later.
      const memory = new CallMemory(kernel32);
      const target = memory.addressOfString(machine.path("vhdx"));
      const name = `virtdisk-verify-${crypto.randomUUID()}.vhdx`;
      const relative = memory.addressOfString(name);
      const mirror = (handle: bigint, address: bigint, flags: number, hasOverlapped: boolean) =>
        codeName(virtdisk.MirrorVirtualDisk(
          handle,
          flags,
          memory.keep(structure(16, { 0: 1, 8: address })),
          hasOverlapped ? memory.keep(new Uint8Array(32)) : null,
        ));
      const version1 = { path, mask: 0x3f0000, parameters: null };
      const answers = await codes({
        "a mirror of a version 1 handle": () =>
          withHandle(machine, version1, (h) => mirror(h, target, 0, true)),
        "a mirror without an OVERLAPPED": () =>
          withHandle(machine, { path }, (h) => mirror(h, target, 0, false)),
        "a mirror by a relative path": () =>
          withHandle(machine, { path }, (h) => mirror(h, relative, 0, true)),
        "a mirror with a flag that there is not": () =>
          withHandle(machine, { path }, (h) => mirror(h, target, UNKNOWN_FLAG, true)),
        "a break of nothing": () =>
          withHandle(machine, { path }, (h) => codeName(virtdisk.BreakMirrorVirtualDisk(h))),
        "progress of nothing": () =>
          withHandle(machine, { path }, (h) =>
            codeName(virtdisk.GetVirtualDiskOperationProgress(
              h,
              memory.keep(new Uint8Array(32)),
              new Uint8Array(24),
            ))),
      });
      await Deno.remove(name).catch(() => {}); // it is not there unless Windows takes such a path
      return answers;
    },
  },
  {
    title: "How a call ends whose disk is closed",
    evidence: "inferred",
    about: ["closed-pending"],
    async ask(machine) {
      const path = await machine.image("vhdx", { size: 64 * MIB });
      const { virtdisk, kernel32 } = machine.libraries;
      using event = new Event(kernel32);
      // Kept for ever: Windows may come back to it later.
      const overlapped = new CallMemory(kernel32).keep(structure(32, { 24: event.value }));
      const returned = await withHandle(
        machine,
        { path },
        (handle) => codeName(virtdisk.CompactVirtualDisk(handle, 0, null, overlapped)),
      );
      for (let waited = 0; !event.isSet() && waited < 5000; waited += 5) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      const status = new DataView(overlapped.buffer).getUint32(0, true);
      return { returned, "the event is set": event.isSet(), status: `0x${status.toString(16)}` };
    },
  },
  {
    title: "Queries of changes and dependencies that are refused",
    evidence: "inferred",
    about: ["changes-arguments", "dependency-arguments"],
    ask: (machine) =>
      onDisk(machine, ({ handle }) => {
        const { virtdisk, kernel32 } = machine.libraries;
        const changes = (id: string, offset: bigint, length: bigint, flags = 0) =>
          virtdisk.QueryChangesVirtualDisk?.(
            handle,
            wideString(id),
            offset,
            length,
            flags,
            new Uint8Array(24),
            Uint32Array.of(1),
            new Uint8Array(8),
          ) ?? "absent";
        const depends = (version: number, size: number, flags: number) => {
          const drive = wideString(`${Deno.env.get("SystemDrive")}\\`);
          const volume = kernel32.CreateFileW(drive, 0, 7, null, 3, 0x0200_0000, 0n);
          if (volume === 0xffff_ffff_ffff_ffffn) return "the volume does not open";
          try {
            const info = structure(4096, { 0: version });
            const used = new Uint8Array(4);
            return virtdisk.GetStorageDependencyInformation(volume, flags, size, info, used);
          } finally {
            kernel32.CloseHandle(volume);
          }
        };
        return {
          "an empty id": () => changes("", 0n, 64n << 20n),
          "an id of 257 characters": () => changes("a".repeat(257), 0n, 64n << 20n),
          "no bytes": () => changes("id", 0n, 0n),
          "more bytes than there are numbers": () => changes("id", 512n, 2n ** 64n - 512n),
          "changes with a flag": () => changes("id", 0n, 64n << 20n, 1),
          "dependencies of version 0": () => depends(0, 4096, 0),
          "dependencies of version 3": () => depends(3, 4096, 0),
          "dependencies in 4 bytes": () => depends(1, 4, 0),
          "dependencies with a flag that there is not": () => depends(1, 4096, UNKNOWN_FLAG),
        };
      }),
  },
  {
    title: "Functions of VHD Sets on another disk, and commands that are none",
    evidence: "inferred",
    about: ["vhdset-handle", "vhdset-parameters", "scsi-arguments"],
    ask: (machine) =>
      onDisk(machine, ({ handle }) => {
        const { virtdisk, kernel32 } = machine.libraries;
        const take = (version: number, id: number) =>
          virtdisk.TakeSnapshotVhdSet?.(handle, structure(20, { 0: version, 4: id }), 0) ??
            "absent";
        const modify = (version: number) =>
          virtdisk.ModifyVhdSet?.(handle, structure(32, { 0: version }), 0) ?? "absent";
        const command = (version: number, length: number, flags: number) => {
          using memory = new CallMemory(kernel32);
          const cdb = memory.addressOf(new Uint8Array(16));
          // CdbLength is the second byte of the word at 12; DataIn the first.
          const parameters = structure(48, { 0: version, 12: length << 8, 40: cdb });
          const response = new Uint8Array(12);
          return virtdisk.RawSCSIVirtualDisk?.(handle, parameters, flags, response) ?? "absent";
        };
        return {
          "a snapshot of no VHD Set": () => take(1, 1),
          "a snapshot of version 0": () => take(0, 1),
          "a snapshot without an id": () => take(1, 0),
          "a change of version 0": () => modify(0),
          "a change without an id": () => modify(2),
          "a command of version 0": () => command(0, 6, 0),
          "a command of no bytes": () => command(1, 0, 0),
          "a command with a flag": () => command(1, 6, 1),
        };
      }),
  },
  {
    title: "Parents that are added by hand",
    evidence: "inferred",
    about: ["add-parent"],
    async ask(machine) {
      const parent = await machine.image("vhdx", { size: 64 * MIB });
      const path = await machine.image("vhdx", { parent });
      const { AddVirtualDiskParent } = machine.libraries.virtdisk;
      const add = (h: bigint) => codeName(AddVirtualDiskParent(h, wideString(parent)));
      const custom = 0x10;
      return await codes({
        "to a chain that is there": () =>
          withHandle(machine, { path, parameters: openParameters(2, 0, 1) }, add),
        "to a handle that may write": () => withHandle(machine, { path, flags: custom }, add),
        "to one that reads": () =>
          withHandle(
            machine,
            { path, flags: custom, parameters: openParameters(2, 0, 1) },
            add,
          ),
      });
    },
  },
];

function guid(first: number): Bytes {
  return structure(16, { 0: first });
}
