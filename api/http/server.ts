import { createServer, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Express } from 'express';
import { newId } from './context';
import { malformedRequest, problemOf } from './problem';

/**
 * An idle connection is closed by the client or the load balancer before it, which give up theirs after a minute at most: closed
 * by the server in the moment that it is used, it costs a request.
 */
const IDLE_MS = 75_000;

/** The server of the app. What Node refuses before the app sees it is answered by a problem too. */
export function createApiServer(app: Express): Server {
  // The name of the host is nothing to us; a request without one is answered like any other.
  const server = createServer({ requireHostHeader: false, keepAliveTimeout: IDLE_MS }, app);
  // What a client expects beyond 100-continue is nothing that we promise (RFC 9110, 10.1.1 lets us pass over it).
  server.on('checkExpectation', app);
  server.on('clientError', refuseConnection);
  return server;
}

function refuseConnection(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const requestId = newId('req');
  const body = JSON.stringify(problemOf(malformedRequest(reasonOf(error.code)), requestId, ''));
  const head = [
    'HTTP/1.1 400 Bad Request',
    'Content-Type: application/problem+json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${requestId}`,
    'Cache-Control: no-store',
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

function reasonOf(code: string | undefined): string {
  if (code === 'HPE_HEADER_OVERFLOW') return 'its headers are larger than 16 KiB';
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'it was not sent whole in time';
  return 'it is not HTTP';
}
