/**
 * Uploads a disk to Azure as a fixed VHD, with no file in between; what is zeros is not sent.
 *
 *     deno run --allow-read=. examples/upload_to_azure.ts disk.img
 *     deno run --allow-read=. --allow-net=HOST examples/upload_to_azure.ts disk.img URL
 *
 * The first line prints the length, which `az disk create --upload-type Upload --upload-size-bytes` asks for. URL is
 * what `az disk grant-access --access-level Write` answers then, or that of a new page blob of this length.
 */
import { openVirtualDisk } from "@virtdisk/virtdisk/portable";

const [path, url] = Deno.args;
if (path === undefined) {
  console.error("usage: upload_to_azure.ts DISK [URL]");
  Deno.exit(2);
}

// A raw disk has no mark by which it could be known.
using disk = await openVirtualDisk(path, /\.(?:img|raw)$/i.test(path) ? { type: "raw" } : {});
const image = await disk.imageStream({ type: "vhd", subtype: "fixed", alignment: "1MiB" });
if (url === undefined) {
  console.log(image.byteLength);
  Deno.exit();
}

const page = new Uint8Array(4 * 1024 ** 2); // Azure takes no more in one request.
let [offset, filled, sent] = [0, 0, 0];
for await (let bytes of image.readable) {
  while (bytes.length > 0) {
    const part = bytes.subarray(0, page.length - filled);
    page.set(part, filled);
    filled += part.length;
    bytes = bytes.subarray(part.length);
    if (filled === page.length) await flush();
  }
}
await flush();
console.log(`${sent} of ${image.byteLength} bytes sent`);

/** Sends what is filled, but for zeros: a new blob is zeros. */
async function flush(): Promise<void> {
  const bytes = page.subarray(0, filled);
  if (bytes.some((byte) => byte !== 0)) await put(bytes, `bytes=${offset}-${offset + filled - 1}`);
  [offset, filled] = [offset + filled, 0];
}

async function put(body: Uint8Array<ArrayBuffer>, range: string, tries = 5): Promise<void> {
  const what = { "x-ms-version": "2023-11-03", "x-ms-page-write": "update" };
  const headers = { ...what, "x-ms-range": range };
  const response = await fetch(`${url}&comp=page`, { method: "PUT", headers, body });
  const text = await response.text();
  if (response.ok) return void (sent += body.length);
  if (response.status < 500 || tries === 1) throw new Error(`${range}: ${response.status} ${text}`);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  await put(body, range, tries - 1);
}
