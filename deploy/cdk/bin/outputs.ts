import { readFileSync } from 'node:fs';

/** An output of the one stack in a file that `cdk deploy --outputs-file` wrote. */
export function outputOf(path: string, name: string): string {
  const outputs = Object.values<Record<string, string>>(JSON.parse(readFileSync(path, 'utf8')));
  const found = outputs.map((stack) => stack[name]).filter((value) => value !== undefined);
  if (found.length !== 1) {
    throw new Error(`nameplate: ${path} has ${found.length} stacks with ${/^[AEIOU]/.test(name) ? 'an' : 'a'} ${name}, not one\n  help: write it with: npx cdk deploy --outputs-file ${path}`);
  }
  return found[0]!;
}
