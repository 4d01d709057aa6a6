import { defineConfig } from 'vitest/config';

// Clients of others against a running gateway; see ./dev test.
export default defineConfig({ test: { include: ['tests/clients/**/*.test.ts'], testTimeout: 60_000 } });
