# An index larger than shared buffers: what a search asks for before it reads it
# changes no answer, is as effective_io_concurrency says, and nothing is asked for
# where everything is in shared buffers.

use strict;
use warnings;

use Test::More;
use SphxTest;

my $node = new_node('cold', conf => "shared_buffers = 1MB\neffective_io_concurrency = 0\n");
my $platform = $node->safe_psql('postgres',
	"SELECT max_val::integer > 0 FROM pg_settings WHERE name = 'effective_io_concurrency'");

plan skip_all => 'nothing can be read ahead on this platform' if $platform ne 't';

$node->safe_psql('postgres', 'CREATE TABLE items (id integer, embedding vector(48))');
load_items($node, 'items', 1, make_vectors(n => 5000, d => 48, clusters => 60, seed => 1));
$node->safe_psql('postgres', 'VACUUM items; CREATE INDEX ON items USING sphx (embedding vector_l2_ops)');
make_queries($node, '<->', make_vectors(n => 50, d => 48, clusters => 60, seed => 2));

# Answers of a new session with these settings and, of all the scans, the blocks
# asked for.
sub cold_answers
{
	my ($settings) = @_;
	my $answers = $node->safe_psql('postgres', "$settings SELECT query, ids FROM nearest('items', false, 20)");
	my $requests = $node->safe_psql('postgres', <<"SQL");
$settings
SET enable_seqscan = off;
SET plan_cache_mode = force_custom_plan;
CREATE TEMP TABLE requests (n bigint);
DO \$\$
DECLARE
	q vector;
BEGIN
	FOR q IN SELECT embedding FROM queries LOOP
		PERFORM id FROM items ORDER BY embedding <-> q LIMIT 20;
		INSERT INTO requests SELECT blocks_requested FROM sphx_last_scan();
	END LOOP;
END \$\$;
SELECT sum(n) FROM requests;
SQL

	return ($answers, $requests);
}

cmp_ok($node->safe_psql('postgres', "SELECT pg_relation_size('items_embedding_idx')"),
	'>', 2 * 1024 * 1024, 'the index is larger than shared buffers');
my ($expected, $none) = cold_answers('');
is($none, 0, 'effective_io_concurrency = 0: nothing is asked for');
for my $concurrency (1, 16, 1000)
{
	my ($answers, $requests) = cold_answers("SET effective_io_concurrency = $concurrency;");

	is($answers, $expected, "effective_io_concurrency = $concurrency: the same answers");
	cmp_ok($requests, '>', 50 * 8, "effective_io_concurrency = $concurrency: $requests blocks asked for");
}

$node->safe_psql('postgres', 'ALTER TABLESPACE pg_default SET (effective_io_concurrency = 0)');
my ($answers, $requests) = cold_answers('SET effective_io_concurrency = 16;');
is($requests, 0, "the tablespace's value comes first");
$node->safe_psql('postgres', 'ALTER TABLESPACE pg_default RESET (effective_io_concurrency)');

# no hints, or one place for many blocks
for my $memory (0, 1)
{
	($answers, $requests) =
	  cold_answers("SET effective_io_concurrency = 16; SET sphx.hint_memory = $memory;");
	is($answers, $expected, "sphx.hint_memory = $memory: the same answers");
	cmp_ok($requests, '>', 50 * 8, "sphx.hint_memory = $memory: $requests blocks asked for");
}

# inserts read ahead as well
$node->safe_psql('postgres', 'SET effective_io_concurrency = 16;
	INSERT INTO items SELECT id + 10000, embedding FROM items WHERE id <= 200');
check_sound($node, 'items', 'after inserts');

$node->append_conf('postgresql.conf', "shared_buffers = 64MB\neffective_io_concurrency = 16\n");
$node->restart;
cold_answers('');
is($node->safe_psql('postgres', <<'SQL'), '0|t', 'everything is in shared buffers: nothing is asked for');
SET enable_seqscan = off;
DO $$ BEGIN
	FOR i IN 1 .. 2 LOOP
		PERFORM id FROM items ORDER BY embedding <-> (SELECT embedding FROM queries WHERE id = 1) LIMIT 20;
	END LOOP;
END $$;
SELECT blocks_requested, nodes_read > 20 FROM sphx_last_scan();
SQL
$node->stop;
done_testing();
