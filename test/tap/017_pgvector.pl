# The extension sphx_pgvector: indexes over the columns of pgvector.  Skipped
# where the extension "vector" is not installed.

use strict;
use warnings;

use Test::More;
use PostgreSQL::Test::Utils;
use SphxTest;

my $node = new_node('pgvector', conf => "client_min_messages = error\n");
if ($node->safe_psql('postgres', "SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'") eq '0')
{
	$node->stop;
	plan skip_all => 'the extension "vector" is not installed';
}

my %shape = (d => 24, clusters => 30);
my %operator = (l2 => '<->', cosine => '<=>', ip => '<#>', hamming => '<~>');
my @kinds = map { my $type = $_; map { [ $type, $_ ] } qw(l2 cosine ip) } qw(vector halfvec);
my @vectors = make_vectors(n => 3000, seed => 1, %shape);
my @queries = make_vectors(n => 12, seed => 2, %shape);

sub database
{
	my ($name, $sql, $path) = @_;

	$node->safe_psql('postgres', "CREATE DATABASE $name");
	$node->safe_psql('postgres', "ALTER DATABASE $name SET search_path = $path") if $path;
	$node->safe_psql($name, $sql) if $sql;
	return;
}

# The table items with a column of either type.
sub fill
{
	my ($name, $schema, $dims, @rows) = @_;
	my $id = 1;

	$node->safe_psql($name, "CREATE TABLE items (id integer, v $schema.vector($dims), h $schema.halfvec($dims));
		INSERT INTO items SELECT id, e::$schema.vector, e::$schema.halfvec FROM (VALUES "
		  . join(',', map { sprintf("(%d,'%s')", $id++, $_) } @rows) . ') r (id, e)');
	return;
}

sub column
{
	return substr($_[0], 0, 1);
}

sub create_index
{
	my ($name, $schema, $type, $metric, $with) = @_;

	$node->safe_psql($name, "CREATE INDEX items_idx ON items USING sphx (${\column($type)} $schema.${type}_${metric}_ops)" . ($with // ''));
	return;
}

sub order_by
{
	my ($schema, $type, $metric, $query) = @_;

	my $operand = $type eq 'bit' ? "B'$query'" : "'$query'::$schema.$type";

	return "${\column($type)} OPERATOR($schema.$operator{$metric}) $operand";
}

# What a query without a limit gives with the index is what it gives without; of
# those with a limit the recall, and the order.  Builds with assertions hold
# bounds against the operator.
sub compare
{
	my ($name, $schema, $type, $metric, $what, @asked) = @_;
	my $by_index = "LOAD 'sphx'; SET enable_seqscan = off; DO \$\$ BEGIN
			PERFORM set_config(name, 'on', false) FROM pg_settings WHERE name = 'sphx.check_bounds'; END \$\$;";
	my ($common, $wanted, $unsorted, $different) = (0, 0, 0, 0);

	for my $query (@asked)
	{
		my $distance = order_by($schema, $type, $metric, $query);
		my $complete = "SELECT round(($distance)::numeric, 12) FROM items WHERE ${\column($type)} IS NOT NULL ORDER BY $distance";
		my $limited = "SELECT id, $distance FROM items ORDER BY $distance LIMIT 10";
		my $index = $node->safe_psql($name, "$by_index $limited");
		my @found = map { [ split /\|/ ] } split /\n/, $index;
		my @right = map { [ split /\|/ ] } split /\n/, $node->safe_psql($name, "SET enable_indexscan = off; $limited");

		$wanted += @right;
		$common += grep { $_->[1] <= $right[-1][1] } @found;
		$unsorted += grep { $found[ $_ - 1 ][1] > $found[$_][1] } 1 .. $#found;
		$different++ if $node->safe_psql($name, "$by_index $complete") ne $node->safe_psql($name, "SET enable_indexscan = off; $complete");
	}
	like($node->safe_psql($name, "SET enable_seqscan = off; EXPLAIN SELECT id FROM items ORDER BY " . order_by($schema, $type, $metric, $asked[0])),
		qr/Index Scan using items_idx/, "$what: the index is used");
	cmp_ok($common, '>=', 0.95 * $wanted, "$what: $common of $wanted are found");
	is($unsorted, 0, "$what: in order");
	is($different, 0, "$what: complete and exact without a limit");
	return;
}

sub fails
{
	my ($name, $sql, $message, $what) = @_;
	my ($status, $out, $err) = $node->psql($name, $sql);

	isnt($status, 0, "$what: an error");
	like($err, $message, "$what: its message");
	return;
}


# Orders of installation, and schemas

my @set_ups = (
	['at_once', 'CREATE EXTENSION sphx_pgvector CASCADE', 'public', 'sphx', 'public'],
	['after_it', 'CREATE EXTENSION vector; CREATE EXTENSION sphx; CREATE EXTENSION sphx_pgvector', 'public', 'sphx', 'public'],
	['before_it', 'CREATE EXTENSION sphx; CREATE SCHEMA x; CREATE EXTENSION vector SCHEMA x; CREATE EXTENSION sphx_pgvector', 'x', 'public', 'x'],
	['moved', 'CREATE EXTENSION sphx; CREATE SCHEMA s; ALTER EXTENSION sphx SET SCHEMA s; CREATE EXTENSION vector; CREATE EXTENSION sphx_pgvector', 'public', 's', 'public'],
	['quoted', 'CREATE SCHEMA "X y"; CREATE SCHEMA "Z"; CREATE EXTENSION vector SCHEMA "X y"; CREATE EXTENSION sphx_pgvector SCHEMA "Z" CASCADE', '"X y"', '"Z"', '"X y"'],
	['three', 'CREATE SCHEMA x; CREATE SCHEMA y; CREATE SCHEMA z; CREATE EXTENSION vector SCHEMA x; CREATE EXTENSION sphx SCHEMA y; CREATE EXTENSION sphx_pgvector SCHEMA z', 'x', 'y', 'z']);
my $schemas = "SELECT string_agg(quote_ident(nspname), ' ' ORDER BY extname DESC) FROM pg_extension e JOIN pg_namespace n ON n.oid = extnamespace WHERE extname <> 'plpgsql'";
for my $set_up (@set_ups)
{
	my ($name, $sql, $pgvector, $sphx, $classes) = @$set_up;

	database($name, $sql);
	is($node->safe_psql($name, $schemas), "$pgvector $classes $sphx", "$name: schemas");
	is($node->safe_psql($name, "SELECT count(*), bool_and(amvalidate(o.oid)) FROM pg_opclass o JOIN pg_am a ON a.oid = opcmethod WHERE amname = 'sphx'"),
		'14|t', "$name: operator classes");
	fill($name, $pgvector, $shape{d}, @vectors[ 0 .. 299 ]);
	for my $kind ([ 'vector', 'cosine' ], [ 'halfvec', 'l2' ])
	{
		create_index($name, $classes, @$kind);
		compare($name, $pgvector, @$kind, "$name, @$kind", @queries[ 0 .. 1 ]);
		$node->safe_psql($name, 'DROP INDEX items_idx');
	}
}


# Answers, through a table's life

database('life', 'CREATE EXTENSION sphx_pgvector CASCADE');
fill('life', 'public', $shape{d}, @vectors);
$node->safe_psql('life', 'INSERT INTO items (id) SELECT generate_series(-5, -1)');
for my $kind (@kinds)
{
	my ($type, $metric) = @$kind;

	create_index('life', 'public', $type, $metric);
	$node->safe_psql('life', 'VACUUM ANALYZE items');
	like($node->safe_psql('life', 'EXPLAIN SELECT id FROM items ORDER BY ' . order_by('public', $type, $metric, $queries[0]) . ' LIMIT 5'),
		qr/Index Scan using items_idx/, "$type, $metric: the planner takes it");
	compare('life', 'public', $type, $metric, "$type, $metric", @queries);
	$node->safe_psql('life', "BEGIN; DELETE FROM items WHERE id % 3 = 0;
		INSERT INTO items SELECT id + 10000, v + v, h + h FROM items WHERE id BETWEEN 1 AND 500; COMMIT; VACUUM items");
	compare('life', 'public', $type, $metric, "$type, $metric, changed", @queries[ 0 .. 3 ]);
	is($node->safe_psql('life', "SELECT rows = (SELECT count(v) FROM items) FROM sphx.sphx_check('items_idx', true)"),
		't', "$type, $metric: sound");
	$node->safe_psql('life', 'DROP INDEX items_idx; DELETE FROM items WHERE id > 10000');
}

# large vectors: the planner is told of the table what pgvector does not tell it
$node->safe_psql('life', 'CREATE TABLE large AS SELECT i AS id, array_agg(random())::vector(1024) AS v FROM generate_series(1, 600) i, generate_series(1, 1024) GROUP BY i;
	ALTER TABLE large ALTER v TYPE vector(1024), ADD h halfvec(1024);
	UPDATE large SET h = v; VACUUM FULL large; ANALYZE large;
	CREATE INDEX large_v ON large USING sphx (v); CREATE INDEX large_h ON large USING sphx (h halfvec_cosine_ops)');
for my $kind ([ 'v', '<->' ], [ 'h', '<=>' ])
{
	my ($column, $operator) = @$kind;
	my $query = $node->safe_psql('life', "SELECT $column FROM large WHERE id = 1");

	like($node->safe_psql('life', "EXPLAIN SELECT id FROM large ORDER BY $column $operator '$query' LIMIT 10"),
		qr/Index Scan using large_$column/, "$column: 600 large vectors");
	like($node->safe_psql('life', "EXPLAIN SELECT id FROM large ORDER BY $column $operator '$query'"),
		qr/Seq Scan on large/, "$column: all of them");
}
$node->safe_psql('life', 'CREATE INDEX ON items USING sphx (v)');
is($node->safe_psql('life', "SELECT count(*) FROM pg_indexes WHERE tablename = 'items' AND indexdef LIKE '%USING sphx (v)'"), '1', 'vector_l2_ops is the default');

# beside an index of pgvector
$node->safe_psql('life', 'CREATE INDEX items_hnsw ON items USING hnsw (v vector_l2_ops) WITH (m = 8); VACUUM ANALYZE items');
like($node->safe_psql('life', 'EXPLAIN SELECT id FROM items ORDER BY ' . order_by('public', 'vector', 'l2', $queries[0]) . ' LIMIT 5'),
	qr/Index Scan using items_/, 'two indexes: one is used');
is($node->safe_psql('life', 'SELECT replacement FROM sphx_pgvector_indexes()'),
	'CREATE INDEX CONCURRENTLY ON public.items USING sphx (v public.vector_l2_ops) WITH (m = 16)', 'what takes its place');
$node->safe_psql('life', 'DROP INDEX items_hnsw');

# an expression
$node->safe_psql('life', 'CREATE INDEX items_half ON items USING sphx ((v::halfvec(24)) halfvec_ip_ops)');
like($node->safe_psql('life', "SET enable_seqscan = off; EXPLAIN SELECT id FROM items ORDER BY v::halfvec(24) <#> '$queries[0]' LIMIT 5"),
	qr/Index Scan using items_half/, 'an index over half precision of a column of vectors');

# bit strings: pgvector's operator, whose class is told from that of sphx, which has the same name
$node->safe_psql('life', 'ALTER TABLE items ADD b bit(24); UPDATE items SET b = binary_quantize(v); CREATE INDEX items_hnsw ON items USING hnsw (b bit_hamming_ops)');
is($node->safe_psql('life', "SELECT replacement FROM sphx_pgvector_indexes() WHERE access_method = 'hnsw'"),
	'CREATE INDEX CONCURRENTLY ON public.items USING sphx (b public.bit_hamming_ops)', 'what takes the place of an index on bit');
$node->safe_psql('life', 'DROP INDEX items_hnsw; CREATE INDEX items_idx ON items USING sphx (b bit_hamming_ops)');
compare('life', 'public', 'bit', 'hamming', 'bit', map { join '', map { $_ > 0 ? 1 : 0 } split /,/, tr/[]//dr } @queries[ 0 .. 3 ]);
is($node->safe_psql('life', "SELECT rows = (SELECT count(b) FROM items) FROM sphx.sphx_check('items_idx', true)"), 't', 'bit: sound');
fails('life', "SET enable_seqscan = off; SELECT id FROM items ORDER BY b <~> B'11'", qr/different bit lengths 24 and 2/, 'other bits');
$node->safe_psql('life', 'ALTER TABLE items DROP b');


# Functions of sphx take pgvector's vectors

is($node->safe_psql('life', "SELECT sphx.sphx_nearest_codeword('E8', '[1,2,3,4,5,6,7,8]'::public.vector)"), '113', 'a function');
is($node->safe_psql('life', "SELECT round(degrees(sphx.sphx_min_angle(ARRAY['[1,0]', '[0,1]']::public.vector[]))::numeric)"), '90', 'a function of an array');
is($node->safe_psql('life', "SELECT round(degrees(sphx.sphx_min_angle(p))::numeric) FROM unnest('{\"[1,0]\",\"[0,1]\"}'::public.vector[]) p"), '90', 'an aggregate');
$node->safe_psql('life', "CREATE TABLE codebook AS SELECT centroid FROM sphx.sphx_train_codebook('SELECT v FROM items WHERE v IS NOT NULL', 16);
	CREATE TABLE own (centroid public.vector(24));
	INSERT INTO own SELECT centroid FROM codebook;
	CREATE TABLE half AS SELECT centroid::public.halfvec FROM own");
for my $table (qw(codebook own half))
{
	for my $kind ([ 'vector', 'l2' ], [ 'halfvec', 'l2' ])
	{
		create_index('life', 'public', @$kind, " WITH (centroids = '$table')");
		is($node->safe_psql('life', "SELECT cells FROM sphx.sphx_index_stats('items_idx')"), '16', "@$kind over centroids in $table");
		$node->safe_psql('life', 'DROP INDEX items_idx');
	}
}


# Vectors of every size, and many dimensions

sub sizes
{
	my ($dims, $type, $metric, $size, $rows) = @_;
	my $name = 'at_once';
	my $kind = $dims % 2 ? '1 + random() / 1000' : 'random() - 0.5';
	my $column = column($type);

	$node->safe_psql($name, "DROP TABLE IF EXISTS items; SELECT setseed(0.5);
		CREATE TABLE items AS SELECT i AS id, array_agg(CASE i WHEN 1 THEN 0.1 ELSE $kind END * $size ORDER BY j)::$type($dims) AS $column
			FROM generate_series(1, $rows) i, generate_series(1, $dims) j GROUP BY i;
		ALTER TABLE items ALTER $column TYPE $type($dims)");
	create_index($name, 'public', $type, $metric);
	compare($name, 'public', $type, $metric, "$type($dims), $metric, $size",
		# rows, and vectors at no angle to them whose sums are rounded otherwise
		split(/\n/, $node->safe_psql($name, "SELECT unnest(ARRAY[$column,
			(SELECT array_agg(x * 0.7) FROM unnest($column\::vector::real[]) x)::$type]) FROM items WHERE id <= 2")));
	return;
}

for my $metric (qw(l2 cosine ip))
{
	sizes(2, 'vector', $metric, '1e-12', 200);
	sizes(15, 'vector', $metric, '1e18', 200);
	sizes(15, 'halfvec', $metric, '1e-5', 200);
	sizes(16, 'halfvec', $metric, '6e4', 200);
	sizes(1901, 'vector', $metric, '1', 60);
	sizes(3001, 'halfvec', $metric, '1', 60);
}


# What is not in an index, and errors

database('bad', "CREATE EXTENSION sphx_pgvector CASCADE;
	CREATE TABLE items (id integer, v vector(3), h halfvec(3), any_v vector, any_h halfvec, large halfvec(16000));
	INSERT INTO items (id, v, h) VALUES (1, '[1,2,3]', '[1,2,3]'), (2, '[0,0,0]', '[0,0,0]'), (3, NULL, NULL),
		(4, '[1e20,0,0]', '[6e4,0,0]'), (5, '[1e-20,0,0]', '[6e-8,0,0]'), (6, '[-1e30,2e30,0]', '[-1,2,0]');
	CREATE INDEX v_idx ON items USING sphx (v vector_cosine_ops); CREATE INDEX h_idx ON items USING sphx (h halfvec_cosine_ops)");
my $bad = "SET enable_seqscan = off; SELECT string_agg(id::text, ',' ORDER BY id) FROM";
is($node->safe_psql('bad', "$bad (SELECT id FROM items ORDER BY v <=> '[1,1,1]') s"), '1',
	'vectors without a direction in single precision are not in a cosine index');
is($node->safe_psql('bad', "$bad (SELECT id FROM items ORDER BY h <=> '[1,1,1]') s"), '1,4,5,6', 'every halfvec but zero has one');
for my $query ('[0,0,0]', '[1e30,0,0]', '[1e-30,0,0]')
{
	is($node->safe_psql('bad', "$bad (SELECT id FROM items ORDER BY v <=> '$query') s"), '1', "nor is a query of $query in an order");
}
is($node->safe_psql('bad', "SELECT rows FROM sphx.sphx_check('v_idx', true)"), '1', 'nothing is missing');
$node->safe_psql('bad', 'DROP INDEX v_idx; CREATE INDEX v_idx ON items USING sphx (v vector_l2_ops)');
is($node->safe_psql('bad', "$bad (SELECT id FROM items ORDER BY v <-> '[1,1,1]') s"), '1,2,4,5,6', 'by Euclidean distance all are');
is($node->safe_psql('bad', "SET enable_seqscan = off; SELECT count(*) FROM (SELECT id FROM items ORDER BY v <-> (SELECT NULL::vector)) s"), '5', 'NULL as query');
fails('bad', "SET enable_seqscan = off; SELECT id FROM items ORDER BY v <-> '[1,2]'", qr/different vector dimensions 3 and 2/, 'a query of other dimensions');
fails('bad', "SET enable_seqscan = off; SELECT id FROM items ORDER BY h <=> '[1,2]'", qr/different halfvec dimensions 3 and 2/, 'a halfvec of other dimensions');
fails('bad', 'CREATE INDEX ON items USING sphx (any_v vector_l2_ops)', qr/does not have dimensions.*such as vector\(3\)/s, 'no dimensions');
fails('bad', 'CREATE INDEX ON items USING sphx (any_h halfvec_l2_ops)', qr/does not have dimensions.*such as halfvec\(3\)/s, 'a halfvec without dimensions');
fails('bad', 'CREATE INDEX ON items USING sphx (large halfvec_l2_ops) WITH (storage = int8)', qr/a vector of 16000 dimensions .* does not fit an index page/, 'too many dimensions');
fails('bad', 'CREATE INDEX ON items USING sphx (h)', qr/has no default operator class/, 'halfvec has no default');
fails('bad', 'CREATE INDEX ON items USING sphx (v vector_l1_ops)', qr/operator class "vector_l1_ops" does not exist/, 'taxicab distance');
fails('bad', 'CREATE INDEX ON items USING sphx (v halfvec_l2_ops)', qr/does not accept data type/, 'an operator class of the other type');
fails('bad', 'DROP EXTENSION sphx_pgvector', qr/index v_idx depends on operator class/, 'an operator class in use');
fails('postgres', 'CREATE EXTENSION sphx_pgvector', qr/required extension "(vector|sphx)" is not installed.*CASCADE/s, 'pgvector missing');
# as of a version before 0.7
fails('postgres', 'CREATE SCHEMA x; CREATE EXTENSION vector SCHEMA x; ALTER TYPE x.halfvec RENAME TO no_halfvec; CREATE EXTENSION sphx_pgvector CASCADE',
	qr/sphx_pgvector needs version 0\.7\.0 or later of the extension "vector"\s+HINT:  Install a newer pgvector/, 'pgvector without halfvec');
fails('bad', 'DROP EXTENSION vector', qr/extension sphx_pgvector depends on extension vector/, 'pgvector in use');
$node->safe_psql('bad', 'DROP EXTENSION sphx CASCADE');
is($node->safe_psql('bad', 'SELECT count(h), (SELECT count(*) FROM pg_indexes WHERE tablename = \'items\') FROM items'), '5|0', 'without sphx the data are left');
$node->safe_psql('bad', 'CREATE EXTENSION sphx_pgvector CASCADE; CREATE INDEX v_idx ON items USING sphx (v); DROP EXTENSION sphx_pgvector CASCADE; DROP EXTENSION sphx;
	DROP TABLE items; DROP EXTENSION vector; CREATE EXTENSION sphx');
is($node->safe_psql('bad', $schemas), 'public', 'without pgvector sphx is where it always was');


# Dumps: into another database, and by pg_upgrade into another cluster

sub ids
{
	my ($server, $name, $pgvector) = @_;

	return $server->safe_psql($name, 'SET enable_seqscan = off; SET search_path = public; SELECT string_agg(id::text, \' \') FROM
		(SELECT id FROM items ORDER BY ' . order_by($pgvector, 'halfvec', 'cosine', $queries[0]) . ' LIMIT 10) s');
}

my @dumped = grep { $_->[0] ne 'at_once' } @set_ups;
my $dump = "${PostgreSQL::Test::Utils::tmp_check}/pgvector.sql";
$node->safe_psql('three', 'CREATE SCHEMA elsewhere; ALTER EXTENSION vector SET SCHEMA elsewhere; ALTER EXTENSION sphx_pgvector SET SCHEMA x; ALTER EXTENSION sphx SET SCHEMA z');
$_->[2] = 'elsewhere', $_->[4] = 'x' for grep { $_->[0] eq 'three' } @dumped;
for my $set_up (@dumped)
{
	my ($name, undef, $pgvector, $sphx, $classes) = @$set_up;

	create_index($name, $classes, 'halfvec', 'cosine');
	database("${name}_restored");
	$node->command_ok([ 'pg_dump', '-f', $dump, '-d', $node->connstr($name) ], "$name: dumped");
	$node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', $dump, '-d', $node->connstr("${name}_restored") ], "$name: restored");
	is($node->safe_psql("${name}_restored", $schemas), $node->safe_psql($name, $schemas), "$name: schemas, restored");
	is(ids($node, "${name}_restored", $pgvector), ids($node, $name, $pgvector), "$name: answers, restored");
}

my $new = PostgreSQL::Test::Cluster->new('upgraded');
$new->init;
$node->stop;
chdir ${PostgreSQL::Test::Utils::tmp_check};	# where pg_upgrade leaves its files
chomp(my $bin = `pg_config --bindir`);
command_ok([ 'pg_upgrade', '-d', $node->data_dir, '-D', $new->data_dir, '-b', $bin, '-B', $bin,
		'-s', $new->host, '-p', $node->port, '-P', $new->port ], 'pg_upgrade');
$new->start;
$node->start;
for my $set_up (@dumped)
{
	my ($name, undef, $pgvector) = @$set_up;

	is($new->safe_psql($name, $schemas), $node->safe_psql($name, $schemas), "$name: schemas, upgraded");
	is(ids($new, $name, $pgvector), ids($node, $name, $pgvector), "$name: answers, upgraded");
}
$new->stop;
$node->stop;
done_testing();
