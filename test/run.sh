#!/bin/bash
#
# run.sh (make test)
#	All tests: unit, regression, isolation, TAP.  The last line says how many
#	passed and failed.
#
# Everything happens in a temporary folder that is removed at the end.

. "$(dirname "${BASH_SOURCE[0]}")/cluster.sh"

work_start
packages_install $PACKAGES libipc-run-perl
stage_create
source_copy source
build_install source

check unit make -s -C "$WORK/source" PG_CONFIG="$BIN/pg_config" unit
cluster_start "shared_buffers = 128MB" "autovacuum = off"
check_regress "regression and isolation" source
cluster_stop
check_tap TAP source
report_counts
