import type { Command } from 'commander';
import type { HostReportAnswer, RegisterHostRequest } from '../../domain/schemas/hosts';
import { EXIT } from './exit';
import { describe } from './help';
import { bytes, print, printJson, printList, printOne, say } from './output';
import type { Open, Session } from './run';

interface AddOptions {
  readonly address: string;
  readonly port?: number;
  readonly user?: string;
  readonly hostKey: string;
  readonly zone?: string;
  readonly memory: string;
  readonly cpus: number;
  readonly storage: string;
  readonly check: boolean;
}

const HOST = 'Name or id of the machine.';

/** `host` and `address`: machines that the user has. */
export function addHostCommands(program: Command, open: Open): void {
  const host = describe(
    program.command('host'),
    'Register machines that you have, for clusters of the cloud static.',
    'host list',
  );
  addAdd(host, open);
  describe(
    host.command('key'),
    'Print the line for ~/.ssh/authorized_keys of the user that Holdfast logs in as.',
    "host key | ssh admin@192.0.2.11 'cat >>.ssh/authorized_keys'",
  ).action(async () => {
    const { client, format } = await open();
    const key = await client.showControlKey();
    return format === 'json' ? printJson(key) : print(key.publicKey);
  });
  describe(host.command('list'), 'List the machines of the project.', 'host list').action(async () =>
    listHosts(await open()),
  );
  describe(host.command('check'), 'Look whether a machine can be used; nothing on it is changed.', 'host check rack1-a')
    .argument('<host>', HOST)
    .action(async (name: string) => checkHost(await open(), name));
  describe(host.command('remove'), 'Forget a machine that no cluster has.', 'host remove rack1-a')
    .argument('<host>', HOST)
    .option('--force', 'Forget also one that a cluster has, because it is dead for good.')
    .action(async (name: string, flags: { force?: boolean }) => {
      const { client } = await open();
      await client.removeHost(name, flags.force ?? false);
      say(`${name} is forgotten.`);
    });
  addAddressCommands(program, open);
}

function addAdd(host: Command, open: Open): void {
  describe(
    host.command('add'),
    'Register a machine and look whether it can be used.',
    'host add rack1-a --address 192.0.2.11 --user admin --zone rack1 --host-key SHA256:… --memory 8GiB --cpus 4 --storage 200GiB',
  )
    .argument('<name>', 'Name of the machine, unique in its project.')
    .requiredOption('--address <address>', 'Where its sshd is reached: IPv4 address or host name.')
    .option('--port <number>', 'Port of its sshd; 22 by default.', Number)
    .option('--user <user>', 'Who logs in and may use sudo without a password; root by default.')
    .requiredOption('--host-key <key>', 'SHA256:… of ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub on the machine.')
    .option('--zone <zone>', 'Failure domain, such as its rack; machines without one share one.')
    .requiredOption('--memory <size>', 'Memory that Holdfast may use, such as 8GiB.')
    .requiredOption('--cpus <number>', 'Processors that Holdfast may use.', Number)
    .requiredOption('--storage <size>', 'Room for data under /var/lib, such as 200GiB.')
    .option('--no-check', 'Only register it.')
    .action(async (name: string, { check, ...flags }: AddOptions) => {
      const session = await open();
      const made = await session.client.registerHost(requestOf(name, flags));
      await printOne(session.format, made, { host: made.name, id: made.id, address: made.address, zone: made.zone });
      if (check) await checkHost(session, made.id);
    });
}

/** What was not given is left out: defaults are the API's. */
function requestOf(name: string, flags: Omit<AddOptions, 'check'>): RegisterHostRequest {
  const { address, port, user, hostKey, zone, memory, cpus, storage } = flags;
  return {
    name,
    address,
    hostKey,
    memory,
    cpus,
    storage,
    ...(port !== undefined && { port }),
    ...(user !== undefined && { user }),
    ...(zone !== undefined && { zone }),
  };
}

async function listHosts({ client, format }: Session): Promise<void> {
  await printList(format, await client.listHosts(), {
    name: (item) => item.name,
    address: (item) => `${item.address}:${item.port}`,
    user: (item) => item.user,
    zone: (item) => item.zone,
    memory: (item) => bytes(item.memoryBytes),
    cpus: (item) => item.cpus,
    storage: (item) => bytes(item.storageBytes),
    nodes: (item) => item.nodes.join(',') || 'free',
    cluster: (item) => item.cluster,
  });
}

async function checkHost({ client, format }: Session, name: string): Promise<void> {
  const report = await client.checkHost(name);
  if (format === 'json') printJson(report);
  else for (const line of reportLines(report)) print(line);
  if (!report.ok) process.exitCode = EXIT.error;
}

/** A line for each thing that was looked at, and what to do about it. */
function reportLines({ checks }: HostReportAnswer): string[] {
  return checks.flatMap(({ ok, message, remedy }) => [
    `${ok ? 'ok  ' : 'FAIL'} ${message}`,
    ...(remedy === null ? [] : [`     ${remedy}`]),
  ]);
}

function addAddressCommands(program: Command, open: Open): void {
  const address = describe(
    program.command('address'),
    'Register addresses that float between your machines.',
    'address list',
  );
  describe(address.command('add'), "Register a free address of the machines' network.", 'address add 192.0.2.100/24')
    .argument('<address/prefix>', 'The address, and how long the prefix of its network is.')
    .action(async (text: string) => {
      const { client, format } = await open();
      const made = await client.registerAddress({ address: text });
      await printOne(format, made, { address: made.address, id: made.id });
    });
  describe(address.command('list'), 'List the floating addresses of the project.', 'address list').action(async () => {
    const { client, format } = await open();
    await printList(format, await client.listAddresses(), {
      address: (item) => item.address,
      id: (item) => item.id,
      cluster: (item) => item.cluster ?? 'free',
    });
  });
  describe(address.command('remove'), 'Forget a floating address.', 'address remove ADDRESS_ID')
    .argument('<id>', 'Id of the address, as the list of them shows it.')
    .action(async (id: string) => {
      const { client } = await open();
      await client.removeAddress(id);
      say(`${id} is forgotten.`);
    });
}
