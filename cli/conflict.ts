import type { App } from '../operator/api/app.ts';
import type { ApiError } from '../operator/kube/errors.ts';
import type { Key } from '../operator/kube/resource.ts';
import { fieldManager } from './client.ts';
import { UserError } from './errors.ts';
import { managersOf } from './owned.ts';
import { ownersOf, written, type Place } from './owners.ts';

/** Conflict is a field that somebody else manages and that is to become another one. */
export interface Conflict {
  readonly field: string;
  readonly manager: string;
  readonly subresource: string | undefined;
  readonly since: string | undefined;
}

const told = /conflicts? with "((?:[^"\\]|\\.)*)"(?: with subresource "([^"]*)")?(?: using \S+)?(?: at (\S+))?/;

/** conflictsOf reads what the API server says of a server-side apply that it refuses. */
export const conflictsOf = (error: ApiError, live: App | undefined): Conflict[] =>
  (error.details?.causes ?? []).flatMap(({ reason, message = '', field = '' }) => {
    const match = reason === 'FieldManagerConflict' ? told.exec(message) : null;
    if (match === null) return [];
    const [, manager = '', subresource, at] = match;
    const since = at ?? managersOf(live).find((m) => m.manager === manager && m.subresource === subresource)?.time;
    return [{ field: field.replace(/^\./, ''), manager, subresource, since }];
  });

/** conflictsAt finds who manages what is at these places, for a patch: the API server takes a patch without a word. */
export const conflictsAt = (live: App | undefined, places: readonly Place[]): Conflict[] =>
  places.flatMap((place) =>
    ownersOf(live, place).map(({ manager = 'somebody', subresource, time }) => ({
      field: written(place),
      manager,
      subresource,
      since: time,
    })),
  );

/** isByHand: a field that people wrote may be changed by the next command; one that a tool keeps is set back, or fights. */
const isByHand = ({ manager }: Conflict): boolean => manager === fieldManager || manager.startsWith('kubectl');

/** An autoscaler writes through /scale; a person who scales does so by kubectl. */
const isAutoscaler = (conflict: Conflict): boolean => conflict.subresource === 'scale' && !isByHand(conflict);

/** mayTakeOver: all that is in the way was written by hand. */
export const mayTakeOver = (conflicts: readonly Conflict[]): boolean => conflicts.every(isByHand);

const when = (since: string | undefined): string =>
  since === undefined ? '' : ` since ${since.slice(0, 16).replace('T', ' ')} UTC`;

const what = (conflicts: readonly Conflict[]): string =>
  [...Map.groupBy(conflicts, ({ manager }) => manager)]
    .map(([manager, of]) => {
      const fields = [...new Set(of.map(({ field }) => field))];
      return `${fields.join(', ')} ${fields.length === 1 ? 'is' : 'are'} managed by ${manager}${when(of[0]?.since)}`;
    })
    .join('; ');

const whatToDo = (conflicts: readonly Conflict[]): string => {
  if (conflicts.every(isAutoscaler))
    return 'leave the number of instances out: an autoscaler sets it; or switch the autoscaler off, then use --force';
  const manager = conflicts[0]?.manager ?? 'that tool';
  return `change it where ${manager} takes it from, or leave it out; with --force it is taken over, until ${manager} sets it back`;
};

/** clash explains to a user why a change is refused: what, whose it is and since when, what to do. */
export const clash = ({ name }: Key, conflicts: readonly Conflict[], cause?: unknown): UserError => {
  const kept = conflicts.filter((conflict) => !isByHand(conflict));
  return kept.length === 0
    ? new UserError(`App ${name} was changed by somebody else at the same time`, 'do it again', { cause })
    : new UserError(`App ${name}: ${what(kept)}`, whatToDo(kept), { cause });
};
