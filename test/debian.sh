#!/bin/bash
#
# debian.sh [SUITE [COMMAND...]]
#	In a bare Debian (debootstrap, as root; bookworm unless given) unpack the
#	archive of make dist and run the command there, by default the trial of the
#	packages:
#
#		test/debian.sh bookworm
#		test/debian.sh trixie env PGVERSION=17 .ci/run assertions
#
#	It is in a temporary folder, or in $DEBIAN_ROOT, which is kept for the next
#	time.  The network is that of this machine, nothing else is.

. "$(dirname "${BASH_SOURCE[0]}")/cluster.sh"

SUITE=${1:-bookworm}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- test/packages.sh
MIRROR=${DEBIAN_MIRROR:-http://deb.debian.org/debian}

# What runs in the other Debian, in namespaces of its own: nothing is left over.
enter()
{
	run unshare --mount --pid --fork --kill-child --mount-proc="$ROOT/proc" \
		sh -c 'mkdir -p "$0/dev/shm" && mount -t tmpfs -o mode=1777 shm "$0/dev/shm" &&
			exec chroot "$0" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
				DEBIAN_FRONTEND=noninteractive HOME=/srv sh -c "cd /srv/sphx && \"\$@\"" sh "$@"' \
		"$ROOT" "$@"
}

[ "$(id -u)" = 0 ] || die "debootstrap and chroot are for root"
work_start
packages_install debootstrap git perl unzip
ROOT=${DEBIAN_ROOT:-$WORK/$SUITE}
if [ ! -f "$ROOT/throw-away" ]
then
	quietly debootstrap debootstrap --variant=minbase "$SUITE" "$ROOT" "$MIRROR"
	touch "$ROOT/throw-away"
	# packages start no server
	printf '#!/bin/sh\nexit 101\n' >"$ROOT/usr/sbin/policy-rc.d"
	chmod 755 "$ROOT/usr/sbin/policy-rc.d"
fi
cp /etc/resolv.conf /etc/hosts "$ROOT/etc/"
quietly archive "$TOP/sql/install/package/dist.sh"
rm -rf "$ROOT/srv/sphx"
quietly unpacking unzip -q "$TOP/$(tail -n 1 "$WORK/step.log")" -d "$ROOT/srv"
mv "$ROOT"/srv/sphx-* "$ROOT/srv/sphx"
enter "$@"
