#!/usr/bin/env bash
# Takes off a machine what install.sh and Holdfast put there, and leaves it as it was: services, packages, users, data,
# settings, package sources. What it was stands in /var/lib/holdfast/before. A second run finds nothing to do.
# Packages that were replaced by newer ones are put back as far as the machine's own sources still have them.
#
#   KEEP   name of what stays in /var/lib/holdfast: Holdfast's fence against commands of operations that were overtaken
#          has to stand until the machine is given back. Default: nothing stays
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive LC_ALL=C

KEEP=${KEEP:-}
HOME_FOLDER=/var/lib/holdfast
BEFORE=$HOME_FOLDER/before
SERVICES='keepalived haproxy pgbouncer patroni pgbackrest etcd prometheus-node-exporter prometheus-postgres-exporter postgresql'
# What the packages and Holdfast make outside of what dpkg knows of.
FOLDERS='/etc/holdfast /etc/patroni /etc/etcd /etc/haproxy /etc/keepalived /etc/pgbouncer /etc/pgbackrest /etc/postgresql
  /etc/postgresql-common /etc/default/etcd /etc/default/prometheus-node-exporter /etc/default/prometheus-postgres-exporter
  /var/lib/postgresql /var/lib/etcd /var/lib/haproxy /var/lib/pgbouncer /var/lib/pgbackrest /var/lib/prometheus
  /var/lib/patroni /var/log/postgresql /var/log/pgbackrest /var/log/patroni /var/log/pgbouncer /var/log/etcd
  /etc/iproute2/rt_addrprotos.d/keepalived.conf /var/cache/postgresql /var/spool/pgbackrest /run/postgresql /run/haproxy /run/pgbouncer /run/patroni'

phase() { printf 'uninstall: %s (at %d s)\n' "$*" "$SECONDS" >&2; }
fail() { printf 'uninstall: %s\n' "$*" >&2; exit 1; }
known() { grep -qxF -- "$2" "$BEFORE/$1"; }
apt() { apt-get -qy -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@" >&2; }

# An installation that was killed may have left its ban on starting services.
allow_starts() {
  local policy=/usr/sbin/policy-rc.d
  if grep -qs 'Holdfast installs' $policy; then rm $policy; fi
  if [ -e $policy.kept ]; then mv $policy.kept $policy; fi
}

stop_services() {
  local service
  systemctl disable --now -q --no-warn holdfast-own-backup.timer 2>/dev/null || true
  systemctl stop -q holdfast-own-backup.service 2>/dev/null || true
  systemctl stop -q holdfast-disk.service 2>/dev/null || true
  systemctl stop -q 'holdfast-taken-for-off-*' 2>/dev/null || true
  rm -f /etc/systemd/system/multi-user.target.wants/holdfast-disk.service /etc/systemd/system/holdfast-disk.service
  rm -f /etc/systemd/system/holdfast-own-backup.* /etc/systemd/system/timers.target.wants/holdfast-own-backup.timer
  for service in $SERVICES; do
    systemctl disable --now -q --no-warn "$service.service" 2>/dev/null || true
    rm -f "/etc/systemd/system/multi-user.target.wants/$service.service"
  done
}

remove_new_folders() {
  local folder=$1
  while ! known paths "$folder" && rmdir "$folder" 2>/dev/null; do folder=$(dirname "$folder"); done
}

# put_back: files that were there get their content again, the others go, and so do folders that are empty then.
put_back() {
  local file
  while read -r file; do
    rm -f "$file"
    if [ -e "$BEFORE/kept$file" ] || [ -L "$BEFORE/kept$file" ]; then
      cp -a "$BEFORE/kept$file" "$file"
    else
      remove_new_folders "$(dirname "$file")"
    fi
  done <"$BEFORE/files"
}

installed() { dpkg-query -W -f '${db:Status-Status} ${binary:Package} ${Version}\n' | sed -n 's/^installed //p'; }
names() { cut -d ' ' -f 1 | sort; }
# What came: names. What changed: name=version as it was.
came() { comm -13 <(names <"$BEFORE/packages") <(dpkg-query -W -f '${db:Status-Status} ${binary:Package}\n' | sed -n '/^not-installed /!s/^[a-z-]* //p' | sort); }
changed() { join <(sort "$BEFORE/packages") <(installed | sort) | awk '$2 != $3 { print $1 "=" $2 }'; }

# A power failure in the middle of an installation leaves packages that dpkg refuses to touch.
mend_packages() {
  local package broken
  broken=$(dpkg-query -W -f '${db:Status-Eflag} ${binary:Package}\n' | sed -n 's/^reinstreq //p')
  for package in $broken; do
    if known_package "$package"; then apt install --reinstall "$package"; else
      dpkg --purge --force-remove-reinstreq --force-depends "$package" >&2
    fi
  done
  dpkg --configure -a >&2 || true
}
known_package() { grep -q "^$1 " "$BEFORE/packages"; }

remove_packages() {
  local gone back others
  mend_packages
  gone=$(came)
  apt update || phase 'the package lists could not be fetched'
  # shellcheck disable=SC2046
  back=$(available $(changed))
  # All at once: the older version of a library may only come when those that need the newer one go.
  # shellcheck disable=SC2086
  set -- install --purge --no-install-recommends --allow-downgrades --allow-change-held-packages $back $(printf '%s-\n' $gone)
  others=$(apt-get -s "$@" | sed -nE 's/^(Purg|Remv) ([^ ]*) .*/\2/p' | sort -u | comm -23 - <(sed 's/:.*//' <<<"$gone" | sort -u))
  [ -z "$others" ] || fail "remove first what came since and needs Holdfast's packages: $(tr '\n' ' ' <<<"$others")"
  apt "$@"
  # A package that went may have taken files along that the older version of another one had brought back by then.
  # shellcheck disable=SC2086
  if [ -n "$back" ]; then apt install --reinstall $back; fi
}

# Versions as they were, or the next above that the machine's own sources have: Debian keeps only the newest of a release.
available() {
  local wanted next
  for wanted; do
    next=$(next_version "${wanted%%=*}" "${wanted#*=}")
    case $next in
      "${wanted#*=}") ;;
      '') phase "$wanted is not to be had any more: the newer version stays" && continue ;;
      *) phase "$wanted is not to be had any more: $next takes its place" ;;
    esac
    echo "${wanted%%=*}=$next"
  done
}

# next_version PACKAGE VERSION: APT lists the highest first.
next_version() {
  local version next=
  while read -r version; do
    if dpkg --compare-versions "$version" ge "$2"; then next=$version; fi
  done < <(apt-cache madison "$1" | awk -F ' *\\| *' '{ print $2 }')
  echo "$next"
}

remove_users() {
  local name
  for name in $(cut -d: -f1 /etc/passwd); do
    known users "$name" || userdel "$name" >&2 2>&1 || true
  done
  for name in $(cut -d: -f1 /etc/group); do
    known groups "$name" || groupdel "$name" >&2 2>&1 || true
  done
}

remove_folders() {
  local folder
  for folder in $FOLDERS; do known paths "$folder" || rm -rf "$folder"; done
  find /etc/systemd/system -xdev -name '*.service.d' -type d -empty -delete
  remove_new_folders /etc/systemd/system/timers.target.wants
  # keepalived makes it when it starts.
  remove_new_folders /etc/iproute2/rt_addrprotos.d
}

# Ours only: the machine's own units may have failed for reasons that its owner still wants to see.
forget_failures() {
  # shellcheck disable=SC2046,SC2086
  systemctl reset-failed $(printf '%s.service ' $SERVICES) 'postgresql@*.service' holdfast-packages.service 2>/dev/null || true
}

# What is half gone must not be taken for what the machine was: a run that is killed here leaves nothing to do.
remove_home() {
  if [ ! -d "$HOME_FOLDER" ]; then return; fi
  rm -f "$BEFORE/complete" && sync "$HOME_FOLDER"
  find "$HOME_FOLDER" -mindepth 1 -maxdepth 1 ! -name "$KEEP" -exec rm -rf {} +
  rmdir --ignore-fail-on-non-empty "$HOME_FOLDER"
}

[ "$(id -u)" = 0 ] || fail 'must run as root'
if [ ! -e "$BEFORE/complete" ]; then
  # install.sh never got to the point where it changes anything.
  remove_home
  phase 'nothing was installed'
  exit 0
fi
phase 'waiting for packages that are still being installed'
while systemctl is-active --quiet holdfast-packages.service; do sleep 1; done
phase 'stopping the services'
allow_starts
stop_services
phase 'package sources and settings'
put_back
phase 'packages'
remove_packages
# Purging has removed settings that were the machine's own.
put_back
phase 'users and data'
remove_users
remove_folders
apt-mark auto $(cat "$BEFORE/automatic") >/dev/null 2>&1 || true
systemctl daemon-reload
forget_failures
remove_home
phase 'done'
