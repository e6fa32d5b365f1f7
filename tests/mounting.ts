/** Mounting in tests: whether this machine lets them (a container may have the programs, and not the right), and the end of it. */
import { circumstance, type Need, run } from "./support.ts";

/** Whether file systems in user space can be mounted: by root, where the kernel has them. */
export const fuse: Need = circumstance(() => {
  try {
    using _device = Deno.openSync("/dev/fuse", { read: true, write: true });
    return Deno.uid() === 0 ? undefined : "only root mounts file systems";
  } catch {
    return "there are no file systems in user space";
  }
});

/** Whether a file can be a block device. */
export const loopDevices: Need = circumstance(() => {
  try {
    Deno.statSync("/dev/loop-control");
    return undefined;
  } catch {
    return "there are no loop devices";
  }
});

/** Tries for ten seconds; gives whether it was done. */
function isDoneSoon(isDone: () => boolean): boolean {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let tries = 0; tries < 500; tries++) {
    if (isDone()) return true;
    Atomics.wait(pause, 0, 0, 20);
  }
  return false;
}

/**
 * Unmounts what a test mounted in `folder`. A program that another test starts has, until it runs, copies of all files that
 * this process had open then, so that Linux calls the folder busy after they are closed here: for a moment, not for long.
 */
export function unmount(folder: string): void {
  let failure: unknown;
  const isDone = isDoneSoon(() => {
    try {
      run("umount", folder);
      return true;
    } catch (error) {
      failure = error;
      return false;
    }
  });
  if (!isDone) throw failure;
}

/**
 * Waits for the program behind a file system, which still closes the device when `umount` has returned.
 *
 * @param start How its command line begins.
 */
export function awaitUnmounted(start: string): void {
  if (isDoneSoon(() => !run("ps", "-eo", "args").includes(start))) return;
  throw new Error(`${start} has not ended`);
}

/** What makes `unshare` start a program whose mounts nobody else sees, and which go with it, as its children do. */
export const OWN_MOUNTS = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"] as const;

/** Whether a program can have mounts of its own, an ext4 in a file among them. */
export const ownMounts: Need = circumstance(() => {
  if (Deno.build.os !== "linux") return "only for linux";
  const script = `set -e; cd "$(mktemp -d)"; trap 'cd /; rm -r "$OLDPWD"' EXIT
    truncate -s 1M image; mkfs.ext4 -q image; mkdir mounted; mount -o loop image mounted; umount mounted`;
  const { success } = new Deno.Command("unshare", {
    args: [...OWN_MOUNTS, "sh", "-c", script],
    stdout: "null",
    stderr: "null",
  }).outputSync();
  return success ? undefined : "no file system in a file can be mounted";
});

/** What makes `unshare` start a program that may mount volumes in memory, which nobody else sees. */
export const OWN_VOLUMES = ["--mount", "--map-root-user"] as const;

/** Whether a small volume can be had. Needs no root where users may have namespaces of their own. */
export const smallVolumes: Need = circumstance(() => {
  if (Deno.build.os !== "linux") return "only for linux";
  const { success } = new Deno.Command("unshare", {
    args: [...OWN_VOLUMES, "mount", "-t", "tmpfs", "none", "/mnt"],
    stderr: "null",
  }).outputSync();
  return success ? undefined : "no small volume can be mounted";
});
