import Docker from 'dockerode';

/** The Docker engine under test: the one of `DOCKER_HOST`, or of the default socket, unless another is asked for. */
export function connectEngine(socketPath?: string): Docker {
  return socketPath === undefined ? new Docker() : new Docker({ socketPath });
}

/** The golden image under test, which `npm test` builds before it runs these. */
export function goldenImage(): Promise<string> {
  const image = process.env['HOLDFAST_IMAGE'];
  if (!image)
    throw new Error('set HOLDFAST_IMAGE to the golden image that infra/images/build.sh made, or run `npm test`');
  return Promise.resolve(image);
}
