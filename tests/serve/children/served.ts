/** Serves an image for writing until it is killed. Arguments: the image, the socket. */
import { openVirtualDisk } from "@virtdisk/virtdisk/portable";
import { serveVirtualDisk } from "@virtdisk/virtdisk/serve";

const [path, socket] = Deno.args;
using disk = await openVirtualDisk(path!, { readOnly: false });
await using server = await serveVirtualDisk(disk, { socket: socket! });
console.log(server.uri);
await server.finished;
