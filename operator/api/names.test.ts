import { describe, expect, it } from 'vitest';
import {
  annotations,
  appRouteName,
  certificateName,
  blobKey,
  cacheRepository,
  child,
  defaultHost,
  deploymentName,
  labels,
  redirectName,
  repository,
  serviceName,
  stageRunName,
} from './names.ts';

const long = 'a'.repeat(63);
const dashed = `${'a'.repeat(51)}--${'b'.repeat(10)}`;

// Golden: these names are in the clusters of users. A change here makes everything again under new names.
describe('names', () => {
  it.each([
    [child('shop', 'ingress'), 'shop-776355e73e'],
    [child(long, 'ingress'), 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-e04d548520'],
    [child(dashed, 'ingress'), 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-479d8667eb'],
    [stageRunName('shop', 'f'.repeat(64)), 'shop-c8798c9155'],
    [appRouteName('shop', { host: 'shop.example.org', path: '/' }), 'shop-3474a4ef09'],
    [appRouteName('shop', { host: 'shop.example.org', path: '/api' }), 'shop-21dadca6f3'],
    [certificateName('shop-3474a4ef09'), 'shop-3474a4ef09-a907b51d62'],
    [redirectName('shop-3474a4ef09'), 'shop-3474a4ef09-2aa0b719ab'],
    [serviceName('shop'), 'shop'],
    [serviceName('2048'), 'app-2048-52d8f783b6'],
    [serviceName(`2${long.slice(1)}`), 'app-2aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-82547fad3e'],
    [deploymentName('shop'), 'shop'],
    [deploymentName('shop', 'worker'), 'shop-46ac982244'],
  ])('%s stays as it is', (name, golden) => {
    expect(name).toBe(golden);
  });

  it.each([
    child(long, 'x'),
    child(dashed, 'x'),
    redirectName(`${'a'.repeat(51)}.-.${'b'.repeat(20)}`),
    certificateName(`${'a'.repeat(51)}.-.${'b'.repeat(20)}`),
    serviceName(`2${long.slice(1)}`),
    defaultHost({ name: long, namespace: long }, 'd', '{app}-{namespace}'),
  ])('%s has at most 63 characters and is a DNS label', (name) => {
    expect(name).toMatch(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
    expect(name).not.toContain('--');
  });

  it('tell apart what is cut to the same beginning', () => {
    expect(child(`${long.slice(0, 62)}x`, 'p')).not.toBe(child(`${long.slice(0, 62)}y`, 'p'));
  });
});

describe('defaultHost', () => {
  const app = { namespace: 'team', name: 'shop' };

  it.each([
    [undefined, 'shop.example.org'],
    ['{app}.{namespace}.{domain}', 'shop.team.example.org'],
    ['{app}-{namespace}.{domain}', 'shop-team.example.org'],
  ])('of the template %s is %s', (template, host) => {
    expect(defaultHost(app, 'example.org', template)).toBe(host);
  });
});

describe('places outside the cluster', () => {
  const app = { namespace: 'team', name: 'shop' };

  it('are under namespace and App', () => {
    expect(repository('registry.example.org/apps', app)).toBe('registry.example.org/apps/team/shop');
    expect(cacheRepository('registry.example.org/apps', app)).toBe('registry.example.org/apps/team/shop/cache');
    expect(blobKey('one/', 'team', 'abc')).toBe('one/blobs/team/abc');
  });
});

describe('labels and annotations', () => {
  it('stay as they are', () => {
    expect({ labels, annotations }).toMatchInlineSnapshot(`
      {
        "annotations": {
          "applied": "epinio.io/applied",
          "attempt": "epinio.io/attempt",
          "clearCache": "epinio.io/clear-cache",
          "content": "epinio.io/content",
          "gitUrl": "epinio.io/git-url",
          "requestLog": "epinio.io/request-log",
          "requestUpload": "epinio.io/request-upload",
          "restart": "epinio.io/restart",
          "supersededBy": "epinio.io/superseded-by",
        },
        "labels": {
          "app": "epinio.io/app",
          "component": "app.kubernetes.io/component",
          "configuration": "epinio.io/configuration",
          "defaultRoute": "epinio.io/default-route",
          "gitConfig": "epinio.io/git-config",
          "managedBy": "app.kubernetes.io/managed-by",
          "name": "app.kubernetes.io/name",
          "partOf": "app.kubernetes.io/part-of",
          "process": "epinio.io/process",
          "release": "epinio.io/release",
          "routing": "epinio.io/routing",
          "stageId": "epinio.io/stage-id",
          "stageRun": "epinio.io/stagerun",
        },
      }
    `);
  });
});
