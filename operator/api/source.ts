import { z } from 'zod';
import { envName, imageReference, mapList, objectName, rules, sha256, text, worded } from './fields.ts';

const blob = z
  .object({
    sha256: sha256().describe('sha256 of the archive in 64 hex digits in lower case, as `sha256sum` prints it.'),
    size: z
      .int()
      .min(1)
      .max(5_368_709_120)
      .describe('size of the archive in bytes; the upload accepts exactly this many. At most 5 GiB.'),
  })
  .describe('blob is an archive (tar, tar.gz, tar.bz2, tar.xz or zip) that is uploaded to the URL in status.upload.');

/** Source is where the app's code or image comes from. */
export const source = z
  .object({
    blob: blob.optional(),
    image: imageReference()
      .optional()
      .describe('image is a container image that runs as it is, without a build; best written with its digest.'),
  })
  .meta(
    rules({
      // Empty means the same as absent: server-side apply cannot keep the two apart.
      rule: '[has(self.blob), has(self.image)].filter(x, x).size() <= 1',
      message: 'source must have only one of `blob` and `image`: remove the other',
    }),
  )
  .describe('source is where the code or the image comes from. Without it the App has no workload.');
export type Source = z.output<typeof source>;

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
      .enum(['Image', 'None'])
      .optional()
      .describe(
        'mode is Image (cached layers are kept as an image in the registry) or None. Default: as the installation says.',
      ),
  })
  .describe('cache says what a build keeps for the next one.');

/** timeoutSeconds of a build. */
export const timeoutSeconds = z
  .int32()
  .min(30)
  .max(86_400)
  .describe(
    'timeoutSeconds is how long a build may take before it is ended, in seconds, up to what the installation allows. Default: as the installation says.',
  );
