import { defineConfig } from 'vitest/config';

/** The pages and the widget's main part, with a hash in every name. The widget's loader has a build of its own. */
export default defineConfig({
  build: {
    target: 'es2022',
    manifest: true,
    modulePreload: false,
    assetsInlineLimit: 0,
    rolldownOptions: {
      input: { dashboard: 'dashboard.html', widget: 'src/widget/main.ts' },
      preserveEntrySignatures: 'exports-only',
    },
  },
  test: { include: ['src/**/*.test.ts'] },
});
