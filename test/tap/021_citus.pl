# A table distributed by Citus over two servers: its indexes, what is sent to the
# shards, and answers.  Skipped where Citus is not installed.

use strict;
use warnings;

use Test::More;
use PostgreSQL::Test::Utils;
use SphxTest;

# a small ef_search, so that recall is not 1
my ($rows, $dims, $shards, $k, $ef) = (4000, 32, 4, 10, 5);

chomp(my $share = `pg_config --sharedir`);
plan skip_all => 'Citus is not installed' unless -e "$share/extension/citus.control";

my $conf = "shared_preload_libraries = 'citus'\ncitus.node_conninfo = 'sslmode=prefer'\nwal_level = logical\n";
my $node = new_node('coordinator', conf => $conf);
my @workers = map { new_node("worker$_", conf => $conf) } 1 .. 2;

$_->safe_psql('postgres', 'CREATE EXTENSION citus') for $node, @workers;
$node->safe_psql('postgres', sprintf("SELECT citus_set_coordinator_host('%s', %d)", $node->host, $node->port));
$node->safe_psql('postgres', sprintf("SELECT citus_add_node('%s', %d)", $_->host, $_->port)) for @workers;
$node->safe_psql('postgres', <<"SQL");
CREATE TABLE whole (id integer, embedding vector($dims));
CREATE TABLE items (id integer, embedding vector($dims));
SET citus.shard_count = $shards;
SELECT create_distributed_table('items', 'id');
CREATE INDEX ON items USING sphx (embedding);
CREATE INDEX ON whole USING sphx (embedding);
SQL
load_items($node, $_, 1, make_vectors(n => $rows, d => $dims, seed => 1)) for 'items', 'whole';
make_queries($node, '<->', make_vectors(n => 50, d => $dims, seed => 2));
$node->safe_psql('postgres', 'VACUUM ANALYZE items');

is($node->safe_psql('postgres', "SELECT sum(result::integer) FROM run_command_on_shards('items',
		\$\$SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = indexrelid JOIN pg_am a ON a.oid = relam
			WHERE amname = 'sphx' AND indrelid = '%s'::regclass\$\$)"), $shards, 'every shard has an index');


# The plan: order and limit in every shard, by its index.  A setting reaches the
# shards with SET LOCAL.

my $settings = "BEGIN; SET LOCAL citus.propagate_set_commands = 'local'; SET LOCAL enable_seqscan = off; SET LOCAL sphx.ef_search = $ef;";
my $vector = $node->safe_psql('postgres', 'SELECT embedding FROM queries WHERE id = 1');
my $plan = $node->safe_psql('postgres', "$settings SET LOCAL citus.explain_all_tasks = on;
	EXPLAIN (VERBOSE, COSTS OFF) SELECT id FROM items ORDER BY embedding <-> '$vector' LIMIT $k");
my @sent = $plan =~ /Query: SELECT .* ORDER BY .* LIMIT '?$k/g;
my @scans = $plan =~ /->  Limit\n.*\n\s+->  Index Scan using items_embedding_idx_/g;
is(scalar @sent, $shards, 'order and limit are sent to every shard');
is(scalar @scans, $shards, 'every shard uses its index');


# Answers: as good as those of one server

my $asked = join('', map { my ($id, $e) = split /\|/;
		"SELECT $id, id, embedding <-> '$e' FROM items ORDER BY embedding <-> '$e' LIMIT $k;\n" }
	  split /\n/, $node->safe_psql('postgres', 'SELECT id, embedding FROM queries'));
my $found = join(', ', map { my @f = split /\|/; "($f[0], $f[2]::float8)" }
	  split /\n/, $node->safe_psql('postgres', "$settings $asked COMMIT"));
my $whole = recall($node, 'whole', $k, $ef);
my $merged = $node->safe_psql('postgres', <<"SQL");
WITH truth AS MATERIALIZED (SELECT query, (SELECT max(d) FROM unnest(distances) d) AS worst FROM nearest('whole', true, $k))
SELECT avg((distance <= worst * (1 + 1e-6))::integer) FROM (VALUES $found) f (query, distance) JOIN truth USING (query)
SQL
cmp_ok($merged, '>=', $whole - 0.005, "recall $merged, of one server $whole");


# A shard that is down is an error that names it

$workers[1]->stop('immediate');
my ($status, undef, $error) = $node->psql('postgres', "SELECT id FROM items ORDER BY embedding <-> '$vector' LIMIT $k");
isnt($status, 0, 'a shard is down: no answer');
like($error, qr/connection to the remote node .*${\$workers[1]->port}.* failed/, 'a shard is down: the error names it');

$_->stop for $node, $workers[0];
done_testing();
