// Lints the snippets [{ file, text }] that come as JSON on stdin, with the project's own configuration, and prints the
// messages of each. A program of its own because the configuration is an ES module, which Jest can't load.
import { text } from 'node:stream/consumers';
import { ESLint } from 'eslint';
import tseslint from 'typescript-eslint';

// Rules that need types need a program around each snippet: none of them guards the architecture.
const withoutTypes = { ...tseslint.configs.disableTypeChecked, files: ['**/*.ts'] };
const eslint = new ESLint({ overrideConfig: [withoutTypes] });
const answers = [];
for (const snippet of JSON.parse(await text(process.stdin))) {
  const results = await eslint.lintText(snippet.text, { filePath: snippet.file });
  answers.push(results.flatMap(({ messages }) => messages.map(({ message }) => message)));
}
process.stdout.write(JSON.stringify(answers));
