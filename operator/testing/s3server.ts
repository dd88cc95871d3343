/** S3Key opens an S3 server. */
export interface S3Key {
  readonly accessKey: string;
  readonly secretKey: string;
}

/** User is a key of a server, and what its bucket policies call its owner. */
export interface S3User extends S3Key {
  readonly principal: string;
}

/** S3Server is a real server on the loopback address with nothing in it, that also knows buckets below the name `s3.test`. */
export interface S3Server extends AsyncDisposable {
  /** By its address; by its name it has the same port. */
  readonly endpoint: string;
  readonly region: string;
  /** Signs its certificate, for the address and the names; absent: plain HTTP. */
  readonly ca?: string;
  /** May do everything. */
  readonly key: S3Key;
  /** addUser makes a user who may do nothing, or everything. */
  addUser(name: string, rights: 'none' | 'all'): Promise<S3User>;
  /** removeUser takes a user and the key away. */
  removeUser(user: S3User): Promise<void>;
}

/** serverName is what servers are called in tests. */
export const serverName = 's3.test';
