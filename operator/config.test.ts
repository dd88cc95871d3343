import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfigError, configSchema, parseConfig } from './config.ts';
import { createStorage } from './storage/index.ts';

const minimal = `
domain: apps.localhost
s3: {endpoint: 'http://minio.epinio-system.svc:9000', bucket: epinio}
registry: {push: 'registry.epinio-system.svc:5000'}
builders: [{name: default, image: 'builder:1', runImage: 'run:1'}]
`;

const mistakes = (text: string): string => {
  try {
    parseConfig(text);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
  }
  return '';
};

describe('the configuration file', () => {
  it('needs only domain, bucket, registry and one builder', () => {
    const config = parseConfig(minimal);
    expect(config.routeTemplate).toBe('{app}.{domain}');
    expect(config.build).toMatchObject({ concurrency: 10, perNamespace: 3, timeoutSeconds: 1800, cache: 'Image' });
    expect(config.builders[0]).toMatchObject({ uid: 1001, gid: 1000, platformAPI: '0.13' });
    expect(config.archive.maxBytes).toBe(2 ** 30);
  });

  it.each([
    ['an unknown key', `${minimal}\ncolour: red`, /colour/],
    ['a builder as root', minimal.replace("'run:1'", "'run:1', uid: 0"), /builders\.0\.uid: must not be 0/],
    ['a domain in upper case', minimal.replace('apps.localhost', 'Apps.Local'), /domain: must be a lower-case/],
    [
      'a default builder that is none',
      `${minimal}\ndefaultBuilder: java`,
      /names no builder profile; there are: default/,
    ],
    ['a template without the app', `${minimal}\nrouteTemplate: '{domain}'`, /routeTemplate: must contain \{app\}/],
    [
      'a registry that would be a path at docker.io',
      minimal.replace('registry.epinio-system.svc:5000', 'registry'),
      /registry\.push: must be host/,
    ],
    [
      'a registry with a scheme',
      minimal.replace('registry.epinio-system.svc:5000', 'https://registry.example.com'),
      /registry\.push: must be host/,
    ],
    [
      'a run image that a tenant could replace',
      minimal.replace("'run:1'", "'registry.epinio-system.svc:5000/apps/epinio/run:1'"),
      /builders: .* lies where Apps push to/,
    ],
    [
      'a longest build that is shorter than the usual one',
      `${minimal}\nbuild: {timeoutSeconds: 7200, maxTimeoutSeconds: 3600}`,
      /build\.maxTimeoutSeconds: is less than build\.timeoutSeconds \(7200\)/,
    ],
    [
      'a builder that a tenant could replace, by the address that nodes pull from',
      minimal
        .replace('registry.epinio-system.svc:5000', "registry.epinio-system.svc:5000', pull: '127.0.0.1:30500")
        .replace("'run:1'", "'localhost:30500/apps/epinio/run:1'"),
      /builders: .* lies where Apps push to/,
    ],
    [
      'a copy of a key of the platform',
      `${minimal}\ncopySecrets: [{name: epinio-s3}]`,
      /copySecrets: epinio-s3 is a credential of the operator itself/,
    ],
    [
      'a copy of a CA together with its key',
      minimal.replace(/registry: \{/, 'copySecrets: [{name: ca, keys: [ca.crt, tls.key]}]\nregistry: {caRef: ca, '),
      /copySecrets: ca may hold the key of a server/,
    ],
    ['a Secret to copy twice', `${minimal}\ncopySecrets: [{name: a}, {name: a}]`, /copySecrets: has a twice/],
    ['an S3 endpoint with a path', minimal.replace(':9000', ':9000/s3'), /s3\.endpoint: must end with host and port/],
    [
      'an S3 endpoint with a key',
      minimal.replace('http://', 'http://key:secret@'),
      /s3\.endpoint: must not hold a key/,
    ],
    ['an S3 host that no client takes', minimal.replace('minio.', '-minio.'), /s3\.endpoint: must have a host of/],
    [
      'an IPv6 address without a port',
      minimal.replace('minio.epinio-system.svc:9000', '[::1]'),
      /s3\.endpoint: must have a port/,
    ],
    ['an S3 endpoint that is no URL', minimal.replace('http://minio', 'minio'), /s3\.endpoint: must be a URL/],
    [
      'a bucket with dots before the host',
      minimal.replace('bucket: epinio', 'bucket: my.epinio, addressing: VirtualHost'),
      /s3\.addressing: VirtualHost needs a bucket without dots/,
    ],
    [
      'a bucket before an IP address',
      minimal
        .replace('minio.epinio-system.svc:9000', '127.0.0.1:9000')
        .replace('epinio}', 'epinio, addressing: VirtualHost}'),
      /s3\.addressing: VirtualHost needs endpoints with names/,
    ],
    ['a bucket in upper case', minimal.replace('bucket: epinio', 'bucket: Epinio'), /s3\.bucket: must have 3 to 63/],
    [
      'a bucket like an address',
      minimal.replace('bucket: epinio', 'bucket: 10.0.0.1'),
      /s3\.bucket: must have 3 to 63/,
    ],
    [
      'a git server with a scheme',
      `${minimal}\ngit: {allowedHosts: ['https://a']}`,
      /git\.allowedHosts\.0: must be a host/,
    ],
    [
      'a proxy with a password',
      `${minimal}\ngit: {proxy: 'http://a:b@c'}`,
      /git\.proxy: must hold no name or password/,
    ],
    [
      'a known host that is a comment',
      `${minimal}\ngit: {knownHosts: ['# a b c']}`,
      /git\.knownHosts\.0: must be a line/,
    ],
    ['text that is not YAML', 'a: [', /is not YAML/],
  ])('refuses %s and says where', (_, text, message) => {
    expect(mistakes(text)).toMatch(message);
  });

  it.each([
    'localhost',
    'localhost:5000',
    '127.0.0.1:30500',
    'registry:5000',
    'ghcr.io',
    'a-b.example.com:443',
    '[fd00::1]:5000',
  ])('takes %s for a registry', (host) =>
    expect(parseConfig(minimal.replace('registry.epinio-system.svc:5000', host)).registry.push).toBe(host),
  );

  it('takes no S3 settings that the client of the storage refuses', async () => {
    const host = fc.oneof(
      fc.domain(),
      fc.ipV4(),
      fc.ipV6().map((ip) => `[${ip}]`),
      fc.string({ unit: 'grapheme-ascii' }),
    );
    const url = fc.tuple(fc.constantFrom('http', 'https'), host, fc.constantFrom('', ':9000', ':443', '/a', ':80'));
    const rest = { region: 'us-east-1', prefix: '', accessKey: 'a', secretKey: 's' };
    const property = fc.asyncProperty(url, fc.string({ minLength: 3 }), async ([scheme, at, port], name) => {
      for (const bucket of ['epinio', name]) {
        const s3 = { endpoint: `${scheme}://${at}${port}`, bucket };
        const { success } = configSchema.shape.s3.safeParse(s3);
        if (success) await createStorage({ ...s3, ...rest }).close();
      }
    });
    await fc.assert(property, {
      examples: [
        [['http', '[::1]', ':9000'], 'epinio'],
        [['http', 'minio_s3', ':9000'], 'a.b'],
      ],
    });
  });

  it('tells all mistakes at once', () => {
    const message = mistakes('domain: X\ns3: {bucket: ab}\nregistry: {}\nbuilders: []');
    for (const path of ['domain', 's3.endpoint', 's3.bucket', 'registry.push', 'builders'])
      expect(message).toContain(`  ${path}: `);
  });
});
