/**
 * What may have brought an error about: sentences, each with when it can be true. Advice that does not hold
 * for the backend, the system or the argument at fault is not given.
 *
 * @module
 */

/** A sentence that says what is the matter, and what to do. Alone it always holds. */
export type Cause = string | ConditionalCause;

/** A sentence that holds under conditions; one that is left out is no condition. */
export interface ConditionalCause {
  readonly text: string;
  readonly backend?: Backend;
  /** Of the system that the program runs on. The native backend runs on Windows alone. */
  readonly system?: System;
  /** The option that is at fault, by its name; or what is: see {@linkcode Situation.about}. */
  readonly about?: string;
}

/** Which backend failed. */
export type Backend = "native" | "portable";

/** All systems but Windows have the permissions, the locks and the tools of POSIX. */
export type System = "windows" | "posix";

/** In which circumstances an operation failed. */
export interface Situation {
  readonly backend: Backend;
  readonly system: System;
  /**
   * What may be at fault, the likeliest first: names of options, or `"file"` (it cannot be read), `"file to
   * write"`, `"folder"` (it cannot be written). Unknown if absent.
   */
  readonly about?: readonly string[] | undefined;
}

/**
 * The circumstances of a failure here and now.
 *
 * @param os Where the program runs. Whatever stands in for Windows' functions elsewhere stands for Windows.
 */
export function situationOf(
  backend: Backend,
  about?: readonly string[],
  os: typeof Deno.build.os = Deno.build.os,
): Situation {
  const isWindows = backend === "native" || os === "windows";
  return { backend, system: isWindows ? "windows" : "posix", about };
}

/**
 * The sentences that hold. Those about what is at fault come first, and those about anything else are left
 * out; if nobody knows what is at fault, all may be right.
 */
export function causesThatHold(causes: readonly Cause[], situation: Situation): string[] {
  const { backend, system, about } = situation;
  const holding = causes
    .map((cause): ConditionalCause => typeof cause === "string" ? { text: cause } : cause)
    .filter((cause) => (cause.backend ?? backend) === backend)
    .filter((cause) => (cause.system ?? system) === system);
  const chosen = about === undefined ? holding : [
    ...about.flatMap((each) => holding.filter((cause) => cause.about === each)),
    ...holding.filter((cause) => cause.about === undefined),
  ];
  return chosen.map(({ text }) => text);
}

/** A sentence about what Windows' own functions do. */
export function native(cause: Cause): ConditionalCause {
  return { ...conditional(cause), backend: "native" };
}

/** A sentence about what the portable backend does. */
export function portable(cause: Cause): ConditionalCause {
  return { ...conditional(cause), backend: "portable" };
}

/** A sentence for Windows, whichever the backend. */
export function windows(cause: Cause): ConditionalCause {
  return { ...conditional(cause), system: "windows" };
}

/** A sentence for all other systems. */
export function posix(cause: Cause): ConditionalCause {
  return { ...conditional(cause), system: "posix" };
}

/** A sentence about an option, or about what else may be at fault. */
export function about(what: string, cause: Cause): ConditionalCause {
  return { ...conditional(cause), about: what };
}

function conditional(cause: Cause): ConditionalCause {
  return typeof cause === "string" ? { text: cause } : cause;
}
