/** The versions of the programs on which figures depend. */

/** How each says its version: what it is called with, and what of its output is the version. */
const PROGRAMS = {
  "qemu-img": { command: ["qemu-img", "--version"], version: /version (\S+)/ },
  libvhdi: {
    command: ["/usr/bin/python3", "-c", "import pyvhdi; print(pyvhdi.get_version())"],
    version: /(\S+)/,
  },
  spin: { command: ["spin", "-V"], version: /Version (\S+)/ },
  nbdkit: { command: ["nbdkit", "--version"], version: /nbdkit (\S+)/ },
  "7-Zip": { command: ["7zz"], version: /7-Zip .*?(\d+\.\d+)/ },
  "Sleuth Kit": { command: ["img_stat", "-V"], version: /ver (\S+)/ },
} as const;

/** A program. */
export type ProgramName = keyof typeof PROGRAMS;

/** By program: its version, of those that are there; and of Deno. */
export function programVersions(names: readonly ProgramName[]): Record<string, string> {
  const found: Record<string, string> = { Deno: Deno.version.deno };
  for (const name of names) {
    const { command, version } = PROGRAMS[name];
    const number = version.exec(outputOf(command))?.[1];
    if (number !== undefined) found[name] = number;
  }
  return found;
}

/** What a program prints; nothing if it is not there, or fails. */
function outputOf([program, ...args]: readonly [string, ...string[]]): string {
  try {
    const { success, stdout } = new Deno.Command(program, { args, stderr: "null" }).outputSync();
    return success ? new TextDecoder().decode(stdout) : "";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
