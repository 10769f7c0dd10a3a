/**
 * The second net of a support bundle: logs and answers hold no secrets by design, and what looks like one is taken out
 * all the same, in case some tool's output brought it there.
 */

const NAMES = 'password|passwd|secret|passphrase';
/** What libpq takes for one field of a password file: a colon in it stands after a backslash. */
const FIELD = String.raw`(?:\\.|[^\s:"'\\]){1,255}`;
const PGPASS = String.raw`${FIELD}:(?:\d{4,5}|\*):${FIELD}:${FIELD}:`;

const SECRETS: readonly [RegExp, string][] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----/g, '[private key]'],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----(?:[A-Za-z0-9+/=\s]|\\+[nr])*/g, '[private key]'],
  [/\bhft_[A-Za-z0-9_-]{20,}/g, '[token]'],
  [/(\bBearer\s+)[^\s"']+/gi, '$1[token]'],
  [/(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@"']*:)[^\s@"']+@/gi, '$1[password]@'],
  [/(SCRAM-SHA-256\$)[^\s"']+/g, '$1[verifier]'],
  // JSON as a text in JSON, however deep: the quote that ends it has as many backslashes as the one that begins it.
  [new RegExp(String.raw`((?:${NAMES})(\\+")\s*:\s*)\2(?:(?!(?<!\\)\2).)*`, 'gi'), '$1$2[password]'],
  [
    new RegExp(
      String.raw`(["']?(?:${NAMES})\\*["']?\s*[:=]\s*)(?!\\+"\[password\]\\)("(?:[^"\\]|\\.)*"|'[^']*'|[^\s,;}]+)`,
      'gi',
    ),
    '$1"[password]"',
  ],
  // SQL. Without its second quote, the text was cut off.
  [/(\bpassword\s+)(?:E'(?:''|\\+.|[^'\\\n])*'|'(?:''|[^'\n])*'|E?'.*)/gi, "$1'[password]'"],
  [new RegExp(`^(${PGPASS}).+`, 'gm'), '$1[password]'],
  [new RegExp(String.raw`((?:["'\s=(,]|\\n)${PGPASS})(?:\\.|[^\s"'\\])+`, 'g'), '$1[password]'],
];

export function withoutSecrets(text: string): string {
  return SECRETS.reduce((rest, [pattern, instead]) => rest.replace(pattern, instead), withoutCutKeys(text));
}

const KEY_END = /-----END [A-Z ]*PRIVATE KEY-----/g;
const KEY_BODY = /[A-Za-z0-9+/=\s\\]/;

/** Takes away keys whose first line was cut off: all that could be base64 before the last one. */
function withoutCutKeys(text: string): string {
  const kept: string[] = [];
  let from = 0;
  for (const { index, 0: end } of text.matchAll(KEY_END)) {
    let to = index;
    while (to > from && KEY_BODY.test(text.charAt(to - 1))) to--;
    // One that has its first line ends there, at the dash.
    const isWhole = text.slice(from, to).endsWith('PRIVATE KEY-----');
    kept.push(isWhole ? text.slice(from, index) + end : `${text.slice(from, to)}[private key]`);
    from = index + end.length;
  }
  return kept.join('') + text.slice(from);
}
