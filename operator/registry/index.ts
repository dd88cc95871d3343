export { isOwnPath, registryAddresses, type RegistryAddresses } from './addresses.ts';
export {
  authorizationOf,
  dockerConfig,
  lifecycleAuth,
  readBasic,
  readDockerConfig,
  type Credential,
  type Keyring,
} from './auth.ts';
export { createRegistryClient, type RegistryClient, type RegistryConfig } from './client.ts';
export { Leftovers, type Left } from './leftovers.ts';
export type { Found, Lookup } from './lookup.ts';
export { processesOf, type Blobs, type ImageConfig, type Process } from './manifest.ts';
export { formatReference, isRepository, parseReference, type Reference } from './names.ts';
export {
  isPullCredential,
  keyName,
  pullCredential,
  readPullKeys,
  sameText,
  scopeOf,
  versionName,
  type PullKeys,
} from './pullkeys.ts';
export {
  isSpare,
  keeps,
  placeOf,
  unrecorded,
  unreferenced,
  type Place,
  type TaggedImage,
  type Wanted,
} from './unreferenced.ts';
export type { Room } from './room.ts';
export { signRunToken, tokenOrigin, type Access, type TokenRequest } from './token.ts';
