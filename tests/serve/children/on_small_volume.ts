/**
 * Serves a new image on a volume of 8 MiB. A line of its input makes the volume large enough for all of it; the end of
 * its input ends the server, and leaves a copy of the image beside the socket. Arguments: a folder, the type.
 */
import { createVirtualDisk } from "@virtdisk/virtdisk/portable";
import { serveVirtualDisk } from "@virtdisk/virtdisk/serve";
import { run } from "../../support.ts";

const SIZE = 32 * 2 ** 20;

const [folder = "", type] = Deno.args as [string, "vhd" | "vhdx"];
const volume = `${folder}/volume`;
Deno.mkdirSync(volume);
run("mount", "-t", "tmpfs", "-o", "size=8m", "none", volume);
const path = `${volume}/disk.${type}`;
{
  const blockSize = type === "vhd" ? 2 ** 19 : 2 ** 20;
  using disk = await createVirtualDisk(path, { type, size: SIZE, blockSize });
  await using _server = await serveVirtualDisk(disk, { socket: `${folder}/s` });
  console.log("serving");
  for await (const _line of Deno.stdin.readable) {
    run("mount", "-o", "remount,size=80m", volume);
    console.log("large");
  }
}
Deno.copyFileSync(path, `${folder}/left`);
