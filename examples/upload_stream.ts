/**
 * Sends a disk as another image in one request, with no file in between. The length is known before the first byte:
 * storage such as S3 takes nothing without it.
 *
 *     deno run --allow-read=. --allow-net=HOST examples/upload_stream.ts disk.vhdx vhd URL
 *
 * URL is where `PUT` is allowed, such as a presigned one. vhd, vhdx or raw is what is to be stored there.
 */
import { request as plainRequest } from "node:http";
import { request as secureRequest } from "node:https";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { openVirtualDisk } from "@virtdisk/virtdisk/portable";

const [path, type, url] = Deno.args;
if (
  path === undefined || url === undefined || !(type === "vhd" || type === "vhdx" || type === "raw")
) {
  console.error("usage: upload_stream.ts DISK vhd|vhdx|raw URL");
  Deno.exit(2);
}

using disk = await openVirtualDisk(path);
const { byteLength, readable } = await disk.imageStream({ type });

// fetch() sends any stream in chunks, and leaves its length out.
const { protocol } = new URL(url);
const request = (protocol === "https:" ? secureRequest : plainRequest)(url, {
  method: "PUT",
  headers: { "content-length": byteLength },
});
const response = new Promise<number>((resolve, reject) => {
  request.on("error", reject).on("response", (answer) => {
    answer.resume();
    resolve(answer.statusCode ?? 0);
  });
});
const [status] = await Promise.all([response, pipeline(Readable.fromWeb(readable), request)]);
console.log(`${byteLength} bytes sent, status ${status}`);
if (status >= 300) Deno.exitCode = 1;
