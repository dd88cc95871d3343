import { home } from '../../../operator/api/crd/rbac.ts';
import type { KubeObject } from '../../../operator/kube/resource.ts';
import { bad, good, judgeServer, unknown, type Finding, type IngressClass } from '../cluster/judge.ts';

/** StorageClass is where volumes come from. */
export interface StorageClass extends KubeObject {
  readonly provisioner?: string;
}

/** Facts are what an installation needs of a cluster; undefined is what may not be seen. */
export interface Facts {
  readonly version: string;
  readonly ingressClasses: readonly IngressClass[] | undefined;
  /** Whether the Gateway that the configuration names is there. */
  readonly hasGateway: boolean | undefined;
  readonly storageClasses: readonly StorageClass[] | undefined;
  /** Volumes of an earlier installation that are there and hold data. */
  readonly boundVolumes: readonly string[];
  readonly wantedVolumes: readonly string[];
  /** How many volumes somebody made by hand that nobody has claimed: without a class, as the claims are without a default one. */
  readonly spareVolumes: number;
  /** What one may not do, such as `patch clusterroles`. */
  readonly refused: readonly string[];
  /** Operators that are there, wherever they are: `namespace/name`. */
  readonly operators: readonly string[];
  /** The version that this command put there; undefined where it did not. */
  readonly installed: string | undefined;
  /** The version of this command. */
  readonly own: string;
  /** Epinio 1.x is there. */
  readonly hasFormer: boolean;
}

/** Choices are what was said, or found. */
export interface Choices {
  readonly className: string | undefined;
  /** The Gateway that serves the Apps in the place of Ingresses: `namespace/name`. */
  readonly gateway: string | undefined;
  readonly domain: string | undefined;
}

const isDefault = (annotation: string, { metadata }: KubeObject): boolean =>
  metadata?.annotations?.[annotation] === 'true';

/** chosenClass is the IngressClass that Apps get: the one that was asked for, the default one, or the only one. */
export const chosenClass = (
  classes: readonly IngressClass[] | undefined,
  wanted: string | undefined,
): string | undefined => {
  const names = (classes ?? []).map(({ metadata }) => metadata?.name ?? '');
  const named = classes?.find((one) => isDefault('ingressclass.kubernetes.io/is-default-class', one))?.metadata?.name;
  return wanted ?? named ?? (names.length === 1 ? names[0] : undefined);
};

const judgeClass = ({ ingressClasses }: Facts, { className }: Choices): Finding => {
  const what = 'Ingress';
  if (ingressClasses === undefined) return unknown(what, 'you may not see the IngressClasses');
  const names = ingressClasses.map(({ metadata }) => metadata?.name ?? '');
  if (className !== undefined && names.includes(className)) return good(what, `IngressClass ${className}`);
  if (names.length === 0)
    return bad(
      what,
      'the cluster has no IngressClass: no App would get a URL',
      'install an Ingress controller, such as Traefik',
    );
  return className === undefined
    ? bad(what, `there are ${names.join(', ')}, and none is the default`, 'choose one with --ingress-class')
    : bad(what, `there is no IngressClass ${className}`, `choose one of ${names.join(', ')} with --ingress-class`);
};

const judgeGateway = ({ hasGateway }: Facts, gateway: string): Finding => {
  const what = 'Gateway';
  if (hasGateway === undefined) return unknown(what, `${gateway}; you may not see whether it is there`);
  return hasGateway
    ? good(what, gateway)
    : bad(what, `there is no Gateway ${gateway}: no App would get a URL`, 'make it, or name another one with --config');
};

const judgeWay = (facts: Facts, choices: Choices): Finding =>
  choices.gateway === undefined ? judgeClass(facts, choices) : judgeGateway(facts, choices.gateway);

const judgeDomain = ({ domain }: Choices): Finding =>
  domain === undefined
    ? bad(
        'Domain',
        'the address at which Apps are reached cannot be found',
        'say where Apps get their names: --domain apps.example.com',
      )
    : good('Domain', `Apps get names such as web.${domain}`);

const judgeStorage = ({ storageClasses, boundVolumes, wantedVolumes, spareVolumes }: Facts): Finding => {
  const what = 'Storage';
  const missing = wantedVolumes.filter((name) => !boundVolumes.includes(name));
  if (missing.length === 0) return good(what, `the volumes ${wantedVolumes.join(' and ')} are there already`);
  if (storageClasses === undefined) return unknown(what, 'you may not see the StorageClasses');
  const found = storageClasses.find((one) => isDefault('storageclass.kubernetes.io/is-default-class', one));
  if (found !== undefined) return good(what, `StorageClass ${found.metadata?.name}`);
  if (spareVolumes >= missing.length) return good(what, `${spareVolumes} PersistentVolumes that nobody has claimed`);
  const names = storageClasses.map(({ metadata }) => metadata?.name).join(', ');
  return bad(
    what,
    `no StorageClass is the default${names === '' ? '' : ` (there is ${names})`}: the volumes ${missing.join(' and ')} would wait for ever`,
    'annotate one with storageclass.kubernetes.io/is-default-class=true',
  );
};

const judgeRights = ({ refused }: Facts): Finding =>
  refused.length === 0
    ? good('Rights', 'all that is needed')
    : bad(
        'Rights',
        `you may not ${refused.join(', ')}`,
        'installing needs the role cluster-admin: choose another context with --context',
      );

const numbersOf = (version: string): number[] => version.split(/[.+-]/).map(Number);

/** isNewer compares the numbers of two versions. */
const isNewer = (version: string, than: string): boolean => {
  const others = numbersOf(than);
  const difference = numbersOf(version)
    .map((number, at) => number - (others[at] ?? 0))
    .find((one) => one !== 0);
  return difference !== undefined && difference > 0;
};

const judgeInstalled = (installed: string, { own }: Facts, upgrade: boolean): Finding => {
  if (!upgrade) return bad('Epinio', 'it is installed already', 'epinio upgrade brings it up to date');
  return isNewer(installed, own)
    ? bad('Epinio', `version ${installed} is installed, and this command is ${own}`, 'use the newer command')
    : good('Epinio', `version ${installed}, installed by this command`);
};

const judgeOthers = (facts: Facts, upgrade: boolean): Finding => {
  const { operators, installed } = facts;
  const what = 'Epinio';
  const here = `${home.namespace}/${home.name}`;
  const elsewhere = operators.filter((name) => name !== here);
  if (elsewhere.length > 0)
    return bad(
      what,
      `an operator runs already: ${elsewhere.join(', ')}`,
      'two of them would fight over the same Apps: remove that one first',
    );
  if (installed !== undefined) return judgeInstalled(installed, facts, upgrade);
  if (operators.length > 0)
    return bad(
      what,
      'it was installed by something else (kubectl, Argo CD, Flux)',
      'go on with that, or take it over: --force',
    );
  return upgrade ? bad(what, 'it is not installed', 'epinio install does that') : good(what, 'not here yet');
};

const judgeFormer = ({ hasFormer }: Facts): Finding[] =>
  hasFormer
    ? [
        unknown(
          'Epinio 1.x',
          'is in this cluster; the two do not touch each other, but cannot give the same host to an App',
          'epinio migrate brings its Apps here',
        ),
      ]
    : [];

/** judge tells what an installation would meet. */
export const judge = (facts: Facts, choices: Choices, upgrade: boolean): Finding[] => [
  judgeServer(facts.version),
  judgeRights(facts),
  judgeOthers(facts, upgrade),
  ...judgeFormer(facts),
  judgeWay(facts, choices),
  judgeDomain(choices),
  judgeStorage(facts),
];
