/**
 * How a data node gets the data of its primary: from a backup, where that is quicker. Patroni calls it first, and takes a base
 * backup of the primary whenever this fails.
 *
 * It chooses at the time of the copy. A backup is taken when its data is not small, a site tells of it at once, its log leads to the
 * log that the primary writes now, that log is in the archive without a gap, and little of it has to be replayed. Logs are told apart by
 * PostgreSQL's own history of the primary's: a restore in place leaves backups behind that have the same system identifier.
 *
 * The restore goes beside the data directory, and takes its place when it is whole: what was interrupted is in nobody's way, and is
 * gone on with by the next call (`--delta`), and so is the data that a reinit finds.
 *
 * `copy.py --datadir=… --connstring=…`, as Patroni calls it; `ORDERS` stands before it, and is CopyOrders.
 */
export const COPY_PROGRAM = `
import fcntl, glob, json, os, re, select, shutil, signal, subprocess, sys, time

MIB = 1 << 20
SEGMENT = 16 * MIB
UNITS = {'kB': 1 << 10, 'MB': 1 << 20, 'GB': 1 << 30, 'TB': 1 << 40}

class FromPrimary(Exception): 'Why the primary is copied.'
class Ended(BaseException): 'Whoever called has ended it, or is gone.'

def end(*_): raise Ended()
def number(lsn): return (int(lsn.split('/')[0], 16) << 32) + int(lsn.split('/')[1], 16)
def mebibytes(count): return f'{count >> 20} MiB'

def ask(commands, seconds):
    'What each of them prints, None where it fails or takes longer; they run side by side.'
    asked = [subprocess.Popen(one, stdout=subprocess.PIPE, text=True) for one in commands]
    until, printed = time.monotonic() + seconds, []
    for one in asked:
        try: text = one.communicate(timeout=max(0.01, until - time.monotonic()))[0]
        except subprocess.TimeoutExpired:
            one.kill()
            text = None
        printed.append(text if one.wait() == 0 else None)
    return printed

def ask_primary(orders, connection, *commands):
    words = [word for command in commands for word in ('-c', command)]
    [printed] = ask([[orders['psql'], '-XAtqw', '-d', f'{connection} replication=true', *words]], orders['answerSeconds'])
    if printed is None: raise FromPrimary('it does not tell where it is')
    return printed

class Primary:
    'Its log, and where the logs before it ended.'
    def __init__(self, orders, connection):
        who, kept = ask_primary(orders, connection, 'IDENTIFY_SYSTEM', 'SHOW wal_keep_size').splitlines()
        system, log, position = who.split('|')[:3]
        self.system, self.log, self.position = int(system), int(log), number(position)
        self.kept = int(kept[:-2]) * UNITS[kept[-2:]]
        history = ask_primary(orders, connection, f'TIMELINE_HISTORY {log}') if self.log > 1 else ''
        ends = re.findall(r'^(?:[0-9A-F]{8}\\.history\\|)?(\\d+)\\t([0-9A-F]+/[0-9A-F]+)\\t', history, re.M)
        self.ends = {int(before): number(lsn) for before, lsn in ends}

    def follows(self, backup):
        'True when all that the backup has is in the log of the primary.'
        logs = {int(backup['archive'][end][:8], 16) for end in ('start', 'stop')}
        log = logs.pop()
        return not logs and number(backup['lsn']['stop']) <= {**self.ends, self.log: self.position}.get(log, -1)

    def segments(self, backup):
        'Names of the segments from the begin of the backup to the one that is written: of each the newest log that has it.'
        name = backup['archive']['start']
        first = (int(name[8:16], 16) << 8) + int(name[16:], 16)
        logs = sorted([*self.ends, self.log])
        begins = [(0, logs[0])] + [(self.ends[before] // SEGMENT, log) for before, log in zip(logs, logs[1:])]
        for segment in range(first, self.position // SEGMENT + 1):
            log = max(log for begin, log in begins if begin <= segment)
            yield f'{log:08X}{segment >> 8:08X}{segment & 255:08X}'

def pgbackrest(orders, site, *words):
    return [*orders['pgbackrest'], f"--repo={orders['sites'].index(site) + 1}", *words]

def look(orders, primary):
    'The newest backup of each site that is worth to begin from, and the folder of its log.'
    words = ['--io-timeout=2', '--output=json', '--log-level-console=off', 'info']
    said = ask([pgbackrest(orders, site, *words) for site in orders['sites']], orders['answerSeconds'])
    seen = {}
    for site, printed in zip(orders['sites'], said):
        stanza = json.loads(printed)[0] if printed else {'backup': [], 'db': []}
        systems = {one['id'] for one in stanza['db'] if one['system-id'] == primary.system}
        fit = [one for one in stanza['backup'] if one['database']['id'] in systems and not one.get('error') and primary.follows(one)]
        if not fit: continue
        backup = max(fit, key=lambda one: number(one['lsn']['stop']))
        folder = next(one['id'] for one in stanza['archive'] if one['database']['id'] == backup['database']['id'])
        seen[site] = backup, f"archive/{orders['stanza']}/{folder}"
    if not seen: raise FromPrimary('no site tells of a backup that leads to its log')
    return seen

def archived(orders, seen):
    'Names of what the archive has, on any site.'
    words = ['--io-timeout=2', '--recurse', '--log-level-console=off', 'repo-ls']
    said = ask([pgbackrest(orders, site, *words, folder) for site, (_, folder) in seen.items()], orders['listSeconds'])
    return {name for printed in said for name in re.findall(r'\\b([0-9A-F]{24}(?=-)|[0-9A-F]{8}\\.history)', printed or '')}

def choose(orders, primary):
    'A site, its backup, and the histories of logs that lie between that and the primary.'
    if primary.position < orders['smallBytes']: raise FromPrimary('there is little data')
    seen = look(orders, primary)
    names, reasons = archived(orders, seen), []
    for site, (backup, _) in seen.items():
        size, replay = backup['info']['size'], primary.position - number(backup['lsn']['start'])
        histories = [f'{log:08X}.history' for log in range(int(backup['archive']['start'][:8], 16) + 1, primary.log + 1)]
        segments = list(primary.segments(backup))
        there = next((i for i, name in enumerate(segments) if name not in names), len(segments))
        if size < orders['smallBytes']: reasons.append(f'{site} has little data')
        elif replay > size * orders['replayShare']: reasons.append(f'{mebibytes(replay)} of log follow the backup on {site}')
        elif not names.issuperset(histories): reasons.append('the archive lacks the history of its log')
        elif (len(segments) - there - 1) * SEGMENT > primary.kept: reasons.append(f'the archive lacks {segments[there]}')
        else: return site, backup, histories
    raise FromPrimary(', '.join(reasons))

def written(group):
    'Bytes that its processes wrote; those that have ended count no more.'
    total = 0
    for folder in glob.glob('/proc/[0-9]*'):
        try:
            with open(f'{folder}/stat') as stat: words = stat.read().rpartition(') ')[2].split()
            if int(words[2]) != group: continue
            with open(f'{folder}/io') as io: total += int(re.search(r'wchar: (\\d+)', io.read())[1])
        except OSError: pass
    return total

class Progress:
    'Bytes that are there, by what pgBackRest tells of whole files and by what its processes write.'
    def __init__(self, orders, site, size, group):
        self.orders, self.site, self.size, self.group = orders, site, size, group
        self.begun = self.moved = time.monotonic()
        self.told = self.bytes = self.mark = 0

    def look(self, lines):
        for line in lines:
            if share := re.search(r'([\\d.]+)%\\)', line): self.told = int(float(share[1]) * self.size / 100)
            if ' DETAIL: ' not in line: print(line, flush=True)
        self.bytes = max(self.bytes, self.told, written(self.group))
        now = time.monotonic()
        # Less is what its processes say to one another.
        if self.bytes >= self.mark + MIB: self.moved, self.mark = now, self.bytes
        with open(self.orders['progress'], 'w') as file:
            file.write(f'has {mebibytes(min(self.bytes, self.size))} of {mebibytes(self.size)} from {self.site}\\n')
        if now - self.moved > self.orders['stallSeconds']: raise FromPrimary(f'{self.site} brings nothing any more')
        if now - self.begun > self.orders['startSeconds'] and self.bytes < self.orders['startBytes']:
            raise FromPrimary(f'{self.site} is slow: {mebibytes(self.bytes)} so far')

def restore(orders, site, backup, copy, patroni):
    delta = ['--delta'] if os.listdir(copy) else []
    words = [f"--set={backup['label']}", f'--pg1-path={copy}', '--type=none', f"--process-max={orders['processes']}", *delta]
    command = pgbackrest(orders, site, *words, '--io-timeout=10', '--log-level-console=detail', 'restore')
    left = ''
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as work:
        progress = Progress(orders, site, backup['info']['size'], work.pid)
        try:
            while True:
                ready = select.select([work.stdout], [], [], 1)[0]
                read = os.read(work.stdout.fileno(), 1 << 16) if ready else None
                if read == b'': break
                *lines, left = (left + (read or b'').decode(errors='replace')).split('\\n')
                progress.look(lines)
                if os.getppid() != patroni: raise Ended()
        except BaseException:
            work.terminate()
            try: work.wait(10)
            except subprocess.TimeoutExpired: os.killpg(work.pid, signal.SIGKILL)
            raise
    if work.returncode: raise FromPrimary(f'pgBackRest ended with {work.returncode}')

def fetch_histories(orders, histories, copy):
    'PostgreSQL follows the newest log whose history it finds, one after the other: it must not depend on the stores at that moment.'
    for name in histories:
        command = [*orders['pgbackrest'], f'--pg1-path={copy}', '--no-archive-async', 'archive-get', name, f'{copy}/pg_wal/{name}']
        if ask([command], orders['answerSeconds']) == [None]: raise FromPrimary(f'{name} does not come')

def work(orders, data, connection, copy, patroni):
    site, backup, histories = choose(orders, Primary(orders, connection))
    print(f"copying from {site}, backup {backup['label']}", flush=True)
    if os.path.isdir(data) and os.listdir(data):
        shutil.rmtree(copy, ignore_errors=True)
        os.rename(data, copy)
    os.makedirs(copy, 0o700, exist_ok=True)
    if os.path.exists(f'{copy}/postmaster.pid'): os.unlink(f'{copy}/postmaster.pid')
    restore(orders, site, backup, copy, patroni)
    fetch_histories(orders, histories, copy)
    if os.path.isdir(data): os.rmdir(data)
    os.rename(copy, data)

def main(orders, arguments):
    signal.signal(signal.SIGTERM, end)
    patroni = os.getppid()
    data, connection = (next(one.split('=', 1)[1] for one in arguments if one.startswith(name)) for name in ('--datadir=', '--connstring='))
    copy, beside = f'{data}.copy', os.path.dirname(data)
    os.makedirs(beside, 0o700, exist_ok=True)
    folder = os.open(beside, os.O_RDONLY)
    try:
        # One that was called before may be about to end.
        fcntl.flock(folder, fcntl.LOCK_EX)
        work(orders, data, connection, copy, patroni)
        os.fsync(folder)
        return 0
    except Exception as reason:
        print(f'copying from the primary: {reason}', flush=True)
        shutil.rmtree(copy, ignore_errors=True)
        return 1
    except Ended:
        return 1
    finally:
        if os.path.exists(orders['progress']): os.unlink(orders['progress'])

sys.exit(main(ORDERS, sys.argv[1:]))
`.trimStart();
