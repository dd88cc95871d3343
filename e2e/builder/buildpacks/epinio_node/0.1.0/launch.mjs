import { existsSync, readFileSync } from 'node:fs';

const fail = (message) => {
  console.error(message);
  process.exit(1);
};

const read = () => {
  try {
    return JSON.parse(readFileSync('package.json', 'utf8'));
  } catch (error) {
    return fail(`package.json cannot be read: ${error.message}`);
  }
};

const app = read();
const dependencies = Object.keys(app.dependencies ?? {});
if (dependencies.length > 0 && !existsSync('node_modules')) {
  fail(
    `package.json names dependencies (${dependencies.slice(0, 3).join(', ')}${dependencies.length > 3 ? ', …' : ''}) but there is no node_modules.\n` +
      'This builder has no network: run "npm ci --omit=dev" before you push, and push node_modules with the source.',
  );
}

const main = [app.main, 'server.js', 'server.mjs', 'index.js', 'index.mjs'].find((file) => file && existsSync(file));
const start = app.scripts?.start ?? (main && `node ${main}`);
if (!start)
  fail('package.json has neither a start script nor a main file, and there is no server.js: what is to be started?');

// A plain command becomes the process itself and gets signals first hand; anything else needs a shell, as with "npm start".
const plain = /^[\w@%+=:,./-]+( +[\w@%+=:,./-]+)*$/.test(start) && !/^\w+=/.test(start);
const command = plain ? start.split(/ +/) : ['bash', '-c', start];
console.log(`[[processes]]\ntype = "web"\ncommand = ${JSON.stringify(command)}\ndefault = true`);
