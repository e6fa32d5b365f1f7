/** Counts the steps of an operation, and cancels it at one of them. */
import { Pace } from "../../src/portable/image/pace.ts";

/** The pace of an operation. */
export class StepPace extends Pace {
  static readonly REASON = new Error("cancelled");
  readonly #last: number;
  /** How many there were. */
  steps = 0;

  constructor(last = Infinity) {
    super({});
    this.#last = last;
  }

  override async add(bytes: number, moved: number): Promise<void> {
    await super.add(bytes, moved);
    if (this.steps++ === this.#last) throw StepPace.REASON;
  }
}
