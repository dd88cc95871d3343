import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
const server = createServer((request, response) => {
  response.setHeader('content-type', 'text/plain');
  response.end(`Hello from Node.js ${process.version}, version ${version} of this app\n`);
});
server.listen(Number(process.env.PORT ?? 8080), () => console.log('listening', server.address()));

// Finish what has been asked, then go.
process.on('SIGTERM', () => server.close(() => process.exit(0)));
