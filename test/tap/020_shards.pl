# A table partitioned over three servers by postgres_fdw, with a partition of its
# own: the query that sphx_shard_query writes, and what the shards do for it.

use strict;
use warnings;

use Test::More;
use SphxTest;

# a small ef_search, so that recall is not 1
my ($rows, $dims, $shards, $k, $ef) = (4000, 32, 3, 10, 5);
my $node = new_node('coordinator');
my @shards;

if ($node->safe_psql('postgres', "SELECT count(*) FROM pg_available_extensions WHERE name = 'postgres_fdw'") eq '0')
{
	plan skip_all => 'postgres_fdw is not installed';
}

# before version 15 the branches of a UNION ALL run one after the other
my $asynchronous = $node->safe_psql('postgres', 'SHOW server_version_num') >= 150000;
my $scan = $asynchronous ? 'Async Foreign Scan' : 'Foreign Scan';


# The shards

$node->safe_psql('postgres', <<"SQL");
CREATE EXTENSION postgres_fdw;
CREATE TABLE whole (id integer, embedding vector($dims));
CREATE TABLE items (id integer, embedding vector($dims)) PARTITION BY HASH (id);
CREATE TABLE local PARTITION OF items FOR VALUES WITH (MODULUS 4, REMAINDER 3);
SQL
for my $i (0 .. $shards - 1)
{
	my $shard = new_node("shard$i", conf => "session_preload_libraries = auto_explain\nauto_explain.log_min_duration = 0\n");

	push @shards, $shard;
	$shard->safe_psql('postgres', "CREATE TABLE part (embedding vector($dims), id integer)");
	$node->safe_psql('postgres', sprintf(<<'SQL', $i, $shard->host, $shard->port, $dims, $ef));
CREATE SERVER shard%1$d FOREIGN DATA WRAPPER postgres_fdw
	OPTIONS (host '%2$s', port '%3$s', dbname 'postgres', extensions 'sphx', async_capable 'true', options '-c sphx.ef_search=%5$d');
CREATE USER MAPPING FOR CURRENT_USER SERVER shard%1$d;
CREATE FOREIGN TABLE remote%1$d (embedding vector(%4$d), id integer) SERVER shard%1$d OPTIONS (table_name 'part');
ALTER TABLE items ATTACH PARTITION remote%1$d FOR VALUES WITH (MODULUS 4, REMAINDER %1$d);
SQL
}
load_items($node, 'whole', 1, make_vectors(n => $rows, d => $dims, seed => 1));
make_queries($node, '<->', make_vectors(n => 100, d => $dims, seed => 2));
$node->safe_psql('postgres', 'INSERT INTO items SELECT * FROM whole');
$_->[0]->safe_psql('postgres', "CREATE INDEX ON $_->[1] USING sphx (embedding); ANALYZE $_->[1]")
  for [ $node, 'whole' ], [ $node, 'local' ], map { [ $_, 'part' ] } @shards;
$node->safe_psql('postgres', <<'SQL');
SELECT format('CREATE FUNCTION near(vector, bigint) RETURNS TABLE (id integer, distance float8)
	LANGUAGE sql STABLE AS %L', sphx_shard_query('items', 'embedding', '<->', NULL, 'id')) \gexec
SQL


# Plans: an Append, each shard is sent order and limit, and uses its index

my $vector = $node->safe_psql('postgres', 'SELECT embedding FROM queries WHERE id = 1');
my $explain = 'EXPLAIN (VERBOSE, COSTS OFF)';

# the plan of the query that the function writes, with further arguments
sub plan_of
{
	my ($arguments) = @_;
	my $sql = $node->safe_psql('postgres', "SELECT sphx_shard_query('items', 'embedding', '<->' $arguments)");

	$sql =~ s/\$1/'$vector'/g;
	return $node->safe_psql('postgres', "SET enable_seqscan = off; $explain $sql");
}

sub count_of
{
	my ($text, $pattern) = @_;
	my @all = $text =~ /$pattern/g;

	return scalar @all;
}

my $plan = plan_of('');
my $sent = qr/Remote SQL: SELECT embedding, id FROM public\.part ORDER BY .* LIMIT 10::bigint/;
like($plan, qr/^Limit\n.*->  Sort\n.*->  Append\n/s, 'an Append under the sort');
is(count_of($plan, qr/->  $scan on public\.remote/), $shards, "$scan of every shard");
is(count_of($plan, $sent), $shards, 'order and limit are sent to every shard');
like($plan, qr/Index Scan using local_embedding_idx/, 'the local partition is read by its index');
$plan = plan_of(", 5, 'id', 'id % 7 = 3'");
is(count_of($plan, qr/Remote SQL: .* WHERE .*7.* ORDER BY .* LIMIT 5/), $shards, 'a condition is sent as well');
$plan = $node->safe_psql('postgres', "$explain SELECT * FROM near('$vector', 10)");
is(count_of($plan, qr/$scan on/), $shards, 'the same of a function') if $plan !~ /Function Scan/;

my @offsets = map { -s $_->logfile } @shards;
my $answer = $node->safe_psql('postgres', "SELECT count(*) FROM near('$vector', $k)");
is($answer, $k, 'the function returns k rows');
for my $i (0 .. $shards - 1)
{
	my $log = PostgreSQL::Test::Utils::slurp_file($shards[$i]->logfile, $offsets[$i]);

	like($log, qr/ORDER BY .* LIMIT 10::bigint\n\s+Limit .*\n\s+->  Index Scan using part_embedding_idx/, "shard$i: used its index");
}


# Answers: the nearest of what the shards answer, and as good as those of one server

my %mine = map { split /\|/ } split /\n/, $node->safe_psql('postgres', "SET sphx.ef_search = $ef;
	SELECT q.id, (SELECT string_agg(n.id::text, ' ' ORDER BY n.distance, n.id) FROM near(q.embedding, $k) n) FROM queries q");
my $queries = $node->safe_psql('postgres', "SELECT string_agg(format('(%s, vector %L)', id, embedding), ', ') FROM queries");
my %found;
for my $place ([ $node, 'local' ], map { [ $_, 'part' ] } @shards)
{
	push @{ $found{ $_->[0] } }, $_ for map { [ split /\|/ ] } split /\n/, $place->[0]->safe_psql('postgres',
		"SET sphx.ef_search = $ef; SELECT q.id, n.id, n.distance FROM (VALUES $queries) q (id, e), LATERAL
			(SELECT id, embedding <-> q.e AS distance FROM $place->[1] ORDER BY embedding <-> q.e LIMIT $k) n");
}
my $wrong = 0;
for my $query (keys %found)
{
	my @nearest = sort { $a->[2] <=> $b->[2] || $a->[1] <=> $b->[1] } @{ $found{$query} };

	$wrong++ if join(' ', map { $_->[1] } @nearest[ 0 .. $k - 1 ]) ne $mine{$query};
}
is($wrong, 0, 'answers are the nearest of what the shards answer');
is(scalar keys %mine, scalar keys %found, 'to all queries');

my $whole = recall($node, 'whole', $k, $ef);
my $merged = $node->safe_psql('postgres', <<"SQL");
SET enable_indexscan = off;
CREATE TEMP TABLE truth AS SELECT query, (SELECT max(d) FROM unnest(distances) d) AS worst FROM nearest('whole', true, $k);
RESET enable_indexscan;
SET sphx.ef_search = $ef;
SELECT avg((SELECT count(*) FROM near(q.embedding, $k) n WHERE n.distance <= t.worst * (1 + 1e-6))) / $k
FROM queries q JOIN truth t ON t.query = q.id;
SQL
cmp_ok($merged, '>=', $whole - 0.005, "recall $merged, of one server $whole");


# A shard that is down is an error that names it, until it is back

my $sql = "SELECT count(*) FROM near('$vector', $k)";
$shards[1]->stop('immediate');
my ($status, undef, $error) = $node->psql('postgres', $sql);
isnt($status, 0, 'a shard is down: no answer');
like($error, qr/could not connect to server "shard1"/, 'a shard is down: the error names it');
$shards[1]->start;
is($node->safe_psql('postgres', $sql), $k, 'the shard is back');

$_->stop for @shards, $node;
done_testing();
