import { existsSync, mkdtempSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { onlyPrograms, packagesBehind } from './programs.ts';

const status = `Package: bash
Essential: yes
Status: install ok installed
Priority: required
Depends: base-files (>= 2.1.12), debianutils
Pre-Depends: libc6 (>= 2.36)

Package: debianutils
Status: install ok installed
Priority: required

Package: runc
Status: install ok installed
Priority: optional
Depends: libc6 (>= 2.34), libseccomp2 (>= 2.5.0)

Package: libseccomp2
Status: install ok installed
Priority: optional

Package: containerd
Status: install ok installed
Priority: optional
Depends: runc (>= 1.0.0~rc2~),
 default-mta | mail-transport-agent

Package: exim4
Status: install ok installed
Priority: optional
Provides: mail-transport-agent

Package: gone
Status: deinstall ok config-files
Priority: required

Package: busybox-static
Status: install ok installed
Priority: optional
`;

describe('the packages behind some programs', () => {
  const required = ['bash', 'debianutils'];
  test.each([
    ['a fresh machine has what Debian requires', [], required],
    ['a package comes with all that it depends on', ['runc'], [...required, 'libseccomp2', 'runc']],
    [
      'whoever provides a dependency counts',
      ['containerd'],
      [...required, 'containerd', 'exim4', 'libseccomp2', 'runc'],
    ],
    ['a package that is not there brings nothing', ['etcd-server'], required],
  ])('%s', (_, wanted, expected) => {
    expect(packagesBehind(status, wanted)).toEqual(expected.toSorted());
  });
});

describe.runIf(existsSync('/var/lib/dpkg/status'))('the folder of programs', () => {
  const folder = mkdtempSync(join(tmpdir(), 'epinio-programs-test-'));
  beforeAll(() => void onlyPrograms([], folder));
  afterAll(() => rmSync(folder, { recursive: true }));

  test('it has what every Debian has, and node', () => {
    for (const name of ['sh', 'awk', 'tar', 'find', 'node']) expect(readlinkSync(join(folder, name))).not.toBe('');
  });

  test.each(['etcd', 'busybox', 'skopeo', 'openssl', 'iptables', 'python3', 'gcc'])(
    'it has no %s, whether this machine has it or not',
    (name) => {
      expect(existsSync(join(folder, name))).toBe(false);
    },
  );
});
