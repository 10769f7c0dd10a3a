#!/usr/bin/env bash
# Holdfast's own Docker engine, for a machine on which none runs.
#
#   engine.sh start DIR [dockerd option...]   returns when DIR/docker.sock answers; nothing to do if it does
#   engine.sh stop  DIR                       returns when the engine and all its containers are gone
#
# Everything the engine starts lives in one cgroup and one mount namespace of its own. So whatever killed it,
# one write to cgroup.kill removes what is left of it, and the kernel drops its mounts with the last process.
#
# MARK_FILE, if set: where the id and the start time of an engine that this call starts are left, as JSON. Holdfast ends
# no engine without such a mark.
#
# Exit code 3: this machine lacks something only its owner can provide; one sentence on stderr says what.
set -euo pipefail

say() { printf 'engine: %s\n' "$*" >&2; }
give_up() { say "$*"; exit 3; }

answers() { [ -S "$dir/docker.sock" ] && timeout 5 docker -H "unix://$dir/docker.sock" info >/dev/null 2>&1; }

# A systemd host needs cgroup v2 at /sys/fs/cgroup. Where the machine has v1 there, the engine gets a mount
# namespace with v2 in that place, and the machine keeps what it has.
# `slave`: what the machine mounts later is seen inside, what the engine mounts is not seen outside.
in_namespace() {
  unshare --mount --propagation slave bash -euc '
    if [ "$(stat -fc %T /sys/fs/cgroup)" != cgroup2fs ]; then
      umount -R /sys/fs/cgroup
      mount -t cgroup2 none /sys/fs/cgroup
    fi
    exec "$@"' in_namespace "$@"
}

install_engine() {
  command -v dockerd >/dev/null && return
  [ "$(id -u)" = 0 ] && [ -e /etc/debian_version ] ||
    give_up "no Docker engine answers. Install Docker (https://docs.docker.com/engine/install), start it, and try again; or set DOCKER_HOST."
  say 'installing docker.io'
  apt-get update -qq >&2
  # Since trixie the client is a package of its own.
  # shellcheck disable=SC2046
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends docker.io iptables \
    $(apt-cache pkgnames docker-cli | grep -x docker-cli) >&2
}

# Where systemd runs the machine, the package's own service is the engine, and a second one would fight it for the
# firewall: its socket is only made known under our name.
use_machines_engine() {
  [ -d /run/systemd/system ] || return 1
  systemctl start docker.service
  ln -sfn /run/docker.sock "$dir/docker.sock"
  answers
}

# Ends whatever an earlier engine in this folder left running: the engine itself, containerd, shims, containers.
kill_leftovers() {
  in_namespace bash -euc '
    group=/sys/fs/cgroup$1
    [ -d "$group" ] || exit 0
    echo 1 >"$group/cgroup.kill"
    for try in $(seq 100); do
      grep -q "populated 0" "$group/cgroup.events" && break
      sleep 0.1
    done
    find "$group" -depth -type d -exec rmdir {} +' kill_leftovers "$group"
  # Process ids are used again after a reboot: a stale file would name a stranger, and dockerd would refuse to start.
  rm -f "$dir/docker.pid" "$dir/docker.sock"
  rm -rf "$dir/exec"
}

# Bridges and rules of networks whose engine is gone shadow the addresses of new ones. The engine makes its own anew.
remove_stale_networks() {
  pgrep -x dockerd >/dev/null && return
  local bridge
  for bridge in $(ip -o link show type bridge | grep -oE '\b(docker0|br-[0-9a-f]{12})\b' | sort -u); do
    ip link delete "$bridge"
  done
  if iptables-save | grep -qE ' br-[0-9a-f]{12}( |$)'; then
    iptables-save | grep -vE ' br-[0-9a-f]{12}( |$)' | iptables-restore
  fi
}

# The mark is written by the process that then becomes dockerd: so there is no moment at which an engine of ours runs
# and is not known as ours, whoever is killed.
# setsid and nohup: the terminal's Ctrl-C must not reach it. It joins its cgroup before it becomes dockerd, so that
# no process of it is ever outside.
launch() {
  in_namespace bash -euc '
    mkdir -p "/sys/fs/cgroup$1/engine"
    echo 0 >"/sys/fs/cgroup$1/engine/cgroup.procs"
    shift
    if [ -n "${MARK_FILE:-}" ]; then
      # Fields after the name of the command, which may hold blanks and brackets: the 20th is the start time.
      stat=$(cat "/proc/$$/stat") boot=$(head -c 8 /proc/sys/kernel/random/boot_id)
      read -ra fields <<<"${stat##*) }"
      printf "{\"pid\":%d,\"begun\":\"%s/%s\"}" "$$" "$boot" "${fields[19]}" >"$MARK_FILE.new"
      mv "$MARK_FILE.new" "$MARK_FILE"
    fi
    exec setsid nohup "$@"' launch "$group" \
    dockerd --host "unix://$dir/docker.sock" --data-root "$dir/data" --exec-root "$dir/exec" --pidfile "$dir/docker.pid" \
    --cgroup-parent "$group/hosts" --exec-opt native.cgroupdriver=cgroupfs --log-level warn "$@" \
    </dev/null >>"$dir/engine.log" 2>&1 9>&- &
}

start() {
  answers && return
  install_engine
  [ "$(id -u)" = 0 ] || give_up 'no Docker engine answers and starting one needs root. Start Docker, or set DOCKER_HOST, and try again.'
  if use_machines_engine; then return; fi
  kill_leftovers
  remove_stale_networks
  launch "$@"
  local engine=$! try
  for try in $(seq 300); do
    answers && return
    kill -0 "$engine" 2>/dev/null || break
    sleep 0.1
  done
  tail -n 5 "$dir/engine.log" >&2
  give_up "the Docker engine did not start; its log is $dir/engine.log"
}

# Asks politely first, so that hosts shut down in order; what has not gone after 30 s is killed.
stop() {
  local pid try
  if answers && pid=$(cat "$dir/docker.pid" 2>/dev/null); then
    kill "$pid"
    for try in $(seq 300); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.1
    done
  fi
  kill_leftovers
  remove_stale_networks
}

verb=${1:-}
dir=${2:-$HOME/.cache/holdfast/engine}
shift $(($# < 2 ? $# : 2))
mkdir -p "$dir"
dir=$(cd "$dir" && pwd -P)
group=/holdfast-$(printf %s "$dir" | cksum | cut -d' ' -f1)
exec 9>"$dir/lock"
flock 9
case $verb in
  start) start "$@" ;;
  stop) stop ;;
  *) say 'usage: engine.sh start|stop DIR'; exit 2 ;;
esac
