import type { Major } from './clusters';

/** What a golden image holds: written into the image by install.sh, read by `npm start` and the worker. */
export interface ImageCatalogue {
  readonly format: 1;
  readonly builtAt: string;
  readonly debian: string;
  /** Exact minor by major: `{ "18": "18.6" }`. */
  readonly postgresql: Readonly<Record<Major, string>>;
  readonly tools: Readonly<Record<string, string>>;
}
