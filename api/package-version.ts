import { readFileSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from '../activities/project-root';

/** The release that API and command come from. @throws Error when package.json says none. */
export function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(path.join(projectRoot(), 'package.json'), 'utf8'));
  if (
    typeof manifest === 'object' &&
    manifest !== null &&
    'version' in manifest &&
    typeof manifest.version === 'string'
  )
    return manifest.version;
  throw new Error('package.json has no version');
}
