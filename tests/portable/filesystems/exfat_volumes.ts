/** exFAT volumes made by mkfs.exfat, filled and emptied through exfat-fuse on a loop device. */
import { awaitUnmounted, fuse, loopDevices, unmount } from "../../mounting.ts";
import { run, type TempDir, tool } from "../../support.ts";

/** What such volumes are made with. */
export const EXFAT_TOOLS = [
  tool("mkfs.exfat"),
  tool("fsck.exfat"),
  tool("dump.exfat"),
  tool("mount.exfat-fuse"),
  tool("losetup"),
  tool("ps"),
  fuse,
  loopDevices,
];

/** What mkfs.exfat is asked for. */
export interface ExfatVolumeOptions {
  readonly size: number;
  readonly clusterSize: number;
  readonly sectorSize?: number;
  readonly args?: readonly string[];
}

/** Makes a volume, and does something with it while it is mounted. */
export function makeExfatVolume(
  dir: TempDir,
  name: string,
  { size, clusterSize, sectorSize = 512, args = [] }: ExfatVolumeOptions,
  fill?: (folder: string) => void,
): string {
  const image = dir.file(name);
  Deno.writeFileSync(image, new Uint8Array(0), { createNew: true });
  Deno.truncateSync(image, size);
  withDevice(image, sectorSize, (device) => {
    run("mkfs.exfat", "-c", `${clusterSize}`, ...args, device);
    if (fill === undefined) return;
    const folder = dir.file("mounted");
    Deno.mkdirSync(folder, { recursive: true });
    run("mount.exfat-fuse", device, folder);
    try {
      fill(folder);
    } finally {
      unmount(folder);
    }
    awaitUnmounted(`mount.exfat-fuse ${device} `);
  });
  return image;
}

function withDevice(image: string, sectorSize: number, work: (device: string) => void): void {
  const device = run("losetup", "-f", "--show", "-b", `${sectorSize}`, image).trim();
  try {
    work(device);
  } finally {
    run("losetup", "-d", device);
  }
}

const SECTOR = 512;

/** Computes the checksum of the boot region again: of eleven sectors of 512 bytes, in the twelfth. */
export function sealExfat(bytes: Uint8Array<ArrayBuffer>): void {
  let sum = 0;
  for (let i = 0; i < 11 * SECTOR; i++) {
    // What may change while the volume is mounted: flags, and how full it is.
    if (i === 106 || i === 107 || i === 112) continue;
    sum = ((sum % 2) * 2 ** 31 + Math.floor(sum / 2) + bytes[i]!) % 2 ** 32;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  for (let at = 11 * SECTOR; at < 12 * SECTOR; at += 4) view.setUint32(at, sum, true);
}
