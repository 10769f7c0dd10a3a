/** What a running step may tell about itself. */
export interface StepReport {
  /** Shown beside a live line while the step runs. */
  note(text: string): void;
  /** Shown after the duration when the step has ended. */
  result(text: string): void;
}

export interface Progress {
  /** Runs `work` as one line of the display; the line ends with ✗ when it throws, and the error goes on. */
  step<T>(title: string, work: (report: StepReport) => Promise<T>): Promise<T>;
  /** A line of its own. */
  say(line: string): void;
  /** Output of a program, printed above the live lines. */
  write(text: string): void;
}

/** @param stream default standard output. */
export function createProgress(stream?: NodeJS.WriteStream): Progress;

/** `12.3 s`. */
export function seconds(ms: number): string;
