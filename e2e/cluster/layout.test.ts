import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import { adopt, blobPath, blobsOf, entryOf, forget, fromDockerSave, readManifest, writeIndex } from './layout.ts';

const descriptor = (digest: string) => ({ mediaType: 'x', digest, size: 1 });

/** Two images that share a layer. */
function makeLayout() {
  const folder = mkdtempSync(join(tmpdir(), 'epinio-layout-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'blobs', 'sha256'), { recursive: true });
  const blob = (content: string) => {
    const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`;
    writeFileSync(blobPath(folder, digest), content);
    return digest;
  };
  const shared = blob('shared layer');
  const image = (name: string) => {
    const parts = { config: blob(`${name} config`), own: blob(`${name} layer`) };
    const layers = [descriptor(shared), descriptor(parts.own)];
    const digest = blob(JSON.stringify({ config: descriptor(parts.config), layers }));
    const entry = { ...descriptor(digest), annotations: { 'org.opencontainers.image.ref.name': name } };
    return { ...parts, digest, entry };
  };
  const [old, recent] = [image('app:1'), image('app:2')];
  const index = { schemaVersion: 2, manifests: [old.entry, recent.entry] };
  writeFileSync(join(folder, 'index.json'), JSON.stringify(index));
  return { folder, shared, old, recent };
}

test('an image consists of its manifest, its configuration and its layers', () => {
  const { folder, shared, old } = makeLayout();
  expect(new Set(blobsOf(folder, 'app:1'))).toEqual(new Set([old.digest, old.config, shared, old.own]));
  expect(() => blobsOf(folder, 'other:1')).toThrow('has no image other:1');
});

test('a forgotten image takes its blobs with it, not those of others', () => {
  const { folder, shared, old, recent } = makeLayout();
  forget(folder, (name) => name === 'app:1');
  expect(entryOf(folder, 'app:1')).toBeUndefined();
  expect(entryOf(folder, 'app:2')?.digest).toBe(recent.digest);
  const there = (digest: string) => existsSync(blobPath(folder, digest));
  expect([old.digest, old.config, old.own].map(there)).toEqual([false, false, false]);
  expect([recent.digest, recent.config, recent.own, shared].map(there)).toEqual([true, true, true, true]);
});

test('an index of some images names only those', () => {
  const { folder } = makeLayout();
  const target = mkdtempSync(join(tmpdir(), 'epinio-layout-'));
  onTestFinished(() => rmSync(target, { recursive: true }));
  writeIndex(folder, target, ['app:2']);
  expect(entryOf(target, 'app:1')).toBeUndefined();
  expect(entryOf(target, 'app:2')).toBeDefined();
});

test('an adopted image is found by its name, and a second one of the same name takes its place', () => {
  const { folder, shared } = makeLayout();
  const plain = mkdtempSync(join(tmpdir(), 'epinio-dir-'));
  onTestFinished(() => rmSync(plain, { recursive: true }));
  for (const config of ['first', 'second']) {
    const digest = `sha256:${createHash('sha256').update(config).digest('hex')}`;
    writeFileSync(join(plain, digest.slice(7)), config);
    writeFileSync(join(plain, shared.slice(7)), 'shared layer');
    const manifest = { mediaType: 'image', config: descriptor(digest), layers: [descriptor(shared)] };
    writeFileSync(join(plain, 'manifest.json'), JSON.stringify(manifest));
    adopt(plain, folder, 'app:3');
    expect(blobsOf(folder, 'app:3')).toEqual(expect.arrayContaining([digest, shared]));
  }
  expect(entryOf(folder, 'app:1')).toBeDefined();
});

describe('what docker save wrote becomes a layout', () => {
  const sha = (content: Buffer | string) => createHash('sha256').update(content).digest('hex');
  const name = 'localhost/epinio/run:key';
  const layers = ['first layer', 'second layer'];
  const config = JSON.stringify({ rootfs: { diff_ids: layers.map((text) => `sha256:${sha(text)}`) } });

  /** before Docker 25: a folder for each layer, the configuration beside them, no index.json. */
  const classic = { Config: `${sha(config)}.json`, Layers: ['a/layer.tar', 'b/layer.tar'], contents: layers };
  /** since Docker 25: an OCI layout, whose index names the tag alone; layers are compressed in a containerd store. */
  const packed = layers.map((text) => gzipSync(text));
  const oci = {
    Config: `blobs/sha256/${sha(config)}`,
    Layers: packed.map((bytes) => `blobs/sha256/${sha(bytes)}`),
    contents: packed,
  };

  const saved = ({ Config, Layers, contents }: { Config: string; Layers: string[]; contents: (Buffer | string)[] }) => {
    const top = mkdtempSync(join(tmpdir(), 'epinio-saved-'));
    onTestFinished(() => rmSync(top, { recursive: true }));
    const write = (path: string, content: Buffer | string) => {
      mkdirSync(join(top, 'saved', path, '..'), { recursive: true });
      writeFileSync(join(top, 'saved', path), content);
    };
    write(Config, config);
    Layers.forEach((path, index) => write(path, contents[index] ?? ''));
    write('manifest.json', JSON.stringify([{ Config, RepoTags: [name], Layers }]));
    return { from: join(top, 'saved'), to: join(top, 'layout') };
  };

  test.each([
    ['of Docker before 25', classic, ''],
    ['of Docker since 25', oci, '+gzip'],
  ] as const)('%s', (_, what, compression) => {
    const { from, to } = saved({ ...what, Layers: [...what.Layers], contents: [...what.contents] });
    fromDockerSave(from, to, name);
    const manifest = JSON.parse(readManifest(to, entryOf(to, name)?.digest ?? '')) as {
      config: { digest: string };
      layers: { mediaType: string; digest: string; size: number }[];
    };
    expect(manifest.config.digest).toBe(`sha256:${sha(config)}`);
    expect(manifest.layers).toEqual(
      what.contents.map((content) => ({
        mediaType: `application/vnd.oci.image.layer.v1.tar${compression}`,
        digest: `sha256:${sha(content)}`,
        size: content.length,
      })),
    );
    for (const digest of blobsOf(to, name)) expect(existsSync(blobPath(to, digest))).toBe(true);
  });

  test('an archive of other images is an error', () => {
    const { from, to } = saved(classic);
    writeFileSync(join(from, 'manifest.json'), '[]');
    expect(() => fromDockerSave(from, to, name)).toThrow('docker save wrote no image');
  });
});
