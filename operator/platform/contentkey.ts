import { createHash, randomBytes } from 'node:crypto';
import { labels, managedBy } from '../api/names.ts';
import { isAlreadyExists } from '../kube/errors.ts';
import { Secret, type Key, type ObjectOf } from '../kube/resource.ts';
import type { Kube } from '../kube/types.ts';
import { versionOf, type Looking } from './onceforeachversion.ts';

/** ContentKey is what hashes of contents are made with; id tells hashes of one key from those of another. */
export interface ContentKey {
  readonly id: string;
  readonly secret: Buffer;
}

/** contentKeyName is the Secret of the operator's namespace that holds it. */
export const contentKeyName = 'epinio-content-key';
const field = 'key';
/** 32 random bytes have 43 characters as base64: a shorter key was typed by a person, and can be guessed by those who see hashes. */
const shortest = 43;

const readKey = ({ metadata, data }: ObjectOf<typeof Secret>): ContentKey => {
  const secret = Buffer.from(data?.[field] ?? '', 'base64');
  if (secret.length < shortest)
    throw new Error(
      `The Secret ${metadata?.namespace}/${contentKeyName} has no usable "${field}": delete it, and the operator makes a new one.`,
    );
  return { id: createHash('sha256').update('epinio content key\n').update(secret).digest('hex').slice(0, 8), secret };
};

const makeKey = async (kube: Kube, key: Key): Promise<ObjectOf<typeof Secret>> => {
  const object = {
    metadata: { ...key, labels: { [labels.partOf]: 'epinio', [labels.managedBy]: managedBy } },
    type: 'Opaque',
    data: { [field]: Buffer.from(randomBytes(32).toString('base64url')).toString('base64') },
  };
  try {
    return await kube.create(Secret, object);
  } catch (error) {
    const there = isAlreadyExists(error) ? await kube.get(Secret, key) : undefined;
    if (there === undefined) throw error;
    return there;
  }
};

interface Known {
  readonly versions: readonly (string | undefined)[];
  readonly key: ContentKey;
}

/**
 * contentKey gives the key of the installation. It lies in a Secret of its own, which the operator makes when it needs it first:
 * derived from a credential, hashes that tenants see would let them guess that one.
 */
export const contentKey = (home: string): ((ctx: Looking & { readonly kube: Kube }) => Promise<ContentKey>) => {
  const name: Key = { namespace: home, name: contentKeyName };
  let known: Promise<Known> | undefined;
  const read = async (kube: Kube, version: string | undefined): Promise<Known> => {
    const found = (await kube.get(Secret, name)) ?? (await makeKey(kube, name));
    return { versions: [version, found.metadata?.resourceVersion], key: readKey(found) };
  };
  return async (ctx) => {
    const version = versionOf(ctx, Secret, name);
    const before = known;
    const last = await before;
    // Once made it serves until the operator ends, also should somebody delete it.
    if (last !== undefined && (version === undefined || last.versions.includes(version))) return last.key;
    // While this App waited, another one may have begun to read it.
    const reading = known === before || known === undefined ? read(ctx.kube, version) : known;
    known = reading;
    reading.catch(() => {
      if (known === reading) known = undefined;
    });
    return (await reading).key;
  };
};
