import { reportBackup } from '../../bench/support/backup-report';

test('the report has goals beside results, and what the bare tool took', () => {
  const machine = { cores: 2, processor: 'a CPU', memoryGib: 24, commit: 'abc', at: '2026-11-20T21:00:00Z' };
  const report = reportBackup({
    ...{ format: 1, machine, databaseBytes: 5.1e9 },
    ...{ backupMs: [100_000, 120_000, 110_000], bareBackupMs: [99_000], bareAtOnceMs: [70_000] },
    ...{ restoreMs: [60_000], forkMs: [30_000], bareRestoreMs: [20_000], inPlaceMs: [8_000] },
    load: [{ quietTps: 200, busyTps: 190, bareTps: 180 }],
    workerMemoryBytes: { before: 100e6, most: 110e6 },
  });
  expect(report).toMatchInlineSnapshot(`
    "2 cores (a CPU), 24 GiB, commit abc, 2026-11-20, by \`npm run bench backup\`

    A database of 5.1 GB (pgbench), three data nodes, two sites

    | what                                                 | goal    | p50     | min – max         | n   |
    | ---------------------------------------------------- | ------- | ------- | ----------------- | --- |
    | full backup to both sites, request to end            |         | 110.0 s | 100.0 s – 120.0 s | 3   |
    | … pgBackRest alone, to one after the other           |         | 99.0 s  | 99.0 s – 99.0 s   | 1   |
    | … its speed in per cent of pgBackRest's              | >= 95 % | 90.0 %  | 82.5 % – 99.0 %   | 3   |
    | … pgBackRest alone, to both at once                  |         | 70.0 s  | 70.0 s – 70.0 s   | 1   |
    | restore to a new cluster, request to \`ready\`         |         | 60.0 s  | 60.0 s – 60.0 s   | 1   |
    | … without backups of its own (a fork)                | <= 20 s | 30.0 s  | 30.0 s – 30.0 s   | 1   |
    | … \`pgbackrest restore\` alone                         |         | 20.0 s  | 20.0 s – 20.0 s   | 1   |
    | … restore, longer than that                          | <= 15 s | 40.0 s  | 40.0 s – 40.0 s   | 1   |
    | … fork, longer than that                             | <= 15 s | 10.0 s  | 10.0 s – 10.0 s   | 1   |
    | restore in place: nobody can write                   | <= 5 s  | 8.0 s   | 8.0 s – 8.0 s     | 1   |
    | what the primary loses of its transactions meanwhile | <= 5 %  | 5.0 %   | 5.0 % – 5.0 %     | 1   |
    | … while pgBackRest alone takes them, to both at once |         | 10.0 %  | 10.0 % – 10.0 %   | 1   |
    | memory of the worker, at most (before – most)        | flat    | 110 MB  | 100 MB – 110 MB   | 1   |"
  `);
});
