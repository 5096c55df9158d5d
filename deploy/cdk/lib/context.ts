import type { Construct } from 'constructs';
import { Faults } from './faults';
import { type Kind, type NameplateProps, VARIABLE_NAMES, VARIABLES } from './variables';

/** Context that the app reads beside the variables: where the stack goes. */
const PLACE = ['ACCOUNT', 'REGION'];

/**
 * Reads the variables from CDK's context: `cdk.json`, `cdk.context.json` and `-c NAME=value`. A value given with `-c`
 * is always a text: `true`, `4`, JSON for lists and maps, or for a list also `a,b`. An upper-case name that is no variable
 * is an error, because a misspelt one would otherwise be one that silently does nothing.
 */
export function variablesOf(scope: Construct): NameplateProps {
  const faults = new Faults();
  const props: Record<string, unknown> = {};
  for (const name of VARIABLE_NAMES) {
    const value: unknown = scope.node.tryGetContext(name);
    if (value !== undefined && value !== null) {
      props[name] = typeof value === 'string' ? readText(name, VARIABLES[name].kind, value, faults) : value;
    }
  }
  const context = scope.node.getAllContext() as Record<string, unknown>;
  for (const name of Object.keys(context)) {
    if (/^[A-Z][A-Z0-9_]*$/.test(name) && !(name in VARIABLES) && !PLACE.includes(name)) {
      faults.add(`there is no variable ${name}`, 'README.md lists all there are');
    }
  }
  faults.throwIfAny('the context');
  return props as NameplateProps;
}

function readText(name: string, kind: Kind, text: string, faults: Faults): unknown {
  switch (kind) {
    case 'text':
      // `-c NAME=null` and `-c NAME=` take back what cdk.json says.
      return text === 'null' || text === '' ? undefined : text;
    case 'flag':
      if (text !== 'true' && text !== 'false') {
        faults.add(`${name} is \`${text}\`, not true or false`, `write -c ${name}=true or -c ${name}=false`);
      }
      return text === 'true';
    case 'number':
      if (!/^-?\d+(\.\d+)?$/.test(text)) {
        faults.add(`${name} is \`${text}\`, not a number`, `write digits, for example -c ${name}=${String(VARIABLES[name as 'TASK_CPU'].fallback)}`);
      }
      return Number(text);
    case 'list':
      return text.startsWith('[') ? readJson(name, text, faults) : text.split(',').map((item) => item.trim()).filter((item) => item !== '');
    case 'map':
    case 'object':
      return readJson(name, text, faults);
  }
}

function readJson(name: string, text: string, faults: Faults): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    faults.add(`${name} is not JSON: ${(error as Error).message}`, `quote it for the shell: -c ${name}='{"key":"value"}'`);
    return undefined;
  }
}
