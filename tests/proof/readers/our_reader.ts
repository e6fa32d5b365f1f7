/** Reads images as a script would, one for each line of its input; see `ReaderProcess`. */
import { crc32 } from "node:zlib";
import { openVirtualDiskSync, VirtualDiskError } from "@virtdisk/virtdisk";
import type { Reading, Request } from "./reading.ts";

const PIECE = 1 << 20;

function read({ path, size }: Request): Reading {
  try {
    using disk = openVirtualDiskSync(path, { backend: "portable" });
    disk.information();
    if (disk.size !== size) return { kind: "bytes", checksum: undefined };
    let checksum = 0;
    const piece = new Uint8Array(PIECE);
    for (let at = 0; at < size; at += PIECE) {
      const part = piece.subarray(0, Math.min(PIECE, size - at));
      disk.readSync(part, at);
      checksum = crc32(part, checksum);
    }
    return { kind: "bytes", checksum };
  } catch (error) {
    if (error instanceof VirtualDiskError) return { kind: "refused", how: error.symbol };
    return { kind: "untyped", how: String(error) };
  }
}

const encoder = new TextEncoder();
let left = "";
for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  left += text;
  for (let end = left.indexOf("\n"); end >= 0; end = left.indexOf("\n")) {
    const reading = read(JSON.parse(left.slice(0, end)));
    const answer = encoder.encode(`${JSON.stringify(reading)}\n`);
    left = left.slice(end + 1);
    for (let at = 0; at < answer.length;) at += Deno.stdout.writeSync(answer.subarray(at));
  }
}
