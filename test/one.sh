#!/bin/bash
#
# one.sh NAME (make check-one TEST=NAME)
#	One test of any kind: a unit test (test_graph), a regression test
#	(index_order), an isolation spec (stop_insert) or a TAP test (001_recall).
#
# Assertions are compiled in, for a server in a temporary folder that is removed
# at the end.  The objects are kept in build/check for the next time.

. "$(dirname "${BASH_SOURCE[0]}")/cluster.sh"

# the tests of a kind: its name, and their files
list()
{
	local kind=$1

	shift
	say "$kind:" $(basename -a "$@" | sed 's/\.[^.]*$//') | fold -sw 78
}

usage()
{
	say "usage: make check-one TEST=NAME"
	list "unit" "$TOP"/test/unit/test_*.c
	list "regression" "$TOP"/sql/*.sql
	list "isolation" "$TOP"/test/isolation/specs/*.spec
	list "TAP" "$TOP"/test/tap/*.pl
	exit 2
}

# Build with assertions, from objects that are still right as far as there are any.
build_assert()
{
	local kept=$TOP/build/check/$PGVERSION

	source_copy source
	cmp -s "$kept/Makefile" "$TOP/Makefile" && cp -rp "$kept/src" "$WORK/source/"
	build_install source ASSERT=1
	rm -rf "$kept"
	mkdir -p "$kept" && cp -p "$TOP/Makefile" "$kept/" &&
		(cd "$WORK/source" && find src -name '*.o' -exec cp -p --parents -t "$kept" {} +)
}

name=$(basename "${1-}")
name=${name%.*}
[ $# = 1 ] && [ -n "$name" ] || usage
if [ -f "$TOP/test/unit/$name.c" ]
then
	kind=unit
elif [ -f "$TOP/sql/$name.sql" ]
then
	kind=REGRESS
elif [ -f "$TOP/test/isolation/specs/$name.spec" ]
then
	kind=ISOLATION
elif [ -f "$TOP/test/tap/$name.pl" ]
then
	kind=TAP
else
	usage
fi

work_start
packages_install $PACKAGES libipc-run-perl
if [ $kind = unit ]
then
	check "$name" make -s -j2 -C "$TOP" unit UNIT_TESTS="$name"
	report_counts
	exit
fi
stage_create
build_assert
case $kind in
	TAP)
		job "$name" run_tap source "$name"
		;;
	*)
		job "$name" run_regress source ASSERT=1 REGRESS= ISOLATION= "$kind=$name"
		;;
esac
report_counts
