import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isOurs, leftBehind } from './machine.ts';
import { planRemoval, restsOf, type Remains } from './removal.ts';

const nothing: Remains = {
  processes: [],
  mounts: [],
  cgroups: [],
  chains: [],
  sysctls: [],
  files: [],
  folders: [],
  own: [],
};

const commands = (remains: Partial<Remains>): string[] =>
  planRemoval({ ...nothing, ...remains }).map(({ command }) => command.join(' '));

describe('what is left is removed', () => {
  test.each<[string, Partial<Remains>, string[]]>([
    ['nothing: nothing is done', {}, []],
    ['processes are killed', { processes: [7, 9] }, ['sh -c kill -KILL 7', 'sh -c kill -KILL 9']],
    [
      'the youngest mount goes first',
      { mounts: [{ path: '/s/a' }, { path: '/s/a/b' }] },
      ['umount --lazy /s/a/b', 'umount --lazy /s/a'],
    ],
    ['cgroups, as they come', { cgroups: ['/c/pod/x', '/c/pod'] }, ['rmdir /c/pod/x', 'rmdir /c/pod']],
    ['the bridge, and with it its routes', { bridge: 'b0' }, ['ip link delete b0']],
    ['the rule', { rule: ['FORWARD', '-i', 'b0'] }, ['iptables -w -D FORWARD -i b0']],
    ['chains', { chains: [{ command: 'ip6tables', removal: 'x' }] }, ['ip6tables-restore --noflush --wait']],
    ['settings', { sysctls: [['net/ipv4/ip_forward', '0']] }, ['sh -c echo 0 > /proc/sys/net/ipv4/ip_forward']],
    ['files', { files: ['/var/lib/kubelet'] }, ['rm --recursive --force --one-file-system /var/lib/kubelet']],
    ['folders that others may use', { folders: ['/run/netns'] }, ['rmdir --ignore-fail-on-non-empty /run/netns']],
    ['our own folders', { own: ['/s'] }, ['rm --recursive --force --one-file-system /s']],
  ])('%s', (_, remains, expected) => {
    expect(commands(remains)).toEqual(expected);
  });

  test('by what every Debian has, or the network packages that the cluster asks for', () => {
    const mounts = [{ path: '/s/a' }, { path: '/s/b', hiddenBy: '/s' }];
    const network = { bridge: 'b0', rule: ['x'], chains: [{ command: 'iptables', removal: 'x' }] };
    const rest = { cgroups: ['/c'], sysctls: [['a', '1']] as const, files: ['/f'], folders: ['/g'] };
    const steps = planRemoval({ ...nothing, processes: [7], mounts, ...network, ...rest });
    const programs = new Set(steps.map(({ command: [program] }) => program));
    const coreutils = ['sh', 'rm', 'rmdir'];
    expect([...programs].toSorted()).toEqual(
      [...coreutils, 'umount', 'unshare', 'ip', 'iptables', 'iptables-restore'].toSorted(),
    );
  });

  test('a folder with a mount in it waits: what is mounted there may be anything', () => {
    const remains = { mounts: [{ path: '/s/pods/v' }], files: ['/s', '/t'], own: ['/o'] };
    expect(commands(remains)).toEqual(['umount --lazy /s/pods/v', 'rm --recursive --force --one-file-system /t']);
  });

  test('our own folders go last, because they know what was here before', () => {
    expect(commands({ bridge: 'b0', own: ['/s'] })).toEqual(['ip link delete b0']);
  });
});

describe('what is here is', () => {
  const live: Remains = { ...nothing, mounts: [{ path: '/s/a' }] };
  test.each<[string, Remains, Parameters<typeof restsOf>[1], boolean]>([
    ['nothing', nothing, { noted: false, goingDown: false, running: 0 }, false],
    ['a running cluster', live, { noted: true, goingDown: false, running: 7 }, false],
    ['a cluster that lost one process', live, { noted: true, goingDown: false, running: 6 }, false],
    ['a cluster after a restart of the machine', nothing, { noted: true, goingDown: false, running: 0 }, false],
    ['the rest of one that was not removed to the end', nothing, { noted: true, goingDown: true, running: 0 }, true],
    ['the rest of one whose processes all ended', live, { noted: true, goingDown: false, running: 0 }, true],
    [
      'the rest of one without a note',
      { ...nothing, bridge: 'b0' },
      { noted: false, goingDown: false, running: 0 },
      true,
    ],
  ])('%s', (_, remains, state, rest) => {
    expect(restsOf(remains, state) !== undefined).toBe(rest);
  });
});

describe('a process is the cluster’s', () => {
  test.each([
    ['its kubelet', ['/cache/kubelet', '--config=/var/lib/epinio-cluster/kubelet.yaml'], true],
    ['another kubelet', ['/usr/bin/kubelet', '--config=/var/lib/kubelet/config.yaml'], false],
    ['its shim', ['/usr/bin/containerd-shim-runc-v2', '-address', '/run/epinio-cluster/containerd.sock'], true],
    ['a shim of Docker', ['/usr/bin/containerd-shim-runc-v2', '-address', '/run/containerd/containerd.sock'], false],
    ['an editor of one of its files', ['vi', '/var/lib/epinio-cluster/kubelet.yaml'], false],
  ])('%s', (_, args, ours) => {
    expect(isOurs(args)).toBe(ours);
  });
});

test('what could not be removed is named with the command that removes it, and what that said', () => {
  const left = planRemoval({ ...nothing, mounts: [{ path: '/s/a b' }] });
  const text = leftBehind(left, new Map([['the mount at /s/a b', 'umount\numount: /s/a b: target is busy']]));
  expect(text).toContain("the mount at /s/a b: umount --lazy '/s/a b'\n      umount: /s/a b: target is busy");
});

/** In a mount table of its own: a pod's network namespace, then what `ip netns add` does, then the plan until nothing is left. */
const script = `
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
const { readMounts } = await import(process.argv[1]);
const { planRemoval } = await import(process.argv[2]);
const top = process.argv[3];
const sh = (text) => { if (spawnSync('sh', ['-ec', text], { stdio: 'inherit' }).status !== 0) throw new Error(text); };
sh('mount -t tmpfs tmpfs ' + top + '; mkdir ' + top + '/netns; touch ' + top + '/netns/cni-1');
sh('mount --bind /proc/self/ns/net ' + top + '/netns/cni-1; mount --make-private ' + top);
sh('mount --rbind ' + top + '/netns ' + top + '/netns; mount --make-shared ' + top + '/netns; touch ' + top + '/netns/other');
const ours = () => readMounts(readFileSync('/proc/self/mountinfo', 'utf8')).filter(({ path }) => path.startsWith(top + '/netns/cni-'));
const nothing = { processes: [], cgroups: [], chains: [], sysctls: [], files: [], folders: [], own: [] };
const before = ours();
for (let round = 0; round < 3; round += 1)
  for (const { command: [program, ...args] } of planRemoval({ ...nothing, mounts: ours() })) spawnSync(program, args);
const cover = readMounts(readFileSync('/proc/self/mountinfo', 'utf8')).some(({ path }) => path === top + '/netns');
console.log(JSON.stringify({ before, after: ours(), cover }));
`;

test.runIf(process.platform === 'linux' && process.getuid?.() === 0)(
  'a mount that `ip netns add` has hidden is removed, and what hides it stays',
  () => {
    const top = mkdtempSync(join(tmpdir(), 'epinio-mounts-'));
    const modules = ['mounts.ts', 'removal.ts'].map((name) => join(import.meta.dirname, name));
    const node = [process.execPath, '--input-type=module', '-e', script, ...modules, top];
    const { stdout, stderr } = spawnSync('unshare', ['--mount', '--propagation', 'private', ...node], {
      encoding: 'utf8',
    });
    rmSync(top, { recursive: true });
    expect(JSON.parse(stdout || JSON.stringify(stderr))).toEqual({
      before: [{ path: `${top}/netns/cni-1`, hiddenBy: `${top}/netns` }, { path: `${top}/netns/cni-1` }],
      after: [],
      cover: true,
    });
  },
);
