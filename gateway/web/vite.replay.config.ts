import { defineConfig } from 'vite';
import { viteSingleFile } from 'vite-plugin-singlefile';

/** The report of `hoidap-worker replay`: one page with all its script and style inside. See build/replay.ts. */
export default defineConfig({
  mode: 'production',
  logLevel: 'warn',
  build: { target: 'es2022', modulePreload: false, write: false, rolldownOptions: { input: 'replay.html' } },
  plugins: [viteSingleFile({ removeViteModuleLoader: true })],
});
