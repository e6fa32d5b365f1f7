import { Pace } from "../../../src/portable/image/pace.ts";

/** Counts what it is told. */
export class CountingPace extends Pace {
  /** Bytes of what was expected. */
  completed = 0;
  /** Bytes that were read or written. */
  moved = 0;

  override async add(bytes: number, moved: number): Promise<void> {
    this.completed += bytes;
    this.moved += moved;
    await super.add(bytes, moved);
  }
}
