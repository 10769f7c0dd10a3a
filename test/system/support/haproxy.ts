import { ADMIN_SOCKET } from '../../../activities/gateway/cut-sessions';
import { demandSuccess, runOn } from './image-tools';

/** Gives the HAProxy of a host an order at its own socket. @returns its answer. */
export async function askHaproxy(hostId: string, order: string): Promise<string> {
  const script = `python3 - <<'END'
import socket
haproxy = socket.socket(socket.AF_UNIX)
haproxy.connect('${ADMIN_SOCKET}')
haproxy.sendall(b'${order}\\n')
while said := haproxy.recv(65536): print(said.decode(), end='')
END
`;
  return demandSuccess(await runOn(hostId, script));
}
