/** A command line that cannot be understood, or that asks for what makes no sense. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  /** What to type instead; by default it is said where the help is. */
  readonly advice: string | undefined;

  constructor(message: string, advice?: string) {
    super(message);
    this.advice = advice;
  }
}
