# Pages of the index overwritten: an error that names index and block, with a
# hint, or an answer, but never the end of the server.

use strict;
use warnings;

use Test::More;
use SphxTest;
use PostgreSQL::Test::Utils;

my $page_size = 8192;
my $node = new_node('corrupt');
my %shape = (d => 32, clusters => 40);

$node->safe_psql('postgres', 'CREATE TABLE items (id integer, embedding vector(32))');
load_items($node, 'items', 1, make_vectors(n => 4000, seed => 1, %shape));
$node->safe_psql('postgres', 'CREATE INDEX items_idx ON items USING sphx (embedding)');
# the chains of cells and of duplicates grow past what the build wrote
load_items($node, 'items', 5001, make_vectors(n => 500, seed => 2, %shape));
$node->safe_psql('postgres',
	'INSERT INTO items SELECT 10000 + i, (SELECT embedding FROM items WHERE id = 1) FROM generate_series(1, 300) i');

my $path = $node->data_dir . '/' . $node->safe_psql('postgres', "SELECT pg_relation_filepath('items_idx')");
my $vector = $node->safe_psql('postgres', 'SELECT embedding FROM items WHERE id = 2');
my $scan = "SET enable_seqscan = off; SET enable_sort = off;
	SELECT count(*) FROM (SELECT id FROM items ORDER BY embedding <-> '$vector' OFFSET 0) s";

$node->stop;
my $sound = slurp_file($path);
my $blocks = length($sound) / $page_size;
$node->start;

sub write_index
{
	my ($contents) = @_;

	$node->stop;
	open my $file, '>:raw', $path or die "$path: $!";
	print $file $contents;
	close $file or die "$path: $!";
	$node->start;
	return;
}

# The special area, 16 bytes: next block, cell, free slots, kind, unused, page id.
sub page_kind
{
	my ($block) = @_;
	my (undef, undef, undef, $kind, undef, $id) =
	  unpack('L L S S S S', substr($sound, ($block + 1) * $page_size - 16, 16));

	return $id == 0xFF5B ? $kind : 'unknown';
}

sub random_bytes
{
	return join('', map { chr(int(rand(256))) } 1 .. $_[0]);
}

# Run a statement on a damaged index.  Returns the error, empty when there was none.
sub attempt
{
	my ($sql, $name) = @_;
	my ($status, $out, $err) = finish_psql(start_psql($node, $sql));
	my $alive = $node->psql('postgres', 'SELECT 1') == 0;

	ok($alive && $err !~ /server closed the connection|terminated/, "$name: the server stays up")
	  or diag($err);
	return $status == 0 ? '' : $err;
}

sub check_error
{
	my ($err, $block, $name) = @_;

	like($err, qr/ERROR:\s+XX002/, "$name: the error's code");
	like($err, qr/"items_idx"/, "$name: names the index");
	like($err, qr/block $block\b/, "$name: names the block");
	like($err, qr/HINT:.*REINDEX/, "$name: hints at REINDEX");
	return;
}

# A page of every kind, wholly overwritten, and all zero.
my %of_kind;
for my $block (reverse 0 .. $blocks - 1)
{
	push @{ $of_kind{ page_kind($block) } }, $block;
}
ok(!exists $of_kind{unknown}, 'the page ids are right');
cmp_ok(scalar(keys %of_kind), '>=', 4, 'metapage, directory, centroid and node pages exist');

srand(5);
for my $kind (sort keys %of_kind)
{
	my $block = $of_kind{$kind}[-1];
	my %damages = (
		garbage => random_bytes($page_size),
		'wrong kind' => do {
			my $page = substr($sound, $block * $page_size, $page_size);
			substr($page, -6, 2) = pack('S', $kind + 1);
			$page;
		});

	for my $damage (sort keys %damages)
	{
		my $contents = $sound;

		substr($contents, $block * $page_size, $page_size) = $damages{$damage};
		write_index($contents);
		check_error(attempt($scan, "kind $kind, $damage, scan"), $block, "kind $kind, $damage");
		attempt("INSERT INTO items VALUES (-1, '$vector'); DELETE FROM items WHERE id = -1;",
			"kind $kind, $damage, insert");
		attempt('VACUUM items', "kind $kind, $damage, vacuum");
	}
}

# The file ends too early.
write_index(substr($sound, 0, int($blocks / 2) * $page_size));
like(attempt($scan, 'truncated, scan'), qr/ERROR:\s+XX00[12]/, 'truncated: the error\'s code');

# Pages whose frame is sound and whose contents are not: no promise but that
# the server stays up.
for my $round (1 .. 12)
{
	my $contents = $sound;

	for my $block (0 .. $blocks - 1)
	{
		next if $block == 0 && $round % 2;
		for (1 .. ($round % 3 == 0 ? 200 : 5))
		{
			substr($contents, $block * $page_size + 24 + int(rand($page_size - 40)), 1) = chr(int(rand(256)));
		}
	}
	write_index($contents);
	attempt("SET statement_timeout = '20s'; $scan", "round $round of random bytes, scan");
	attempt("SET statement_timeout = '20s'; INSERT INTO items VALUES (-1, '$vector')",
		"round $round of random bytes, insert");
	attempt("SET statement_timeout = '20s'; DELETE FROM items WHERE id = -1; VACUUM items",
		"round $round of random bytes, vacuum");
}

# What the hint says helps.
write_index($sound);
$node->safe_psql('postgres', 'REINDEX INDEX items_idx');
check_complete($node, 'items', '<->', 'reindexed');

unlike(slurp_file($node->logfile), qr/was terminated by signal/, 'no process crashed');
$node->stop;
done_testing();
