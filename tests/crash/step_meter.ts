/** Counts the steps of an operation, and cancels it at one of them. */
import { Meter, Pace } from "../../src/portable/image/pace.ts";

/** The meter of an operation. */
export class StepMeter extends Meter {
  static readonly REASON = new Error("cancelled");
  readonly #last: number;
  /** How many there were. */
  steps = 0;

  constructor(last = Infinity) {
    super(new Pace({}));
    this.#last = last;
  }

  override async add(bytes: number, moved: number): Promise<void> {
    await super.add(bytes, moved);
    if (this.steps++ === this.#last) throw StepMeter.REASON;
  }
}
