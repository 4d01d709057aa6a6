import { h, replaceChildren } from '../dashboard/dom.ts';
import { ReportPage } from './page.ts';
import { parseReport } from './parse-report.ts';

const root = document.getElementById('replay');
const report = await parseReport(document.getElementById('report')?.textContent ?? 'null');
if (root && typeof report !== 'string') new ReportPage(root, report).start();
else if (root)
  replaceChildren(
    root,
    h('main', {}, h('div', { class: 'card empty' }, h('h1', {}, 'Hoidap replay'), h('p', {}, report as string))),
  );
