#!/usr/bin/env node
/* What every Node.js can read: an old one says what it lacks, instead of showing a program that it cannot read. */
var needed = [22, 19];
var version = process.versions.node;
var have = version.split('.');
if (have[0] < needed[0] || (have[0] == needed[0] && have[1] < needed[1])) {
  process.stderr.write(
    'epinio: Node.js ' +
      needed.join('.') +
      ' or newer is needed; this is ' +
      version +
      ' (' +
      process.execPath +
      ')\n' +
      '  install a newer one, or put it before the old one in PATH\n',
  );
  process.exitCode = 1;
} else {
  require('./epinio.mjs');
}
