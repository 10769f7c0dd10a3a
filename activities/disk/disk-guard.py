"""What watches the volume of a data node: see guard.ts. `disk-guard.py ORDERS`; the orders are DiskOrders there."""

import json, os, re, subprocess, sys, threading, time

FORMERS = 'holdfast-disk-guard.json'
HERE = 'CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END'

class NotNow(Exception):
    'Somebody does not answer: it is tried again.'

def used_share():
    volume = os.statvfs(orders['volume'])
    return 1 - volume.f_bavail / volume.f_blocks

def settings_made():
    'What ALTER SYSTEM has written, by whomever.'
    try:
        with open(f"{orders['data']}/postgresql.auto.conf") as file: return dict(re.findall(r"^(\w+) *= *'(.*)'$", file.read(), re.M))
    except OSError: return None

def is_own(made, settings):
    return all(made.get(name) == value for name, value in settings.items())

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
        with open(orders['acts'], 'a') as file: file.write(f'{line}\n')
    except OSError: pass  # The journal has it.

checkpoint = None

def give_back_log():
    'Segments that nobody needs go with a checkpoint, which may take its time.'
    global checkpoint
    if checkpoint is None or checkpoint.poll() is not None:
        checkpoint = subprocess.Popen(psql('CHECKPOINT'), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

def formers():
    'What others had set in the place of what is set now. Beside the settings: it goes wherever they are copied to.'
    try:
        with open(f"{orders['data']}/{FORMERS}") as file: return json.load(file)
    except (OSError, ValueError): return {}

def remember(known):
    path = f"{orders['data']}/{FORMERS}"
    if known == formers(): return
    try:
        with open(f'{path}.new', 'w') as file:
            json.dump(known, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(f'{path}.new', path)
    except OSError: pass  # A volume that is full matters more.

def alter(act, share, made):
    ask(*made, 'SELECT pg_reload_conf()')
    tell(act, f'{share:.1%} of the volume are used')

def take(act, share, made, settings):
    'Whoever is killed in here takes it once more: what is its own is never a former one.'
    others = {name: made[name] for name, value in settings.items() if made.get(name, value) != value}
    kept = {name: value for name, value in formers().items() if name not in settings or made.get(name) == settings[name]}
    remember({**kept, **others})
    alter(act, share, [f"ALTER SYSTEM SET {name} = '{value}'" for name, value in settings.items()])
    give_back_log()

def give_back(act, share, made, settings):
    'What somebody else has set meanwhile stays.'
    known = formers()
    own = [name for name, value in settings.items() if made.get(name) == value]
    alter(act, share, [f"ALTER SYSTEM SET {name} = '{known[name]}'" if name in known else f'ALTER SYSTEM RESET {name}' for name in own])
    remember({name: value for name, value in known.items() if name not in settings})

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
    return {match[1] for match in (re.match(r'pgsql_tmp(\d+)\.', name) for name in names) if match}

ended_before = set()

def end_writers():
    ended = ask(f"""SELECT usesysid, pg_terminate_backend(pid) FROM pg_stat_activity JOIN pg_roles ON pg_roles.oid = usesysid
      WHERE backend_type = 'client backend' AND NOT rolsuper AND (backend_xid IS NOT NULL OR pid = ANY ('{{{','.join(spilling())}}}'))""")
    if not ended: return
    tell('sessions ended', f'{len(ended)} that wrote while it filled')
    insist = ended_before.intersection(ended)
    ended_before.update(ended)
    # Each reconnect would write for some hundredths of a second.
    if insist: hold_roles(insist)
    give_back_log()

# What is known of roles that are held is in the settings of the superuser, who has no use for it: it goes to each standby with the
# limit, in one transaction, and no tenant can change it.
MARK = 'holdfast.connections_of_'
WRITABLE = ('SET default_transaction_read_only = off', 'SET synchronous_commit = local')

def hold_roles(ids):
    'What the role has open stays.'
    roles = f"""SELECT rolname, oid, rolconnlimit FROM pg_roles
      WHERE NOT rolsuper AND rolconnlimit <> 0 AND oid = ANY ('{{{','.join(ids)}}}')"""
    names = ask(roles)
    if not names: return
    ask(*WRITABLE, f"""DO $$ DECLARE role record; BEGIN
      FOR role IN {roles} LOOP
        EXECUTE format('ALTER ROLE CURRENT_USER SET {MARK}%s = %L', role.oid, role.rolconnlimit::text);
        EXECUTE format('ALTER ROLE %I CONNECTION LIMIT 0', role.rolname);
      END LOOP; END $$""")
    tell('role held', ', '.join(names))

def let_roles_go():
    'Each has the limit again that it had. One that is gone, or was given another limit meanwhile, is only forgotten.'
    held = f"""SELECT coalesce(rolname, split_part(one, '=', 1)), rolname, split_part(one, '=', 1) AS mark, split_part(one, '=', 2) AS former
      FROM pg_db_role_setting, unnest(setconfig) AS one
      LEFT JOIN pg_roles ON one LIKE '{MARK}' || oid || '=%' AND rolconnlimit = 0
      WHERE setdatabase = 0 AND setrole = CURRENT_USER::regrole AND one LIKE '{MARK}%'"""
    names = ask(held)
    if not names: return
    ask(*WRITABLE, f"""DO $$ DECLARE role record; BEGIN
      FOR role IN {held} LOOP
        IF role.rolname IS NOT NULL THEN EXECUTE format('ALTER ROLE %I CONNECTION LIMIT %s', role.rolname, role.former); END IF;
        EXECUTE format('ALTER ROLE CURRENT_USER RESET %s', role.mark);
      END LOOP; END $$""")
    there = [name for name in names if not name.startswith(MARK)]
    if there: tell('role let go', ', '.join(there))

let_go = False

def let_go_once(refuses):
    'By whoever is the primary by then.'
    global let_go
    if refuses or os.path.exists(f"{orders['data']}/standby.signal"): let_go = False
    elif not let_go:
        let_roles_go()
        ended_before.clear()
        let_go = True

slots_looked_at = 0

def act(share, grows):
    global slots_looked_at
    ladder, made = orders['ladder'], settings_made()
    if made is None: return
    refusing, capped = orders['refusing'], orders['capped']
    if not is_own(made, refusing) and share >= ladder['refuse']: take('writes refused', share, made, refusing)
    elif is_own(made, refusing) and share < ladder['allow']: give_back('writes allowed', share, made, refusing)
    if grows and share >= ladder['last']: end_writers()
    if not is_own(made, capped) and share >= ladder['nearlyFull']: take('log kept short', share, made, capped)
    elif share < ladder['roomy'] and any(made.get(name) == value for name, value in capped.items()):
        give_back('log as long as before', share, made, capped)
    if share >= ladder['nearlyFull'] and time.monotonic() - slots_looked_at > 10:
        slots_looked_at = time.monotonic()
        # Patroni may take its time, in which the volume could fill.
        threading.Thread(target=drop_slots, daemon=True).start()
    let_go_once(is_own(settings_made() or {}, refusing))

with open(sys.argv[1]) as file: orders = json.load(file)
before = 1
while True:
    share = used_share()
    pause = 0.02 if share >= orders['ladder']['refuse'] else 0.1 if share >= orders['ladder']['nearlyFull'] else 0.25
    try: act(share, share > before)
    except NotNow: pause = 1
    before = share
    time.sleep(pause)
