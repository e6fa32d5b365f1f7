/**
 * Compacts the disk that its argument names, and prints the most memory that this process has had, in KiB, and
 * how many blocks were given back.
 */
import { openVirtualDisk } from "@virtdisk/virtdisk";

const [path = ""] = Deno.args;
using disk = await openVirtualDisk(path, { backend: "portable", readOnly: false });
const { releasedBlocks } = await disk.compact();
const peak = /^VmHWM:\s*(\d+) kB$/m.exec(Deno.readTextFileSync("/proc/self/status"));
console.log(`${peak?.[1]} ${releasedBlocks}`);
