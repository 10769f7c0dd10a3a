import * as ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { parseStorageSize, STORAGE_SIZE_PATTERN } from '../storage-size';

/** Machines that users have, and addresses that float between them. */

const NAME = /^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/;
const HOSTNAME = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/;
const FINGERPRINT = /^SHA256:[A-Za-z0-9+/]{43}$/;
const PUBLIC_KEY = /^ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI[A-Za-z0-9+/]{43}( [\x20-\x7e]{0,200})?$/;

const nameSchema = z
  .string()
  .regex(
    NAME,
    'must be 1 to 40 lower-case letters, digits and hyphens, beginning with a letter and not ending with a hyphen',
  );

const sizeText = (example: string): z.ZodType<number, string> =>
  z
    .string()
    .regex(STORAGE_SIZE_PATTERN, 'must be a whole number and MiB, GiB or TiB, such as 20GiB')
    .transform((text) => parseStorageSize(text) ?? 0)
    .meta({ example });

/** IPv4 or a host name: etcd and keepalived of the machines speak IPv4 to one another. */
const isHostAddress = (text: string): boolean => ipaddr.IPv4.isValidFourPartDecimal(text) || HOSTNAME.test(text);

/** `POST /v1/hosts` */
export const registerHostSchema = z
  .strictObject({
    name: nameSchema
      .refine((name) => name !== 'key', 'is a reserved name (key)')
      .meta({ description: 'Name of the machine, unique in its project.', example: 'rack1-a' }),
    address: z
      .string()
      .refine(isHostAddress, 'must be an IPv4 address or a host name in lower case')
      .meta({ description: 'Where sshd of the machine is reached.', example: '192.0.2.11' }),
    port: z.number().int().min(1).max(65535).default(22).meta({ description: 'Of sshd.' }),
    user: z
      .string()
      .regex(/^[a-z_][a-z0-9_-]{0,31}$/, 'must be a user name of the machine')
      .default('root')
      .meta({ description: 'Who logs in; anybody but root needs sudo without a password.' }),
    hostKey: z
      .string()
      .refine(
        (text) => FINGERPRINT.test(text) || PUBLIC_KEY.test(text),
        'must be the ed25519 host key or its fingerprint: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub on the machine',
      )
      .meta({
        description: "Of the machine's sshd: fingerprint `SHA256:…` or public key `ssh-ed25519 AAAA…`.",
        example: 'SHA256:uNiVztksCsDhcc0u9e8BrGCbE2JGNBcHGBvGqUB3Ivc',
      }),
    zone: nameSchema
      .default('default')
      .meta({ description: 'Failure domain: machines of one zone may be lost together.', example: 'rack1' }),
    memory: sizeText('8GiB').meta({ description: 'Memory that Holdfast may use.' }),
    cpus: z.number().min(0.5).max(1024).meta({ description: 'Processors that Holdfast may use.', example: 4 }),
    storage: sizeText('200GiB').meta({ description: 'Room for data under /var/lib.' }),
  })
  .meta({ id: 'RegisterHost' });
export type RegisterHostRequest = z.input<typeof registerHostSchema>;

const time = z.string().meta({ format: 'date-time' });

export const hostSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    address: z.string(),
    port: z.number().int(),
    user: z.string(),
    hostKey: z.string(),
    zone: z.string(),
    memoryBytes: z.number().int(),
    cpus: z.number(),
    storageBytes: z.number().int(),
    machineId: z.string().nullable().meta({ description: 'Seen by its last check.' }),
    privateAddress: z.string().nullable().meta({ description: 'Seen by its last check.' }),
    cluster: z.string().nullable().meta({ description: 'Id of the cluster that has it.' }),
    nodes: z.array(z.string()).readonly().meta({ description: 'Nodes of that cluster that live on it.' }),
    registeredAt: time,
  })
  .meta({ id: 'Host' });
export type HostAnswer = z.infer<typeof hostSchema>;

export const hostCheckSchema = z
  .object({
    id: z.string().meta({ description: 'Stable; programs decide by it.', example: 'clock' }),
    ok: z.boolean(),
    message: z.string(),
    remedy: z.string().nullable().meta({ description: 'What to do when it is not ok.' }),
  })
  .meta({ id: 'HostCheck' });
export const hostReportSchema = z
  .object({ ok: z.boolean(), checks: z.array(hostCheckSchema).readonly() })
  .meta({ id: 'HostReport' });
export type HostReportAnswer = z.infer<typeof hostReportSchema>;

/** The line for `~/.ssh/authorized_keys` of the user that Holdfast logs in as. */
export const controlKeySchema = z.object({ publicKey: z.string() }).meta({ id: 'ControlKey' });

const addressWithPrefix = z.string().refine((text) => {
  const [address = '', bits = ''] = text.split('/');
  return ipaddr.IPv4.isValidFourPartDecimal(address) && /^(?:[89]|[12]\d|3[0-2])$/.test(bits);
}, 'must be an IPv4 address and the prefix length of its network, such as 192.0.2.100/24');

/** `POST /v1/floating-addresses` */
export const registerAddressSchema = z
  .strictObject({
    address: addressWithPrefix.meta({
      description: "A free address of the machines' own network, with that network's prefix length.",
      example: '192.0.2.100/24',
    }),
  })
  .meta({ id: 'RegisterFloatingAddress' });

export const floatingAddressSchema = z
  .object({
    id: z.string(),
    address: z.string().meta({ example: '192.0.2.100/24' }),
    cluster: z.string().nullable().meta({ description: 'Id of the cluster that has it.' }),
    registeredAt: time,
  })
  .meta({ id: 'FloatingAddress' });
export type FloatingAddressAnswer = z.infer<typeof floatingAddressSchema>;
