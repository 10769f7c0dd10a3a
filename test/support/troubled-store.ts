import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, request as askStore } from 'node:https';
import { createAuthority, issueCertificate } from '../../activities/secrets/certificates';
import { CONTROL_HOSTNAME } from '../../domain/names';

/** What a store can be in, for everybody who asks it anything; one that is full only takes nothing more. */
export const TROUBLES = ['answers 500', 'answers 503', 'hangs', 'cuts', 'is full', 'wrong certificate'] as const;
export type StoreTrouble = (typeof TROUBLES)[number];

/** An object store behind a door that a test can put into trouble: a real one, as long as it has none. */
export interface TroubledStore {
  /** From now on, also for whoever is connected already. Null: it is well again. */
  set(trouble: StoreTrouble | null): void;
  close(): Promise<void>;
}

export interface StoreBehind {
  /** The port of the store itself, on this machine. */
  readonly port: number;
  readonly certificate: string;
  readonly privateKey: string;
}

/** @param port of the door: on all addresses, with the certificate of the store behind it. */
export async function startTroubledStore(port: number, store: StoreBehind): Promise<TroubledStore> {
  const own = { cert: store.certificate, key: store.privateKey };
  const foreign = await foreignCertificate();
  let trouble: StoreTrouble | null = null;
  const door = createServer(own, (question, answer) => {
    if (trouble === null || (trouble === 'is full' && !takesRoom(question))) forward(store, question, answer);
    else beInTrouble(trouble, question, answer);
  });
  door.listen(port, '0.0.0.0');
  await once(door, 'listening');
  return {
    set(next) {
      trouble = next;
      door.setSecureContext(next === 'wrong certificate' ? foreign : own);
      door.closeAllConnections();
    },
    async close() {
      door.closeAllConnections();
      door.close();
      await once(door, 'close');
    },
  };
}

const takesRoom = ({ method }: IncomingMessage): boolean => method === 'PUT' || method === 'POST';

/** Signatures hold: they are of the address that was asked, and that goes along. */
function forward({ port }: StoreBehind, question: IncomingMessage, answer: ServerResponse): void {
  const { method, url: path, headers } = question;
  const asked = askStore({ host: '127.0.0.1', port, method, path, headers, rejectUnauthorized: false }, (told) => {
    answer.writeHead(told.statusCode ?? 500, told.headers);
    told.pipe(answer);
  });
  asked.on('error', () => question.socket.destroy());
  question.on('error', () => asked.destroy());
  question.pipe(asked);
}

/** Codes and status as versitygw has them. */
const ANSWERS = {
  'answers 500': [500, 'InternalError'],
  'answers 503': [503, 'SlowDown'],
  'is full': [507, 'InsufficientStorage'],
} as const;

function beInTrouble(trouble: StoreTrouble, question: IncomingMessage, answer: ServerResponse): void {
  question.on('error', () => undefined);
  question.resume();
  switch (trouble) {
    case 'hangs':
      return;
    case 'cuts':
    // Whoever takes that certificate for one gets no further.
    case 'wrong certificate':
      question.socket.destroy();
      return;
    case 'answers 500':
    case 'answers 503':
    case 'is full': {
      const [status, code] = ANSWERS[trouble];
      answer.writeHead(status, { 'Content-Type': 'application/xml' });
      answer.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>no</Message></Error>`);
    }
  }
}

/** For the right name, by an authority that nobody trusts. */
async function foreignCertificate(): Promise<{ readonly cert: string; readonly key: string }> {
  const { certificatePem, privateKeyPem } = await issueCertificate(await createAuthority('another authority', 1), {
    commonName: 'Holdfast object store',
    dnsNames: [CONTROL_HOSTNAME, 'localhost'],
    ipAddresses: ['127.0.0.1'],
    days: 1,
  });
  return { cert: certificatePem, key: privateKeyPem };
}
