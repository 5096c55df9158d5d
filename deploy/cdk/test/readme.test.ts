import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { VARIABLE_NAMES, VARIABLES } from '../lib/variables';

const README = readFileSync(join(__dirname, '../README.md'), 'utf8');

const SECTION = README.split('\n## ').find((section) => section.startsWith('Variables\n'))!;
/** The table's rows: variable to default. */
const ROWS = Object.fromEntries([...SECTION.matchAll(/^\| `([A-Z0-9_]+)` \| (.+?) \|/gm)].map((match) => [match[1], match[2]]));

it('README.md has every variable once', () => {
  expect([...SECTION.matchAll(/^\| `/gm)]).toHaveLength(VARIABLE_NAMES.length);
  expect(Object.keys(ROWS).sort()).toEqual([...VARIABLE_NAMES].sort());
});

it('README.md has the defaults that are in force', () => {
  for (const name of VARIABLE_NAMES) {
    const { fallback } = VARIABLES[name];
    const written = fallback === null ? 'none' : typeof fallback === 'object' ? (Array.isArray(fallback) ? '`[]`' : '`{}`') : `\`${String(fallback)}\``;
    expect(ROWS[name], name).toBe(written);
  }
});

it('README.md has no line of prose over 120 characters', () => {
  const long = README.split('\n').filter((line) => line.length > 120 && !line.startsWith('|') && !line.includes('https://'));
  expect(long).toEqual([]);
});
