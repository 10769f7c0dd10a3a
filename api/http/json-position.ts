import { parse, printParseErrorCode, type ParseError } from 'jsonc-parser';

/** Where and why a text is not JSON: `InvalidSymbol at line 2, column 11`. V8 says the position of some errors only. */
export function describeJsonError(text: string): string {
  const errors: ParseError[] = [];
  parse(text, errors, { disallowComments: true });
  const [first] = errors;
  if (first === undefined) return 'it could not be parsed';
  const before = text.slice(0, first.offset).split('\n');
  return `${printParseErrorCode(first.error)} at line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
}
