import type { GitOptions } from '../options.ts';

/** quoted writes a text of TOML: JSON's escapes are TOML's, but for the one character that JSON does not escape. */
const quoted = (text: string): string => JSON.stringify(text).replaceAll('\u007f', '\\u007f');

/**
 * metadataText is project-metadata.toml of the buildpacks platform API, which the exporter makes the label
 * io.buildpacks.project.metadata of.
 */
export const metadataText = (options: Pick<GitOptions, 'url' | 'revision' | 'subPath'>, commit: string): string => {
  const { url, revision, subPath } = options;
  const metadata = { repository: url.text, ...(revision && { revision }), ...(subPath && { path: subPath }) };
  return [
    '[source]',
    'type = "git"',
    '[source.version]',
    `commit = ${quoted(commit)}`,
    '[source.metadata]',
    ...Object.entries(metadata).map(([key, value]) => `${key} = ${quoted(value)}`),
    '',
  ].join('\n');
};
