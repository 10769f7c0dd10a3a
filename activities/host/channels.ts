/** Lets at most `limit` run at once; the others wait in the order they came. */
export interface Channels {
  /** Waits for a free one. Call what it returns to free it again. */
  take(): Promise<() => void>;
  /** None is taken and nobody waits. */
  readonly idle: boolean;
}

export function createChannels(limit: number): Channels {
  let taken = 0;
  const waiting: (() => void)[] = [];

  const free = (): void => {
    const next = waiting.shift();
    if (next) next();
    else taken--;
  };

  return {
    take: async () => {
      if (taken < limit) taken++;
      else await new Promise<void>((resolve) => waiting.push(resolve));
      return free;
    },
    get idle() {
      return taken === 0;
    },
  };
}
