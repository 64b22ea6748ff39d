#!/bin/bash
#
# soak.sh (make soak)
#	Crashes, standbys, churn, damage and random queries for SOAK_MINUTES (30),
#	with the seed SOAK_SEED, on a build with assertions.  Ends with a table.

. "$(dirname "${BASH_SOURCE[0]}")/../cluster.sh"

work_start
packages_install $PACKAGES libipc-run-perl
stage_create
source_copy source
build_install source ASSERT=1
server_folder tap
perl_command "$WORK/source"
run "${PERL[@]}" "$WORK/source/test/soak/soak.pl"
