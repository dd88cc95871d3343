import { z } from 'zod';
import type { Left } from '../registry/index.ts';

/** Marks remember since when something is unused: name → seconds since 1970. */
export type Marks = Map<string, number>;

/** So many things are remembered as unused, and so many as known; the others are when some of these are gone. */
export const maxMarks = 50_000;

const kept = z.strictObject({
  installation: z.string(),
  rivals: z.array(z.string()).default([]),
  known: z.array(z.string()).default([]),
  /** When, in seconds, and bytes of each namespace. */
  left: z.object({ at: z.number(), bytes: z.record(z.string(), z.number()) }).optional(),
  /** Second → names. */
  marks: z.record(z.string(), z.array(z.string())),
});

/** Kept is what one pass leaves for the next, also over a restart. */
export interface Kept {
  /** uid of the namespace of the operator that wrote it. */
  readonly installation: string;
  /** Other operators that found it: none of them sweeps. */
  readonly rivals: readonly string[];
  /** Where things may be that cannot be listed. */
  readonly known: readonly string[];
  /** What this pass left that no StageRun stands for. */
  readonly left?: Left | undefined;
  readonly marks: Marks;
}

/** writeMarks makes text of it: names in groups, for there are few times and many names. */
export const writeMarks = ({ installation, rivals, known, left, marks }: Kept): string => {
  const groups: Record<string, string[]> = {};
  for (const [name, since] of marks) (groups[since] ??= []).push(name);
  return JSON.stringify({
    installation,
    ...(rivals.length > 0 && { rivals }),
    ...(known.length > 0 && { known: known.slice(0, maxMarks) }),
    ...(left && { left: { at: left.at.getTime() / 1000, bytes: Object.fromEntries(left.bytes) } }),
    marks: groups,
  });
};

/** readMarks reads such text; undefined where it is none: then all begins anew, which removes nothing too early. */
export const readMarks = (text: string): Kept | undefined => {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return undefined;
  }
  const parsed = kept.safeParse(data);
  if (!parsed.success) return undefined;
  const { marks: groups, left, ...rest } = parsed.data;
  const marks: Marks = new Map();
  for (const [since, names] of Object.entries(groups))
    for (const name of names) if (Number.isFinite(Number(since))) marks.set(name, Number(since));
  if (left === undefined) return { ...rest, marks };
  return { ...rest, left: { at: new Date(left.at * 1000), bytes: new Map(Object.entries(left.bytes)) }, marks };
};
