import type { StepRef } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import type { Fleet } from '../fleet';
import { tellsFailedCommand, TIMEOUT_EXIT_CODE } from '../host/errors';
import type { Host } from '../host/host';
import { sh } from '../host/shell';
import { askPatroni } from '../patroni/ask';
import { dataDirectory } from '../postgres/paths';
import { findPrimaryBeside } from '../postgres/psql';
import { demandSpare } from '../replacement/demands';
import type { OpenWork } from './work';

const ASK_MS = 30_000;
/** Of PostgreSQL that stops, and its files that are removed. */
const THROWN_AWAY_S = 120;

/** In the data that is thrown away, and gone with it. */
const markIn = ({ view }: OpenWork, { operationId }: StepRef): string =>
  `${dataDirectory(view.cluster.spec.version)}/holdfast-thrown-away-${operationId}`;

/** Data that is not there is copied anew by itself. */
const MARK = 'cd "$(dirname "$0")" 2>/dev/null || exit 0; : >"$0" && sync -- "$0" .';

/** See NodeActivities.markData. */
export async function markData(fleet: Fleet, at: StepRef, open: OpenWork): Promise<void> {
  await demandOthers(fleet, open);
  await open.host.run(sh`runuser -u postgres -- sh -c ${MARK} ${markIn(open, at)}`, { title: 'mark the data' });
}

/** See NodeActivities.copyAnew. */
export async function copyAnew(fleet: Fleet, at: StepRef, open: OpenWork): Promise<void> {
  const { node, host } = open;
  const mark = markIn(open, at);
  if (await isGone(host, mark, 0)) return;
  await demandOthers(fleet, open);
  const asked = askPatroni(
    host,
    '/reinitialize',
    { force: true },
    { title: 'ask Patroni to reinit', timeoutMs: ASK_MS },
  );
  const refusal = await asked.then(() => null, orRefusal);
  if (await isGone(host, mark, refusal ? 0 : THROWN_AWAY_S)) return;
  const detail = refusal ? refusal.message : `its data is still there after ${THROWN_AWAY_S} s`;
  throw new HoldfastError('REINIT_FAILED', { node: node.name, detail }, { cause: refusal });
}

/** Patroni refuses, too, what it does already for an earlier try. */
function orRefusal(error: unknown): HoldfastError {
  if (tellsFailedCommand(error)) return error;
  throw error;
}

async function isGone(host: Host, file: string, timeoutS: number): Promise<boolean> {
  const wait = 'tries=$1; while [ -e "$0" ]; do [ "$tries" -gt 0 ] || exit 124; tries=$((tries - 1)); sleep 0.2; done';
  try {
    await host.run(sh`sh -c ${wait} ${file} ${timeoutS * 5}`, {
      title: 'see that the data is thrown away',
      timeoutMs: (timeoutS + 20) * 1000,
    });
    return true;
  } catch (error) {
    if (error instanceof HoldfastError && error.values['exitCode'] === TIMEOUT_EXIT_CODE) return false;
    throw error;
  }
}

/** @throws NODE_IS_PRIMARY, NO_QUORUM_LEFT. */
async function demandOthers(fleet: Fleet, { view, node }: OpenWork): Promise<void> {
  await findPrimaryBeside(fleet, view, node.name);
  await demandSpare(fleet, view, node);
}
