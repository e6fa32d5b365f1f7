/** How one open disk is attached and detached. */
import { checkOptions } from "../disk/arguments.ts";
import { type AttachOptions, DETACH_OPTIONS, type DetachOptions } from "../disk/attachment.ts";
import { AttachCall, type AttachRights, detach, detachIfAttached } from "./attach.ts";
import type { NativeAttachment } from "./attachment.ts";
import type { CalledDisk } from "./called_disk.ts";
import type { RunningCalls } from "./running_calls.ts";

const DETACH = "DetachVirtualDisk";

/** An open disk. */
export interface AttachableDisk {
  /** The disk, or an error after it was closed. */
  readonly called: (operation: string) => CalledDisk;
  readonly isClosed: () => boolean;
  /** Learns what goes on. */
  readonly running: RunningCalls;
  readonly rights: AttachRights;
}

/** The attachments of one open disk: one at a time. */
export class Attachments {
  readonly #disk: AttachableDisk;
  #current: NativeAttachment | undefined;

  /** The disk may be attached otherwise. */
  constructor(disk: AttachableDisk) {
    this.#disk = disk;
  }

  /** AttachVirtualDisk, and waiting for the volumes. */
  async attach(options: AttachOptions): Promise<NativeAttachment> {
    const operation = "AttachVirtualDisk";
    const { called, running, rights } = this.#disk;
    const call = new AttachCall(called(operation), options, rights);
    const permanent = options.permanent ?? false;
    return await running.run(operation, async () => {
      const attachment = await call.run((detachOptions, freeFolder) =>
        this.#detach(permanent, detachOptions, freeFolder)
      );
      this.#current = attachment;
      return attachment;
    });
  }

  /** DetachVirtualDisk, on this thread. */
  detach(options: DetachOptions): void {
    const { force = false } = checkOptions(DETACH_OPTIONS, options, "detach");
    detach(this.#disk.called(DETACH), { force });
    this.#current?.end();
    this.#current = undefined;
  }

  /** DetachVirtualDisk, on another thread. Without a handle only a permanent attachment is left. */
  async #detach(
    permanent: boolean,
    options: DetachOptions,
    freeFolder: () => void,
  ): Promise<void> {
    const { force = false } = checkOptions(DETACH_OPTIONS, options, "detach");
    if (this.#disk.isClosed() && !permanent) return freeFolder();
    const disk = this.#disk.called(DETACH);
    await this.#disk.running.run(DETACH, () => detachIfAttached(disk, { force }, freeFolder));
  }
}
