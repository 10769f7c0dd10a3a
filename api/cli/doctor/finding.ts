/** What the doctor says of one thing. */
export interface Finding {
  readonly check: string;
  readonly ok: boolean;
  /** What was seen. */
  readonly what: string;
  /** What to do about it; null when nothing has to be done. */
  readonly remedy: string | null;
}

export const fine = (check: string, what: string): Finding => ({ check, ok: true, what, remedy: null });
export const wrong = (check: string, what: string, remedy: string): Finding => ({ check, ok: false, what, remedy });
