# Installing, upgrading from every earlier version, and removing.

use strict;
use warnings;

use Test::More;
use SphxTest;

my $node = new_node('upgrade');
my $current = $node->safe_psql('postgres', "SELECT default_version FROM pg_available_extensions WHERE name = 'sphx'");
my $pgvector = $node->safe_psql('postgres', "SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'");
my $rows = 'SELECT count(*), sum(id), md5(string_agg(embedding::text, E\'\\n\' ORDER BY id)) FROM items';
my %shape = (d => 8, clusters => 5);
my @vectors = make_vectors(n => 500, seed => 1, %shape);

# What an installation consists of: its objects, and of those that have them
# definition, columns, owner, rights and comment.
my $contents = <<'SQL';
SELECT string_agg(line, E'\n' ORDER BY line COLLATE "C") FROM (
	SELECT concat_ws(' | ', pg_describe_object(d.classid, d.objid, d.objsubid),
		CASE d.classid
			WHEN 'pg_proc'::regclass THEN (SELECT concat_ws(' ', p.prokind, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid),
				p.probin, p.prosrc, p.provolatile, p.proparallel, p.proisstrict, p.procost, p.prosupport, p.proacl) FROM pg_proc p WHERE p.oid = d.objid)
			WHEN 'pg_operator'::regclass THEN (SELECT concat_ws(' ', o.oprcode, o.oprcom::regoperator, o.oprnegate::regoperator,
				o.oprrest, o.oprjoin, o.oprcanmerge, o.oprcanhash) FROM pg_operator o WHERE o.oid = d.objid)
			WHEN 'pg_type'::regclass THEN (SELECT concat_ws(' ', t.typlen, t.typstorage, t.typalign, t.typinput, t.typoutput,
				t.typreceive, t.typsend, t.typmodin, t.typacl) FROM pg_type t WHERE t.oid = d.objid)
			WHEN 'pg_cast'::regclass THEN (SELECT concat_ws(' ', c.castfunc::regprocedure, c.castcontext, c.castmethod) FROM pg_cast c WHERE c.oid = d.objid)
			WHEN 'pg_opclass'::regclass THEN (SELECT concat_ws(' ', o.opcdefault, o.opckeytype::regtype,
				(SELECT string_agg(concat_ws(' ', amopstrategy, amopopr::regoperator, amoppurpose), ', ' ORDER BY amopstrategy) FROM pg_amop WHERE amopfamily = o.opcfamily),
				(SELECT string_agg(concat_ws(' ', amprocnum, amproc::regprocedure), ', ' ORDER BY amprocnum) FROM pg_amproc WHERE amprocfamily = o.opcfamily))
				FROM pg_opclass o WHERE o.oid = d.objid)
			WHEN 'pg_class'::regclass THEN (SELECT concat_ws(' ', c.relacl, pg_get_viewdef(c.oid)) FROM pg_class c WHERE c.oid = d.objid)
		END,
		obj_description(d.objid, d.classid::regclass::name)) AS line
	FROM pg_depend d
	WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
		AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'sphx')) l
SQL

# is() of two catalogs, which shows the lines that differ
sub is_catalog
{
	my ($got, $expected, $name) = @_;
	my %count;

	$count{$_}++ for split /\n/, $got;
	$count{$_}-- for split /\n/, $expected;
	is(join("\n", map { ($count{$_} > 0 ? '+ ' : '- ') . $_ } grep { $count{$_} } sort keys %count), '', $name);
	return;
}

my $fresh = $node->safe_psql('postgres', $contents);

# pg_dump, and all of it in another database
sub check_restored
{
	my ($name) = @_;
	my $file = $node->basedir . '/items.sql';

	$node->command_ok([ 'pg_dump', '-f', $file, 'postgres' ], "$name: dumped");
	$node->safe_psql('postgres', 'CREATE DATABASE restored TEMPLATE template0');
	$node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', $file, '-d', 'restored' ], "$name: restored");
	is_catalog($node->safe_psql('restored', $contents), $fresh, "$name: the same extension");
	is($node->safe_psql('restored', $rows), $node->safe_psql('postgres', $rows), "$name: the same rows");
	is($node->safe_psql('restored', "SELECT indexdef FROM pg_indexes WHERE tablename = 'items'"),
		$node->safe_psql('postgres', "SELECT indexdef FROM pg_indexes WHERE tablename = 'items'"), "$name: the same index");
	$node->safe_psql('postgres', 'DROP DATABASE restored');
	return;
}

isnt($current, '', "version $current");
cmp_ok(scalar(() = $fresh =~ /\n/g), '>', 200, 'an installation consists of many objects');
$node->safe_psql('postgres', 'DROP EXTENSION sphx');

my @versions = split /\n/, $node->safe_psql('postgres',
	"SELECT v.version FROM pg_available_extension_versions v
	 JOIN pg_extension_update_paths('sphx') p ON p.source = v.version AND p.target = '$current'
	 WHERE v.name = 'sphx' AND p.path IS NOT NULL AND v.version <> '$current' ORDER BY 1");
is("@versions", '0.1.0 0.2.0', 'earlier versions');
for my $version (@versions)
{
	$node->safe_psql('postgres', "CREATE EXTENSION sphx VERSION '$version';
		CREATE TABLE items (id integer, embedding vector(8))");
	is($node->safe_psql('postgres', "SELECT extversion FROM pg_extension WHERE extname = 'sphx'"), $version, "$version is installed");
	load_items($node, 'items', 1, @vectors);
	# functions of the earlier version go on until they are replaced
	my $cosine = "SELECT sphx_reference_cosine('{\"[1,0]\",\"[0,1]\"}'::vector[], 2, 1000)";
	my $before = $node->safe_psql('postgres', $cosine);
	$node->safe_psql('postgres', 'CREATE INDEX ON items USING sphx (embedding)');
	is($node->safe_psql('postgres', "SELECT vectors FROM sphx_index_stats('items_embedding_idx')"),
		scalar(@vectors), "$version: its sphx_index_stats");
	my (undef, undef, $message) = $node->psql('postgres', 'BEGIN; CREATE SCHEMA beside; CREATE EXTENSION vector SCHEMA beside; CREATE EXTENSION sphx_pgvector');
	like($message, qr/needs version \S+ or later of the extension "sphx"/, "$version: too old for sphx_pgvector") if $pgvector;
	$node->safe_psql('postgres', 'ALTER EXTENSION sphx UPDATE');
	is($node->safe_psql('postgres', $cosine), $before, "$version: the seed that it lacked is 1");
	is_catalog($node->safe_psql('postgres', $contents), $fresh, "$version: the same after the upgrade as new");
	check_complete($node, 'items', '<->', "$version, upgraded");
	$node->safe_psql('postgres', 'DELETE FROM items WHERE id % 2 = 0');
	load_items($node, 'items', 1001, @vectors[ 0 .. 199 ]);
	$node->safe_psql('postgres', 'VACUUM items');
	load_items($node, 'items', 2001, make_vectors(n => 200, seed => 2, %shape));
	check_complete($node, 'items', '<->', "$version, upgraded, changed");
	$node->safe_psql('postgres', 'REINDEX TABLE items');
	check_complete($node, 'items', '<->', "$version, upgraded, reindexed");
	check_restored("$version, upgraded, restored");
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
