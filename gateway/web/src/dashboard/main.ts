import { Page } from './page.ts';

const root = document.getElementById('dashboard');
if (root) new Page(root).start();
