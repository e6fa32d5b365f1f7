/** Locks on the files of a simulated folder, as the system keeps them. */

/** Who has locked what. */
export class SimulatedLocks {
  readonly #held = new Map<object, { readonly file: object; readonly isExclusive: boolean }>();

  /**
   * Whether the lock was free: shared ones are in nobody's way but that of an exclusive one.
   *
   * @param handle Of the open file that gets it, in place of the one that it has.
   */
  lock(file: object, handle: object, isExclusive: boolean): boolean {
    for (const [other, held] of this.#held) {
      if (other === handle || held.file !== file) continue;
      if (isExclusive || held.isExclusive) return false;
    }
    this.#held.set(handle, { file, isExclusive });
    return true;
  }

  /** It has none any more. */
  unlock(handle: object): void {
    this.#held.delete(handle);
  }

  /** Nobody has one any more. */
  clear(): void {
    this.#held.clear();
  }
}
