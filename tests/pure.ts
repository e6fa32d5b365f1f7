/** Tests of code that works on nothing but what it is given. */

/** A test that has no permission at all: a file, a variable of the environment or a process would be refused. */
export function pureTest(name: string, fn: (t: Deno.TestContext) => void | Promise<void>): void {
  Deno.test({ name, permissions: "none", fn });
}
