import ignore, { type Ignore } from 'ignore';

/** ignoreFile names what of a folder or a repository is no part of the sources, in the syntax of .gitignore. */
export const ignoreFile = '.epinioignore';

/** Never part of the sources: version control and credentials, as in Epinio. */
const always = ['.git', '.gitignore', '.gitmodules', '.gitconfig', '.git-credentials', ignoreFile];

/**
 * ignoreRules are those of texts, of which later ones count more; nothing brings back what is always left out. README and
 * readme are two names, as in git and Epinio.
 */
export const ignoreRules = (...texts: readonly string[]): Ignore =>
  ignore({ ignorecase: false }).add(texts.join('\n')).add(always);
