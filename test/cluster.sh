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
# where a throw-away cluster is: $WORK, or the folder of a job
CLUSTER=
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
	CLUSTER=$WORK
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
	local pidfile job

	trap '' HUP INT TERM
	if [ -n "$RUNNING" ]
	then
		kill -TERM -- "-$RUNNING" 2>/dev/null
		wait "$RUNNING" 2>/dev/null
	fi
	for job in "${!JOB_NAMES[@]}"
	do
		kill -TERM -- "-$job" 2>/dev/null
		wait "$job" 2>/dev/null
	done
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

	# a job is ended as a whole
	if [ "$CLUSTER" != "$WORK" ]
	then
		"$@" </dev/null
		return
	fi
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
	if ! run "$@" >"$CLUSTER/step.log" 2>&1
	then
		cat "$CLUSTER/step.log" >&2
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

# Make the copy in $WORK/pg, or in $WORK/NAME.  PostgreSQL's programs find their files relative
# to where they are, and pg_config reports the places in the copy.  Programs
# are copied, the rest are links.
stage_create()
{
	local root=$WORK/${1:-pg}

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

# a folder in $CLUSTER that belongs to the server's user
server_folder()
{
	mkdir -p "$CLUSTER/$1"
	if [ "$(id -u)" = 0 ]
	then
		id postgres >/dev/null 2>&1 || die "there is no user postgres to run the server"
		chown postgres "$CLUSTER/$1"
	fi
	chmod 700 "$CLUSTER/$1"
}

# Start a cluster that only listens on a socket in $CLUSTER; arguments are lines
# of its configuration.  psql finds it through the environment.
cluster_start()
{
	server_folder data
	server_folder socket
	quietly initdb "${AS_SERVER[@]}" "$BIN/initdb" -D "$CLUSTER/data" -U postgres -A trust -E UTF8 --no-locale --no-sync
	printf '%s\n' "listen_addresses = ''" "unix_socket_directories = '$CLUSTER/socket'" \
		"max_connections = 50" "fsync = off" "$@" |
		"${AS_SERVER[@]}" tee -a "$CLUSTER/data/postgresql.conf" >/dev/null
	export PGHOST=$CLUSTER/socket PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
	if ! "${AS_SERVER[@]}" "$BIN/pg_ctl" -D "$CLUSTER/data" -l "$CLUSTER/data/server.log" -w start >"$CLUSTER/step.log" 2>&1
	then
		cat "$CLUSTER/step.log" "$CLUSTER/data/server.log" >&2
		die "the server did not start"
	fi
}

# Start it again; arguments are further lines of its configuration.
cluster_restart()
{
	printf '%s\n' "$@" | "${AS_SERVER[@]}" tee -a "$CLUSTER/data/postgresql.conf" >/dev/null
	quietly "restarting the server" "${AS_SERVER[@]}" "$BIN/pg_ctl" -D "$CLUSTER/data" \
		-l "$CLUSTER/data/server.log" -m fast -w restart
}

cluster_stop()
{
	"${AS_SERVER[@]}" "$BIN/pg_ctl" -D "$CLUSTER/data" -m fast -w stop >/dev/null
	rm -rf "$CLUSTER/data" "$CLUSTER/socket"
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

# Add what a kind of tests printed to $PASSED and $FAILED, and show it when
# something failed: count_log NAME STATUS LOG
count_log()
{
	local passed failed

	passed=$(count_lines '^ok |^(test|[[:space:]]) .*\.\.\. ok' "$3")
	failed=$(count_lines '^not ok |^(test|[[:space:]]) .*\.\.\. FAILED' "$3")
	# a crash, or a step that prints no results: the command is the test
	[ "$2" != 0 ] && [ "$failed" = 0 ] && failed=1
	[ "$2" = 0 ] && [ "$passed" = 0 ] && passed=1
	PASSED=$((PASSED + passed))
	FAILED=$((FAILED + failed))
	say "$1: $passed passed, $failed failed"
	[ "$failed" = 0 ] && return 0
	tail -n 200 "$3"
	return 1
}

# Run a kind of tests and count it: check NAME COMMAND...
check()
{
	local name=$1
	local log=$CLUSTER/check.log
	local status

	shift
	run "$@" >"$log" 2>&1
	status=$?
	count_log "$name" $status "$log"
}

# ---------------------------------------------------------------------------
# Jobs: kinds of tests that run at the same time
# ---------------------------------------------------------------------------

JOBS=${JOBS:-$(nproc)}
JOBS_STARTED=0
# by process, which is the leader of a group
declare -A JOB_NAMES=()
declare -A JOB_FOLDERS=()

# As check, but $JOBS of them at the same time; the command may be a function.
# A cluster that it starts is its own.  jobs_end waits for all.
job()
{
	local name=$1
	local folder

	shift
	[ ${#JOB_NAMES[@]} -lt "$JOBS" ] || job_end
	JOBS_STARTED=$((JOBS_STARTED + 1))
	folder=$WORK/job$JOBS_STARTED
	mkdir "$folder"
	set -m
	(CLUSTER=$folder; SECONDS=0; trap 'echo $SECONDS >"$folder/seconds"' EXIT; "$@") \
		</dev/null >"$folder/job.log" 2>&1 &
	set +m
	JOB_NAMES[$!]=$name
	JOB_FOLDERS[$!]=$folder
}

# Wait for one of the jobs, and count it.
job_end()
{
	local pid name folder status

	wait -n -p pid "${!JOB_NAMES[@]}"
	status=$?
	name=${JOB_NAMES[$pid]}
	folder=${JOB_FOLDERS[$pid]}
	unset "JOB_NAMES[$pid]" "JOB_FOLDERS[$pid]"
	count_log "$name, $(cat "$folder/seconds") s" $status "$folder/job.log"
	rm -rf "$folder"
}

jobs_end()
{
	while [ ${#JOB_NAMES[@]} -gt 0 ]
	do
		job_end
	done
}

# Regression or isolation tests of the copy of that name in a cluster of their
# own, which makes the buffers that a query reads nobody else's.  Without just in
# time compilation: where enable_seqscan is off costs seem so high that it takes
# most of the time.  run_regress FOLDER make-arguments
run_regress()
{
	local folder=$1
	local status

	shift
	cluster_start "shared_buffers = 128MB" "autovacuum = off" "jit = off"
	# tests write files into results
	mkdir -p "$CLUSTER/output" "$WORK/$folder/results"
	make_in "$folder" "$@" EXTRA_REGRESS_OPTS="--outputdir=$CLUSTER/output" installcheck
	status=$?
	[ $status = 0 ] || find "$CLUSTER/output" -name regression.diffs -exec head -n 200 {} +
	cluster_stop
	return $status
}

# Jobs of all regression and isolation tests of the copy of that name, the
# former in four parts: jobs_regress NAME FOLDER make-arguments
jobs_regress()
{
	local name=$1
	local folder=$2
	local part

	shift 2
	for part in 0 1 2 3
	do
		job "regression ($name), part $((part + 1))" run_regress "$folder" "$@" ISOLATION= \
			REGRESS="$(cd "$WORK/$folder/sql" && ls ./*.sql | awk -v part=$part 'NR % 4 == part' |
				sed 's/^..//; s/\.sql$//' | tr '\n' ' ')"
	done
	job "isolation ($name)" run_regress "$folder" "$@" REGRESS=
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
		TESTDIR="$CLUSTER/tap" TESTDATADIR="$CLUSTER/tap/tmp_check"
		TESTLOGDIR="$CLUSTER/tap/tmp_check/log" top_builddir="$CLUSTER/tap" HOME="$CLUSTER/tap" TMPDIR="$CLUSTER/tap"
		PG_REGRESS="$pgxs/src/test/regress/pg_regress"
		perl -I "$pgxs/src/test/perl" -I "$folder/test/tap")
}

# One TAP test of the copy of that name, which starts clusters of its own:
# run_tap FOLDER TEST
run_tap()
{
	local PERL

	server_folder tap
	cd "$CLUSTER/tap" || return
	perl_command "$WORK/$1"
	"${PERL[@]}" "$WORK/$1/test/tap/$2.pl" && return
	# why it died
	tail -n 20 "$CLUSTER/tap/tmp_check/log/regress_log_$2"
	return 1
}

# jobs of all TAP tests: jobs_tap NAME FOLDER
jobs_tap()
{
	local test

	for test in "$WORK/$2"/test/tap/*.pl
	do
		test=$(basename "$test" .pl)
		job "TAP ($1), $test" run_tap "$2" "$test"
	done
}

# The last line of a test run; the exit status says whether all is well.
report_counts()
{
	jobs_end
	say "$PASSED passed, $FAILED failed"
	[ "$FAILED" = 0 ] && [ "$PASSED" -gt 0 ]
}
