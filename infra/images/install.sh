#!/usr/bin/env bash
# Turns Debian 13 (trixie) into a Holdfast host. The golden image, a cloud image and the bootstrap of a static host
# all run this script. A second run changes nothing.
#
#   install.sh            does it
#   install.sh sources    prints the APT sources that it would write, and changes nothing: the look at a static host asks
#                         whether they can be reached
#
#   HOST_KIND  static     a machine that lives and keeps its identity, its other services, its APT sources, its ways of
#                         logging in (default). What it was before is written down, for uninstall.sh
#              container  the golden image: no identity, no secret, and nothing at boot but sshd and the journal
#   APT_DIR    folder of *.sources and *.pref; in them @MIRROR@ and @SECURITY@ become the two values below, and
#              @KEYRING@ the file that holds Debian's keys
#   MIRROR, SECURITY      default: what the machine's own APT configuration uses
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive LC_ALL=C

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
HOST_KIND=${HOST_KIND:-static}
APT_DIR=${APT_DIR:-$here/apt/debian}
MAJORS='15 17 18'

# Package, the oldest version that will do, and its name in the catalogue (none: not a tool of its own).
# Patroni and etcd: older ones lose or leak data (Patroni needs etcd's fixes for authentication and watch).
PACKAGES='
patroni 4.1.1 patroni
etcd-server 3.5.28 etcd
etcd-client 3.5.28
pgbackrest 2.55 pgbackrest
haproxy 3.0 haproxy
keepalived 1:2.3 keepalived
pgbouncer 1.24 pgbouncer
pgcopydb 0.17 pgcopydb
prometheus-node-exporter 1.9 node_exporter
prometheus-postgres-exporter 0.17 postgres_exporter
python3-etcd 0.4.5
xfsprogs 6
openssh-server 1:9.9
systemd 257
systemd-sysv 257
iproute2 6
procps 4
ca-certificates 0
locales 2.41
tzdata-legacy 0
tar 1.35
zstd 1.5
'

# What the control plane starts, on the hosts where it is wanted, once it has written the configuration.
SERVICES='etcd patroni postgresql haproxy keepalived pgbouncer prometheus-node-exporter prometheus-postgres-exporter'
TIMERS='apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer man-db.timer
  systemd-tmpfiles-clean.timer xfs_scrub_all.timer'
# What a container has no use for: the engine has made its devices, mounts and addresses before it starts.
NOT_IN_CONTAINERS='console-getty.service container-getty@.service getty.target getty@.service serial-getty@.service
  systemd-logind.service systemd-networkd.service systemd-resolved.service systemd-timesyncd.service
  systemd-udevd.service systemd-udev-trigger.service systemd-udev-settle.service systemd-hwdb-update.service
  systemd-modules-load.service systemd-sysctl.service systemd-random-seed.service systemd-remount-fs.service
  systemd-tmpfiles-setup-dev.service systemd-tmpfiles-setup-dev-early.service systemd-update-utmp.service
  systemd-update-utmp-runlevel.service systemd-update-done.service systemd-firstboot.service systemd-sysusers.service
  systemd-machine-id-commit.service systemd-journal-flush.service systemd-journal-catalog-update.service
  systemd-pcrphase.service systemd-pcrphase-sysinit.service systemd-pstore.service systemd-binfmt.service
  systemd-ask-password-console.path systemd-ask-password-wall.path ldconfig.service e2scrub_reap.service
  systemd-creds.socket systemd-hostnamed.socket systemd-initctl.socket systemd-sysext.socket
  systemd-user-sessions.service sshd-keygen.service sshd-unix-local.socket sshd-vsock.socket
  dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount
  sys-fs-fuse-connections.mount proc-sys-fs-binfmt_misc.automount proc-sys-fs-binfmt_misc.mount
  cryptsetup.target swap.target'

# They look for disks, consoles and old init scripts that a container does not have: most of the time that it boots.
GENERATORS='postgresql-generator systemd-debug-generator systemd-fstab-generator systemd-getty-generator
  systemd-gpt-auto-generator systemd-hibernate-resume-generator systemd-rc-local-generator systemd-run-generator
  systemd-ssh-generator systemd-system-update-generator systemd-sysv-generator systemd-tpm2-generator'

BEFORE=/var/lib/holdfast/before

phase() { printf 'install: %s (at %d s)\n' "$*" "$SECONDS" >&2; }
fail() { printf 'install: %s\n' "$*" >&2; exit 1; }
container() { [ "$HOST_KIND" = container ]; }
column() { awk -v n="$1" 'NF >= n { print $n }' <<<"$PACKAGES"; }
server_packages() { printf 'postgresql-%s\n' $MAJORS; }

# Also a link that leads nowhere yet.
is_there() { [ -e "$1" ] || [ -L "$1" ]; }

# remember FILE: uninstall.sh takes away what was not there, and puts back what was.
remember() {
  if container || [ "${1#/var/lib/holdfast/}" != "$1" ] || grep -qxF -- "$1" "$BEFORE/files"; then return; fi
  if is_there "$1"; then install -d "$BEFORE/kept$(dirname "$1")" && cp -a "$1" "$BEFORE/kept$1"; fi
  echo "$1" >>"$BEFORE/files"
}

# What the machine is before anything is changed; a second run must not take what the first one did for that.
remember_machine() {
  if container || [ -e "$BEFORE/complete" ]; then return; fi
  install -d -m 755 "$BEFORE"
  dpkg-query -W -f '${db:Status-Status} ${binary:Package} ${Version}\n' | sed -n 's/^installed //p' >"$BEFORE/packages"
  apt-mark showauto >"$BEFORE/automatic"
  cut -d: -f1 /etc/passwd >"$BEFORE/users"
  cut -d: -f1 /etc/group >"$BEFORE/groups"
  find /etc /var/lib /var/cache /var/log /usr/local -xdev -mindepth 1 -path /var/lib/holdfast -prune -o -print | sort >"$BEFORE/paths"
  : >"$BEFORE/files"
  # Its package takes it along when it is purged.
  if is_there /etc/default/locale; then remember /etc/default/locale; fi
  sync "$BEFORE"/* && : >"$BEFORE/complete"
}

# put FILE [MODE]: standard input becomes the file's content, at once or not at all; an equal file is left alone.
put() {
  local file=$1 mode=${2:-644} new=$1.holdfast-new
  install -d "$(dirname "$file")"
  cat >"$new"
  chmod "$mode" "$new"
  if cmp -s "$new" "$file"; then rm "$new"; else remember "$file" && mv "$new" "$file"; fi
}

check_machine() {
  [ "$(id -u)" = 0 ] || fail 'must run as root'
  case $HOST_KIND in static | container) ;; *) fail "HOST_KIND is static or container, not '$HOST_KIND'" ;; esac
  # shellcheck disable=SC1091
  [ "$(. /etc/os-release && echo "$VERSION_CODENAME")" = trixie ] || fail 'needs Debian 13 (trixie)'
  ls "$APT_DIR"/*.sources >/dev/null 2>&1 || fail "APT_DIR ($APT_DIR) holds no *.sources file"
}

# own_mirror SUFFIX: the mirror that this machine uses already. What it may reach is its owner's business.
own_mirror() {
  apt-get indextargets --no-release-info -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
    --format '$(REPO_URI)' 'Created-By: Packages' | sed 's|/*$||' | grep -m1 -E -- "$1\$" || true
}

# APT refuses two entries for one suite that name different files, even where both hold the same keys.
own_keyring() {
  local keyring=/usr/share/keyrings/debian-archive-keyring
  grep -rhom1 -E "$keyring\.[a-z]+" /etc/apt/sources.list* | head -n 1 | grep . || echo "$keyring.gpg"
}

find_mirrors() {
  MIRROR=${MIRROR:-$(own_mirror /debian)}
  [ -n "$MIRROR" ] || fail 'APT knows no Debian mirror (a URI that ends in /debian)'
  SECURITY=${SECURITY:-$(own_mirror -security)}
  SECURITY=${SECURITY:-$MIRROR-security}
  KEYRING=$(own_keyring)
}

# filled_in FILE: what becomes of it on this machine, once the mirrors are found.
filled_in() { sed "s|@MIRROR@|$MIRROR|; s|@SECURITY@|$SECURITY|; s|@KEYRING@|$KEYRING|" "$1"; }

print_apt_sources() {
  local file
  find_mirrors
  for file in "$APT_DIR"/*.sources; do
    filled_in "$file"
    echo
  done
}

write_apt_sources() {
  local file
  find_mirrors
  if container; then rm -f /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources; fi
  for file in "$APT_DIR"/*.sources; do
    filled_in "$file" | put "/etc/apt/sources.list.d/$(basename "$file")"
  done
  for file in "$APT_DIR"/*.pref; do
    if [ -e "$file" ]; then put "/etc/apt/preferences.d/$(basename "$file")" <"$file"; fi
  done
}

# A machine that lives has its own settings for logging in, for its log and for what packages unpack.
for_images_only() {
  case $1 in
    etc/dpkg/* | etc/ssh/* | etc/systemd/journald.conf.d/* | etc/systemd/system/ssh.service.d/*) return 0 ;;
    *) return 1 ;;
  esac
}

# files/ lies over /. It comes before the packages, because it tells them what not to unpack and what not to create.
# Debian's units give up after a crash or a few; with these a host comes back by itself for as long as it has power.
copy_files() {
  local file
  (cd "$here/files" && find . -type f -printf '%P\n') | while read -r file; do
    if container || ! for_images_only "$file"; then put "/$file" <"$here/files/$file"; fi
  done
}

below_floor() {
  local package floor _ version
  while read -r package floor _; do
    if [ -z "$package" ]; then continue; fi
    version=$(dpkg-query -W -f '${db:Status-Abbrev} ${Version}' "$package" 2>/dev/null) || version=
    case $version in
      'ii '*) dpkg --compare-versions "${version#ii* }" ge "$floor" || echo "$package ${version#ii* } is below $floor" ;;
      *) echo "$package is not installed" ;;
    esac
  done <<<"$PACKAGES
$(server_packages | sed 's/$/ 0/')"
}

# An image gets the newest of all; on a machine that lives, what is new enough stays as it is.
wanted_packages() {
  if container; then column 1 && server_packages; else below_floor | cut -d ' ' -f 1; fi
}

POLICY=/usr/sbin/policy-rc.d
forbid_starts() {
  if [ -e $POLICY ] && [ ! -e $POLICY.kept ]; then mv $POLICY $POLICY.kept; fi
  printf '#!/bin/sh\n# Holdfast installs.\nexit 101\n' >$POLICY
  chmod 755 $POLICY
}
allow_starts() {
  rm -f $POLICY
  if [ -e $POLICY.kept ]; then mv $POLICY.kept $POLICY; fi
}

# unpack ARGUMENT…: apt-get. On a machine that lives it runs in a unit of its own: whoever kills this script does not kill
# dpkg in the middle of a package, libc6 of all things. uninstall.sh waits for its end.
PACKAGES_UNIT=holdfast-packages.service
unpack() {
  if container || [ ! -d /run/systemd/system ]; then apt-get "$@"; return; fi
  local log=/var/lib/holdfast/packages.log status=0 teller
  while systemctl is-active --quiet $PACKAGES_UNIT; do sleep 1; done
  : >"$log"
  tail -f "$log" &
  teller=$!
  systemd-run --quiet --wait --collect --unit=$PACKAGES_UNIT --setenv=DEBIAN_FRONTEND --setenv=LC_ALL \
    --property=StandardOutput=append:"$log" --property=StandardError=append:"$log" -- apt-get "$@" || status=$?
  sleep 1
  kill $teller
  return $status
}

# Package scripts may not start anything: policy-rc.d says so for as long as APT works.
install_packages() {
  [ -n "$(below_floor)" ] || return 0
  trap allow_starts EXIT
  forbid_starts
  apt-get update -q -o Acquire::Retries=3 >&2
  # A package of a pinned suite may need libraries of that suite: loose pinning takes just those and no more.
  # shellcheck disable=SC2046
  unpack install -qy --no-install-recommends --solver 3.0 --no-strict-pinning \
    -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 \
    $(if container; then echo '-o Dpkg::Options::=--force-unsafe-io'; fi) $(wanted_packages) >&2
  allow_starts
  trap - EXIT
  local low
  low=$(below_floor)
  [ -z "$low" ] || fail "the APT sources in $APT_DIR are too old: $low"
}

make_locale() {
  if localedef --list-archive 2>/dev/null | grep -qix en_US.utf8; then return; fi
  localedef -i en_US -f UTF-8 en_US.UTF-8
}

# Without PAM sshd takes a `!` in front of root's password for a locked account; `*` means no password, not locked.
admit_root_by_key() {
  if grep -q '^root:!' /etc/shadow; then usermod -p '*' root; fi
  install -d -m 700 /root/.ssh
}

configure_units() {
  # shellcheck disable=SC2086
  systemctl disable -q --no-warn $SERVICES 2>/dev/null
  if ! container; then systemctl daemon-reload && return; fi
  # shellcheck disable=SC2086
  systemctl mask -q $TIMERS $NOT_IN_CONTAINERS 2>/dev/null || fail 'could not mask units'
  systemctl enable -q ssh.service
  systemctl set-default -q multi-user.target
  mask_generators
  # A machine that runs already: sessions that are open stay.
  if [ -d /run/systemd/system ]; then systemctl daemon-reload && systemctl try-reload-or-restart ssh.service; fi
}

mask_generators() {
  local generator
  install -d /etc/systemd/system-generators
  for generator in $GENERATORS; do
    [ -L "/etc/systemd/system-generators/$generator" ] || ln -s /dev/null "/etc/systemd/system-generators/$generator"
  done
}

make_folders() {
  install -d -m 755 /etc/holdfast
  install -d -m 755 -o postgres -g postgres /var/lib/postgresql
}

# The catalogue: upstream versions, without epoch and Debian's revision.
upstream() { dpkg-query -W -f '${source:Upstream-Version}' "$1" | sed 's/[+~].*//'; }
pairs() { awk '{ printf "%s\"%s\": \"%s\"", sep, $1, $2; sep = ", " }'; }

write_catalogue() {
  local file=/etc/holdfast/image.json versions major package name _
  versions=$(
    printf '"debian": "%s",\n  "postgresql": {' "$(cat /etc/debian_version)"
    for major in $MAJORS; do echo "$major $(upstream "postgresql-$major")"; done | pairs
    printf '},\n  "tools": {'
    while read -r package _ name; do
      if [ -n "$name" ]; then echo "$name $(upstream "$package")"; fi
    done <<<"$PACKAGES" | pairs
    printf '}'
  )
  # The date is that of the last change, so that a second run leaves the file as it is.
  if [ -e "$file" ] && [ "$(tail -n +4 "$file")" = "$(printf '  %s\n}\n' "$versions")" ]; then return; fi
  printf '{\n  "format": 1,\n  "builtAt": "%s",\n  %s\n}\n' "$(date -u +%FT%TZ)" "$versions" | put "$file"
}

# An image has no identity: each host gets its own at creation.
remove_identity() {
  rm -f /etc/ssh/ssh_host_* /etc/ssl/private/ssl-cert-snakeoil.key /etc/ssl/certs/ssl-cert-snakeoil.pem
  rm -f /var/lib/dbus/machine-id /var/lib/systemd/random-seed /root/.bash_history
  : >/etc/machine-id
}

remove_leftovers() {
  apt-get clean
  rm -rf /var/lib/apt/lists/* /var/cache/debconf/*-old /var/log/apt /var/log/*.log /var/cache/ldconfig/aux-cache
  find /usr/share/doc -type f ! -name copyright -delete
  rm -rf /usr/share/man/* /usr/share/info/* /usr/share/locale/*/ /usr/share/lintian /usr/share/bash-completion
  find / -xdev -name __pycache__ -path '*/test*' -prune -exec rm -rf {} +
}

case ${1:-} in
  '') ;;
  sources)
    print_apt_sources
    exit
    ;;
  *) fail "knows no '$1'" ;;
esac
check_machine
remember_machine
phase 'APT sources'
write_apt_sources
copy_files
phase 'packages'
install_packages
phase 'configuration'
if container; then make_locale && admit_root_by_key; fi
configure_units
make_folders
write_catalogue
if container && [ ! -d /run/systemd/system ]; then
  phase 'removing identity and leftovers'
  remove_identity
  remove_leftovers
fi
phase 'done'
