/**
 * The second net of a support bundle: logs and answers hold no secrets by design, and what looks like one is taken out
 * all the same, in case some tool's output brought it there.
 */
const SECRETS: readonly [RegExp, string][] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----/g, '[private key]'],
  [/\bhft_[A-Za-z0-9_-]{20,}/g, '[token]'],
  [/(\bBearer\s+)[^\s"']+/gi, '$1[token]'],
  [/(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@"']*:)[^\s@"']+@/gi, '$1[password]@'],
  [/(SCRAM-SHA-256\$)[^\s"']+/g, '$1[verifier]'],
  [
    /(["']?(?:password|passwd|secret|passphrase)["']?\s*[:=]\s*)("(?:[^"\\]|\\.)*"|'[^']*'|[^\s,;}]+)/gi,
    '$1"[password]"',
  ],
];

export function withoutSecrets(text: string): string {
  return SECRETS.reduce((rest, [pattern, instead]) => rest.replace(pattern, instead), text);
}
