import type { Command, Option } from 'commander';
import { App } from '../../../operator/api/app.ts';
import { labels } from '../../../operator/api/names.ts';
import { StageRun } from '../../../operator/api/stagerun.ts';
import { Namespace, Secret, type Resource } from '../../../operator/kube/resource.ts';
import { withCluster, type ClusterFlags } from '../../kubeconfig.ts';

/** Candidates are words, or the names of what lies in the cluster. */
export type Candidates =
  | { readonly type: 'words'; readonly words: readonly string[] }
  | { readonly type: 'names'; readonly of: 'apps' | 'runs' | 'configurations' | 'namespaces' };

interface Read {
  readonly command: Command;
  readonly operands: readonly string[];
  /** The option whose value is being written. */
  readonly open: Option | undefined;
  readonly flags: ClusterFlags;
}

const optionOf = (command: Command, word: string): Option | undefined =>
  command.options.find(({ long, short }) => long === word || short === word);

/** read walks through the words before the one that is being written. */
const read = (program: Command, words: readonly string[]): Read => {
  let command = program;
  const operands: string[] = [];
  const flags: Record<string, string> = {};
  let open: Option | undefined;
  for (const word of words) {
    if (open !== undefined) {
      flags[open.attributeName()] = word;
      open = undefined;
    } else if (word.startsWith('-')) {
      const [name = '', value] = word.split('=', 2);
      const option = optionOf(command, name);
      if (option !== undefined && value !== undefined) flags[option.attributeName()] = value;
      open = option?.required === true && value === undefined ? option : undefined;
    } else {
      const below = command.commands.find((c) => c.name() === word || c.aliases().includes(word));
      if (below === undefined) operands.push(word);
      else command = below;
    }
  }
  return { command, operands, open, flags };
};

const kinds: Readonly<Record<string, Extract<Candidates, { type: 'names' }>['of']>> = {
  app: 'apps',
  stagerun: 'runs',
};

/** argumentKind tells what of the cluster an argument names. */
const argumentKind = ({ command, operands }: Read): Extract<Candidates, { type: 'names' }>['of'] | undefined => {
  const all = command.registeredArguments;
  const argument = all[operands.length] ?? (all.at(-1)?.variadic === true ? all.at(-1) : undefined);
  const name = argument?.name() ?? '';
  if (kinds[name] !== undefined) return kinds[name];
  if (name !== 'name' && name !== 'names') return undefined;
  if (['create', 'add'].includes(command.name())) return undefined;
  if (command.name() === 'target' || command.parent?.name() === 'namespace') return 'namespaces';
  return command.parent?.name() === 'configuration' ? 'configurations' : 'apps';
};

/** candidatesFor tells what may stand where a word is being written. */
export const candidatesFor = (
  program: Command,
  words: readonly string[],
): Candidates & { readonly flags: ClusterFlags } => {
  const current = words.at(-1) ?? '';
  const seen = read(program, words.slice(0, -1));
  const { command, open, flags } = seen;
  if (open?.long === '--namespace') return { type: 'names', of: 'namespaces', flags };
  if (open?.long === '--app') return { type: 'names', of: 'apps', flags };
  if (open?.long === '--output') return { type: 'words', words: ['json', 'yaml', 'name', 'wide'], flags };
  if (open !== undefined) return { type: 'words', words: [], flags };
  if (current.startsWith('-'))
    return {
      type: 'words',
      words: command.options.flatMap(({ long, hidden }) => (hidden || !long ? [] : [long])),
      flags,
    };
  const below = command.createHelp().visibleCommands(command);
  if (below.length > 0) return { type: 'words', words: below.map((c) => c.name()), flags };
  const of = argumentKind(seen);
  const choices = command.registeredArguments[seen.operands.length]?.argChoices ?? [];
  return of === undefined ? { type: 'words', words: choices, flags } : { type: 'names', of, flags };
};

const resources: Readonly<
  Record<Extract<Candidates, { type: 'names' }>['of'], readonly [Resource, string | undefined]>
> = {
  apps: [App, undefined],
  runs: [StageRun, undefined],
  configurations: [Secret, labels.configuration],
  namespaces: [Namespace, undefined],
};

/** What the shell puts into the command line as it is: no server may offer more than a name. */
const isName = /^[a-z0-9][a-z0-9.-]*$/;

/** Who waits for a completion does not wait for long. */
const timeoutMs = 2000;

/** complete gives the words that begin as the last one does; none where the cluster does not tell. */
export const complete = async (program: Command, words: readonly string[], signal: AbortSignal): Promise<string[]> => {
  const found = candidatesFor(program, words);
  const begins = (word: string): boolean => word.startsWith(words.at(-1) ?? '');
  if (found.type === 'words') return found.words.filter(begins);
  const [resource, labelSelector] = resources[found.of];
  try {
    return await withCluster({ ...found.flags, requestTimeout: timeoutMs }, async ({ kube, namespace }) => {
      const names: string[] = [];
      await kube.eachItem(
        resource,
        { namespace, signal, metadataOnly: true, ...(labelSelector !== undefined && { labelSelector }) },
        ({ metadata }) => names.push(metadata?.name ?? ''),
      );
      return names.filter((name) => isName.test(name) && begins(name));
    });
  } catch {
    return [];
  }
};
