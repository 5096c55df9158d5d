import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Loading CDK takes longer than most tests: once for all of them.
    pool: 'forks',
    poolOptions: { forks: { singleFork: true, isolate: false } },
    // A synthesis of 500 zones takes a few seconds, on a busy machine many more.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
