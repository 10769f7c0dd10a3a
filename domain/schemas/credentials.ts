import { z } from 'zod';
import { endpointSchema } from './clusters';

export const credentialsSchema = z
  .object({
    username: z.string(),
    password: z.string(),
    database: z.string(),
    caCertificate: z
      .string()
      .meta({ description: "PEM of the cluster's own CA: save it and name it as `sslrootcert`." }),
    endpoint: endpointSchema,
    uris: z
      .object({ primary: z.string(), replica: z.string(), pooled: z.string() })
      .meta({ description: 'With the password, and `sslmode=verify-full`.' }),
  })
  .meta({ id: 'Credentials' });

export type CredentialsAnswer = z.infer<typeof credentialsSchema>;
