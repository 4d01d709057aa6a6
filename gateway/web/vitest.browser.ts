import { defineConfig } from 'vitest/config';

// Browser tests against a running gateway; see ./dev test. They run one at a time, because they share the scripted model.
export default defineConfig({
  test: {
    include: ['tests/widget/**/*.test.ts', 'tests/dashboard/**/*.test.ts', 'tests/replay/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 90_000,
    hookTimeout: 60_000,
  },
});
