/**
 * What a data node runs every ten minutes: takes the backups that are overdue, while nobody else does. The rule is that of
 * domain/backup-times.ts: one is overdue when more than half of the time until the next of its type has passed since it was
 * due; a fuller one does for it; what was due before the orders were written counts for nothing. It looks at each
 * repository by itself, but at all as of when the look began: what falls due in two during it becomes one backup of the
 * next look. It does nothing on a replica, or while pgBackRest takes a backup. A damaged one counts: taking it again would
 * not mend the pages. Needs Python 3, which Patroni brings, and systemd for times in zones.
 *
 * `own-backup.py ORDERS`; the orders are {@link OwnOrders}.
 */
export const OWN_BACKUP_PROGRAM = `
import json, os, re, subprocess, sys, time

TYPES = ['full', 'diff', 'incr']
RUN = re.compile(r': \\w+ (\\d+-\\d+-\\d+ \\d+:\\d+:\\d+) UTC')

def output(*command, check=True):
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env={**os.environ, 'TZ': 'UTC', 'LC_ALL': 'C'})
    if check and done.returncode: sys.exit(f'{command[0]} failed with exit code {done.returncode}')
    return done.stdout.strip() if done.returncode == 0 else ''

def is_primary(psql, socket):
    query = 'SELECT pg_is_in_recovery()'
    return output(psql, '-XAtqw', '-h', socket, '-d', 'postgres', '-c', query, check=False) == 'f'

def next_runs(calendar, since):
    'The two times after that one; fewer where there are none.'
    printed = output('systemd-analyze', 'calendar', '--iterations=2', f'--base-time=@{int(since)}', calendar)
    return [time.mktime(time.strptime(run, '%Y-%m-%d %H:%M:%S')) for run in RUN.findall(printed)]

def overdue(calendars, last, since, now):
    'The type that has been due for longest, by when each type was last begun; None when none is overdue.'
    found = []
    for i, kind in enumerate(TYPES):
        if calendars[kind] is None: continue
        runs = next_runs(calendars[kind], max([since] + [last.get(fuller, 0) for fuller in TYPES[:i + 1]]))
        if len(runs) == 2 and now > runs[0] + (runs[1] - runs[0]) / 2: found.append((runs[0], i, kind))
    return min(found)[2] if found else None

def info(orders, repository):
    command = [*orders['pgbackrest'], f'--repo={repository}', '--output=json', '--log-level-console=warn', 'info']
    printed = output(*command, check=False)
    return json.loads(printed)[0] if printed else None

def work(orders, since):
    begun = int(time.time())
    failed = False
    for repository in range(1, orders['repositories'] + 1):
        seen = info(orders, repository)
        if seen is None or seen['repo'][0]['status']['code'] not in (0, 2):
            print(f'repository {repository} cannot be used: nothing is taken to it')
            continue
        if seen['status']['lock']['backup']['held']:
            print('a backup is under way: nothing is taken')
            return False
        last = {}
        for one in seen['backup']:
            # A clock that was wrong has put some into the future.
            if one['timestamp']['start'] <= begun:
                last[one['type']] = max(last.get(one['type'], 0), one['timestamp']['start'])
        kind = overdue(orders['calendars'], last, since, begun)
        if kind is None: continue
        print(f'a backup of type {kind} is overdue: taking it to repository {repository}', flush=True)
        words = [f'--repo={repository}', f'--type={kind}', f"--annotation={orders['annotation']}-{begun}"]
        failed = subprocess.run([*orders['pgbackrest'], *words, *orders['words']]).returncode != 0 or failed
    return failed

os.environ['TZ'] = 'UTC'
time.tzset()
with open(sys.argv[1]) as file: orders = json.load(file)
if is_primary(orders['psql'], orders['socket']): sys.exit(1 if work(orders, os.stat(sys.argv[1]).st_mtime) else 0)
`.trimStart();
