import { kubectl } from './kubectl.ts';

/** TraefikExtras is what Traefik does, and has, only where somebody asks for it. */
export interface TraefikExtras {
  readonly args: readonly string[];
  /** A volume, and where it is mounted. */
  readonly volume?: { readonly name: string; readonly source: object; readonly mountPath: string };
}

const daemonSet = ['--namespace', 'traefik', 'daemonset/traefik'];

/** changeTraefik gives Traefik its arguments and volumes anew, and waits until it runs so. */
async function changeTraefik({ args, volume }: TraefikExtras, wanted: boolean): Promise<void> {
  const path = '{.spec.template.spec.containers[0].args}';
  const found = JSON.parse(await kubectl(['get', ...daemonSet, `--output=jsonpath=${path}`])) as string[];
  const others = found.filter((arg) => !args.includes(arg));
  const remove = wanted ? {} : { $patch: 'delete' };
  const container = {
    name: 'traefik',
    args: wanted ? [...others, ...args] : others,
    ...(volume && {
      volumeMounts: [{ name: volume.name, mountPath: volume.mountPath, readOnly: true, ...remove }],
    }),
  };
  const volumes = volume && [wanted ? { name: volume.name, ...volume.source } : { name: volume.name, ...remove }];
  const patch = { spec: { template: { spec: { containers: [container], ...(volumes && { volumes }) } } } };
  await kubectl(['patch', ...daemonSet, '--type=strategic', '--patch', JSON.stringify(patch)]);
  await kubectl(['rollout', 'status', ...daemonSet, '--timeout=120s']);
}

/** addToTraefik lets Traefik do more; removeFromTraefik takes that away again. Requests fail while it is started anew. */
export const addToTraefik = (extras: TraefikExtras): Promise<void> => changeTraefik(extras, true);
export const removeFromTraefik = (extras: TraefikExtras): Promise<void> => changeTraefik(extras, false);
