/** What is said of the machine beside figures that were measured on it. */

const PROCESSOR = /^model name\s*:\s*(.*)$/m;

/** The system, and how many processors of which kind. */
export function machine(): string {
  const { os } = Deno.build;
  return `${os} ${Deno.osRelease()}, ${navigator.hardwareConcurrency} x ${processor()}`;
}

function processor(): string {
  if (Deno.build.os !== "linux") return Deno.build.arch;
  return PROCESSOR.exec(Deno.readTextFileSync("/proc/cpuinfo"))?.[1] ?? Deno.build.arch;
}
