#!/bin/bash
#
# demo.sh (make demo)
#	An index over 20,000 real word vectors: what the nearest words of a word
#	are, how many of the exact answers the index gives, and how fast.
#
# Everything happens in a temporary folder that is removed at the end.

. "$(dirname "${BASH_SOURCE[0]}")/cluster.sh"

WORD=${1:-piano}
QUERIES=200

work_start
packages_install $PACKAGES
stage_create
source_copy source
build_install source
quietly "building the loader" gcc -std=gnu11 -O2 -o "$WORK/load" \
	"$TOP/test/bench/load.c" "$TOP/test/bench/vectors.c"

say "starting a cluster in $WORK"
cluster_start "shared_buffers = 256MB" "maintenance_work_mem = 256MB" "jit = off" "autovacuum = off"
sql "CREATE EXTENSION sphx;
	CREATE TABLE words (id integer PRIMARY KEY, word text, embedding vector(100));"
"$WORK/load" "$TOP/test/data/words.c8" "$TOP/test/data/words.txt" |
	"$BIN/psql" -Xq -c "COPY words FROM STDIN (FORMAT binary)" || die "loading failed"
sql "VACUUM ANALYZE words"
say "loaded $(sql 'SELECT count(*) FROM words') words"
say

psql_shown()
{
	"$BIN/psql" -Xq -v ON_ERROR_STOP=1 -v word="$WORD" || die "the demonstration failed"
}

psql_shown <<'SQL'
\pset footer off
\timing on
\set ECHO queries
CREATE INDEX ON words USING sphx (embedding vector_cosine_ops);
\timing off

EXPLAIN (COSTS OFF)
SELECT word FROM words ORDER BY embedding <=> (SELECT embedding FROM words WHERE word = :'word') LIMIT 10;

SELECT word, round((embedding <=> (SELECT embedding FROM words WHERE word = :'word'))::numeric, 3) AS distance
FROM words ORDER BY embedding <=> (SELECT embedding FROM words WHERE word = :'word') LIMIT 10;
SQL

# Every hundredth word is a query; the ten nearest of each, by index and
# exactly, and the time that each way takes.
psql_shown <<SQL
CREATE FUNCTION nearest(exact boolean, OUT query integer, OUT id integer) RETURNS SETOF record
LANGUAGE plpgsql AS \$\$
DECLARE
	q record;
BEGIN
	PERFORM set_config('enable_indexscan', (NOT exact)::text, true);
	FOR q IN SELECT w.id, w.embedding FROM words w WHERE w.id % (20000 / $QUERIES) = 0 LOOP
		query := q.id;
		-- EXECUTE: planned anew, under the setting above
		FOR id IN EXECUTE 'SELECT id FROM words ORDER BY embedding <=> \$1 LIMIT 10' USING q.embedding LOOP
			RETURN NEXT;
		END LOOP;
	END LOOP;
END \$\$;
CREATE TABLE answers (exact boolean, query integer, id integer);
CREATE TABLE times (exact boolean, milliseconds float8);

DO \$\$
DECLARE
	way boolean;
	started timestamptz;
BEGIN
	PERFORM count(*) FROM nearest(false);	-- warm up
	FOREACH way IN ARRAY ARRAY[false, true] LOOP
		started := clock_timestamp();
		INSERT INTO answers SELECT way, n.query, n.id FROM nearest(way) n;
		INSERT INTO times VALUES (way, extract(epoch FROM clock_timestamp() - started) * 1000);
	END LOOP;
END \$\$;

\pset footer off
SELECT $QUERIES AS queries,
	round((SELECT count(*) FROM answers a JOIN answers e USING (query, id) WHERE e.exact AND NOT a.exact)::numeric /
		  (SELECT count(*) FROM answers WHERE exact), 3) AS "recall@10",
	(SELECT round((milliseconds / $QUERIES)::numeric, 3) FROM times WHERE NOT exact) AS "index: ms a query",
	(SELECT round((milliseconds / $QUERIES)::numeric, 3) FROM times WHERE exact) AS "exact: ms a query";
SELECT count(*) AS rows, pg_size_pretty(pg_relation_size('words_embedding_idx')) AS "index size",
	pg_relation_size('words_embedding_idx') / count(*) AS "bytes a vector"
FROM words;
SQL

if [ "$(sql "SELECT count(*) FROM pg_proc WHERE proname = 'sphx_index_stats'")" != 0 ]
then
	psql_shown <<'SQL'
\x on
SELECT * FROM sphx_index_stats('words_embedding_idx');
SQL
fi
psql_shown <<'SQL'
SELECT count(*) AS "E8 roots", round(degrees(sphx_min_angle(point))::numeric, 2) AS "minimum angle"
FROM sphx_code('E8', 8);
SQL
say "done; the cluster is stopped and removed"
