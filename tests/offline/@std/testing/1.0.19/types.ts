/**
 * Stands in for `@std/testing/types` where JSR cannot be reached.
 *
 * @module
 */

/** Type-checks only where `T` is `true`. */
export type AssertTrue<T extends true> = never;

/** Whether two types are the same. */
export type IsExact<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2
  ? true
  : false;
