import { Scalar, stringify } from 'yaml';

/** Values in files of configuration: each format has its own quotes, and some have none. */

/**
 * A name, an address or a network for formats that have no quotes (haproxy.cfg, keepalived.conf, pg_hba.conf).
 * @throws Error for anything that such a file would read as more than one word.
 */
export function plainWord(value: string): string {
  if (/^[A-Za-z0-9_.:/-]+$/.test(value)) return value;
  throw new Error(`${JSON.stringify(value)} cannot stand in a file of configuration without quotes`);
}

/**
 * A file of `NAME="value"` lines, as systemd's EnvironmentFile= and shells read it.
 * @throws Error for a control character, which would end the line or be lost.
 */
export function environmentFile(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name}="${withoutControls(value).replaceAll(/["\\$`]/g, '\\$&')}"\n`)
    .join('');
}

/** @throws Error for a control character. The text itself is not told: it may be a password. */
export function withoutControls(text: string): string {
  if (/[\x00-\x1f\x7f]/.test(text)) throw new Error('a control character cannot stand in a line of configuration');
  return text;
}

/** A text that stays one, whatever it holds: `yes`, `1e3` and the like are no texts to every reader of YAML. */
export function yamlText(text: string): Scalar<string> {
  const scalar = new Scalar(text);
  scalar.type = Scalar.QUOTE_DOUBLE;
  return scalar;
}

/** YAML for PyYAML, which refuses some characters unless they are escaped. They may stand in {@link yamlText}s only. */
export function yamlFile(value: object): string {
  return stringify(value).replaceAll(
    /[^\n\x20-\x7e]/gu,
    (character) => `\\U${(character.codePointAt(0) ?? 0).toString(16).padStart(8, '0')}`,
  );
}
