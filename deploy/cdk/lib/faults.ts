/** Everything that is wrong with an input, told at once: what, and how to mend it. */
export class Faults {
  private readonly lines: string[] = [];

  /** Adds one fault. `what` begins with the name of the variable, or the place in the plan. */
  add(what: string, help: string): void {
    this.lines.push(`  ${what}\n    help: ${help}`);
  }

  /** How many there are so far. */
  get count(): number {
    return this.lines.length;
  }

  /** Throws all faults as one error, where there are any. `input` says what they are in. */
  throwIfAny(input: string): void {
    if (this.lines.length > 0) {
      const count = this.lines.length === 1 ? '1 error' : `${this.lines.length} errors`;
      throw new Error(`nameplate: ${count} in ${input}\n${this.lines.join('\n')}`);
    }
  }
}
