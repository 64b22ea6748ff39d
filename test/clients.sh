#!/bin/bash
#
# clients.sh (make test-clients)
#	The tests of pgvector's Node client, unchanged, against sphx_pgvector beside
#	pgvector, and against sphx alone, where test/clients/ stands for what those
#	tests ask of pgvector and sphx lacks.
#
# CLIENTS_SUITE is the repository of the suite, from which git clones CLIENTS_TAG;
# npm installs what it needs.  Some of its tests connect to port 5432 of
# localhost: servers and tests run in a network namespace of their own.

. "$(dirname "${BASH_SOURCE[0]}")/cluster.sh"

SUITE=${CLIENTS_SUITE:-https://github.com/pgvector/pgvector-node}
TAG=${CLIENTS_TAG:-v0.3.0}

# Get the suite into $WORK/suite, and what it needs from npm.
fetch_suite()
{
	for program in git node npm unshare ip
	do
		command -v "$program" >/dev/null || die "$program is missing (Debian: git nodejs npm util-linux iproute2)"
	done
	say "fetching the tests of pgvector's Node client, $TAG"
	run git -c advice.detachedHead=false clone -q --depth 1 --branch "$TAG" "$SUITE" "$WORK/suite" ||
		die "git cannot clone $TAG of $SUITE; CLIENTS_SUITE names another place"
	run npm --prefix "$WORK/suite" install --silent --no-audit --no-fund --ignore-scripts ||
		die "npm cannot install the packages of $SUITE"
	chmod -R go+rX "$WORK/suite"
}

# Run the suite's files but those of a pattern: NAME SQL PATTERN.  The SQL makes
# the database's extensions.
check_clients()
{
	local file

	cluster_start "listen_addresses = 'localhost'"
	sql "CREATE DATABASE pgvector_node_test"
	PGDATABASE=pgvector_node_test sql "$2"
	cd "$FOLDER" || die "$FOLDER: no such folder"
	for file in tests/*.test.js
	do
		if [[ $file =~ $3 ]]
		then
			say "$1, $(basename "$file" .test.js): left out (test/README.md)"
		else
			# a file whose connection stays open does not end by itself
			PGHOST=localhost USER=postgres check "$1, $(basename "$file" .test.js)" \
				timeout 120 node --test --test-reporter=tap "$file"
		fi
	done
	cd "$WORK" || exit 1
	cluster_stop
}

# In the namespace: $FOLDER has the suite.
test_clients()
{
	local extensions
	local left_out=prisma

	# which slonik needs
	[ "$(node -p 'parseInt(process.versions.node)')" -ge 24 ] || left_out="$left_out|slonik"
	ip link set lo up || die "the loopback interface cannot be used"
	work_start
	stage_create
	source_copy source
	build_install source
	extensions=$("$BIN/pg_config" --sharedir)/extension
	if [ -e "$extensions/vector.control" ]
	then
		check_clients "beside pgvector" "CREATE EXTENSION vector; CREATE EXTENSION sphx_pgvector CASCADE" \
			"$left_out|sequelize"
	else
		say "beside pgvector: left out, pgvector is not installed"
	fi
	rm -f "$extensions"/vector.control "$extensions"/vector--*
	cp "$TOP"/test/clients/vector* "$extensions/"
	check_clients "sphx alone" "CREATE EXTENSION sphx; CREATE EXTENSION vector" "$left_out"
	report_counts
}

if [ "${1-}" = --inside ]
then
	FOLDER=$2
	test_clients
	exit
fi
work_start
packages_install $PACKAGES
fetch_suite
NAMESPACE=(unshare --net)
[ "$(id -u)" = 0 ] || NAMESPACE=(unshare --user --map-current-user --keep-caps --net)
run "${NAMESPACE[@]}" -- bash "$TOP/test/clients.sh" --inside "$WORK/suite"
