/**
 * What the volume keeper runs, for `sh -euc`. Volumes are sparse files with XFS in them, attached to loop devices.
 *
 *   create NAME BYTES TAGS   file, file system and loop device, whatever of it is missing
 *   attach NAME              the loop device again, when a reboot took it; nothing when NAME has no file
 *   delete NAME | purge      device and files of one volume, of all volumes
 *   list                     a line each: NAME, kind, id, and for kind `tags` the JSON it was created with
 *   probe                    fails, saying why, where the engine's machine can't do this
 *
 * Loop devices get another number at each boot. So volumes are known by a link in /dev, which the keeper points at
 * whatever device the file has now. The tags are written first and removed last: what is half made or half deleted is
 * still listed. The lock is on the machine's one loop-control, because other installations look for free devices too.
 */
export const VOLUME_SCRIPT = `
cd /volumes
links=/dev/holdfast

lock() {
  if [ -e /dev/loop-control ]; then exec 9</dev/loop-control; flock 9; fi
}
loops_of() {
  if [ -e "$1.img" ]; then losetup -n -O NAME -j "$1.img"; fi
  # A file that is gone can still be held by its device.
  losetup -l -n --raw -O NAME,BACK-FILE | awk -v "file=/$1.img" '{ sub(/\\\\x20.*/, "", $2) }
    substr($2, length($2) - length(file) + 1) == file { print $1 }'
}
attach() {
  [ -e "$1.img" ] || return 0
  loop=$(loops_of "$1" | head -n 1)
  [ -n "$loop" ] || loop=$(losetup -f --show "$1.img")
  mkdir -p "$links"
  ln -sfn "$loop" "$links/\${1#holdfast-}"
}
create() {
  printf '%s\\n' "$3" >"$1.tags.new"
  mv "$1.tags.new" "$1.tags"
  if [ ! -e "$1.img" ]; then
    rm -f "$1.new"
    truncate -s "$2" "$1.new"
    # As PostgreSQL's home is in the image, so that Docker need not mount an empty volume just to copy that into it.
    printf '%s\\n' boot '0 0' "d--755 $(id -u postgres) $(id -g postgres)" '$' >/tmp/root-folder
    mkfs.xfs -q -p /tmp/root-folder "$1.new"
    mv "$1.new" "$1.img"
  fi
  attach "$1"
}
delete() {
  rm -f "$links/\${1#holdfast-}"
  for loop in $(loops_of "$1" | sort -u); do losetup -d "$loop"; done
  rm -f "$1.img" "$1.new" "$1.tags.new" "$1.tags"
  rmdir --ignore-fail-on-non-empty "$links" 2>/dev/null || true
}
purge() {
  for file in *.tags; do if [ -e "$file" ]; then delete "\${file%.tags}"; fi; done
}
list() {
  for file in *.tags; do
    [ -e "$file" ] || continue
    name=\${file%.tags}
    printf '%s tags %s\\n' "$name" "$(cat "$file")"
    for part in "$name".tags "$name".img "$name".new "$links/\${name#holdfast-}"; do
      if [ -e "$part" ] || [ -L "$part" ]; then printf '%s file %s\\n' "$name" "$part"; fi
    done
    for loop in $(loops_of "$name" | sort -u); do printf '%s loop %s\\n' "$name" "$loop"; done
  done
}
probe() {
  trap 'umount /mnt 2>/dev/null; [ -z "\${loop:-}" ] || losetup -d "$loop"; rm -f probe' EXIT
  truncate -s 300M probe
  mkfs.xfs -q -f probe
  loop=$(losetup -f --show probe)
  mount -t xfs "$loop" /mnt
}

if [ "$1" != list ]; then lock; fi
"$@"
`;
