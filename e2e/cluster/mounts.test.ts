import { describe, expect, test } from 'vitest';
import { readMounts } from './mounts.ts';

const table = (...lines: string[]): string => `${lines.join('\n')}\n`;
const root = '20 1 254:0 / / rw - ext4 /dev/vda rw';
const run = '27 20 0:24 / /run rw - tmpfs tmpfs rw';
const pod = '45 27 0:4 net:[4026532178] /run/netns/cni-a rw - nsfs nsfs rw';
/** What `ip netns add` does first: /run/netns upon itself, with all that is mounted in it. */
const upon = '90 27 0:24 /netns /run/netns rw shared:9 - tmpfs tmpfs rw';
const copy = '91 90 0:4 net:[4026532178] /run/netns/cni-a rw - nsfs nsfs rw';

describe('the mount table', () => {
  test('each mount is found, the oldest first', () => {
    expect(readMounts(table(root, run, pod))).toEqual([{ path: '/' }, { path: '/run' }, { path: '/run/netns/cni-a' }]);
  });

  test('a mount is hidden by a later one on a folder above it; its copy upon that one is not', () => {
    expect(readMounts(table(root, run, pod, upon, copy)).slice(2)).toEqual([
      { path: '/run/netns/cni-a', hiddenBy: '/run/netns' },
      { path: '/run/netns' },
      { path: '/run/netns/cni-a' },
    ]);
  });

  test('what lies upon a hidden mount is hidden too', () => {
    const below = '46 45 0:50 / /run/netns/cni-a/x rw - tmpfs tmpfs rw';
    expect(readMounts(table(root, run, pod, below, upon))).toContainEqual({
      path: '/run/netns/cni-a/x',
      hiddenBy: '/run/netns',
    });
  });

  test('two mounts of one folder hide nothing: the second lies upon the first', () => {
    const second = '46 45 0:50 / /run/netns/cni-a rw - tmpfs tmpfs rw';
    expect(readMounts(table(root, run, pod, second)).filter(({ hiddenBy }) => hiddenBy)).toEqual([]);
  });

  test('blanks in paths are read as they are', () => {
    expect(readMounts('5 1 0:1 / /mnt/a\\040b rw - tmpfs tmpfs rw')).toEqual([{ path: '/mnt/a b' }]);
  });
});
