/**
 * Shows what the module does: makes a dynamic VHDX, a differencing child of it and a dynamic VHD in a
 * temporary folder, opens each, prints what they are and cleans up. With files as arguments it prints
 * what those are instead.
 *
 * @module
 */
import { createVirtualDisk } from "../../mod.ts";
import { join } from "../text/paths.ts";
import { main } from "./main.ts";

/** Shows the same on every system, and needs no permission to load libraries. */
const backend = "portable";
const INFO = ["info", "--backend", backend];
const MIB = 1024 * 1024;

async function demo(): Promise<number> {
  const folder = await Deno.makeTempDir({ prefix: "virtdisk-demo-" });
  try {
    const base = join(folder, "base.vhdx");
    const child = join(folder, "child.vhdx");
    const disk = join(folder, "disk.vhd");
    // A disk that was just created is open for writing; its child can be made once it is closed.
    (await createVirtualDisk(base, { size: 64 * MIB, backend })).close();
    (await createVirtualDisk(child, { parent: base, backend })).close();
    (await createVirtualDisk(disk, { size: 100 * MIB, backend })).close();
    return await main([...INFO, base, child, disk]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.exitCode = Deno.args.length === 0 ? await demo() : await main([...INFO, ...Deno.args]);
