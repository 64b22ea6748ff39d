#!/bin/bash
#
# reproduce.sh (make reproduce)
#	Figures of the papers that this project rests on, theirs beside ours.
#
# Every script test/reproduce/NAME.sql prints a comparison and fails when a
# figure is off; every executable test/reproduce/NAME.sh is run with the
# cluster's environment.  Arguments choose NAMEs; without any all are run.
# Everything happens in a temporary folder that is removed at the end.

. "$(dirname "${BASH_SOURCE[0]}")/cluster.sh"

work_start
packages_install $PACKAGES
stage_create
source_copy source
build_install source
cluster_start "shared_buffers = 256MB" "maintenance_work_mem = 256MB" "autovacuum = off"

chosen=" $* "
for file in "$TOP"/test/reproduce/*
do
	name=$(basename "${file%.*}")
	[ $# = 0 ] || [[ $chosen == *" $name "* ]] || continue
	say
	say "== $name"
	sql "DROP EXTENSION IF EXISTS sphx CASCADE; CREATE EXTENSION sphx"
	case $file in
		*.sql) run "$BIN/psql" -Xq -v ON_ERROR_STOP=1 -f "$file" ;;
		*.sh) run bash "$file" ;;
		*) continue ;;
	esac
	if [ $? = 0 ]
	then
		PASSED=$((PASSED + 1))
	else
		FAILED=$((FAILED + 1))
		say "$name failed"
	fi
done
say
report_counts
