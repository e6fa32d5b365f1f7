/** What is fuzzed. */
import type { Target } from "./fuzzer.ts";
import { IMAGE_TARGETS } from "./images.ts";
import { SESSION_TARGET } from "./sessions.ts";
import { VOLUME_TARGET } from "./volumes.ts";

/** All targets, in the order of the table. */
export const TARGETS: readonly Target[] = [...IMAGE_TARGETS, VOLUME_TARGET, SESSION_TARGET];

/** One of them. */
export function targetNamed(name: string): Target {
  const target = TARGETS.find((each) => each.name === name);
  if (target === undefined) throw new TypeError(`"${name}" is no target`);
  return target;
}
