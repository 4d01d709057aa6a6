import { defineConfig } from 'vitest/config';

// Pages in a real browser, against a running gateway; see ./dev test. One after the other: they share the scripted model.
export default defineConfig({
  test: {
    include: ['tests/widget/**/*.test.ts', 'tests/dashboard/**/*.test.ts', 'tests/replay/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 90_000,
    hookTimeout: 60_000,
  },
});
