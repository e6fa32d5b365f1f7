/** What a piece of work asks of the system, so that its price can be told apart from that of everything else. */

/** Does again what was asked. */
export type Calls = () => void;

const FUNCTIONS = ["statSync", "openSync", "realPathSync"] as const;
const METHODS = ["tryLockSync", "unlockSync", "seekSync", "readSync", "statSync", "close"] as const;

// deno-lint-ignore no-explicit-any -- functions of any arguments
type Any = any;

/**
 * Notes the calls of Deno's file functions that `work` makes.
 *
 * @returns Makes the same calls, with the same arguments and buffers, and nothing else; and what was called.
 */
export function recordCalls(work: () => void): { readonly run: Calls; readonly names: string[] } {
  const steps: ((files: Deno.FsFile[]) => void)[] = [];
  const names: string[] = [];
  const files: Deno.FsFile[] = [];
  const restore: (() => void)[] = [];
  const replace = (target: Any, name: string, instead: (original: Any) => Any) => {
    const original = target[name];
    target[name] = instead(original);
    restore.push(() => target[name] = original);
  };
  for (const name of FUNCTIONS) {
    replace(Deno, name, (original) => (...args: Any[]) => {
      const result = original(...args);
      names.push(name);
      if (name !== "openSync") {
        steps.push(() => original(...args));
        return result;
      }
      files.push(result);
      steps.push((opened) => opened.push(original(...args)));
      return result;
    });
  }
  replace(Deno.permissions, "querySync", (original) => (descriptor: Any) => {
    names.push("querySync");
    steps.push(() => original.call(Deno.permissions, descriptor));
    return original.call(Deno.permissions, descriptor);
  });
  for (const name of METHODS) {
    replace(
      Deno.FsFile.prototype,
      name,
      (original) =>
        function (this: Deno.FsFile, ...args: Any[]) {
          const index = files.indexOf(this);
          names.push(name);
          steps.push((opened) => original.apply(opened[index], args));
          return original.apply(this, args);
        },
    );
  }
  try {
    work();
  } finally {
    for (const each of restore) each();
  }
  return {
    names,
    run: () => {
      const opened: Deno.FsFile[] = [];
      for (const step of steps) step(opened);
    },
  };
}
