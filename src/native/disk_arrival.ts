/**
 * An attached disk appears little by little: its device, its partitions, their volumes, and the letters of
 * those. Windows does not say when it is done, so the disk is looked at until nothing changes any more.
 *
 * @module
 */
import { isErrorOf } from "../errors.ts";
import type { CalledDisk } from "./called_disk.ts";
import { Device } from "./device.ts";
import { physicalPath } from "./physical_path.ts";
import { type VolumeOnDisk, volumesOn } from "./volumes.ts";

/** Milliseconds between two looks. */
const PAUSE = 50;
/** Milliseconds in which nothing may change: letters come this soon after their volumes. */
const QUIET = 300;

/** What there is of an attached disk. */
export interface AttachedDisk {
  readonly physicalPath: string | undefined;
  readonly diskNumber: number | undefined;
  readonly volumes: readonly VolumeOnDisk[];
}

/** How long to wait, and for what. */
export interface ArrivalOptions {
  /** Milliseconds. */
  readonly timeout: number;
  /** Whether volumes will appear, if there are partitions. */
  readonly hasVolumes: boolean;
  readonly signal: AbortSignal | undefined;
}

/** An attached disk of which nothing has appeared. */
export const NOTHING: AttachedDisk = {
  physicalPath: undefined,
  diskNumber: undefined,
  volumes: [],
};

/**
 * Waits until an attached disk has appeared.
 *
 * @returns What there is of it, at the latest after the timeout.
 * @throws The signal's reason.
 * @throws {VirtualDiskError} Where Windows refuses to say where the disk is.
 */
export async function waitForDisk(
  disk: CalledDisk,
  { timeout, hasVolumes, signal }: ArrivalOptions,
): Promise<AttachedDisk> {
  const deadline = performance.now() + timeout;
  let seen = "";
  let seenSince = 0;
  while (true) {
    const { attached, partitions } = look(disk);
    const now = performance.now();
    const state = JSON.stringify([attached, partitions]);
    if (state !== seen) [seen, seenSince] = [state, now];
    const isThere = attached.diskNumber !== undefined;
    const isComplete = attached.volumes.length > 0 || partitions === 0;
    if (isThere && (!hasVolumes || isComplete && now - seenSince >= QUIET)) return attached;
    if (now >= deadline) return attached;
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
    signal?.throwIfAborted();
  }
}

function look(disk: CalledDisk): { attached: AttachedDisk; partitions: number | undefined } {
  const { kernel32 } = disk.libraries;
  const path = deviceOf(disk);
  using device = path === undefined ? undefined : Device.openDisk(kernel32, path);
  const number = device?.deviceNumber;
  const attached = {
    physicalPath: path,
    diskNumber: number?.number,
    volumes: number === undefined ? [] : volumesOn(kernel32, number),
  };
  return { attached, partitions: device?.partitionCount };
}

/** Where the disk is; `undefined` while it has not appeared. */
function deviceOf(disk: CalledDisk): string | undefined {
  try {
    return physicalPath(disk) || undefined;
  } catch (error) {
    if (isErrorOf(error, "ERROR_DEV_NOT_EXIST", "ERROR_NOT_READY", "ERROR_FILE_NOT_FOUND")) {
      return undefined;
    }
    throw error;
  }
}
