// A reporter for node's test runner: one JSON object a line, for every test that is no mere group of others.
import { relative } from 'node:path';

const place = (data) => (data.file ? relative(process.cwd(), data.file) : '');

function text(error) {
  const cause = error?.cause ?? error;
  return String(cause?.message ?? cause ?? '').slice(0, 4000);
}

export default async function* report(source) {
  const open = [];
  for await (const { type, data } of source) {
    if (type === 'test:start') {
      open[data.nesting] = data.name;
      open.length = data.nesting + 1;
    }
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const failed = type === 'test:fail';
    const group = data.details?.type === 'suite';
    if (group && !(failed && data.details?.error?.failureType !== 'subtestsFailed')) continue;
    const names = [...open.slice(0, data.nesting), data.name];
    const outcome = data.skip !== undefined || data.todo !== undefined ? 'skipped' : failed ? 'failed' : 'passed';
    const line = failed && data.line ? `\n  ${place(data)}:${data.line}` : '';
    yield `${JSON.stringify({
      file: place(data), names, outcome, message: failed ? text(data.details?.error) + line : String(data.skip || ''),
    })}\n`;
  }
  yield `${JSON.stringify({ end: true })}\n`;
}
