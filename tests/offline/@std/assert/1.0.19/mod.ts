/**
 * Stands in for `@std/assert` where JSR cannot be reached: the assertions that the tests use, over
 * Deno's own `node:assert`.
 *
 * @module
 */
import assertNode from "node:assert/strict";

type ErrorClass<E extends Error> = new (...args: never[]) => E;

export function assert(condition: unknown, message = ""): asserts condition {
  assertNode.ok(condition, message || undefined);
}

export function assertEquals<T>(actual: T, expected: T, message?: string): void {
  assertNode.deepStrictEqual(actual, expected, message);
}

export function assertNotEquals<T>(actual: T, expected: T, message?: string): void {
  assertNode.notDeepStrictEqual(actual, expected, message);
}

export function assertStrictEquals<T>(actual: unknown, expected: T, message?: string): void {
  assertNode.strictEqual(actual, expected, message);
}

export function assertExists<T>(actual: T, message?: string): asserts actual is NonNullable<T> {
  assertNode.ok(actual !== undefined && actual !== null, message);
}

export function assertInstanceOf<E extends abstract new (...args: never[]) => unknown>(
  actual: unknown,
  expectedType: E,
  message?: string,
): asserts actual is InstanceType<E> {
  assertNode.ok(actual instanceof expectedType, message);
}

export function assertMatch(actual: string, expected: RegExp, message?: string): void {
  assertNode.match(actual, expected, message);
}

export function assertStringIncludes(actual: string, expected: string, message?: string): void {
  assertNode.ok(
    actual.includes(expected),
    message ?? `Expected ${JSON.stringify(actual)} to include ${JSON.stringify(expected)}`,
  );
}

export function assertGreater<T>(actual: T, low: T, message?: string): void {
  assertNode.ok(actual > low, message ?? `Expected ${actual} > ${low}`);
}

export function assertLessOrEqual<T>(actual: T, high: T, message?: string): void {
  assertNode.ok(actual <= high, message ?? `Expected ${actual} <= ${high}`);
}

function check<E extends Error>(
  error: unknown,
  errorClass: ErrorClass<E> | undefined,
  includes: string | undefined,
): E {
  if (errorClass !== undefined && !(error instanceof errorClass)) throw error;
  if (includes !== undefined) assertStringIncludes((error as Error).message, includes);
  return error as E;
}

export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  errorClass?: ErrorClass<E>,
  includes?: string,
): E {
  try {
    fn();
  } catch (error) {
    return check(error, errorClass, includes);
  }
  throw new assertNode.AssertionError({ message: "Expected the function to throw" });
}

export async function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  errorClass?: ErrorClass<E>,
  includes?: string,
): Promise<E> {
  try {
    await fn();
  } catch (error) {
    return check(error, errorClass, includes);
  }
  throw new assertNode.AssertionError({ message: "Expected the promise to be rejected" });
}

/** What a failed assertion throws. */
export const AssertionError = assertNode.AssertionError;
export type AssertionError = assertNode.AssertionError;
