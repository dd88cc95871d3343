export { authorizationOf, dockerConfig, lifecycleAuth, readDockerConfig, type Credential } from './auth.ts';
export { createRegistryClient, type RegistryClient, type RegistryConfig } from './client.ts';
export type { Found, Lookup } from './lookup.ts';
export { processesOf, type ImageConfig, type Process } from './manifest.ts';
export { formatReference, parseReference, type Reference } from './names.ts';
export { signRunToken, type Access, type TokenRequest } from './token.ts';
