/** Which program the tests of the command line run. */
import { ROOT } from "../support.ts";

/** The module, or with this in the environment a bundle of it. */
const VARIABLE = "VIRTDISK_CLI";

/** The module that is the program. */
export const PROGRAM = Deno.env.get(VARIABLE) || `${ROOT}/src/cli/main.ts`;

/** The environment in which tests run the bundle in that file. */
export function withBundle(path: string): Record<string, string> {
  return { [VARIABLE]: path };
}
