import type Docker from 'dockerode';

export interface DockerCloudOptions {
  readonly docker: Docker;
  /** Names this installation on the engine: letters, digits, `_` and `-`. All that it makes carries it. */
  readonly installId: string;
  /** Folder of the installation: one whose folder is gone has no living owner and may be cleaned up. */
  readonly home: string;
  /**
   * `direct`: the machine reaches the addresses of containers (Linux). `published`: it does not (Docker Desktop), so
   * ports are published on loopback and no address floats.
   */
  readonly reach: 'direct' | 'published';
  /** Reference of the golden image that new hosts boot. */
  readonly image: () => Promise<string>;
  /** Default: three labels of one and the same machine. */
  readonly failureDomains?: readonly string[];
}

export const DEFAULT_FAILURE_DOMAINS = ['local-a', 'local-b', 'local-c'] as const;
