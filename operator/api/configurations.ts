import { z } from 'zod';
import { filled, mapList, objectName, rules, worded, type Rule } from './fields.ts';

/** configurationsRoot is where configurations lie that do not say where; Epinio's place. */
export const configurationsRoot = '/configurations';

/** bindingRoot is $SERVICE_BINDING_ROOT, unless the App sets it: where service bindings lie (servicebinding.io). */
export const bindingRoot = '/bindings';
export const bindingRootVariable = 'SERVICE_BINDING_ROOT';

const reserved = ['proc', 'sys', 'dev', 'cnb', 'layers', 'platform', 'var/run/secrets/kubernetes.io'];

const mountPath = filled(512).meta(
  rules(
    { rule: "self.startsWith('/')", message: 'mountPath must start with /: write /etc/shop, not etc/shop' },
    {
      rule: `!(self in ['/', '/etc', '/workspace']) && !self.matches('^/(${reserved.join('|')})(/|$)')`,
      message:
        'mountPath must not hide what the app needs to run: not /, /etc or /workspace itself, and nothing in /proc, /sys, /dev, /cnb, /layers or /platform',
    },
    {
      rule: "self == '/' || !self.startsWith('/') || (self.matches('^(/[^/:\\\\x00-\\\\x1f\\\\x7f]+)+$') && !self.split('/').exists(s, s == '.' || s == '..'))",
      message:
        'mountPath must be the path of a folder such as /etc/shop: no : and no empty, `.` or `..` parts, no / at its end',
    },
  ),
);

// CEL writes names that are words of its own language in this way.
const as = '__as__';
const isBinding = (item: string): string => `(has(${item}.serviceBinding) && ${item}.serviceBinding)`;
const pathOf = (item: string): string =>
  `(has(${item}.mountPath) ? ${item}.mountPath : (${isBinding(item)} ? '${bindingRoot}/' : '${configurationsRoot}/') + ${item}.name)`;
const isFiles = (item: string): string => `${item}.${as} == 'Files'`;

const itemRules: readonly Rule[] = [
  {
    rule: `${isFiles('self')} || !has(self.mountPath)`,
    message: 'mountPath must not be set with `as: Environment`: variables have no path',
  },
  {
    rule: `self.${as} == 'Environment' || !has(self.prefix)`,
    message: 'prefix must only be set with `as: Environment`: the names of files are the keys',
  },
  {
    rule: `!${isBinding('self')} || (self.kind == 'Secret' && ${isFiles('self')} && !has(self.mountPath))`,
    message:
      'a configuration with serviceBinding must be a Secret as Files without mountPath: its place is $SERVICE_BINDING_ROOT/<name>',
  },
];

const configuration = z
  .object({
    name: objectName('configurations.name').describe('name of the Secret or ConfigMap, in the namespace of the App.'),
    kind: z
      .enum(['Secret', 'ConfigMap'])
      .default('Secret')
      .describe('kind says whether name is that of a Secret or of a ConfigMap.'),
    as: z
      .enum(['Files', 'Environment'])
      .default('Files')
      .describe(
        'as says whether each key becomes a file (Files) or an environment variable (Environment). Of several with the same variable the last counts, and env counts more than all.',
      ),
    mountPath: mountPath
      .optional()
      .describe('mountPath is the folder of the files, which are read-only. Default: /configurations/<name>.'),
    prefix: worded(
      128,
      /^[-._a-zA-Z][-._a-zA-Z0-9]*$/,
      'prefix must be letters, digits, _, - and dots and not begin with a digit, such as DB_',
    )
      .optional()
      .describe('prefix is put before each key to make the name of its variable, such as DB_.'),
    serviceBinding: z
      .boolean()
      .optional()
      .describe(
        'serviceBinding true puts the files into $SERVICE_BINDING_ROOT/<name>, where buildpacks, Spring and others look for them (servicebinding.io). The Secret must have a key `type`, such as postgresql.',
      ),
    rollOnChange: z
      .boolean()
      .optional()
      .describe(
        'rollOnChange false keeps the pods when the content changes: files follow by themselves within about a minute, variables at the next start. Default: as rollOnChange of the App says.',
      ),
  })
  .meta(rules(...itemRules))
  .describe('Configuration is a Secret or ConfigMap that the app gets.');
/** Configuration is a Secret or ConfigMap that the app gets. */
export type Configuration = z.output<typeof configuration>;

/** configurations are bound to an App. */
export const configurations = z
  .array(configuration)
  .max(64)
  .meta({
    ...mapList('kind', 'name', 'as'),
    ...rules({
      // A folder in a read-only one cannot be made, so that no container would start.
      rule: `self.all(a, !(${isFiles('a')}) || self.all(b, !(${isFiles('b')}) || (a.kind == b.kind && a.name == b.name) || !(${pathOf('b')} + '/').startsWith(${pathOf('a')} + '/')))`,
      message:
        'configurations must not have the same folder, nor one in the folder of another: give one of them another mountPath',
    }),
  })
  .describe(
    'configurations are Secrets and ConfigMaps that the app gets as files or as environment. The pods are replaced, one after the other, when their content changes.',
  );
