/** QEMU, asked to make, write and read VHDX images. */
import { run } from "../support.ts";
import type { Write } from "./vhd_oracles.ts";

/** Makes an image; qemu-img's options, for example `subformat=fixed,block_size=2M`. */
export function qemuCreateVhdx(path: string, size: number, options: string): void {
  run("qemu-img", "create", "-q", "-f", "vhdx", "-o", options, path, String(size));
}

/** Writes through QEMU, each byte of a write with the same value. */
export function qemuWriteVhdx(path: string, writes: readonly Write[]): void {
  const commands = writes.flatMap(({ offset, length, value }) => [
    "-c",
    `write -q -P ${value} ${offset} ${length}`,
  ]);
  run("qemu-io", "-f", "vhdx", ...commands, path);
}

/** The disk that QEMU sees, written to `raw`. */
export function qemuRawVhdx(path: string, raw: string): void {
  run("qemu-img", "convert", "-f", "vhdx", "-O", "raw", path, raw);
}

/** What `qemu-img info` says. */
export interface QemuInformation {
  readonly "virtual-size": number;
  readonly "cluster-size": number;
}

/** Asks QEMU about an image, and to check it. */
export function qemuInspectVhdx(path: string): QemuInformation {
  run("qemu-img", "check", "-q", "-f", "vhdx", path);
  return JSON.parse(run("qemu-img", "info", "-f", "vhdx", "--output=json", path));
}
