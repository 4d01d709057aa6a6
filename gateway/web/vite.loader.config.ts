import { readFileSync } from 'node:fs';
import { defineConfig, type Plugin } from 'vite';
import { compressFolder } from './build/compress.ts';

const outDir = 'dist';
const manifest = JSON.parse(readFileSync(`${outDir}/.vite/manifest.json`, 'utf8')) as Record<string, { file: string }>;
const main = manifest['src/widget/main.ts']?.file;
if (main === undefined) throw new Error('The build has no widget: run `vite build` first.');

/** Writes the compressed files last, when every other one is there. */
const compress: Plugin = { name: 'hoidap:compress', closeBundle: () => compressFolder(outDir) };

/** `widget.js`: a plain script of a stable name that brings in the main part under its hashed one. */
export default defineConfig({
  define: { __WIDGET_MAIN__: JSON.stringify(main) },
  build: {
    target: 'es2022',
    outDir,
    emptyOutDir: false,
    copyPublicDir: false,
    modulePreload: false,
    rolldownOptions: {
      input: 'src/widget/loader.ts',
      output: { format: 'iife', entryFileNames: 'widget.js', codeSplitting: false },
    },
  },
  plugins: [compress],
});
