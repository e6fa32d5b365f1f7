/** Writes what was measured into docs/benchmarks: the data, and a picture of them. */
import { join } from "@std/path";
import {
  benchmarkDates,
  type BenchmarkRun,
  benchmarkRun,
  type BenchmarkSection,
} from "../../docs/build/benchmarks.ts";
import { drawNewestRun } from "../../docs/build/benchmark_svg.ts";
import { machine } from "../machine.ts";
import { programVersions } from "../programs.ts";
import { ROOT, run } from "../support.ts";
import { koffiVersion } from "./koffi.ts";

/**
 * Adds a section to what was measured on this day.
 *
 * @param titles Of all sections, in their order.
 */
export function publish(section: BenchmarkSection, titles: readonly string[]): void {
  const koffi = koffiVersion();
  const now: BenchmarkRun = {
    date: new Date().toISOString().slice(0, 10),
    machine: machine(),
    versions: {
      ...programVersions(["qemu-img", "libvhdi", "nbdkit"]),
      ...(koffi === undefined ? {} : { koffi }),
    },
    sections: [section],
  };
  const path = join(ROOT, "docs", "benchmarks", `${now.date}.json`);
  const earlier = benchmarkDates().includes(now.date) ? benchmarkRun(now.date) : undefined;
  Deno.writeTextFileSync(path, JSON.stringify(joined(earlier, now, titles)));
  run(Deno.execPath(), "fmt", "--quiet", "--config", join(ROOT, "deno.json"), path);
  drawNewestRun();
  console.log(`\n${section.title}: written to ${path} (\`deno task readme\` does the pages)`);
}

/** What was measured now, and those sections of the day that were not measured anew. */
export function joined(
  earlier: BenchmarkRun | undefined,
  now: BenchmarkRun,
  titles: readonly string[],
): BenchmarkRun {
  if (earlier === undefined) return now;
  if (earlier.machine !== now.machine) {
    throw new Error(`docs/benchmarks/${now.date}.json is of another machine: ${earlier.machine}`);
  }
  const isAnew = (title: string) => now.sections.some((each) => each.title === title);
  const sections = [...earlier.sections.filter(({ title }) => !isAnew(title)), ...now.sections]
    .sort((a, b) => titles.indexOf(a.title) - titles.indexOf(b.title));
  return { ...now, sections };
}
