import { z } from 'zod';
import {
  envName,
  filled,
  imageReference,
  mapList,
  matches,
  objectName,
  rules,
  sha256,
  text,
  worded,
} from './fields.ts';
import { gitUrlPattern } from './giturl.ts';

const blob = z
  .object({
    sha256: sha256().describe('sha256 of the archive in 64 hex digits in lower case, as `sha256sum` prints it.'),
    size: z
      .int()
      .min(1)
      .max(5_368_709_120)
      .describe('size of the archive in bytes; the upload accepts exactly this many. At most 5 GiB.'),
  })
  .describe(
    'blob is an archive (tar, tar.gz, tar.bz2, tar.xz, tar.zst or zip) that is uploaded to the URL in status.upload.',
  );

/** urlRules say one thing about an address each, so that a mistake is told once. */
const urlRules = rules(
  {
    rule: "self.startsWith('https://') || self.startsWith('ssh://')",
    message:
      'url must begin with https:// or ssh://: write https://github.com/team/shop or ssh://git@github.com/team/shop.git, not git@github.com:team/shop.git',
  },
  {
    rule: "!self.matches('^https://[^/]*@') && !self.matches('^ssh://[^/@]*:[^/]*@')",
    message: 'url must not hold a name or password: put them into a Secret and name it in secretRef',
  },
  { rule: "!self.matches('[?#]')", message: 'url must have no ? and no #: branch and folder have fields of their own' },
  {
    rule: `!(self.startsWith('https://') || self.startsWith('ssh://')) || self.matches('^https://[^/]*@') || self.matches('^ssh://[^/@]*:[^/]*@') || self.matches('[?#]') || ${matches(gitUrlPattern)}`,
    message:
      'url must be made of a host, perhaps with a port, and a path of letters, digits and ._~+,=:@%-, such as https://git.example.org:8443/team/shop.git',
  },
);

const git = z
  .object({
    url: filled(2048)
      .meta(urlRules)
      .describe(
        'url is the address of the repository, such as https://github.com/team/shop or ssh://git@github.com/team/shop.git.',
      ),
    revision: filled(255)
      .meta(
        rules({
          // What git check-ref-format takes, and nothing that a program could take for an option.
          rule: `${matches(/^[^\x00-\x20\x7f~^:?*\[\\\/-][^\x00-\x20\x7f~^:?*\[\\]*$/)} && !self.matches('[.][.]|@[{]|//|[/.]$|[.]lock$')`,
          message:
            'revision must be a branch, a tag or a commit as git names it, such as main, v1.2.0 or 4f2a9c1: no spaces, no -, / at the beginning, none of ~^:?*[\\ and no ..',
        }),
      )
      .optional()
      .describe(
        'revision is a branch, a tag, or a commit of at least 4 digits; the commit is looked up once for a StageRun, and stands in its status.revision. Default: the default branch of the repository.',
      ),
    subPath: filled(1024)
      .meta(
        rules({
          rule: "!self.matches('[\\\\x00-\\\\x1f\\\\x7f]') && !self.split('/').exists(s, s == '' || s == '.' || s == '..' || s == '.git')",
          message:
            'subPath must be the path of a folder in the repository, such as services/shop: no / at its ends, no empty, `.`, `..` or `.git` parts',
        }),
      )
      .optional()
      .describe('subPath is the folder of the repository that is built. Default: all of it.'),
    secretRef: z
      .object({
        name: objectName('secretRef.name').describe(
          'name of a Secret in the namespace of the App, with username and password, bearerToken or ssh-privatekey, and perhaps known_hosts and ca.crt.',
        ),
      })
      .meta({ 'x-kubernetes-map-type': 'atomic' })
      .optional()
      .describe('secretRef names the Secret with the credential for the server of url; it goes to no other server.'),
    submodules: z
      .enum(['None', 'Recursive'])
      .optional()
      .describe(
        'submodules is Recursive to fetch submodules, and theirs, or None. Those on the server of url get its credential. Default: None.',
      ),
  })
  .meta(
    rules({
      rule: "!self.url.startsWith('ssh://') || has(self.secretRef)",
      message: 'source.git with an ssh url must have secretRef: name a Secret with ssh-privatekey and known_hosts',
    }),
  )
  .describe('git is a commit of a git repository, fetched by each build over https or ssh.');
/** GitSource is a commit of a git repository. */
export type GitSource = z.output<typeof git>;

/** Source is where the app's code or image comes from. */
export const source = z
  .object({
    blob: blob.optional(),
    git: git.optional(),
    image: imageReference()
      .optional()
      .describe('image is a container image that runs as it is, without a build; best written with its digest.'),
  })
  .meta(
    rules({
      // Empty means the same as absent: server-side apply cannot keep the two apart.
      rule: '[has(self.blob), has(self.git), has(self.image)].filter(x, x).size() <= 1',
      message: 'source must have only one of `blob`, `git` and `image`: remove the others',
    }),
  )
  .describe('source is where the code or the image comes from. Without it the App has no workload.');
export type Source = z.output<typeof source>;

/** SourceKind is a source by what it is. */
export type SourceKind =
  | { readonly type: 'none' }
  | { readonly type: 'image'; readonly image: string }
  | { readonly type: 'blob'; readonly blob: NonNullable<Source['blob']> }
  | { readonly type: 'git'; readonly git: GitSource };

/** kindOf tells what a source is; all that goes by the kind of a source asks here. */
export const kindOf = (source: Source | undefined): SourceKind => {
  if (source?.image !== undefined) return { type: 'image', image: source.image };
  if (source?.blob !== undefined) return { type: 'blob', blob: source.blob };
  return source?.git === undefined ? { type: 'none' } : { type: 'git', git: source.git };
};

/** isBuilt tells whether an image is built from a source. */
export const isBuilt = (source: Source | undefined): boolean => ['blob', 'git'].includes(kindOf(source).type);

const buildEnvSource = z
  .object({
    secretKeyRef: z
      .object({
        name: objectName('secretKeyRef.name').describe('name of a Secret in the namespace of the App.'),
        key: worded(
          253,
          /^[-._a-zA-Z0-9]+$/,
          'secretKeyRef.key must be letters, digits and -._, as the keys of Secrets are',
        ).describe('key of the Secret that holds the value.'),
      })
      .meta({ 'x-kubernetes-map-type': 'atomic' })
      .describe('secretKeyRef takes the value from a Secret; it is mounted into the build and never copied.'),
  })
  .describe('valueFrom takes the value from somewhere else; only Secrets are possible.');

const buildEnvVar = z
  .object({
    name: envName().describe('name of the setting, such as BP_NODE_VERSION.'),
    value: text(32768).optional().describe('value of the setting; empty if neither value nor valueFrom is given.'),
    valueFrom: buildEnvSource.optional(),
  })
  .meta(
    rules({
      rule: '!(has(self.value) && has(self.valueFrom))',
      message: 'an entry of build.env must have only one of `value` and `valueFrom`: remove the other',
    }),
  )
  .describe('EnvVar is one setting of the build.');
export type BuildEnvVar = z.output<typeof buildEnvVar>;

/** buildEnv is the list of buildpack settings. */
export const buildEnv = z
  .array(buildEnvVar)
  .max(100)
  .meta(mapList('name'))
  .describe(
    'env are settings for the buildpacks, such as BP_NODE_VERSION; they are not in the environment of the running app.',
  );

const bindingWord = (field: string, example: string) =>
  worded(
    253,
    /^[A-Za-z0-9]([-A-Za-z0-9_.\/]*[A-Za-z0-9])?$/,
    `${field} of a binding must be a word such as ${example}: letters, digits and -_./`,
  );

const buildBinding = z
  .object({
    name: objectName('bindings.name').describe(
      'name of a Secret in the namespace of the App; its keys are files in /platform/bindings/<name>.',
    ),
    type: bindingWord('type', 'maven')
      .optional()
      .describe(
        'type tells buildpacks what the binding is for, such as maven. Default: what the key `type` of the Secret holds.',
      ),
    provider: bindingWord('provider', 'example.org')
      .optional()
      .describe('provider tells whose binding it is. Default: the key `provider` of the Secret, if it has one.'),
  })
  .describe('Binding is a Secret that the buildpacks of a build get.');
/** BuildBinding is a Secret that the buildpacks of a build get. */
export type BuildBinding = z.output<typeof buildBinding>;

/** buildBindings is the list of service bindings of a build. */
export const buildBindings = z
  .array(buildBinding)
  .max(16)
  .meta(mapList('name'))
  .describe(
    'bindings are service bindings for the buildpacks (https://buildpacks.io), such as settings.xml for Maven or a certificate; only detect and build see them, the running app does not.',
  );

/** builder as a user writes it. */
export const builder = worded(
  1024,
  /^[A-Za-z0-9][A-Za-z0-9._:@\/-]*$/,
  'builder must be the name of a builder profile or an image such as docker.io/paketobuildpacks/builder:1, without scheme',
).describe(
  'builder is the name of a builder profile of this installation, or a builder image that it allows. Default: its default profile.',
);

/** cache of a build. */
export const cache = z
  .object({
    mode: z
      .enum(['Image', 'Volume', 'None'])
      .optional()
      .describe(
        'mode is Image (cached layers are kept as an image in the registry), Volume (in a PersistentVolumeClaim of the App), or None. Default: as the installation says.',
      ),
    size: worded(
      20,
      /^[1-9][0-9]*(Mi|Gi|Ti|M|G|T)$/,
      'size must be a number of bytes with a unit, such as 500Mi or 2Gi',
    )
      .optional()
      .describe('size of the volume; a volume that is full is emptied. Default: as the installation says.'),
    storageClassName: objectName('storageClassName')
      .optional()
      .describe('storageClassName of the volume. Default: as the installation says, else the class of the cluster.'),
    key: worded(
      63,
      /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/,
      'key must be letters, digits and -_. such as 2 or node-22, beginning and ending with a letter or digit',
    )
      .optional()
      .describe('key is any word; with a new one the next build begins with an empty cache.'),
  })
  .meta(
    rules({
      rule: "!has(self.mode) || self.mode == 'Volume' || !(has(self.size) || has(self.storageClassName))",
      message: 'mode must be Volume where a cache has size or storageClassName: set it, or remove them',
    }),
  )
  .describe('cache says what a build keeps for the next one.');

/** rebase of what was built. */
export const rebase = z
  .enum(['Auto', 'Off'])
  .describe(
    'rebase is Auto to put what was built upon the newest run image of its builder, in seconds and without a build, as soon as there is one; Off leaves it. Default: as the installation says.',
  );

/** timeoutSeconds of a build. */
export const timeoutSeconds = z
  .int32()
  .min(30)
  .max(86_400)
  .describe(
    'timeoutSeconds is how long a build may take before it is ended, in seconds, up to what the installation allows. Default: as the installation says.',
  );
