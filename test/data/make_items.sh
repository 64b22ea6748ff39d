#!/bin/bash
#
# make_items.sh
#	Makes items_l2.gz, items_cosine.gz and items_ip.gz in this folder: files of
#	indexes that version 0.1.0 built, inserted into and vacuumed.  Builds that
#	version from the history of this clone, in a temporary folder.

. "$(dirname "${BASH_SOURCE[0]}")/../cluster.sh"

# the last commit of 0.1.0
COMMIT=1a752cea204f8d6fdd17ffc91aa167bd6d510ffe
data=$TOP/test/data

# An index's file, without positions in the log of the cluster that wrote it:
# they would be ahead of another's.
file_of()
{
	"${AS_SERVER[@]}" perl -0777 -ne \
		'for (my $page = 0; $page < length; $page += 8192) { substr($_, $page, 8) = "\0" x 8 } print' \
		"$WORK/data/$(sql "SELECT pg_relation_filepath('$1')")"
}

work_start
packages_install $PACKAGES git
stage_create
mkdir "$WORK/source"
git -C "$TOP" archive "$COMMIT" | tar -C "$WORK/source" -xf - || die "commit $COMMIT cannot be read"
build_install source
cluster_start "autovacuum = off" "max_parallel_maintenance_workers = 0"

sql "CREATE EXTENSION sphx"
say "version $(sql "SELECT extversion FROM pg_extension WHERE extname = 'sphx'")"
{
	cat "$data/items.sql"
	echo "SELECT add_items(1, 300); SELECT create_indexes(); SELECT add_items(301, 400);
		DELETE FROM items WHERE id % 5 = 0; VACUUM items; CHECKPOINT;"
} | sql >/dev/null || die "the indexes could not be made"
for index in items_l2 items_cosine items_ip
do
	file_of "$index" | gzip -9n >"$data/$index.gz" || die "$index could not be written"
done
ls -l "$data"/items_*.gz
