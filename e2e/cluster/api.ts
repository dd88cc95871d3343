import { KubeConfig } from '@kubernetes/client-node';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Agent, request, type Dispatcher } from 'undici';
import { parseAllDocuments } from 'yaml';
import { until } from './shell.ts';

/** Call sends one request to the API server and gives status and body; no answer is an error, a bad answer is not. */
export type Call = (
  method: Dispatcher.HttpMethod,
  path: string,
  body?: unknown,
) => Promise<{ status: number; body: Record<string, unknown> }>;

interface CustomResourceDefinition {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** connectTo opens connections to the API server of a kubeconfig; close them, or the process stays for a while. */
export function connectTo(kubeconfig: string): { call: Call; close: () => Promise<void> } {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const cluster = config.getCurrentCluster();
  const user = config.getCurrentUser();
  if (!cluster?.caFile || !user?.certFile || !user.keyFile) throw new Error(`${kubeconfig} is not one of ours`);
  const agent = new Agent({
    connect: { ca: readFileSync(cluster.caFile), cert: readFileSync(user.certFile), key: readFileSync(user.keyFile) },
  });
  const call: Call = async (method, path, body) => {
    const type = method === 'PATCH' ? 'application/apply-patch+yaml' : 'application/json';
    const answer = await request(`${cluster.server}${path}`, {
      method,
      dispatcher: agent,
      headers: { 'content-type': type },
      body: body === undefined ? null : JSON.stringify(body),
    });
    return { status: answer.statusCode, body: (await answer.body.json()) as Record<string, unknown> };
  };
  return { call, close: () => agent.close() };
}

/** applyCRDs applies every CustomResourceDefinition of a folder and waits until the API server serves their kinds. */
export async function applyCRDs(kubeconfig: string, folder: string): Promise<void> {
  const { call, close } = connectTo(kubeconfig);
  const files = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith('.yaml')) : [];
  try {
    for (const file of files) {
      for (const document of parseAllDocuments(readFileSync(join(folder, file), 'utf8'))) {
        const crd = document.toJS() as CustomResourceDefinition | null;
        if (crd?.kind === 'CustomResourceDefinition') await applyCRD(call, crd);
      }
    }
  } finally {
    await close();
  }
}

async function applyCRD(call: Call, crd: CustomResourceDefinition): Promise<void> {
  const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${crd.metadata.name}`;
  const { status, body } = await call('PATCH', `${path}?fieldManager=cluster&force=true`, crd);
  if (status >= 300) throw new Error(`${crd.metadata.name} was refused: ${String(body.message)}`);
  const established = async () => {
    const seen = (await call('GET', path)).body as unknown as CustomResourceDefinition;
    return seen.status?.conditions?.some((c) => c.type === 'Established' && c.status === 'True') ?? false;
  };
  await until(`${crd.metadata.name} is Established`, 30, established);
}
