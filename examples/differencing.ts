/**
 * Makes a base disk and a child of it in a folder, and shows what the child takes from where.
 *
 *     deno run --allow-read=FOLDER --allow-write=FOLDER examples/differencing.ts FOLDER
 */
import { join } from "@std/path";
import { createVirtualDisk, openVirtualDisk } from "@virtdisk/virtdisk";

const [folder] = Deno.args;
if (folder === undefined) {
  console.error("usage: differencing.ts FOLDER");
  Deno.exit(2);
}

// The portable backend gives the extents, on every system.
const backend = "portable";

const base = join(folder, "base.vhdx");
const child = join(folder, "child.vhdx");

// The base must never change again once it has a child: everything the child does not hold itself is
// read from it. While it is open for writing no child can be made, so it is closed at once.
(await createVirtualDisk(base, { size: 1024 ** 3, backend })).close();
(await createVirtualDisk(child, { parent: base, backend })).close();

using disk = await openVirtualDisk(child, { backend });
const { resolved, paths } = disk.getInformation("parentLocation");
console.log(`${disk.path} is a ${disk.getInformation("providerSubtype")} disk`);
console.log(`its parent is ${paths.join(" or ")} (${resolved ? "found" : "not found"})`);
console.log(
  `it expects the parent to have the identifier ${disk.getInformation("parentIdentifier")}`,
);
for (const { kind, offset, length } of disk.extents()) {
  console.log(`${length} bytes from ${offset} on: ${kind}`);
}
