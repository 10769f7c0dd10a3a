/**
 * What watches the volume of a data node for as long as its host is on: it looks four times a second, more often the fuller it is,
 * and acts by itself, whether anybody else is there or not. What it has set is what ALTER SYSTEM has written (postgresql.auto.conf):
 * that is all it remembers, so it can be killed at any moment, and whatever a restore or a copy of another node brought along is put
 * right. Needs Python 3, which Patroni brings.
 *
 * `disk-guard.py ORDERS`; the orders are {@link DiskOrders}.
 */
export const DISK_GUARD_PROGRAM = `
import json, os, re, subprocess, sys, threading, time

REFUSES, CAPS = 'default_transaction_read_only', 'max_wal_size'
HERE = 'CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END'

class NotNow(Exception):
    'Somebody does not answer: it is tried again.'

def used_share():
    volume = os.statvfs(orders['volume'])
    return 1 - volume.f_bavail / volume.f_blocks

def settings_made():
    try:
        with open(f"{orders['data']}/postgresql.auto.conf") as file: return set(re.findall(r'^(\\w+) *=', file.read(), re.M))
    except OSError: return None

def psql(*statements):
    words = [word for statement in statements for word in ('-c', statement)]
    return [orders['psql'], '-XAtqw', '-v', 'ON_ERROR_STOP=1', '-h', orders['socket'], '-d', 'postgres', *words]

def ask(*statements):
    try: done = subprocess.run(psql(*statements), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=5)
    except subprocess.TimeoutExpired: raise NotNow
    if done.returncode != 0: raise NotNow
    return [line.split('|')[0] for line in done.stdout.splitlines()]

def tell(act, detail):
    now = time.time()
    at = time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(now)) + f'.{int(now % 1 * 1000):03}Z'
    line = json.dumps({'at': at, 'act': act, 'detail': detail})
    print(line, flush=True)
    try:
        with open(orders['acts'], 'a') as file: file.write(f'{line}\\n')
    except OSError: pass  # The journal has it.

checkpoint = None

def give_back_log():
    'Segments that nobody needs go with a checkpoint, which may take its time.'
    global checkpoint
    if checkpoint is None or checkpoint.poll() is not None:
        checkpoint = subprocess.Popen(psql('CHECKPOINT'), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

def change(act, share, settings):
    made = [f'ALTER SYSTEM RESET {name}' if value is None else f"ALTER SYSTEM SET {name} = '{value}'" for name, value in settings.items()]
    ask(*made, 'SELECT pg_reload_conf()')
    tell(act, f'{share:.1%} of the volume are used')
    if None not in settings.values(): give_back_log()

def members_alive():
    'Names of their slots, as Patroni makes them.'
    import ssl, urllib.request
    try:
        context = ssl.create_default_context(cafile=orders['ca'])
        with urllib.request.urlopen(orders['patroni'], timeout=1, context=context) as answer: members = json.load(answer)['members']
    except (OSError, ValueError, KeyError): raise NotNow
    return [re.sub('[^a-z0-9_]', '_', member['name'].lower()) for member in members]

def drop_slots():
    try:
        alive = ','.join(members_alive())
        dropped = ask(f"""SELECT slot_name, pg_drop_replication_slot(slot_name) FROM pg_replication_slots
          WHERE NOT active AND pg_wal_lsn_diff({HERE}, restart_lsn) > pg_size_bytes(current_setting('wal_keep_size'))
            AND slot_name <> ALL ('{{{alive}}}'::name[])""")
    except NotNow: return  # It is looked for again in ten seconds.
    if dropped:
        tell('slots dropped', ', '.join(dropped))
        give_back_log()

def spilling():
    'Sessions with temporary files, which a query may make that writes nothing.'
    try: names = os.listdir(f"{orders['data']}/base/pgsql_tmp")
    except FileNotFoundError: return []
    return {match[1] for match in (re.match(r'pgsql_tmp(\\d+)\\.', name) for name in names) if match}

ended_before = set()

def end_writers():
    ended = ask(f"""SELECT usesysid, pg_terminate_backend(pid) FROM pg_stat_activity JOIN pg_roles ON pg_roles.oid = usesysid
      WHERE backend_type = 'client backend' AND NOT rolsuper AND (backend_xid IS NOT NULL OR pid = ANY ('{{{','.join(spilling())}}}'))""")
    if not ended: return
    tell('sessions ended', f'{len(ended)} that wrote while it filled')
    insist = ended_before.intersection(ended)
    ended_before.update(ended)
    # Each reconnect would write for some hundredths of a second.
    if insist: limit('role held', f"oid = ANY ('{{{','.join(insist)}}}')", 0)
    give_back_log()

def limit(act, which, connections):
    'What the role has open stays.'
    roles = f'SELECT rolname FROM pg_roles WHERE NOT rolsuper AND {which}'
    names = ask(roles)
    if not names: return
    ask('SET default_transaction_read_only = off', 'SET synchronous_commit = local', f"""DO $$ DECLARE name name; BEGIN
      FOR name IN {roles} LOOP EXECUTE format('ALTER ROLE %I CONNECTION LIMIT {connections}', name); END LOOP; END $$""")
    tell(act, ', '.join(names))

let_go = False

def let_roles_go(refuses):
    'Once, by whoever is the primary by then.'
    global let_go
    if refuses or os.path.exists(f"{orders['data']}/standby.signal"): let_go = False
    elif not let_go:
        limit('role let go', 'rolconnlimit = 0', -1)
        ended_before.clear()
        let_go = True

slots_looked_at = 0

def act(share, grows):
    global slots_looked_at
    ladder, made = orders['ladder'], settings_made()
    if made is None: return
    refuses, caps = REFUSES in made, CAPS in made
    if refuses != (share >= ladder['allow' if refuses else 'refuse']):
        change('writes allowed' if refuses else 'writes refused', share, {REFUSES: None if refuses else 'on'})
    if grows and share >= ladder['last']: end_writers()
    if caps != (share >= ladder['roomy' if caps else 'nearlyFull']):
        change('log as long as before' if caps else 'log kept short', share, {name: None if caps else value for name, value in orders['capped'].items()})
    if share >= ladder['nearlyFull'] and time.monotonic() - slots_looked_at > 10:
        slots_looked_at = time.monotonic()
        # Patroni may take its time, in which the volume could fill.
        threading.Thread(target=drop_slots, daemon=True).start()
    let_roles_go(REFUSES in (settings_made() or ()))

with open(sys.argv[1]) as file: orders = json.load(file)
before = 1
while True:
    share = used_share()
    pause = 0.02 if share >= orders['ladder']['refuse'] else 0.1 if share >= orders['ladder']['nearlyFull'] else 0.25
    try: act(share, share > before)
    except NotNow: pause = 1
    before = share
    time.sleep(pause)
`.trimStart();
