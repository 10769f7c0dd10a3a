import { parse, type ParseError, type ParseErrorCode, printParseErrorCode } from 'jsonc-parser';

/** In words, by the parser's own name of the error. Names that are missing here are told as `it is malformed`. */
const WORDS: Readonly<Record<string, string>> = {
  InvalidSymbol: 'text in double quotes was expected, or a number, true, false, null, a list or an object',
  InvalidNumberFormat: 'a number is malformed',
  PropertyNameExpected: 'the name of a field in double quotes was expected',
  ValueExpected: 'a value was expected',
  ColonExpected: 'a colon was expected after the name of a field',
  CommaExpected: 'a comma was expected',
  CloseBraceExpected: 'a closing brace } was expected',
  CloseBracketExpected: 'a closing bracket ] was expected',
  EndOfFileExpected: 'the end was expected: only one value can be sent',
  InvalidCommentToken: 'a comment begins, and JSON has none',
  UnexpectedEndOfComment: 'a comment begins, and JSON has none',
  UnexpectedEndOfString: 'the closing double quote of a text is missing',
  UnexpectedEndOfNumber: 'a number is cut off',
  InvalidUnicode: 'four hexadecimal digits were expected after \\u',
  InvalidEscapeCharacter: 'a text has a backslash before a character that takes none',
  InvalidCharacter: 'a text has a control character, which must be written as an escape such as \\n',
};

/**
 * Where and why a text is not JSON: `at line 2, column 11 a comma was expected`. V8 says the position of some errors
 * only. Nothing of the text itself is repeated: it may hold a secret.
 */
export function describeJsonError(text: string): string {
  const first = firstError(text);
  if (first === 'too deep') return 'it is nested too deeply';
  if (first === undefined) return 'it could not be parsed';
  const before = text.slice(0, first.offset).split('\n');
  const place = `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
  if (first.offset >= text.trimEnd().length) return `it ends too early: at ${place} ${wordsOf(first.error)}`;
  return `at ${place} ${wordsOf(first.error)}${commaTooMany(text, first.offset) ? '; the comma before it is one too many' : ''}`;
}

/** The parser recurses: a text may have more brackets than the stack has room. */
function firstError(text: string): ParseError | undefined | 'too deep' {
  const errors: ParseError[] = [];
  try {
    parse(text, errors, { disallowComments: true });
  } catch (error) {
    if (error instanceof RangeError) return 'too deep';
    throw error;
  }
  return errors[0];
}

/** Exported for its test. */
export const wordsOf = (code: ParseErrorCode): string => WORDS[printParseErrorCode(code)] ?? 'it is malformed';

/** The one mistake that everybody makes: `[1, 2,]`. */
function commaTooMany(text: string, offset: number): boolean {
  return /^[}\]]/.test(text.slice(offset)) && text.slice(0, offset).trimEnd().endsWith(',');
}
