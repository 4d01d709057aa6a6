import { h, replace } from '../dashboard/dom.ts';
import { Page } from './page.ts';
import { readReport } from './parse-report.ts';

const root = document.getElementById('replay');
const report = await readReport(document.getElementById('report')?.textContent ?? 'null');
if (root && typeof report !== 'string') new Page(root, report).start();
else if (root)
  replace(
    root,
    h('main', {}, h('div', { class: 'card empty' }, h('h1', {}, 'Hoidap replay'), h('p', {}, report as string))),
  );
