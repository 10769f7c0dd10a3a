import { z } from 'zod';
import { jsonPointer, placeInWords } from '../../domain/json-pointer';
import type { FieldError } from '../../domain/schemas/problems';

/** What is wrong with a request, in words: each message goes on where the name of its field ends (`plan: is missing`). */

/** More than these stand in `errors[]` only: the sentence is for people. */
const TOLD = 5;

/** zod's issues as errors with JSON pointers; a field that is not known is an error of its own. */
export function fieldErrors(where: FieldError['in'], issues: readonly z.core.$ZodIssue[]): FieldError[] {
  // A list where a text is asked for is not also too short a text.
  const ofWrongType = new Set(
    issues.filter(({ code }) => code === 'invalid_type').map(({ path }) => jsonPointer(path)),
  );
  const telling = issues.filter(({ code, path }) => code === 'invalid_type' || !ofWrongType.has(jsonPointer(path)));
  return telling.flatMap(({ code, message, path, ...issue }) => {
    const paths = 'keys' in issue ? issue.keys.map((key) => [...path, key]) : [path];
    return paths.map((place) => ({ in: where, pointer: jsonPointer(place), code, message }));
  });
}

/** Texts that PostgreSQL can't hold, wherever they stand: NUL, and half a surrogate pair, which is no character. */
export function unstorableTexts(where: FieldError['in'], value: unknown, path: readonly string[] = []): FieldError[] {
  if (typeof value === 'string') {
    if (!value.includes('\0') && value.isWellFormed()) return [];
    const message = 'cannot hold a NUL character or half of a surrogate pair';
    return [{ in: where, pointer: jsonPointer(path), code: 'bad_text', message }];
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, part]) => unstorableTexts(where, part, [...path, name]));
}

/** All of them in one line: `plan: must be one of …; ?limit: must be a number`. */
export function sentenceOf(errors: readonly FieldError[]): string {
  const told = errors.slice(0, TOLD).map((error) => `${placeOf(error)}: ${error.message}`);
  const rest = errors.length - told.length;
  return [...told, ...(rest > 0 ? [`and ${rest} more, all of them in errors[]`] : [])].join('; ');
}

function placeOf({ in: where, pointer }: FieldError): string {
  const place = placeInWords(pointer);
  switch (where) {
    case 'body':
      return place || 'the body';
    case 'query':
      return `?${place}`;
    case 'path':
      return place ? `${place} in the path` : 'the path';
    case 'header':
      return `the header ${place}`;
  }
}

/** zod's error map: what would be right, for issues whose schema does not say it better itself. */
export function plainWords(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is missing' : `must be ${KINDS[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return oneOf(issue.values.map(String), typeof issue.input === 'number');
    case 'too_small':
      return bound('at least', Number(issue.minimum), issue.origin);
    case 'too_big':
      return bound('at most', Number(issue.maximum), issue.origin);
    case 'unrecognized_keys':
      return unknownKey(issue.inst);
    // Our schemas say what is wrong with a pattern or a rule of their own; the other kinds of schemas are not in use.
    case 'invalid_format':
    case 'custom':
    case 'not_multiple_of':
    case 'invalid_union':
    case 'invalid_key':
    case 'invalid_element':
      return undefined;
  }
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a JSON object',
  record: 'a JSON object',
};

/** @param quoted for who wrote a number where digits in quotes are asked for. */
function oneOf(values: readonly string[], quoted: boolean): string {
  const list = values.map((value) => (quoted ? `"${value}"` : value)).join(', ');
  const must = values.length === 1 ? `must be ${list}` : `must be one of ${list}`;
  return quoted ? `${must}, as text in double quotes` : must;
}

function bound(words: 'at least' | 'at most', limit: number, origin: string): string {
  if (origin !== 'string' && origin !== 'array') return `must be ${words} ${limit}`;
  const unit = origin === 'string' ? ['character', 'characters'] : ['entry', 'entries'];
  return `must have ${words} ${limit} ${limit === 1 ? unit[0] : unit[1]}`;
}

function unknownKey(schema: unknown): string {
  const known = schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
  return known.length === 0
    ? 'is not known: there is nothing to set here'
    : `is not known: there are ${known.join(', ')}`;
}
