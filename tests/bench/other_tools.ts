/** The programs that the portable backend is measured against; each times itself. */
import { fromFileUrl } from "@std/path";
import { run } from "../support.ts";
import type { BenchImage } from "./images.ts";
import type { Reads } from "./reads.ts";

const VHDI_READER = fromFileUrl(new URL("vhdi_reader.py", import.meta.url));

/** Milliseconds in which libvhdi opens an image `count` times. */
export function timeVhdiOpens({ path }: BenchImage, count: number): number {
  return 1000 * Number(vhdi("open", path, count));
}

/** It takes milliseconds for a scattered read of a VHD: so many must do. */
const MOST_VHDI_READS = 1000;

/** Milliseconds in which libvhdi reads, not counting its start. */
export function timeVhdiReads({ path }: BenchImage, { length, span, step, count }: Reads): number {
  const done = Math.min(count, MOST_VHDI_READS);
  return 1000 * Number(vhdi("read", path, length, step, done, span)) * (count / done);
}

/** The SHA-256 of what libvhdi reads. */
export function hashVhdiReads({ path }: BenchImage, { length, span, step, count }: Reads): string {
  return vhdi("hash", path, length, step, count, span).trim();
}

function vhdi(command: string, path: string, ...numbers: number[]): string {
  return run("/usr/bin/python3", VHDI_READER, command, path, ...numbers.map(String));
}

/** Milliseconds in which qemu-img reads, one request at a time, not counting its start. */
export function timeQemuReads(
  { path, qemuFormat }: BenchImage,
  { length, span, step, count }: Reads,
): number {
  const requests = ["-c", `${count}`, "-d", "1", "-s", `${length}`, "-S", `${step}`];
  // A raw layer of the span's size on top, at whose end the offsets start anew.
  const image = `driver=raw,size=${span},file.driver=${qemuFormat},file.file.filename=${path}`;
  const output = run("qemu-img", "bench", "--image-opts", ...requests, image);
  const seconds = /Run completed in ([\d.]+) seconds/.exec(output)?.[1];
  if (seconds === undefined) throw new Error(`qemu-img bench did not tell a time:\n${output}`);
  return 1000 * Number(seconds);
}
