/** Says of a file what failed in it and why, a line each, before Jest prints all that its tests have logged. */

const WORDS_LENGTH = 400;
// What Jest colours its words with.
const COLOURS = /\u001b\[\d+m/g;

/** What was thrown, without where. */
const wordsOf = (message) =>
  message
    .replace(COLOURS, '')
    .split(/\n\s+at /)[0]
    .replace(/\s+/g, ' ')
    .slice(0, WORDS_LENGTH);

module.exports = class ReasonsFirst {
  onTestResult({ context }, { testFilePath, testResults, testExecError, displayName }) {
    const file = `${displayName?.name ?? ''} ${testFilePath.replace(`${context.config.rootDir}/`, '')}`;
    const failed = testResults.filter(({ status }) => status === 'failed');
    for (const { fullName, failureMessages } of failed)
      process.stderr.write(`FAIL ${file}: ${fullName}: ${wordsOf(failureMessages.join(' '))}\n`);
    if (testExecError) process.stderr.write(`FAIL ${file}: ${wordsOf(String(testExecError.message))}\n`);
  }
};
