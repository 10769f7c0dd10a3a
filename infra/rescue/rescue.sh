#!/bin/sh
# Brings a cluster's data back on a plain Debian, without Holdfast: from its object store and an escrowed key file
# (`holdfast escrow export`). Run it as root, on a machine that is there for this alone. Run again, it goes on where it was.
#
#   rescue.sh [options] KEY_FILE
#
#   --time TIME             as it was at this time, such as '2026-11-21 14:02:00+01'; default: the newest state
#   --site SITE             read from this site; default: the first that can be read
#   --endpoint SITE=URL     where that site is now, such as primary=https://10.0.0.7:9000; can be repeated
#   --passphrase-file FILE  its first line is the passphrase; default: the terminal is asked
#   --port PORT             of PostgreSQL, on this machine only; default 5432
#   --again                 throw away what an earlier run restored
#
# It installs pgbackrest and the cluster's major version of PostgreSQL from the APT sources of this machine. Where they do
# not have that version, set up those of the PostgreSQL project first:
#   apt install postgresql-common && /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh
set -eu
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive

say() { printf 'rescue: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }
usage() { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }

time='' site='' endpoints='' passphrase_file='' port=5432 again='' key_file=''
while [ $# -gt 0 ]; do
  case $1 in
  --time | --site | --endpoint | --passphrase-file | --port)
    [ $# -gt 1 ] || usage
    case $1 in
    --time) time=$2 ;;
    --site) site=$2 ;;
    --endpoint) endpoints="$endpoints $2" ;;
    --passphrase-file) passphrase_file=$2 ;;
    --port) port=$2 ;;
    esac
    shift
    ;;
  --again) again=yes ;;
  -*) usage ;;
  *) [ -z "$key_file" ] || usage; key_file=$1 ;;
  esac
  shift
done
[ -n "$key_file" ] || usage
[ "$(id -u)" = 0 ] || fail 'run it as root'
[ -r "$key_file" ] || fail "$key_file can't be read"
case $port in '' | *[!0-9]*) fail "--port is a number, not '$port'" ;; esac

umask 077
work=$(mktemp -d)
trap 'rm -rf "$work"; stty echo 2>/dev/null || :' EXIT
trap 'exit 130' INT TERM

# The passphrase never stands in a command line, where others on this machine could read it.
ask_passphrase() {
  if [ -n "$passphrase_file" ]; then
    head -n 1 "$passphrase_file" >"$work/passphrase"
    return
  fi
  [ -t 0 ] || fail 'there is no terminal to ask for the passphrase: give it by --passphrase-file'
  printf 'Passphrase: ' >&2
  stty -echo
  IFS= read -r passphrase
  stty echo
  echo >&2
  printf '%s\n' "$passphrase" >"$work/passphrase"
}

# A file that somebody changed, or another passphrase, gives another sum, if it gives anything.
open_key_file() {
  command -v openssl >/dev/null || { apt-get update -q >&2; apt-get install -qy --no-install-recommends openssl >&2; }
  sed '1,/^$/d' "$key_file" |
    openssl enc -d -aes-256-cbc -pbkdf2 -iter 600000 -md sha256 -a -pass "file:$work/passphrase" \
      >"$work/opened" 2>"$work/errors" || fail "$key_file does not open: the passphrase is another one, or the file was changed"
  sed '$d' "$work/opened" >"$work/contents"
  [ "$(tail -n 1 "$work/opened" | tr -d '\0')" = "sha256 $(sha256sum <"$work/contents" | cut -d' ' -f1)" ] ||
    fail "$key_file does not open: the passphrase is another one, or the file was changed"
  [ "$(value holdfast-escrow)" = 1 ] || fail "$key_file is of another release of Holdfast: use the rescue.sh of that one"
}
value() { sed -n "s/^$1 //p" "$work/contents" | head -n 1; }

install_packages() {
  if [ -x "$binaries/postgres" ] && command -v pgbackrest >/dev/null; then return; fi
  say "installing PostgreSQL $major and pgBackRest"
  install -d -m 755 /etc/postgresql-common/createcluster.d
  # Debian makes a database of its own with each version that it installs.
  echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.d/rescue.conf
  chmod 644 /etc/postgresql-common/createcluster.d/rescue.conf
  apt-get update -q >&2
  apt-get install -qy --no-install-recommends "postgresql-$major" pgbackrest ca-certificates >&2 ||
    fail "PostgreSQL $major could not be installed: see the head of this script for the sources that have it"
}

# The configuration of pgBackRest, and certificates of stores that no public authority signs for.
write_files() {
  sed -n 's/^file //p' "$work/contents" >"$work/files"
  while read -r path content; do
    install -d -m 755 "$(dirname "$path")"
    printf '%s' "$content" | base64 -d >"$work/file"
    case $path in
    *.crt) install -m 644 "$work/file" "$path" ;;
    *) install -m 600 -o postgres -g postgres "$work/file" "$path" ;;
    esac
  done <"$work/files"
  for moved in $endpoints; do move_endpoint "${moved%%=*}" "${moved#*=}"; done
}

# move_endpoint SITE URL
move_endpoint() {
  number=$(number_of "$1")
  address=${2#https://}
  address=${address%%/*}
  host=${address%:*}
  case $address in *:*) at=${address##*:} ;; *) at=443 ;; esac
  sed -i -e "s|^repo$number-s3-endpoint=.*|repo$number-s3-endpoint=$host|" -e "s|^repo$number-storage-port=.*|repo$number-storage-port=$at|" "$config"
}

# number_of SITE: of its repository.
number_of() {
  found=$(sed -n 's/^site //p' "$work/contents" | while read -r number name _; do
    if [ "$name" = "$1" ]; then echo "$number"; fi
  done)
  [ -n "$found" ] || fail "there are no backups on a site $1; there are: $(sed -n 's/^site [0-9]* \([^ ]*\).*/\1/p' "$work/contents" | tr '\n' ' ')"
  echo "$found"
}

backrest() { runuser -u postgres -- pgbackrest --config="$config" --stanza="$stanza" --pg1-path="$data" "$@"; }

# route TIME REPOSITORY: where the cluster was restored in place its log branches, and pgBackRest knows nothing of that. Its backups tell of
# the branches (activities/pgbackrest/branches.ts). Reads `info`; prints for each repository the set to begin with, the log to follow,
# the type and the target; nothing where nothing branches. TIME is in seconds, or nothing for the newest state.
route() {
  perl -MJSON::PP -e '
    my ($time, $repo) = @ARGV;
    my ($stanza) = @{decode_json(join "", <STDIN>)};
    my @sets = sort { $b->{timestamp}{stop} <=> $a->{timestamp}{stop} } @{$stanza->{backup} // []};
    my ($told) = grep { defined } map { $_->{annotation}{"holdfast-branches"} } @sets;
    exit unless defined $told;
    my @forks = map { my %fork; @fork{qw(swapped log lsn from committed commit)} = split / /; \%fork } split /;/, $told;
    sub position { my ($high, $low) = split m{/}, $_[0]; return hex($high) * 2**32 + hex($low) }
    sub branch_at { my ($at) = @_; return scalar grep { $_->{swapped} <= $at } @forks }
    sub leads {
      my ($branch, $set) = @_;
      my $own = branch_at($set->{timestamp}{stop});
      while ($branch > $own) {
        my $fork = $forks[$branch - 1];
        return 0 if $fork->{lsn} eq "-" or position($set->{lsn}{stop}) > position($fork->{lsn});
        $branch = $fork->{from};
      }
      return $branch == $own;
    }
    my $branch = $time eq "" ? scalar @forks : branch_at($time);
    my $left = $forks[$branch];
    my @target = $time eq "" ? ("default", "-") : ("time", "-");
    # The last commit of that log came before the time: a replay would wait for a later one in vain.
    @target = ("lsn", $left->{commit}) if $time ne "" and $left and $left->{committed} ne "-" and $left->{committed} <= $time;
    my %of;
    for my $set (grep { !$_->{error} and ($time eq "" or $_->{timestamp}{stop} <= $time) and leads($branch, $_) } @sets) {
      $of{$set->{database}{"repo-key"}} //= $set->{label};
    }
    my @repos = grep { $repo eq "" or $_ == $repo } sort { $a <=> $b } keys %of;
    print "none\n" unless @repos;
    print join(" ", $_, $of{$_}, $left ? $left->{log} : "-", @target), "\n" for @repos;
  ' -- "$1" "$2"
}

# anywhere OPTION...: restores as pgBackRest chooses, from one repository after the other where that fails.
anywhere() {
  for one in "$repository" $([ -n "$repository" ] || sed -n 's/^site \([0-9]*\) .*/\1/p' "$work/contents"); do
    find "$data" -mindepth 1 -delete
    backrest "$@" ${one:+"--repo=$one"} restore >&2 && return
  done
  return 1
}

# follow OPTION...: restores by what `route` printed; the next repository where one does not answer.
follow() {
  while read -r repository set log type target; do
    [ "$repository" != none ] || fail 'no backup leads to that time'
    # pgBackRest restores into an empty folder only, and one that failed may have begun.
    find "$data" -mindepth 1 -delete
    if [ "$target" = - ]; then target=$time; fi
    if [ "$type" = default ]; then
      backrest "$@" "--repo=$repository" "--set=$set" --type=default restore >&2 && return
    elif [ "$log" = - ]; then
      backrest "$@" "--repo=$repository" "--set=$set" "--type=$type" "--target=$target" --target-action=promote restore >&2 && return
    else
      backrest "$@" "--repo=$repository" "--set=$set" "--type=$type" "--target=$target" --target-action=promote "--target-timeline=$log" \
        restore >&2 && return
    fi
  done <"$work/route"
  return 1
}

restore() {
  wanted="${time:-newest} of $stanza from ${site:-any site}"
  if [ -e "$data.restored" ] && [ -z "$again" ]; then
    [ "$(cat "$data.restored")" = "$wanted" ] ||
      fail "$data has been restored already, to: $(cat "$data.restored"). With --again it is thrown away"
    say "$data has been restored already"
    return
  fi
  stop
  rm -rf "$data" "$data.restored" "$data.log"
  install -d -m 755 -o postgres -g postgres "$(dirname "$data")"
  install -d -m 700 -o postgres -g postgres "$data"
  set -- --log-level-console=info
  repository=''
  if [ -n "$site" ]; then repository=$(number_of "$site"); fi
  say "restoring $cluster to $data ($wanted)"
  runuser -u postgres -- pgbackrest --config="$config" --stanza="$stanza" --log-level-console=off --log-level-stderr=warn \
    --output=json info >"$work/info" || fail 'pgBackRest could not read the stores: see above'
  seconds=''
  if [ -n "$time" ]; then seconds=$(date -d "$time" +%s.%N) || fail "--time is a time, not '$time'"; fi
  route "$seconds" "$repository" <"$work/info" >"$work/route" || fail 'what the stores have could not be read: see above'
  if [ -s "$work/route" ]; then
    follow "$@" || fail 'pgBackRest could not restore it: see above'
    echo "$wanted" >"$data.restored"
    return
  fi
  if [ -n "$time" ]; then set -- "$@" --type=time "--target=$time" --target-action=promote; else set -- "$@" --type=default; fi
  anywhere "$@" || fail 'pgBackRest could not restore it: see above'
  echo "$wanted" >"$data.restored"
}

control() { runuser -u postgres -- "$binaries/pg_controldata" "$data" | sed -n "s/^$1 setting: *//p"; }

# The database brings the configuration of its old machine along; this one is for looking at it here, and for nobody else.
write_postgres_config() {
  {
    echo "data_directory = '$data'"
    echo "hba_file = '$settings/pg_hba.conf'"
    echo "ident_file = '$settings/pg_ident.conf'"
    echo "listen_addresses = '127.0.0.1'"
    echo "port = $port"
    echo "unix_socket_directories = '/var/run/postgresql'"
    echo 'archive_mode = off'
    # Recovery asks for as much as the old machine had.
    for name in max_connections max_worker_processes max_wal_senders; do echo "$name = $(control "$name")"; done
    echo "max_prepared_transactions = $(control max_prepared_xacts)"
    echo "max_locks_per_transaction = $(control max_locks_per_xact)"
  } >"$work/postgresql.conf"
  printf 'local all postgres peer\nlocal all all scram-sha-256\nhost all all 127.0.0.1/32 scram-sha-256\n' >"$work/pg_hba.conf"
  : >"$work/pg_ident.conf"
  install -d -m 755 "$settings"
  for file in postgresql.conf pg_hba.conf pg_ident.conf; do
    install -m 640 -o postgres -g postgres "$work/$file" "$settings/$file"
  done
}

running() { [ -d "$data" ] && runuser -u postgres -- "$binaries/pg_ctl" status -D "$data" >/dev/null 2>&1; }
stop() { if running; then runuser -u postgres -- "$binaries/pg_ctl" stop -D "$data" -m fast >&2; fi; }
ask() { runuser -u postgres -- "$binaries/psql" -XAtq -h /var/run/postgresql -p "$port" -d postgres -c "$1" 2>/dev/null; }

start() {
  install -d -m 2775 -o postgres -g postgres /var/run/postgresql
  if ! running; then
    write_postgres_config
    [ -e "$data.log" ] || install -m 600 -o postgres -g postgres /dev/null "$data.log"
    runuser -u postgres -- "$binaries/pg_ctl" start -D "$data" -W -l "$data.log" -o "-c config_file=$settings/postgresql.conf" >&2
  fi
  say 'replaying the log'
  until [ "$(ask 'SELECT NOT pg_is_in_recovery()')" = t ]; do
    sleep 1
    running || { tail -n 20 "$data.log" >&2; fail "PostgreSQL gave up: see above, and $data.log"; }
  done
  demand_whole_log
}

# To PostgreSQL a segment that could not be fetched is the end of the log: it begins to serve without what follows. Where it gave up
# instead, its next start asked for that segment again.
demand_whole_log() {
  lost=$(awk '/archive-get command end: aborted/ && !served { lost = $0 }
    /archive recovery complete/ { served = 1 }
    /starting PostgreSQL/ && !served { lost = "" }
    END { print lost }' "$data.log")
  [ -n "$lost" ] || return 0
  # What came back may be all that there is, so it stays until the next run.
  rm -f "$data.restored"
  say "a store failed while the log was read, see $data.log: $lost"
  fail "The newest commits may be missing in what runs on port $port now. Run this again when the stores answer, or with --site to read another one: it restores anew"
}

ask_passphrase
open_key_file
cluster=$(value cluster) stanza=$(value stanza) major=$(value major) database=$(value database)
binaries=/usr/lib/postgresql/$major/bin data=/var/lib/postgresql/$major/rescue settings=/etc/holdfast/rescue
config=/etc/pgbackrest/rescue.conf
install_packages
write_files
restore
start
say "$cluster runs on this machine. To look at it: runuser -u postgres -- psql -p $port $database"
say "With the password of its owner: psql -h 127.0.0.1 -p $port -U OWNER $database"
say "To copy it into another server: runuser -u postgres -- pg_dump -p $port -Fc $database"
