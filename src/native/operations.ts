/** The long operations on an open disk: how each is called. */
import {
  COMPACT_VIRTUAL_DISK_FLAG,
  EXPAND_VIRTUAL_DISK_FLAG,
  FORK_VIRTUAL_DISK_FLAG,
  MERGE_VIRTUAL_DISK_FLAG,
  MIRROR_VIRTUAL_DISK_FLAG,
  RESIZE_VIRTUAL_DISK_FLAG,
} from "../constants.ts";
import { checkOptions, toHostPath, uint32 } from "../disk/arguments.ts";
import {
  COMPACT_OPTIONS,
  type CompactionReport,
  type CompactOptions,
  EXPAND_OPTIONS,
  type ExpandOptions,
  FORK_OPTIONS,
  type ForkOptions,
  MERGE_OPTIONS,
  type MergeOptions,
  type MergeReport,
  MIRROR_OPTIONS,
  type MirrorOptions,
  RESIZE_OPTIONS,
  resizedSize,
  type ResizeOptions,
  type ResizeReport,
  type SmallestSafeSize,
} from "../disk/operation_options.ts";
import type { DiskSize } from "../disk/information.ts";
import type { OperationOptions } from "../disk/progress.ts";
import { newSizeOf, type Size } from "../disk/size.ts";
import { VirtualDiskError, virtualDiskError } from "../errors/error.ts";
import {
  assertSuccess,
  type CalledDisk,
  flagsOf,
  present,
  refusePortable,
  type RunningCalls,
} from "./call/disk_call.ts";
import { runToEnd } from "./call/overlapped.ts";
import { TwoPhaseCall } from "./call/two_phase_call.ts";
import {
  COMPACT_VIRTUAL_DISK_PARAMETERS,
  EXPAND_VIRTUAL_DISK_PARAMETERS,
  FORK_VIRTUAL_DISK_PARAMETERS,
  MERGE_VIRTUAL_DISK_PARAMETERS,
  type MergeVirtualDiskParameters,
  MIRROR_VIRTUAL_DISK_PARAMETERS,
  RESIZE_VIRTUAL_DISK_PARAMETERS,
} from "./ffi/structs.ts";
import { fullPath, wideString } from "./ffi/text.ts";
import { readInformation } from "./information.ts";
import type { HeapMemory } from "./call/memory.ts";

/** The part of a call that differs between functions. */
type Call = (overlapped: bigint, memory: HeapMemory) => number;

/** The long operations on one disk. */
export class DiskOperations {
  readonly #disk: (operation: string) => CalledDisk;
  readonly #running: RunningCalls;
  readonly #mirror: TwoPhaseCall;
  readonly #fork: TwoPhaseCall;

  /** `disk` gives the open disk, or throws; `running` learns what goes on. */
  constructor(disk: (operation: string) => CalledDisk, running: RunningCalls) {
    this.#disk = disk;
    this.#running = running;
    this.#mirror = new TwoPhaseCall(running);
    this.#fork = new TwoPhaseCall(running);
  }

  /** Gives back what belongs to mirrors and forks that have ended by themselves. */
  settle(): void {
    this.#mirror.settle();
    this.#fork.settle();
  }

  /** CompactVirtualDisk. */
  async compact(given: CompactOptions): Promise<CompactionReport> {
    const options = checkOptions(COMPACT_OPTIONS, given, "compact");
    const operation = "CompactVirtualDisk";
    const { libraries: { virtdisk }, handle, path } = this.#disk(operation);
    const { dryRun, freeSpace } = options;
    refusePortable(operation, path, { dryRun, freeSpace });
    const { NO_ZERO_SCAN, NO_BLOCK_MOVES } = COMPACT_VIRTUAL_DISK_FLAG;
    const flags = flagsOf([options.noZeroScan, NO_ZERO_SCAN], [
      options.noBlockMoves,
      NO_BLOCK_MOVES,
    ]);
    const parameters = COMPACT_VIRTUAL_DISK_PARAMETERS.pack({
      Version: 1,
      Version1: { Reserved: 0 },
    });
    const before = this.#sizes();
    await this.#run(
      operation,
      options,
      (overlapped, memory) =>
        virtdisk.CompactVirtualDiskAt(handle, flags, memory.place(parameters), overlapped),
    );
    const after = this.#sizes();
    return {
      dryRun: false,
      ...(before && { previousFileSize: before.physicalSize }),
      ...(after && { fileSize: after.physicalSize }),
    };
  }

  /** ExpandVirtualDisk; `presentSize` tells the size that the disk has. */
  async expand(
    size: Size,
    given: ExpandOptions,
    presentSize: () => number,
  ): Promise<ResizeReport> {
    const options = checkOptions(EXPAND_OPTIONS, given, "expand");
    const operation = "ExpandVirtualDisk";
    const { libraries: { virtdisk }, handle, path } = this.#disk(operation);
    refusePortable(operation, path, { dryRun: options.dryRun });
    const flags = flagsOf([options.notifyChange, EXPAND_VIRTUAL_DISK_FLAG.NOTIFY_CHANGE]);
    const NewSize = BigInt(newSizeOf(size, "size", presentSize));
    const parameters = EXPAND_VIRTUAL_DISK_PARAMETERS.pack({ Version: 1, Version1: { NewSize } });
    const before = this.#sizes();
    await this.#run(
      operation,
      options,
      (overlapped, memory) =>
        virtdisk.ExpandVirtualDiskAt(handle, flags, memory.place(parameters), overlapped),
    );
    return resizeReport(before, this.#sizes());
  }

  /** ResizeVirtualDisk; the smallest safe size is a flag, beside which the size is 0. */
  async resize(
    size: Size | SmallestSafeSize,
    given: ResizeOptions,
    presentSize: () => number,
  ): Promise<ResizeReport> {
    const options = checkOptions(RESIZE_OPTIONS, given, "resize");
    const operation = "ResizeVirtualDisk";
    const { libraries: { virtdisk }, handle, path } = this.#disk(operation);
    refusePortable(operation, path, { dryRun: options.dryRun });
    const { ALLOW_UNSAFE_VIRTUAL_SIZE, RESIZE_TO_SMALLEST_SAFE_VIRTUAL_SIZE } =
      RESIZE_VIRTUAL_DISK_FLAG;
    const wanted = resizedSize(size, presentSize);
    const toSmallest = wanted === "smallest-safe";
    const flags = flagsOf([options.allowUnsafe, ALLOW_UNSAFE_VIRTUAL_SIZE], [
      toSmallest,
      RESIZE_TO_SMALLEST_SAFE_VIRTUAL_SIZE,
    ]);
    const NewSize = toSmallest ? 0n : BigInt(wanted);
    const parameters = RESIZE_VIRTUAL_DISK_PARAMETERS.pack({ Version: 1, Version1: { NewSize } });
    const before = this.#sizes();
    await this.#run(
      operation,
      options,
      (overlapped, memory) =>
        virtdisk.ResizeVirtualDiskAt(handle, flags, memory.place(parameters), overlapped),
    );
    return resizeReport(before, this.#sizes());
  }

  /** MergeVirtualDisk. */
  async merge(given: MergeOptions): Promise<MergeReport> {
    const options = checkOptions(MERGE_OPTIONS, given, "merge");
    const operation = "MergeVirtualDisk";
    const { libraries: { virtdisk }, handle, path } = this.#disk(operation);
    const { into, removeChild, dryRun } = options;
    refusePortable(operation, path, { into, removeChild, dryRun });
    const parameters = MERGE_VIRTUAL_DISK_PARAMETERS.pack(mergeParameters(options, path));
    await this.#run(
      operation,
      options,
      (overlapped, memory) =>
        virtdisk.MergeVirtualDiskAt(
          handle,
          MERGE_VIRTUAL_DISK_FLAG.NONE,
          memory.place(parameters),
          overlapped,
        ),
    );
    return { dryRun: false, removed: false };
  }

  /** MirrorVirtualDisk, until both files are in step. */
  async mirror(path: string | URL, given: MirrorOptions): Promise<void> {
    const options = checkOptions(MIRROR_OPTIONS, given, "mirror");
    const operation = "MirrorVirtualDisk";
    const disk = this.#disk(operation);
    const { handle, libraries: { virtdisk } } = disk;
    const flag = MIRROR_VIRTUAL_DISK_FLAG;
    const flags = flagsOf(
      [options.existingFile, flag.EXISTING_FILE],
      [options.skipActivation, flag.SKIP_MIRROR_ACTIVATION],
      [options.smbCompression, flag.ENABLE_SMB_COMPRESSION],
      [options.liveMigration, flag.IS_LIVE_MIGRATION],
    );
    const target = fullPath(disk.libraries.kernel32, toHostPath(path), operation);
    await this.#mirror.start({ ...disk, operation }, options, (overlapped, memory) => {
      const MirrorVirtualDiskPath = memory.placeString(target);
      const parameters = MIRROR_VIRTUAL_DISK_PARAMETERS.pack({
        Version: 1,
        Version1: { MirrorVirtualDiskPath },
      });
      const code = virtdisk.MirrorVirtualDiskAt(
        handle,
        flags,
        memory.place(parameters),
        overlapped,
      );
      return { code, handle };
    });
  }

  /** BreakMirrorVirtualDisk. */
  async breakMirror(): Promise<void> {
    const operation = "BreakMirrorVirtualDisk";
    const disk = this.#disk(operation);
    const { virtdisk } = disk.libraries;
    await this.#mirror.finish(
      { ...disk, operation },
      () => virtdisk.BreakMirrorVirtualDiskAsync(disk.handle),
    );
  }

  /** ForkVirtualDisk, until the copy is made. */
  async fork(path: string | URL, given: ForkOptions): Promise<void> {
    const options = checkOptions(FORK_OPTIONS, given, "fork");
    const operation = "ForkVirtualDisk";
    const disk = this.#disk(operation);
    const { handle, libraries: { virtdisk, kernel32 } } = disk;
    const forkVirtualDisk = present(virtdisk.ForkVirtualDiskAt, operation);
    const flags = flagsOf([options.existingFile, FORK_VIRTUAL_DISK_FLAG.EXISTING_FILE]);
    const target = fullPath(kernel32, toHostPath(path), operation);
    await this.#fork.start({ ...disk, operation }, options, (overlapped, memory) => {
      const ForkedVirtualDiskPath = memory.placeString(target);
      const parameters = FORK_VIRTUAL_DISK_PARAMETERS.pack({
        Version: 1,
        Version1: { ForkedVirtualDiskPath },
      });
      return { code: forkVirtualDisk(handle, flags, memory.place(parameters), overlapped), handle };
    });
  }

  /** CompleteForkVirtualDisk. */
  async completeFork(): Promise<void> {
    const operation = "CompleteForkVirtualDisk";
    const disk = this.#disk(operation);
    const complete = present(disk.libraries.virtdisk.CompleteForkVirtualDiskAsync, operation);
    await this.#fork.finish({ ...disk, operation }, () => complete(disk.handle));
  }

  /** For reports: `undefined` if the disk may not be asked, which is no reason to fail. */
  #sizes(): DiskSize | undefined {
    try {
      return readInformation(this.#disk("GetVirtualDiskInformation"), "size");
    } catch (error) {
      if (error instanceof VirtualDiskError) return undefined;
      throw error;
    }
  }

  async #run(operation: string, options: OperationOptions, call: Call): Promise<void> {
    const { handle, ...disk } = this.#disk(operation);
    await this.#running.run(
      operation,
      () =>
        runToEnd({ ...disk, operation }, options, (overlapped, memory) => ({
          code: call(overlapped, memory),
          handle,
        })),
    );
  }
}

function resizeReport(before: DiskSize | undefined, after: DiskSize | undefined): ResizeReport {
  return {
    dryRun: false,
    ...(after && { virtualSize: after.virtualSize }),
    ...(before && { previousSize: before.virtualSize }),
  };
}

function mergeParameters(
  { depth, sourceDepth, targetDepth }: MergeOptions,
  path: string,
): MergeVirtualDiskParameters {
  if (depth === undefined) {
    const MergeSourceDepth = uint32(sourceDepth ?? 1, "sourceDepth");
    const MergeTargetDepth = uint32(targetDepth ?? MergeSourceDepth + 1, "targetDepth");
    return { Version: 2, Version2: { MergeSourceDepth, MergeTargetDepth } };
  }
  if (sourceDepth === undefined && targetDepth === undefined) {
    return { Version: 1, Version1: { MergeDepth: uint32(depth, "depth") } };
  }
  throw virtualDiskError("ERROR_INVALID_PARAMETER", "MergeVirtualDisk", {
    path,
    reason: "depth excludes sourceDepth and targetDepth",
  });
}

const OPERATION = "AddVirtualDiskParent";

/**
 * Adds the next parent of a chain that is made by hand.
 *
 * @throws {VirtualDiskError} With the code that the call returns.
 */
export function addParent(disk: CalledDisk, parent: string | URL): void {
  const { virtdisk, kernel32 } = disk.libraries;
  const path = fullPath(kernel32, toHostPath(parent), OPERATION);
  assertSuccess(virtdisk.AddVirtualDiskParent(disk.handle, wideString(path)), OPERATION, disk.path);
}
