#!/bin/bash
#
# run.sh (make test)
#	All tests: unit, regression, isolation, TAP.  The last line says how many
#	passed and failed.  $JOBS of them run at the same time, one for each processor
#	unless given.
#
# Everything happens in a temporary folder that is removed at the end.

. "$(dirname "${BASH_SOURCE[0]}")/cluster.sh"

work_start
packages_install $PACKAGES libipc-run-perl
stage_create
source_copy source
build_install source

job unit make_in source unit
jobs_tap release source
jobs_regress release source
report_counts
