import { basename } from 'node:path';
import { UserError } from './errors.ts';

const maxLength = 63;
/** shortName is what an App may be called: a label of DNS. */
export const shortName = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** suggestion makes of any text a name that an App may have; undefined where nothing of it is left. */
const suggestion = (text: string): string | undefined => {
  const name = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, maxLength)
    .replace(/^-+|-+$/g, '');
  return shortName.test(name) ? name : undefined;
};

/** appName is the name that was given, or that of the folder. */
export const appName = (given: string | undefined, path: string): string => {
  const name = given ?? basename(path).toLowerCase();
  if (shortName.test(name)) return name;
  const better = suggestion(name);
  const hint = 'lower-case letters, digits and dashes, 63 at most';
  throw new UserError(
    given === undefined
      ? `the name of the folder, ${name || path}, cannot be the name of an App`
      : `${name || 'nothing'} cannot be the name of an App`,
    better === undefined ? `give one with --name: ${hint}` : `give one with --name, such as --name ${better}: ${hint}`,
  );
};
