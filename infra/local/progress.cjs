'use strict';

/**
 * Says what is being done and how long it takes, in one style for everything that the scripts here do:
 * `✓ dependencies 12.3 s`. On a terminal a running step is a live line that counts seconds; in a pipe it gets a line
 * when it has run for a second and one when it ends. CommonJS, because the bootstrap uses it before anything is compiled.
 */

const BEGIN_AFTER_MS = 1000;
const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

/** @param {NodeJS.WriteStream} stream */
function createProgress(stream = process.stdout) {
  const live = stream.isTTY === true;
  const running = new Set();
  let drawn = 0;
  let clock;

  const erase = () => {
    if (drawn > 0) stream.write(`\x1b[${drawn}A\x1b[J`);
    drawn = 0;
  };
  const draw = () => {
    if (!live) return;
    const width = Math.max(20, stream.columns || 80);
    for (const step of running) {
      const elapsed = `${Math.floor((Date.now() - step.begun) / 1000)} s`;
      stream.write(`${`… ${step.title} ${elapsed}${step.note ? `  ${step.note}` : ''}`.slice(0, width - 1)}\n`);
    }
    drawn = running.size;
  };
  const print = (text) => {
    erase();
    stream.write(text);
    draw();
  };
  const begin = (step) => {
    running.add(step);
    if (live && !clock) clock = setInterval(() => print(''), 1000).unref();
    if (live) print('');
    else step.timer = setTimeout(() => print(`… ${step.title}\n`), BEGIN_AFTER_MS).unref();
  };
  const end = (step, sign) => {
    clearTimeout(step.timer);
    running.delete(step);
    if (running.size === 0 && clock) clock = clearInterval(clock);
    print(`${sign} ${step.title} ${seconds(Date.now() - step.begun)}${step.result ? `  ${step.result}` : ''}\n`);
  };

  return {
    async step(title, work) {
      const step = { title, begun: Date.now(), note: '', result: '' };
      begin(step);
      try {
        const made = await work({
          note: (text) => void (step.note = text),
          result: (text) => void (step.result = text),
        });
        end(step, '✓');
        return made;
      } catch (error) {
        end(step, '✗');
        throw error;
      }
    },
    say: (line) => print(`${line}\n`),
    write: (text) => print(text.endsWith('\n') ? text : `${text}\n`),
  };
}

module.exports = { createProgress, seconds };
