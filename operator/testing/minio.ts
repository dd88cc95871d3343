import { afterAll, beforeAll } from 'vitest';
import { startStorage, type TestStorage } from './minioserver.ts';

export { startMinio, type Minio } from './minioserver.ts';

/** useStorage starts a storage before the tests of a file and stops it after them. */
export const useStorage = (): Pick<TestStorage, 'storage'> => {
  let started: TestStorage | undefined;
  beforeAll(async () => {
    started = await startStorage();
  });
  afterAll(() => started?.[Symbol.asyncDispose]());
  return {
    get storage() {
      if (started === undefined) throw new Error('the storage is there only while tests run');
      return started.storage;
    },
  };
};
