import type { Clock } from '../kube/clock.ts';
import type { Reference, Room } from '../registry/index.ts';

const keptMs = 10_000;

interface Known {
  readonly answer: Promise<Room>;
  readonly until: number;
}

/**
 * Rooms remembers for a moment that a registry took a trial upload: thirty pushes at once are one question instead of thirty
 * MiB. Every other answer is shared by those who wait for it, and then asked for anew.
 */
export class Rooms {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #known = new Map<string, Known>();

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /** ask tells what is known of the place that a repository lies in, or what upload finds. */
  ask(
    { registry, repository }: Pick<Reference, 'registry' | 'repository'>,
    upload: () => Promise<Room>,
  ): Promise<Room> {
    const now = this.#clock.monotonic();
    for (const [place, { until }] of this.#known) if (until <= now) this.#known.delete(place);
    // A registry may bound each project by itself, which is the first part of a repository's name.
    const place = `${registry}/${repository.split('/', 1)[0]}`;
    const known = this.#known.get(place);
    if (known !== undefined) return known.answer;
    const asked: Known = { answer: upload(), until: now + keptMs };
    this.#known.set(place, asked);
    const forget = (): void => {
      if (this.#known.get(place) === asked) this.#known.delete(place);
    };
    void asked.answer.then(({ type }) => type === 'room' || forget(), forget);
    return asked.answer;
  }
}
