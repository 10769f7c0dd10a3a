import { parseWorkerLog } from '../../bench/support/worker-log';

const cluster = { id: 'clu_1', name: 'orders', operationId: 'op_1' };
const parse = (...lines: (object | string)[]): ReturnType<typeof parseWorkerLog> =>
  parseWorkerLog(
    lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))),
    cluster,
  );

describe('the log of a worker', () => {
  it('tells commands on the hosts of the cluster, also those that failed', () => {
    const ran = {
      level: 20,
      time: 5000,
      host: 'orders/pg-1',
      title: 'start etcd',
      tookMs: 300,
      msg: 'a command ran on a host',
    };
    const failed = { ...ran, level: 40, time: 6000, code: 'HOST_COMMAND_FAILED', exitCode: 1 };
    const other = { ...ran, host: 'orders-2/pg-1' };
    expect(parse(ran, other, failed).remoteCalls).toEqual([
      { name: 'pg-1: start etcd', startMs: 4700, endMs: 5000 },
      { name: 'pg-1: start etcd', startMs: 5700, endMs: 6000 },
    ]);
  });

  it('passes over commands that were given up, because nobody waited for their end', () => {
    const givenUp = { givenUp: true, time: 5000, host: 'orders/pg-1', title: 'wait for the primary', tookMs: 300 };
    expect(parse(givenUp).remoteCalls).toEqual([]);
  });

  it('tells calls of the cloud for the cluster, and those that are for no one in particular', () => {
    const call = { time: 5000, cloud: 'docker', call: 'createHost', token: 'clu_1/gw-1', tookMs: 300 };
    const lines = [call, { ...call, token: 'clu_12/gw-1' }, { ...call, call: 'describe', token: null }];
    expect(parse(...lines).remoteCalls.map(({ name }) => name)).toEqual(['gw-1: createHost', 'docker: describe']);
  });

  it('tells activities of the operation; of them only the proof is remote from end to end', () => {
    const done = { time: 5000, activity: 'createDatabase', operation: 'op_1', durationMs: 300 };
    const times = parse(done, { ...done, operation: 'op_2' }, { ...done, activity: 'proveEndpoint' });
    expect(times.activities.map(({ name }) => name)).toEqual(['createDatabase', 'proveEndpoint']);
    expect(times.remoteCalls).toEqual([{ name: 'proveEndpoint', startMs: 4700, endMs: 5000 }]);
  });

  it('passes over what is no JSON and what says nothing of time', () =>
    expect(parse('(node:1) Warning', '', 'null', { msg: 'worker ready', time: 1 })).toEqual({
      remoteCalls: [],
      activities: [],
    }));
});
