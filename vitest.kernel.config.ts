import { defineConfig } from 'vitest/config';

/** The differential tests against the running kernel: need root, network namespaces and iptables. */
export default defineConfig({
  test: { include: ['test/kernel/**/*.test.ts'], testTimeout: 300_000, fileParallelism: false },
});
