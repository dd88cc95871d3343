import type { Row, Spec } from './wordings.ts';

const bind = (...configurations: readonly object[]): Spec => ({ configurations });
const one = (fields: object): Spec => bind({ name: 'a', ...fields });
const at = (mountPath: string): Spec => one({ mountPath });
const variables = { as: 'Environment' };
const binding = { serviceBinding: true };

/** configurationRows prove the rules of spec.configurations. */
export const configurationRows: readonly Row[] = [
  {
    plural: 'apps',
    good: [one({}), one({ name: 'a.b', kind: 'ConfigMap' })],
    bad: [one({ name: '' }), one({ name: '../a' }), one({ name: 'other/a' }), one({ name: 'A' })],
    message: 'configurations.name must be a name of lower-case letters, digits, - and dots, such as my-shop',
  },
  {
    plural: 'apps',
    good: [at('/etc/shop')],
    bad: [at('etc/shop'), at('./a'), at('../a')],
    message: 'mountPath must start with /: write /etc/shop, not etc/shop',
  },
  {
    plural: 'apps',
    good: [at('/etc/shop'), at('/workspace/config'), at('/processor'), at('/var/run/secrets/shop')],
    bad: [
      ...[at('/'), at('/etc'), at('/workspace'), at('/proc'), at('/proc/1'), at('/sys/fs'), at('/dev/shm')],
      ...[at('/cnb'), at('/layers/x'), at('/platform/env'), at('/var/run/secrets/kubernetes.io/serviceaccount')],
    ],
    message:
      'mountPath must not hide what the app needs to run: not /, /etc or /workspace itself, and nothing in /proc, /sys, /dev, /cnb, /layers or /platform',
  },
  {
    plural: 'apps',
    good: [at('/etc/shop'), at('/a b/..c/.d')],
    bad: [at('/a/'), at('/a//b'), at('/a/../b'), at('/a/.'), at('/..'), at('/a:b'), at('/a\nb')],
    message:
      'mountPath must be the path of a folder such as /etc/shop: no : and no empty, `.` or `..` parts, no / at its end',
  },
  {
    plural: 'apps',
    good: [one({ ...variables, prefix: 'DB_' }), one({ ...variables, prefix: '_' })],
    bad: [one({ ...variables, prefix: '1' }), one({ ...variables, prefix: 'A=B' }), one({ ...variables, prefix: '' })],
    message: 'prefix must be letters, digits, _, - and dots and not begin with a digit, such as DB_',
  },
  {
    plural: 'apps',
    good: [one(variables), at('/b')],
    bad: [one({ ...variables, mountPath: '/b' })],
    message: 'mountPath must not be set with `as: Environment`: variables have no path',
  },
  {
    plural: 'apps',
    good: [one({ ...variables, prefix: 'A' })],
    bad: [one({ prefix: 'A' }), one({ as: 'Files', prefix: 'A' })],
    message: 'prefix must only be set with `as: Environment`: the names of files are the keys',
  },
  {
    plural: 'apps',
    good: [
      one(binding),
      one({ ...binding, kind: 'Secret', as: 'Files' }),
      one({ ...variables, serviceBinding: false }),
    ],
    bad: [
      one({ ...binding, kind: 'ConfigMap' }),
      one({ ...binding, ...variables }),
      one({ ...binding, mountPath: '/b' }),
    ],
    message:
      'a configuration with serviceBinding must be a Secret as Files without mountPath: its place is $SERVICE_BINDING_ROOT/<name>',
  },
  {
    plural: 'apps',
    good: [
      bind({ name: 'a' }, { name: 'a', ...variables }, { name: 'a', kind: 'ConfigMap', mountPath: '/b' }),
      bind({ name: 'a' }, { name: 'ab' }, { name: 'b', mountPath: '/configurations/a-b' }),
      bind({ name: 'a' }, { name: 'b', ...binding }, { name: 'a', kind: 'ConfigMap', ...variables }),
    ],
    bad: [
      bind({ name: 'a' }, { name: 'a', kind: 'ConfigMap' }),
      bind({ name: 'a' }, { name: 'b', mountPath: '/configurations/a' }),
      bind({ name: 'a' }, { name: 'b', mountPath: '/configurations/a/b' }),
      bind({ name: 'a' }, { name: 'b', mountPath: '/configurations' }),
      bind({ name: 'a', ...binding }, { name: 'b', mountPath: '/bindings/a/type' }),
    ],
    message:
      'configurations must not have the same folder, nor one in the folder of another: give one of them another mountPath',
  },
];
