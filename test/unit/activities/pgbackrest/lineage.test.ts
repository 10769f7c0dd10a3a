import type { Fleet } from '../../../../activities/fleet';
import { lineageOf } from '../../../../activities/pgbackrest/lineage';
import type { ErrorCode } from '../../../../domain/errors';
import { HoldfastError } from '../../../../domain/errors';
import { lineageOn } from '../../../support/lineage';

/** What is told when that which opens backups can't be read. */

const { timeline } = lineageOn(['primary']);
const readWith = (code: ErrorCode): ReturnType<typeof lineageOf> => {
  const read = (): Promise<never> => Promise.reject(new HoldfastError(code, { name: 'backup/tl/passphrase' }));
  // Nothing else of a fleet is asked for.
  return lineageOf({ secrets: { read } } as unknown as Fleet, timeline);
};

test.each(['NOT_FOUND', 'SECRET_UNREADABLE'] as const)(
  '%s: it is lost, for which there is the escrow file',
  async (code) => {
    await expect(readWith(code)).rejects.toMatchObject({
      code: 'PASSPHRASE_LOST',
      retryable: false,
      message: expect.stringContaining(`lineage ${timeline.id} cannot be read any more`) as string,
    });
    await expect(readWith(code)).rejects.toThrow('escrow file');
  },
);

test.each(['UNAVAILABLE', 'KEY_COMMAND_FAILED'] as const)('%s: it is not lost, and may come back', (code) =>
  expect(readWith(code)).rejects.toMatchObject({ code, retryable: true }),
);
