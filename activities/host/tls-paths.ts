/** Where keys and certificates are on every host. Each service has a copy that only its own user can read. */

export const TLS_FOLDER = '/etc/holdfast/tls';

/** The cluster's certificate authority. */
export const CA_FILE = `${TLS_FOLDER}/ca.crt`;

export const certificateFile = (service: string): string => `${TLS_FOLDER}/${service}.crt`;
export const keyFile = (service: string): string => `${TLS_FOLDER}/${service}.key`;
