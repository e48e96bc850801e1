#!/bin/sh
# Install or upgrade aurorad under systemd, as root, from a checkout:
#
#     sudo deploy/install.sh [--gpu] [--no-start]
#
#   /opt/aurorad/releases/TIME   a virtual environment for each installed release; the last three are kept
#   /opt/aurorad/current         the one in use; the switch is one rename
#   /etc/aurorad/aurorad.toml    the configuration: what differs from the defaults; one that is there is kept
#   /etc/aurorad/defaults.toml   every key with its default and its meaning, as of the release in use; read by nobody
#   /etc/aurorad/credentials/    secrets, one a file, readable by root alone
#   /var/lib/aurorad             database and pictures; copied to /var/backups/aurorad before an upgrade
#
# PYTHON names another Python than python3. Packages come from wherever pip is set up to find them.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
prefix=/opt/aurorad
config=/etc/aurorad/aurorad.toml
python=${PYTHON:-python3}
extras=""
lock=watch.lock
start=yes
for word in "$@"; do
    case $word in
        --gpu) extras="[gpu]" lock=watch-gpu.lock ;;
        --no-start) start=no ;;
        *) echo "usage: install.sh [--gpu] [--no-start]" >&2; exit 2 ;;
    esac
done

die() { echo "install.sh: $*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || die "call it as root: sudo deploy/install.sh"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    die "aurorad needs Python 3.11 or newer; '$python' is not. Call: PYTHON=/path/to/python3.11 deploy/install.sh"
sh "$here/deploy/prepare.sh" watching

# ---------------------------------------------------------------- the release, beside the one in use
release=$prefix/releases/$(date -u +%Y%m%dT%H%M%SZ)
source=$(mktemp -d)
undo() { rm -rf "$source"; [ -n "$release" ] && rm -rf "$release"; return 0; }
trap undo EXIT
trap 'exit 1' INT TERM HUP
mkdir -p "$prefix/releases"
chmod 755 "$prefix" "$prefix/releases"
(umask 022 && "$python" -m venv "$release") ||
    die "python3 cannot make a virtual environment here; install its venv module (Debian: apt install python3-venv)"
# pip builds in the folder it is given: a copy, so that the checkout gets no files of root's.
cp -R "$here/pyproject.toml" "$here/README.md" "$here/LICENSE" "$here/daemon" "$here/models" "$here/training" "$source/"
echo "Installing aurorad and what it needs into $release …"
# Each dependency is one that the lock has the hash of; then aurorad itself, which brings none.
(umask 022 && "$release/bin/python" -m pip --disable-pip-version-check -q install --require-hashes -r "$here/deploy/$lock" &&
    "$release/bin/python" -m pip --disable-pip-version-check -q install --no-deps "$source")

# ---------------------------------------------------------------- configuration
install -d -m 755 /etc/aurorad
install -d -m 700 /etc/aurorad/credentials
# The daemon's user exists only while it runs; it reads the configuration by this group.
getent group aurorad-config >/dev/null || groupadd --system aurorad-config
if [ -e "$config" ]; then
    echo "Keeping $config"
else
    # Not a copy of the defaults, which would keep those of today for ever.
    install -m 640 -g aurorad-config "$here/deploy/aurorad.local.toml" "$config"
fi
install -m 644 "$here/deploy/aurorad.toml" /etc/aurorad/defaults.toml
CREDENTIALS_DIRECTORY=/etc/aurorad/credentials "$release/bin/aurorad" check-config "$config" >/dev/null ||
    die "$config cannot be used by the new release; nothing was changed"

# ---------------------------------------------------------------- the switch
database=/var/lib/aurorad/aurorad.db
install -d -m 700 /var/backups/aurorad  # for the backups of the manual too
if [ -e "$database" ]; then
    "$release/bin/aurorad" backup --db "$database" "/var/backups/aurorad/$(basename "$release").db"
fi
ln -sfn "$release" "$prefix/.next"
mv -T "$prefix/.next" "$prefix/current"
installed=$release
release=""  # in use now: not to be undone
ln -sfn "$prefix/current/bin/aurorad" /usr/local/bin/aurorad
install -m 644 "$here/deploy/aurorad.service" /etc/systemd/system/aurorad.service
if [ -n "$extras" ]; then
    install -d /etc/systemd/system/aurorad.service.d
    install -m 644 "$here/deploy/aurorad-gpu.conf" /etc/systemd/system/aurorad.service.d/gpu.conf
fi
# shellcheck disable=SC2012 # names of our own making: no spaces, sortable by time
ls -1d "$prefix"/releases/* | sort -r | tail -n +4 | while read -r old; do rm -rf "$old"; done

if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
fi
systemctl enable -q aurorad.service
if [ $start = yes ] && [ -d /run/systemd/system ]; then
    systemctl restart aurorad.service
    echo "aurorad is watching. Its log: journalctl -u aurorad -f"
else
    echo "Installed in $installed. Start it with: systemctl start aurorad"
fi
