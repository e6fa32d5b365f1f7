/**
 * Does an operation until it is killed: `kill_maintenance_child.ts operation type folder`. Prints a line when
 * it begins.
 */
import { join } from "@std/path";
import { type ImageType, MAINTENANCE } from "./maintenance.ts";

const [operation = "", type, folder = ""] = Deno.args;
const images = {
  type: type as ImageType,
  path: (name: string) => join(folder, `${name}.${type}`),
};
await MAINTENANCE[operation]!.run(images, () => {
  Deno.stdout.writeSync(new TextEncoder().encode("begun\n"));
});
