import { defineConfig } from 'vitest/config';

// Third-party clients against a running gateway; see ./dev test.
export default defineConfig({ test: { include: ['tests/clients/**/*.test.ts'], testTimeout: 60_000 } });
