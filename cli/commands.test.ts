import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { addCommands } from './commands/index.ts';
import type { Process } from './pushcommand.ts';

const program = new Command('epinio');
addCommands(program, {} as Process);

const isHidden = (command: Command): boolean => (command as unknown as { _hidden: boolean })._hidden;
/** leaves are the commands that do something, by what one types. */
const leaves = (command: Command, path: readonly string[] = []): Map<string, Command> =>
  new Map(
    command.commands.length === 0
      ? [[path.join(' '), command]]
      : command.commands.filter((one) => !isHidden(one)).flatMap((one) => [...leaves(one, [...path, one.name()])]),
  );
const ours = leaves(program);

/** Epinio 1.14. */
const theirs = [
  ...['push', 'login', 'logout', 'info', 'version', 'completion', 'target', 'client-sync', 'server', 'debug'],
  'export-registries',
  ...['push', 'list', 'show', 'create', 'update', 'delete', 'logs', 'restart', 'restage', 'exec', 'port-forward'].map(
    (name) => `app ${name}`,
  ),
  ...['manifest', 'export', 'watch'].map((name) => `app ${name}`),
  ...['list', 'show', 'set', 'unset'].map((name) => `app env ${name}`),
  ...['list', 'show', 'default', 'create', 'update', 'delete'].map((name) => `app chart ${name}`),
  ...['create', 'list', 'show', 'update', 'delete', 'bind', 'unbind'].map((name) => `configuration ${name}`),
  ...['catalog', 'create', 'list', 'show', 'update', 'delete', 'bind', 'unbind', 'port-forward'].map(
    (name) => `service ${name}`,
  ),
  ...['create', 'list', 'show', 'delete'].flatMap((name) => [`namespace ${name}`, `gitconfig ${name}`]),
  ...['show', 'colors', 'update-ca'].map((name) => `settings ${name}`),
  ...['list', 'show', 'create', 'update', 'delete'].map((name) => `buildimage ${name}`),
];
const theirPushFlags = [
  ...['--name', '--path', '--git', '--git-config', '--container-image-url', '--builder-image', '--instances', '--env'],
  ...['--env-replace', '--bind', '--route', '--clear-routes', '--app-chart', '--chart-value'],
];

const docs = readFileSync(join(import.meta.dirname, '..', 'docs', 'cli.md'), 'utf8');
/** rowsOf are the rows of the table under a heading: what is in `code` in each cell. */
const rowsOf = (heading: string): string[][][] => {
  const [, section = ''] = docs.split(`\n## ${heading}\n`);
  const [text = ''] = section.split('\n## ');
  return text
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| Epinio '))
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1)
        .map((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code)),
    );
};

const inColumn = (rows: readonly string[][][], at: number): string[] => rows.flatMap((row) => row[at] ?? []);

/** The names that a text begins with, and the rest of it. */
const commandIn = (text: string): readonly [Command | undefined, string[]] => {
  const words = text.split(' ');
  for (let length = words.length; length > 0; length--) {
    const found = ours.get(words.slice(0, length).join(' '));
    if (found !== undefined) return [found, words.slice(length)];
  }
  return [undefined, words];
};

describe('the tables of docs/cli.md', () => {
  const rows = rowsOf('From Epinio');
  it('have each command of Epinio', () =>
    expect(theirs.filter((command) => !inColumn(rows, 0).includes(command))).toEqual([]));
  it('name no command of Epinio that there is not', () =>
    expect(inColumn(rows, 0).filter((command) => !theirs.includes(command))).toEqual([]));
  it('have each of our commands', () =>
    expect([...ours.keys()].filter((command) => !inColumn(rows, 1).includes(command))).toEqual([]));
  it('name no command of ours that there is not', () =>
    expect(inColumn(rows, 1).filter((command) => !ours.has(command))).toEqual([]));

  const flags = rowsOf("The flags of Epinio's `push`");
  it("have each flag of Epinio's push, which is here as well", () => {
    const named = inColumn(flags, 0).flatMap((text) => text.split(' '));
    expect(theirPushFlags.filter((flag) => !named.includes(flag))).toEqual([]);
    const known = ours.get('push')?.options.map(({ long }) => long) ?? [];
    expect(theirPushFlags.filter((flag) => !known.includes(flag))).toEqual([]);
  });
  it('name each flag of our push', () => {
    const named = inColumn(flags, 0)
      .concat(inColumn(flags, 1))
      .flatMap((text) => text.split(/[ ,]/));
    const clusterFlags = new Set(ours.get('info')?.options.map(({ long }) => long));
    const own = ours.get('push')?.options.filter(({ long, hidden }) => !clusterFlags.has(long) && !hidden) ?? [];
    expect(own.map(({ long }) => long).filter((flag) => !named.includes(flag ?? ''))).toEqual([]);
  });

  it('name flags of our other commands that there are', () => {
    const texts = inColumn(rowsOf("The flags of Epinio's other commands"), 1);
    const wrong = texts.filter((text) => {
      const [command, rest] = commandIn(text);
      const known = command?.options.flatMap(({ long, short }) => [long, short]) ?? [];
      return command !== undefined && rest.some((word) => word.startsWith('-') && !known.includes(word));
    });
    expect(wrong).toEqual([]);
    expect(texts.filter((text) => commandIn(text)[0] !== undefined).length).toBeGreaterThan(10);
  });
});

it('each command and flag says in a sentence what it is for', () => {
  const silent = [...ours].flatMap(([path, command]) => [
    ...(command.description() === '' ? [path] : []),
    ...command.options
      .filter(({ description, hidden }) => description === '' && !hidden)
      .map(({ long }) => `${path} ${long}`),
  ]);
  expect(silent).toEqual([]);
});
