# shellcheck shell=bash
#
# cluster.sh
#	Shell library (bash) of demo, test, CI and benchmark: Debian packages, a
#	private copy of PostgreSQL, builds outside the clone, a throw-away
#	cluster, counting of test results.
#
# Everything lives in one temporary folder, $WORK, which is removed at the
# end, also after an interrupt.  Nothing is installed into the system but
# Debian packages: the extension goes into a copy of PostgreSQL in $WORK,
# where only this run sees it.
#
# Start with work_start; then packages_install, stage_create, source_copy and
# build_install, cluster_start, as needed.

set -u

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PGVERSION=${PGVERSION:-15}
WORK=
RUNNING=

# what is needed to build the extension and run a server
# shellcheck disable=SC2034
PACKAGES="gcc make libc6-dev perl postgresql-$PGVERSION postgresql-server-dev-$PGVERSION libpq-dev libopenblas0-serial"

say()
{
	printf '%s\n' "$*"
}

die()
{
	printf 'error: %s\n' "$*" >&2
	exit 1
}

# ---------------------------------------------------------------------------
# The temporary folder, and the end of the run
# ---------------------------------------------------------------------------

# Create $WORK, and see to its removal whatever happens from here on.
work_start()
{
	local name

	WORK=$(mktemp -d "${TMPDIR:-/tmp}/sphx.XXXXXX") || die "no temporary folder can be made"
	trap work_end EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	# the server's user must get in when that is another one
	chmod 755 "$WORK"
	cd "$WORK" || exit 1
	while read -r name
	do
		unset "$name"
	done < <(env | sed -n 's/^\(PG[A-Z]*\)=.*/\1/p' | grep -vx PGVERSION)
	unset MAKEFLAGS MFLAGS MAKELEVEL
	export LC_ALL=C
}

work_end()
{
	local status=$?
	local pidfile

	trap '' HUP INT TERM
	if [ -n "$RUNNING" ]
	then
		kill -TERM -- "-$RUNNING" 2>/dev/null
		wait "$RUNNING" 2>/dev/null
	fi
	# clusters of tests that were interrupted are stopped as well
	while read -r pidfile
	do
		"${AS_SERVER[@]}" "$BIN/pg_ctl" -D "$(dirname "$pidfile")" -m immediate stop >/dev/null 2>&1
	done < <(find "$WORK" -name postmaster.pid 2>/dev/null)
	rm -rf "$WORK"
	exit $status
}

# Run a long command (a program, not a function) such that an interrupt ends
# it at once: bash defers its traps until a foreground command is over, but
# not until a wait is.
run()
{
	local status

	setsid "$@" </dev/null &
	RUNNING=$!
	wait "$RUNNING"
	status=$?
	RUNNING=
	return $status
}

# Run a step quietly; its output is shown when it fails.
quietly()
{
	local what=$1

	shift
	if ! run "$@" >"$WORK/step.log" 2>&1
	then
		cat "$WORK/step.log" >&2
		die "$what failed"
	fi
}

# ---------------------------------------------------------------------------
# Debian packages
# ---------------------------------------------------------------------------

package_installed()
{
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

as_root()
{
	if [ "$(id -u)" = 0 ]
	then
		"$@"
	elif command -v sudo >/dev/null
	then
		sudo -n "$@" || sudo "$@"
	else
		die "these packages are missing: $MISSING. Install them as root (apt-get install $MISSING), or run this as root"
	fi
}

# Install those of the packages named that are missing.
packages_install()
{
	local package

	MISSING=
	if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null
	then
		command -v gcc >/dev/null && [ -x "$BIN/pg_config" ] && return
		die "this is not Debian: install by hand what corresponds to the packages $*"
	fi
	for package in "$@"
	do
		package_installed "$package" || MISSING="$MISSING${MISSING:+ }$package"
	done
	[ -n "$MISSING" ] || return 0
	say "installing packages: $MISSING"
	{
		as_root apt-get -qq update &&
			as_root env DEBIAN_FRONTEND=noninteractive \
				apt-get -qq -y --no-install-recommends install $MISSING
	} >"$WORK/apt.log" 2>&1 </dev/null || { cat "$WORK/apt.log" >&2; die "the packages could not be installed: $MISSING"; }
}

# ---------------------------------------------------------------------------
# A private copy of PostgreSQL
# ---------------------------------------------------------------------------

SYSTEM=/usr/lib/postgresql/$PGVERSION
BIN=$SYSTEM/bin

# Make the copy in $WORK/pg.  PostgreSQL's programs find their files relative
# to where they are, and pg_config reports the places in the copy.  Programs
# are copied, the rest are links.
stage_create()
{
	local root=$WORK/pg

	[ -x "$SYSTEM/bin/postgres" ] && [ -x "$SYSTEM/bin/pg_config" ] ||
		die "PostgreSQL $PGVERSION and its development files are not in $SYSTEM"
	mkdir -p "$root/usr/lib/postgresql/$PGVERSION" "$root/usr/share/postgresql"
	cp -r "$SYSTEM/bin" "$root/usr/lib/postgresql/$PGVERSION/"
	cp -as "$SYSTEM/lib" "$root/usr/lib/postgresql/$PGVERSION/"
	cp -as "/usr/share/postgresql/$PGVERSION" "$root/usr/share/postgresql/"
	ln -s /usr/include "$root/usr/include"
	for libdir in /usr/lib/*-linux-gnu*
	do
		ln -s "$libdir" "$root/usr/lib/"
	done
	# an sphx of the system's PostgreSQL must not be mistaken for this one
	rm -rf "$root/usr/lib/postgresql/$PGVERSION"/lib/sphx.so \
		"$root/usr/lib/postgresql/$PGVERSION"/lib/bitcode/sphx* \
		"$root/usr/share/postgresql/$PGVERSION"/extension/sphx*
	BIN=$root/usr/lib/postgresql/$PGVERSION/bin
	export PATH=$BIN:$PATH
	[ "$("$BIN/pg_config" --sharedir)" = "$root/usr/share/postgresql/$PGVERSION" ] ||
		die "PostgreSQL $PGVERSION cannot be copied (its pg_config reports fixed folders)"
}

# Copy the sources to $WORK/NAME: the clone stays as it is.
source_copy()
{
	mkdir -p "$WORK/$1"
	tar -C "$TOP" --exclude=.git --exclude=./build --exclude='*.o' --exclude='*.bc' --exclude='*.so' -cf - . |
		tar -C "$WORK/$1" -xf - || die "the sources could not be copied"
	chmod -R go+rX "$WORK/$1"
}

# make in the copy of that name, with further arguments
make_in()
{
	local folder=$1

	shift
	run make -s -C "$WORK/$folder" PG_CONFIG="$BIN/pg_config" "$@"
}

# Build the copy of that name with make arguments, and install it into the stage.
build_install()
{
	local folder=$1

	shift
	say "building"
	quietly build make -s -j2 -C "$WORK/$folder" PG_CONFIG="$BIN/pg_config" "$@" all
	quietly installation make -s -C "$WORK/$folder" PG_CONFIG="$BIN/pg_config" "$@" install
}

# ---------------------------------------------------------------------------
# A throw-away cluster
# ---------------------------------------------------------------------------

# The server refuses to run as root: what must run as its user goes behind
# "${AS_SERVER[@]}".
AS_SERVER=()
[ "$(id -u)" = 0 ] && AS_SERVER=(runuser -u postgres --)

# a folder in $WORK that belongs to the server's user
server_folder()
{
	mkdir -p "$WORK/$1"
	if [ "$(id -u)" = 0 ]
	then
		id postgres >/dev/null 2>&1 || die "there is no user postgres to run the server"
		chown postgres "$WORK/$1"
	fi
	chmod 700 "$WORK/$1"
}

# Start a cluster that only listens on a socket in $WORK; arguments are lines
# of its configuration.  psql finds it through the environment.
cluster_start()
{
	server_folder data
	server_folder socket
	quietly initdb "${AS_SERVER[@]}" "$BIN/initdb" -D "$WORK/data" -U postgres -A trust -E UTF8 --no-locale --no-sync
	printf '%s\n' "listen_addresses = ''" "unix_socket_directories = '$WORK/socket'" \
		"max_connections = 50" "fsync = off" "$@" |
		"${AS_SERVER[@]}" tee -a "$WORK/data/postgresql.conf" >/dev/null
	export PGHOST=$WORK/socket PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
	if ! "${AS_SERVER[@]}" "$BIN/pg_ctl" -D "$WORK/data" -l "$WORK/data/server.log" -w start >"$WORK/step.log" 2>&1
	then
		cat "$WORK/step.log" "$WORK/data/server.log" >&2
		die "the server did not start"
	fi
}

# Start it again; arguments are further lines of its configuration.
cluster_restart()
{
	printf '%s\n' "$@" | "${AS_SERVER[@]}" tee -a "$WORK/data/postgresql.conf" >/dev/null
	quietly "restarting the server" "${AS_SERVER[@]}" "$BIN/pg_ctl" -D "$WORK/data" \
		-l "$WORK/data/server.log" -m fast -w restart
}

cluster_stop()
{
	"${AS_SERVER[@]}" "$BIN/pg_ctl" -D "$WORK/data" -m fast -w stop >/dev/null
	rm -rf "$WORK/data" "$WORK/socket"
}

# one statement, or a script on standard input; unaligned rows without headers
sql()
{
	if [ $# -gt 0 ]
	then
		PGOPTIONS="-c client_min_messages=warning" "$BIN/psql" -XqAt -v ON_ERROR_STOP=1 -c "$1"
	else
		PGOPTIONS="-c client_min_messages=warning" "$BIN/psql" -XqAt -v ON_ERROR_STOP=1
	fi
}

# ---------------------------------------------------------------------------
# Data sets of vectors
# ---------------------------------------------------------------------------

# PREFIX.base.* or PREFIX.query.*
data_file()
{
	local kind

	for kind in fvecs i8 u8 c8
	do
		if [ -f "$1.$2.$kind" ]
		then
			echo "$1.$2.$kind"
			return
		fi
	done
	die "$1.$2.{fvecs,i8,u8,c8}: no such file"
}

# ---------------------------------------------------------------------------
# Counting tests
# ---------------------------------------------------------------------------

PASSED=0
FAILED=0

# Lines of test programs (TAP) and of pg_regress: before version 16 its lines
# look like "test name ... ok 12 ms", from then on they are TAP, too.
count_lines()
{
	grep -Ec "$1" "$2" || true
}

# Run a kind of tests: check NAME COMMAND...  Counts what it printed, adds it
# to $PASSED and $FAILED, and shows the output when something failed.
check()
{
	local name=$1
	local passed failed status
	local log=$WORK/check.log

	shift
	run "$@" >"$log" 2>&1
	status=$?
	passed=$(count_lines '^ok |^(test|[[:space:]]) .*\.\.\. ok' "$log")
	failed=$(count_lines '^not ok |^(test|[[:space:]]) .*\.\.\. FAILED' "$log")
	# a crash, or a step that prints no results: the command is the test
	[ $status != 0 ] && [ "$failed" = 0 ] && failed=1
	[ $status = 0 ] && [ "$passed" = 0 ] && passed=1
	PASSED=$((PASSED + passed))
	FAILED=$((FAILED + failed))
	say "$name: $passed passed, $failed failed"
	[ "$failed" = 0 ] && return 0
	tail -n 200 "$log"
	return 1
}

# Regression and isolation tests of the copy of that name, on the running
# cluster.  NAME PREFIX [make arguments]
check_regress()
{
	local name=$1
	local folder=$2

	shift 2
	if ! check "$name" make -s -C "$WORK/$folder" PG_CONFIG="$BIN/pg_config" "$@" installcheck
	then
		find "$WORK/$folder" -name regression.diffs -exec head -n 200 {} +
		return 1
	fi
}

# PERL: the command, as the server's user, for a program of this source folder
# that uses PostgreSQL::Test; its log's folder has a variable of its own from
# version 16 on.
perl_command()
{
	local folder=$1
	local pgxs

	pgxs=$(dirname "$(dirname "$(dirname "$("$BIN/pg_config" --pgxs)")")")
	PERL=("${AS_SERVER[@]}" env
		-u PGHOST -u PGPORT -u PGUSER -u PGDATABASE PATH="$PATH"
		TESTDIR="$WORK/tap" TESTDATADIR="$WORK/tap/tmp_check"
		TESTLOGDIR="$WORK/tap/tmp_check/log" top_builddir="$WORK/tap" HOME="$WORK/tap" TMPDIR="$WORK/tap"
		PG_REGRESS="$pgxs/src/test/regress/pg_regress"
		perl -I "$pgxs/src/test/perl" -I "$folder/test/tap")
}

# TAP tests of the copy of that name, all or those named; they start clusters of
# their own.  NAME PREFIX [TEST...]
check_tap()
{
	local name=$1
	local folder=$2
	local test

	shift 2
	server_folder tap
	# where PGXS makes tmp_check
	server_folder "$folder"
	[ $# -gt 0 ] || set -- $(cd "$WORK/$folder/test/tap" && ls ./*.pl)
	for test in "$@"
	do
		test=$(basename "$test" .pl)
		# what such a test prints on the way, and why it died, is in its log
		check "$name $test" "${AS_SERVER[@]}" env \
			-u PGHOST -u PGPORT -u PGUSER -u PGDATABASE PATH="$PATH" HOME="$WORK/tap" TMPDIR="$WORK/tap" \
			make -s -C "$WORK/$folder" PG_CONFIG="$BIN/pg_config" installcheck REGRESS= ISOLATION= \
			TAP_TESTS=1 PROVE_TESTS="test/tap/$test.pl" PROVE_FLAGS=-v ||
			tail -n 20 "$WORK/$folder/tmp_check/log/regress_log_$test"
	done
}

# The last line of a test run; the exit status says whether all is well.
report_counts()
{
	say "$PASSED passed, $FAILED failed"
	[ "$FAILED" = 0 ] && [ "$PASSED" -gt 0 ]
}
