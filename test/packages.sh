#!/bin/bash
#
# packages.sh
#	Trial of the packages, in a Debian that is thrown away (test/debian.sh):
#	the Debian package is made, installed, used, removed and purged; then the
#	archive, in which this is, is built, installed and used.
#
# $PGVERSION is that of the Debian unless given.

[ -f /throw-away ] || { echo "this is for a Debian that is thrown away: test/debian.sh" >&2; exit 1; }

[ $# -gt 0 ] || apt-get -qq update
PGVERSION=${PGVERSION:-$(apt-cache depends postgresql | sed -n 's/.*Depends: postgresql-\([0-9]*\)$/\1/p')}
export PGVERSION
. "$(dirname "${BASH_SOURCE[0]}")/cluster.sh"

# extensions, indexes and queries, on a server of its own; fails when an answer is wrong
use()
{
	local answer

	answer=$(runuser -u postgres -- pg_virtualenv -v "$PGVERSION" psql -XqAt -v ON_ERROR_STOP=1 postgres <<'SQL'
CREATE EXTENSION sphx;
CREATE TABLE items AS
  SELECT i AS id, ARRAY[sin(i), cos(i), sin(2 * i), cos(3 * i)]::vector(4) AS embedding FROM generate_series(1, 2000) i;
ALTER TABLE items ALTER embedding TYPE vector(4);
CREATE INDEX ON items USING sphx (embedding);
SET enable_seqscan = off;
SELECT id FROM items ORDER BY embedding <-> (SELECT embedding FROM items WHERE id = 77) LIMIT 1;
SELECT extversion FROM pg_extension WHERE extname = 'sphx';
SQL
	)
	printf '%s\n' "$answer"
	# pg_virtualenv says what it does around it
	printf '%s\n' "$answer" | tr '\n' ' ' | grep -qF "77 $VERSION "
}

# no file that is of sphx
gone()
{
	! find /usr /etc /var/lib/postgresql -name '*sphx*' | grep .
}

# remove or purge the package
take_away()
{
	apt-get -qq -y "$1" "$PACKAGE" && gone
}

# one of the functions above as a program, which a check is of
step()
{
	check "$1" "$TOP/test/packages.sh" "${@:2}"
}

VERSION=$(sed -n "s/^default_version = '\(.*\)'/\1/p" "$TOP/sphx.control")
PACKAGE=postgresql-$PGVERSION-sphx
if [ $# -gt 0 ]
then
	"$@"
	exit
fi
work_start
packages_install make gcc libc6-dev perl "postgresql-server-dev-$PGVERSION"
# of a trial before this one that did not come to its end
package_installed "$PACKAGE" && quietly "removing $PACKAGE" apt-get -qq -y purge "$PACKAGE"
export PG_CONFIG=/usr/lib/postgresql/$PGVERSION/bin/pg_config
check "make deb" make -s -C "$TOP" deb
check "install $PACKAGE" apt-get -qq -y install "$TOP"/build/"$PACKAGE"_*.deb
step "use it" use
step "remove it" take_away remove
check "install it again" apt-get -qq -y install "$TOP"/build/"$PACKAGE"_*.deb
step "purge it" take_away purge
check "archive: make" make -s -C "$TOP"
check "archive: make install" make -s -C "$TOP" install
step "use it" use
check "archive: make uninstall" make -s -C "$TOP" uninstall
step "nothing is left" gone
report_counts
