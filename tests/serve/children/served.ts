/** Serves an image for writing until it is killed. Arguments: the image, the socket, and how many clients may come. */
import { openVirtualDisk } from "@virtdisk/virtdisk/portable";
import { serveVirtualDisk } from "@virtdisk/virtdisk/serve";

const [path, socket, maxConnections = "64"] = Deno.args;
using disk = await openVirtualDisk(path!, { readOnly: false });
await using server = await serveVirtualDisk(disk, {
  socket: socket!,
  maxConnections: Number(maxConnections),
});
console.log(server.uri);
await server.finished;
