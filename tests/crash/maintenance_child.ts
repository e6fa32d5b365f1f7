/**
 * Compacts a disk, or merges it over a depth, until it is killed: `maintenance_child.ts image compact` or
 * `maintenance_child.ts image merge depth`. Prints a line when it begins.
 */
import { openVirtualDisk } from "@virtdisk/virtdisk";

const [path, operation, depth] = Deno.args;
if (path === undefined) throw new Error("no image is named");
using disk = await openVirtualDisk(path, { backend: "portable", readOnly: false });
Deno.stdout.writeSync(new TextEncoder().encode("begun\n"));
if (operation === "merge") await disk.merge({ depth: Number(depth) });
else await disk.compact();
