import { join } from 'node:path';
import { pack } from '../cli/pack.ts';
import { kubeconfigPath, kubectlPath } from './cluster/access.ts';
import { applyApp, awaitUpload, blob, curlUpload, waitFor } from './tests/lib/apps.ts';
import { command, kubectl, visit } from './tests/lib/cluster.ts';

/** The demo pushes two samples: one with kubectl and curl alone, one with the CLI. */
const namespace = 'demo';
const samples = join(import.meta.dirname, 'samples');
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const title = (text: string): void => say(`\n── ${text}`);

const show = async (url: string | undefined): Promise<void> => {
  if (url === undefined) throw new Error('the App has no URL');
  const { status, body } = await visit(new URL(url).host.split(':')[0] ?? '');
  if (status !== 200) throw new Error(`${url} answered ${status}: ${body}`);
  say(`\n$ curl ${url}\n${body.trim()}`);
};

const pushWithKubectl = async (): Promise<void> => {
  title('A push with kubectl and curl: apply an App, upload its archive to the address in its status');
  await using archive = await pack(join(samples, 'static'));
  // Paketo's buildpacks take a page without a server's configuration where they are told to; others do not ask.
  const env = [
    { name: 'BP_WEB_SERVER', value: 'nginx' },
    { name: 'BP_WEB_SERVER_ROOT', value: '.' },
  ];
  const spec = { source: blob(archive), build: { env } };
  say(`$ kubectl apply -f - <<< '${JSON.stringify({ kind: 'App', metadata: { name: 'hello' }, spec })}'`);
  say((await applyApp(namespace, 'hello', spec)).trim());
  const ready = await waitFor(namespace, 'hello', /^(Unknown\/AwaitingUpload|True\/.*)$/);
  if (ready?.status?.upload) {
    await awaitUpload(namespace, 'hello', archive);
    say('$ curl -T source.tgz "$(kubectl get app hello -o jsonpath={.status.upload.url})" …');
    say(`HTTP ${await curlUpload(ready, archive.file)}`);
  }
  say('$ kubectl wait --for=condition=Ready app/hello');
  const app = await waitFor(namespace, 'hello', /^True\//);
  await show(app?.status?.url);
};

const pushWithCli = async (): Promise<void> => {
  title('A push with the CLI');
  say(`$ epinio push --name hello-node --path e2e/samples/node --namespace ${namespace}`);
  const answer = await command(join(import.meta.dirname, '..', 'dist', 'epinio'), [
    ...['push', '--name', 'hello-node', '--path', join(samples, 'node'), '--namespace', namespace],
  ]);
  say(`${answer.stderr}${answer.stdout}`.trim());
  if (answer.code !== 0) throw new Error('the push failed');
  await show(answer.stdout.trim());
};

const whatNext = (): void => {
  title('What to try next');
  say(`  export KUBECONFIG=${kubeconfigPath()}
  alias kubectl=${kubectlPath()}
  kubectl get epinio -n ${namespace}
  kubectl describe apps.epinio.io hello -n ${namespace}
  echo '<h1>changed</h1>' > e2e/samples/static/index.html
  dist/epinio push --name hello --path e2e/samples/static --namespace ${namespace}
  curl http://hello.apps.localhost
  make demo-down        # removes the cluster and all it left on this machine`);
};

await kubectl(
  ['apply', '-f', '-'],
  JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }),
);
await pushWithKubectl();
await pushWithCli();
title('What the cluster knows');
say(`$ kubectl get epinio -n ${namespace}\n${(await kubectl(['get', 'epinio', '-n', namespace])).trim()}`);
whatNext();
