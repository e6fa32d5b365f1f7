/** Other programs that read and write VHD, asked by the tests. */
import { pythonModule, run, tool } from "../support.ts";

/** What the tests of this folder need. */
export const QEMU = [tool("qemu-img"), tool("qemu-io")] as const;
export const LIBVHDI = [pythonModule("pyvhdi")] as const;

/** Makes an image; the options are qemu-img's, `force_size=on` unless they say otherwise. */
export function qemuCreate(path: string, size: number, options = "subformat=dynamic"): void {
  run(
    "qemu-img",
    "create",
    "-q",
    "-f",
    "vpc",
    "-o",
    `force_size=on,${options}`,
    path,
    String(size),
  );
}

/** What a guest wrote: bytes of one value. */
export interface Write {
  offset: number;
  length: number;
  value: number;
}

/** Writes through QEMU. */
export function qemuWrite(path: string, writes: readonly Write[]): void {
  const commands = writes.flatMap(({ offset, length, value }) => [
    "-c",
    `write -q -P ${value} ${offset} ${length}`,
  ]);
  run("qemu-io", "-f", "vpc", ...commands, path);
}

/** The disk that QEMU sees, as a raw file. */
export function qemuRaw(path: string, raw: string): Uint8Array<ArrayBuffer> {
  run("qemu-img", "convert", "-f", "vpc", "-O", "raw", path, raw);
  return Deno.readFileSync(raw);
}

/** The size that QEMU sees. */
export function qemuSize(path: string): number {
  const output = run("qemu-img", "info", "-f", "vpc", "--output=json", path);
  return JSON.parse(output)["virtual-size"];
}

/** What libvhdi says of an image. */
export interface LibvhdiInformation {
  /** 2 fixed, 3 dynamic, 4 differencing. */
  type: number;
  size: number;
  /** The bytes in the order of the file, which is not that of Windows. */
  identifier: string;
  parentIdentifier: string | null;
  parentFilename: string | null;
}

const INFORMATION = `
import json, pyvhdi, sys
disk = pyvhdi.file()
disk.open(sys.argv[1])
print(json.dumps({
  "type": disk.disk_type, "size": disk.media_size, "identifier": disk.identifier,
  "parentIdentifier": disk.parent_identifier, "parentFilename": disk.parent_filename,
}))
`;

/** Asks libvhdi about an image. */
export function libvhdiInformation(path: string): LibvhdiInformation {
  return JSON.parse(run("/usr/bin/python3", "-c", INFORMATION, path));
}

const READ = `
import json, pyvhdi, sys
disks = []
for path in json.loads(sys.argv[1]):
  disk = pyvhdi.file()
  disk.open(path)
  if disks: disks[-1].set_parent(disk)
  disks.append(disk)
with open(sys.argv[3], "wb") as output:
  for offset, length in json.loads(sys.argv[2]):
    while length > 0:
      data = disks[0].read_buffer_at_offset(min(length, 1 << 20), offset)
      output.write(data)
      offset += len(data)
      length -= len(data)
`;

/** Reads ranges of a disk through libvhdi, one after the other; the leaf comes first. */
export function libvhdiRead(
  paths: readonly string[],
  ranges: readonly { offset: number; length: number }[],
  scratch: string,
): Uint8Array<ArrayBuffer> {
  const pairs = ranges.map(({ offset, length }) => [offset, length]);
  run("/usr/bin/python3", "-c", READ, JSON.stringify(paths), JSON.stringify(pairs), scratch);
  return Deno.readFileSync(scratch);
}

/** A GUID as tools print it that take the bytes of the file for the text. */
export function inFileOrder(guid: string): string {
  const [first = "", second = "", third = "", ...rest] = guid.split("-");
  const reversed = (text: string) => text.match(/../g)!.reverse().join("");
  return [reversed(first), reversed(second), reversed(third), ...rest].join("-");
}
