import type { Spec } from '../../../edit.ts';
import { exits, UserError } from '../../../errors.ts';

/** Variable is what the two environments have in common: that of the app, and the settings of its build. */
export interface Variable {
  readonly name: string;
  readonly value?: string | undefined;
  readonly valueFrom?:
    | {
        readonly secretKeyRef?: { readonly name?: string; readonly key: string };
        readonly configMapKeyRef?: { readonly name?: string; readonly key: string };
        readonly fieldRef?: { readonly fieldPath: string };
        readonly resourceFieldRef?: { readonly resource: string };
      }
    | undefined;
}

/** BuildFlag chooses between the two. */
export interface BuildFlag {
  readonly build: boolean;
}

/** variablesOf are the variables of an App, or of its build. */
export const variablesOf = ({ spec }: { readonly spec: Spec }, build: boolean): readonly Variable[] =>
  (build ? spec.build?.env : spec.env) ?? [];

/** valueOf writes a value, or where it comes from; what a Secret holds is not read. */
export const valueOf = ({ value, valueFrom }: Variable): string => {
  if (valueFrom === undefined) return value ?? '';
  const { secretKeyRef, configMapKeyRef, fieldRef, resourceFieldRef } = valueFrom;
  if (secretKeyRef !== undefined) return `<Secret ${secretKeyRef.name ?? ''}, key ${secretKeyRef.key}>`;
  if (configMapKeyRef !== undefined) return `<ConfigMap ${configMapKeyRef.name ?? ''}, key ${configMapKeyRef.key}>`;
  if (fieldRef !== undefined) return `<field ${fieldRef.fieldPath}>`;
  return `<resource ${resourceFieldRef?.resource ?? 'unknown'}>`;
};

const usage = (message: string, hint: string): UserError => new UserError(message, hint, { code: exits.usage });

const checked = (name: string): string => {
  // As Kubernetes has it where nothing is relaxed, which every shell can read.
  if (/^[-._a-zA-Z][-._a-zA-Z0-9]*$/.test(name)) return name;
  throw usage(
    `${name === '' ? 'nothing' : name} cannot be the name of a variable`,
    'letters, digits and -._, not beginning with a digit',
  );
};

const split = (text: string): [string, string] => {
  const at = text.indexOf('=');
  if (at < 0) throw usage(`${text} has no value`, 'write it as NAME=VALUE');
  return [checked(text.slice(0, at)), text.slice(at + 1)];
};

/** readVariables reads `NAME=VALUE …`, or, as Epinio writes it, `NAME VALUE`. */
export const readVariables = (texts: readonly string[]): Variable[] => {
  const [first = '', second = ''] = texts;
  const pair = texts.length === 2 && !first.includes('=');
  const pairs = pair ? [[checked(first), second] as const] : texts.map(split);
  return pairs.map(([name, value]) => ({ name, value }));
};

/** readReferences reads `NAME` and `NAME=KEY` of one Secret. */
export const readReferences = (secret: string, texts: readonly string[]): Variable[] =>
  texts.map((text) => {
    const [name, key] = text.includes('=') ? split(text) : [checked(text), text];
    return { name, valueFrom: { secretKeyRef: { name: secret, key } } };
  });

/** withVariables puts variables over others of the same name. */
export const withVariables = (before: readonly Variable[], wanted: readonly Variable[]): Variable[] => [
  ...new Map([...before, ...wanted].map((variable) => [variable.name, variable])).values(),
];

/** inSpec puts the variables into a spec, beside what else is in it. */
export const inSpec = (env: readonly Variable[], build: boolean, spec: Spec = {}): Spec =>
  build
    ? { ...spec, build: { ...spec.build, env } as Spec['build'] & object }
    : { ...spec, env: env as Spec['env'] & object };

/** placeOf leads to a variable. */
export const placeOf = (name: string, build: boolean): (string | { name: string })[] => [
  'spec',
  ...(build ? ['build'] : []),
  'env',
  { name },
];
