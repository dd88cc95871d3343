import { nothing, overriding, type Asked } from './asked.ts';
import { exits, UserError } from './errors.ts';

const wrong = (message: string, hint: string): UserError => new UserError(message, hint, { code: exits.usage });

const names = (manifests: readonly Asked[]): string => manifests.map(({ name }) => name).join(', ');

const checkNames = (manifests: readonly Asked[]): void => {
  const seen = new Set<string | undefined>();
  for (const { name, manifest } of manifests) {
    if (name === undefined)
      throw wrong(`an App in ${manifest} has no name`, 'of several Apps in one manifest each must have a name');
    if (seen.has(name)) throw wrong(`two Apps in ${manifest} have the name ${name}`, 'give one of them another name');
    seen.add(name);
  }
};

const asksFor = ({ origin, spec, replaceEnv }: Asked): boolean =>
  origin !== undefined || replaceEnv || Object.keys(spec).length > 0;

/**
 * choose puts flags over manifests and says what is pushed. Flags are about one App: of several in a manifest --name chooses
 * the one they mean.
 */
export const choose = (manifests: readonly Asked[], flags: Asked): Asked[] => {
  if (manifests.length <= 1) return [overriding(manifests[0] ?? nothing, flags)];
  checkNames(manifests);
  if (flags.name === undefined) {
    if (asksFor(flags))
      throw wrong(
        'the manifest has several Apps, and these flags are about one of them',
        `say which one with --name: ${names(manifests)}`,
      );
    return manifests.map((manifest) => overriding(manifest, flags));
  }
  const meant = manifests.find(({ name }) => name === flags.name);
  if (meant === undefined) throw wrong(`the manifest has no App ${flags.name}`, `it has: ${names(manifests)}`);
  return [overriding(meant, flags)];
};
