import { DefaultFailureConverter } from '@temporalio/common';

/** Puts messages and stack traces of failures where the payload codec encrypts them. Types of failures stay readable. */
// eslint-disable-next-line no-restricted-syntax -- the SDK asks for an object, and this one keeps nothing but its options.
export const failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true });
