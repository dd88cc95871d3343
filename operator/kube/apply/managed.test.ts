import { describe, expect, test } from 'vitest';
import { claimed, type ManagedFields } from './managed.ts';

const entry = (manager: string, fieldsV1: object, more: Partial<ManagedFields> = {}): ManagedFields => ({
  manager,
  operation: 'Update',
  apiVersion: 'v1',
  fieldsType: 'FieldsV1',
  fieldsV1: fieldsV1 as NonNullable<ManagedFields['fieldsV1']>,
  ...more,
});
const ours = (fields: object): ManagedFields => entry('epinio', fields, { operation: 'Apply' });

const port = { key: { port: 81, protocol: 'TCP' } };
const portKey = 'k:{"port":81,"protocol":"TCP"}';
const claim = (entries: ManagedFields[], place: Parameters<typeof claimed>[1]['places'][number], whole = true) =>
  claimed(entries, { manager: 'epinio', apiVersion: 'v1', places: [place], whole });

describe('a claim', () => {
  test('takes an item from others and gives it to us, with all that is in it', () => {
    const theirs = { 'f:spec': { 'f:ports': { '.': {}, [portKey]: { '.': {}, 'f:port': {} } }, 'f:type': {} } };
    expect(
      claim([entry('kubectl', theirs), ours({ 'f:spec': { 'f:ports': { 'k:{}': {} } } })], ['spec', 'ports', port]),
    ).toEqual([
      entry('kubectl', { 'f:spec': { 'f:ports': { '.': {} }, 'f:type': {} } }),
      ours({ 'f:spec': { 'f:ports': { 'k:{}': {}, [portKey]: { '.': {}, 'f:port': {} } } } }),
    ]);
  });

  test('finds an item however its key is written', () => {
    const theirs = entry('kubectl', {
      'f:spec': { 'f:ports': { 'k:{"protocol":"TCP","port":81}': { 'f:port': {} } } },
    });
    expect(claim([theirs], ['spec', 'ports', port])).toEqual([
      ours({ 'f:spec': { 'f:ports': { [portKey]: { '.': {}, 'f:port': {} } } } }),
    ]);
  });

  test('takes a field from all who have it, and leaves no owner of nothing, which would mean the whole', () => {
    const theirs = { 'f:spec': { 'f:paused': {} } };
    expect(
      claim([entry('a', theirs), entry('b', theirs), ours({ 'f:spec': { 'f:replicas': {} } })], ['spec', 'paused']),
    ).toEqual([ours({ 'f:spec': { 'f:replicas': {}, 'f:paused': { '.': {} } } })]);
  });

  test('of what nobody owns makes it ours', () => {
    expect(claim([ours({ 'f:a': {} })], ['spec', 'paused'])).toEqual([
      ours({ 'f:a': {}, 'f:spec': { 'f:paused': { '.': {} } } }),
    ]);
  });

  test('of what others have in a field takes that and not the field', () => {
    expect(
      claim([entry('a', { 'f:spec': { 'f:x': {} } }), ours({ 'f:spec': { 'f:y': {} } })], ['spec'], false),
    ).toEqual([ours({ 'f:spec': { 'f:y': {}, 'f:x': {} } })]);
    expect(claim([entry('a', { 'f:metadata': {} }), ours({})], ['spec'], false)).toBeUndefined();
  });

  test('leaves what is written through a subresource', () => {
    const scale = entry('hpa', { 'f:spec': { 'f:replicas': {} } }, { subresource: 'scale' });
    expect(claim([scale, ours({})], ['spec', 'paused'])?.[0]).toBe(scale);
  });
});
