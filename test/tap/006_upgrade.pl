# Installing, upgrading from every earlier version, and removing.

use strict;
use warnings;

use Test::More;
use SphxTest;

my $node = new_node('upgrade');
my $current = $node->safe_psql('postgres', "SELECT default_version FROM pg_available_extensions WHERE name = 'sphx'");
my %shape = (d => 8, clusters => 5);
my @vectors = make_vectors(n => 500, seed => 1, %shape);

# what an installation consists of
my $contents = "SELECT md5(string_agg(pg_describe_object(classid, objid, objsubid), ',' ORDER BY pg_describe_object(classid, objid, objsubid)))
	FROM pg_depend WHERE refclassid = 'pg_extension'::regclass AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'sphx')";

isnt($current, '', "version $current");
my $fresh = $node->safe_psql('postgres', $contents);
$node->safe_psql('postgres', 'DROP EXTENSION sphx');

my @versions = split /\n/, $node->safe_psql('postgres',
	"SELECT v.version FROM pg_available_extension_versions v
	 JOIN pg_extension_update_paths('sphx') p ON p.source = v.version AND p.target = '$current'
	 WHERE v.name = 'sphx' AND p.path IS NOT NULL AND v.version <> '$current' ORDER BY 1");
cmp_ok(scalar(@versions), '>', 0, "upgrades from @versions");
for my $version (@versions)
{
	$node->safe_psql('postgres', "CREATE EXTENSION sphx VERSION '$version';
		CREATE TABLE items (id integer, embedding vector(8))");
	is($node->safe_psql('postgres', "SELECT extversion FROM pg_extension WHERE extname = 'sphx'"), $version, "$version is installed");
	load_items($node, 'items', 1, @vectors);
	# functions of the earlier version go on until they are replaced
	my $cosine = "SELECT sphx_reference_cosine('{\"[1,0]\",\"[0,1]\"}'::vector[], 2, 1000)";
	my $before = $node->safe_psql('postgres', $cosine);
	$node->safe_psql('postgres', 'CREATE INDEX ON items USING sphx (embedding);
		ALTER EXTENSION sphx UPDATE');
	is($node->safe_psql('postgres', $cosine), $before, "$version: the seed that it lacked is 1");
	is($node->safe_psql('postgres', $contents), $fresh, "$version: the same after the upgrade as new");
	check_complete($node, 'items', '<->', "$version, upgraded");
	$node->safe_psql('postgres', 'DELETE FROM items WHERE id % 2 = 0');
	load_items($node, 'items', 1001, @vectors[ 0 .. 199 ]);
	$node->safe_psql('postgres', 'VACUUM items');
	load_items($node, 'items', 2001, make_vectors(n => 200, seed => 2, %shape));
	check_complete($node, 'items', '<->', "$version, upgraded, changed");
	$node->safe_psql('postgres', 'REINDEX TABLE items');
	check_complete($node, 'items', '<->', "$version, upgraded, reindexed");
	$node->safe_psql('postgres', 'DROP TABLE items; DROP EXTENSION sphx');
}

# beside another type of the name
$node->safe_psql('postgres', 'CREATE TYPE vector AS (x real)');
my ($status, $out, $err) = $node->psql('postgres', 'CREATE EXTENSION sphx');
is($status, 0, 'another type vector');
like($err, qr/INFO: .*in schema "sphx"/, 'another type vector: told where');
$node->safe_psql('postgres', 'SET search_path = sphx; CREATE TABLE public.items (id integer, embedding vector(8))');
$node->safe_psql('postgres', "SET search_path = sphx, public; INSERT INTO items VALUES (1, '[1,2,3,4,5,6,7,8]');
	CREATE INDEX ON items USING sphx (embedding vector_cosine_ops)");
is($node->safe_psql('postgres', "SET search_path = sphx, public; SET enable_seqscan = off;
		SELECT id FROM items ORDER BY embedding <=> '[1,2,3,4,5,6,7,9]' LIMIT 1"),
	'1', 'works in a schema of its own');

$node->safe_psql('postgres', 'DROP EXTENSION sphx CASCADE');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_am WHERE amname = 'sphx'"), '0', 'nothing is left');

$node->stop;
done_testing();
