/**
 * Backups of a running store, one at a time. A caller asks again and again with the id that it has chosen: the first time
 * begins it, the others hear how far it is, and the last one's answer stays until the next begins.
 *
 * Nothing of the journal is released meanwhile: the copy of the tables says how far they are, and the journal from there on
 * must still be there.
 */
import type { BackupView } from '../../protocol/upkeep.ts';
import { reasonOf } from '../lib/reason.ts';
import { BackupRefused, type Store } from '../store/store.ts';

export type BackupsOptions = {
  store: Pick<Store, 'backup'>;
  /** Null without a journal. `hold`: nothing is released until the returned function is called. */
  journal: { settled(): Promise<number | null>; hold(): () => void } | null;
  onFailure: (cause: unknown) => void;
};

type Backup = { id: string; view: BackupView };

const BEGUN: BackupView = { state: 'RUNNING', phase: 'tables', bytes: 0, bytesTotal: 0, claims: null, detail: null };

export class Backups {
  readonly #options: BackupsOptions;
  #last: Backup | null = null;

  constructor(options: BackupsOptions) {
    this.#options = options;
  }

  /** `absent`: this store has tools of its own. `busy`: another backup is being made. */
  ask(id: string, directory: string): BackupView | 'absent' | 'busy' {
    const { backup } = this.#options.store;
    if (backup === undefined) return 'absent';
    if (this.#last?.id === id) return this.#last.view;
    if (this.#last?.view.state === 'RUNNING') return 'busy';
    const begun: Backup = { id, view: BEGUN };
    this.#last = begun;
    void this.#run(begun, backup, directory);
    return begun.view;
  }

  async #run(begun: Backup, backup: NonNullable<Store['backup']>, directory: string): Promise<void> {
    const { journal, onFailure } = this.#options;
    const release = journal?.hold() ?? (() => {});
    try {
      const journalEnd = (await journal?.settled()) ?? null;
      const onProgress = (progress: Partial<BackupView>) => {
        begun.view = { ...begun.view, ...progress };
      };
      const { claims, bytes } = await backup({ directory, journalEnd, onProgress });
      begun.view = { ...begun.view, state: 'DONE', claims, bytes, bytesTotal: bytes };
    } catch (error) {
      if (!(error instanceof BackupRefused)) onFailure(error);
      const detail = reasonOf(error).slice(0, 512);
      begun.view = { ...begun.view, state: 'FAILED', detail };
    } finally {
      release();
    }
  }
}
