import { DashboardPage } from './page.ts';

const root = document.getElementById('dashboard');
if (root) new DashboardPage(root).start();
