# Pages of the index overwritten: an error that names index and block, with a
# hint, or an answer, but never the end of the server.

use strict;
use warnings;

use Test::More;
use SphxTest;
use PostgreSQL::Test::Utils;

my $page_size = 8192;
# a checksum would give the damage away before the access method looks
my $node = new_node('corrupt', no_checksums => 1);
my %shape = (d => 32, clusters => 40);

$node->safe_psql('postgres', 'CREATE TABLE items (id integer, embedding vector(32))');
load_items($node, 'items', 1, make_vectors(n => 4000, seed => 1, %shape));
$node->safe_psql('postgres', 'CREATE INDEX items_idx ON items USING sphx (embedding) WITH (rotation = learned)');
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

# The special area, 16 bytes: next block, cell, free slots, kind, checksum, page id.
sub page_kind
{
	my ($block) = @_;
	my (undef, undef, undef, $kind, undef, $id) =
	  unpack('L L S S S S', substr($sound, ($block + 1) * $page_size - 16, 16));

	return $id == 0xFF5B ? $kind : 'unknown';
}

# The page without its checksum, as sphx 0.1 wrote it: damage is then met by
# those who read it.
sub unseal
{
	my ($contents, $block) = @_;

	substr($$contents, ($block + 1) * $page_size - 4, 2) = pack('S', 0);
	return;
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
cmp_ok(scalar(keys %of_kind), '>=', 6, 'pages of all kinds exist');

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

# A byte of a page's contents or special area, and a sound checksum: whoever
# reads the page says so.
for my $kind (sort keys %of_kind)
{
	my $block = $of_kind{$kind}[ int(@{ $of_kind{$kind} } / 2) ];

	for my $place (24, 24 + int(rand($page_size - 48)), 24 + int(rand($page_size - 48)), $page_size - 16 + int(rand(12)))
	{
		my $contents = $sound;
		my $name = "kind $kind, byte $place";

		substr($contents, $block * $page_size + $place, 1) ^= chr(1 + int(rand(255)));
		write_index($contents);
		# who keeps no hints verifies what it reads from disk: now
		check_error(attempt("SET sphx.hint_memory = 0; $scan", "$name, scan without hints"), $block, "$name, scan without hints");
		check_error(attempt("SELECT * FROM sphx_check('items_idx')", "$name, check"), $block, "$name, check");
		check_error(attempt($scan, "$name, scan"), $block, "$name, scan");
		my $vacuum = attempt("DELETE FROM items WHERE id < 0; VACUUM items", "$name, vacuum");
		like($vacuum, qr/^$|ERROR:\s+XX002/, "$name, vacuum: the error's code");
	}
}

# Pages whose frame is sound and whose contents are not, without checksums: no
# promise but that the server stays up.
for my $round (1 .. 12)
{
	my $contents = $sound;

	for my $block (0 .. $blocks - 1)
	{
		next if $block == 0 && $round % 2;
		unseal(\$contents, $block);
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

# Without its checksums, fields of the metapage that say how the codes, the
# vectors and the basis are, each set to values of all kinds: what they mean
# together is checked before anything is read by them.
my %geometry = (
	version => 4, D => 256, band_count => 260, dims_of_band => 266, weight => 268, stored_count => 392,
	dims_of_stored => 396, width_of_stored => 398, stored_weight => 400, basis => 460, basis_vectors => 464,
	centered => 468, center_norm => 472, shape => 476);
my %values = (zero => pack('L', 0), one => pack('L', 1), four => pack('L', 4), 32768 => pack('L', 1 << 15),
	large => pack('L', 0x7FFFFFFF), ones => pack('L', 0xFFFFFFFF), infinite => pack('f', 9**9**9), tiny => pack('f', 1e-30));
for my $field (sort keys %geometry)
{
	for my $value (sort keys %values)
	{
		my $contents = $sound;
		my $name = "metapage, $field $value";

		substr($contents, 24 + $geometry{$field}, $field =~ /_of_/ ? 2 : 4) =
		  substr($values{$value}, 0, $field =~ /_of_/ ? 2 : 4);
		# that of what the metapage says, and that of the page
		substr($contents, 24 + 240, 4) = pack('L', 0);
		unseal(\$contents, 0);
		write_index($contents);
		my $err = attempt("SET statement_timeout = '20s'; $scan", "$name, scan") .
		  attempt("SET statement_timeout = '20s'; INSERT INTO items VALUES (-1, '$vector')", "$name, insert") .
		  attempt("SELECT sphx_check('items_idx', true), sphx_index_stats('items_idx')", "$name, check");
		like($err, qr/^$|ERROR:\s+XX002/, "$name: the error's code");
	}
}

# A basis of any bytes is a rotation, or an error.
for my $round (1 .. 8)
{
	my $contents = $sound;

	for my $block (@{ $of_kind{6} })
	{
		unseal(\$contents, $block);
		substr($contents, $block * $page_size + 24, $page_size - 40) =
		  $round == 1 ? "\0" x ($page_size - 40) : $round == 2 ? "\xFF\x7F" x (($page_size - 40) / 2) :
		  $round == 3 ? pack('f', 3e38) x (($page_size - 40) / 4) : random_bytes($page_size - 40);
	}
	write_index($contents);
	my $err = attempt("SET statement_timeout = '20s'; $scan", "basis, round $round, scan") .
	  attempt("SET statement_timeout = '20s'; INSERT INTO items VALUES (-1, '$vector'); DELETE FROM items WHERE id = -1",
		"basis, round $round, insert");
	# other distances than the operator's, which the executor may find out
	like($err, qr/^$|ERROR:\s+XX002|ERROR:\s+XX000: index returned tuples in wrong order/,
		"basis, round $round: the error's code");
}

# What the hint says helps.
write_index($sound);
$node->safe_psql('postgres', 'REINDEX INDEX items_idx');
check_complete($node, 'items', '<->', 'reindexed');

# Single fields, each damaged in a copy of its own of table and index: the
# checker names block and invariant, and whatever a statement does, it ends, in
# an error of ours or an answer.
my @meta_fields = qw(magic version rotation training metric storage book m dims payload_bytes record_size per_page
  cells cells_per_page directory layer_count);
my $sample;                     # the sound index of this section
my %meta;

sub u32 { return unpack('L', substr($sample, $_[0] * $page_size + $_[1], 4)); }
sub u8 { return unpack('C', substr($sample, $_[0] * $page_size + $_[1], 1)); }

sub opaque
{
	my ($block) = @_;
	my %o;

	@o{qw(next cell free kind unused id)} = unpack('L L S S S S', substr($sample, ($block + 1) * $page_size - 16, 16));
	return \%o;
}

# where a record, and its edge, are within the page
sub place { return 24 + $_[0] * $meta{record_size}; }
sub edge { return place($_[0]) + $meta{record_size} - 6 * $meta{m} + 4 * $_[1]; }
sub entry_place { return ($meta{directory} + int($_[0] / $meta{cells_per_page}), 24 + 20 * ($_[0] % $meta{cells_per_page})); }

# Each damage: name, invariant (0 = an error before any), block that the error
# names, and what to write where: block, offset, bytes.  The "silent" ones change
# what nothing else in the index repeats: a scan cannot notice.
sub single_damages
{
	my %pages;
	my ($dir, $cell0) = entry_place(0);
	my $special = $page_size - 16;

	push @{ $pages{ opaque($_)->{kind} } }, $_ for 0 .. length($sample) / $page_size - 1;
	my ($centroid) = @{ $pages{3} };
	my $top = u32(0, 24 + 64 + 8 * ($meta{layer_count} - 1));
	my ($overflow) = @{ $pages{5} };

	# a full node page, one with a free slot, two of one chain
	my ($full) = grep { opaque($_)->{free} == 0 } @{ $pages{2} };
	my ($part) = grep { opaque($_)->{free} > 0 } @{ $pages{2} };
	my ($slot) = grep { u8($part, place($_)) == 0 } 0 .. $meta{per_page} - 1;
	my ($linked) = grep { opaque($_)->{next} != 0xFFFFFFFF } @{ $pages{2} };
	my $free = $part * $meta{per_page} + $slot;
	my ($end) = grep { opaque($_)->{next} == 0xFFFFFFFF && opaque($_)->{cell} != opaque($full)->{cell} } @{ $pages{2} };
	my ($other) = grep { opaque($_)->{cell} != opaque($full)->{cell} } @{ $pages{2} };
	my $self = $full * $meta{per_page};
	my $cells = $meta{cells};
	my ($last_dir, $last) = entry_place($cells);

	# a node with an overflow chain
	my ($owner, $owner_slot);
	for my $block (@{ $pages{2} })
	{
		for (0 .. $meta{per_page} - 1)
		{
			($owner, $owner_slot) = ($block, $_)
			  if u8($block, place($_)) == 1 && u32($block, place($_) + 12) != 0xFFFFFFFF;
		}
	}
	my $chain = u32($owner, place($owner_slot) + 12);
	my ($chain_block, $chain_slot) = (int($chain / $meta{per_page}), $chain % $meta{per_page});

	return (
		[ 'edge to a free slot', 1, $full, $full, edge(0, 0), pack('L', $free) ],
		[ 'edge to itself', 2, $full, $full, edge(0, 1), pack('L', $self) ],
		[ 'edge twice', 2, $full, $full, edge(0, 1), pack('L', u32($full, edge(0, 0))) ],
		[ 'edge to the directory', 2, $full, $full, edge(0, 0), pack('L', $dir * $meta{per_page}) ],
		[ 'edge to a centroid', 2, $full, $full, edge(0, 0), pack('L', $centroid * $meta{per_page}) ],
		[ 'edge to an overflow record', 2, $full, $full, edge(0, 0), pack('L', $chain) ],
		[ 'edge beyond the end', 2, $full, $full, edge(0, 0), pack('L', 0xFFFFFFF0) ],
		[ 'edge of a centroid to a node', 2, $centroid, $centroid, edge(0, 0), pack('L', $self) ],
		[ 'too many edges', 3, $full, $full, place(0) + 2, pack('C', 255) ],
		[ 'too many TIDs', 4, $full, $full, place(0) + 1, pack('C', 255) ],
		[ 'silent: deleted with TIDs', 4, $full, $full, place(0), pack('C', 3) ],
		[ 'TID without offset', 4, $full, $full, place(0) + 16, pack('S S S', 0, 1, 0) ],
		[ 'TID without block', 4, $full, $full, place(0) + 16, pack('S S S', 0xFFFF, 0xFFFF, 1) ],
		[ 'too many free slots', 5, $full, $full, $special + 8, pack('S', 1) ],
		[ 'too few free slots', 5, $part, $part, $special + 8, pack('S', opaque($part)->{free} - 1) ],
		[ 'page of another cell', 6, $full, $full, $special + 4, pack('L', opaque($other)->{cell}) ],
		[ 'page of no cell', 6, $full, $full, $special + 4, pack('L', $cells + 7) ],
		[ 'next page of another cell', 6, $full, $end, $special, pack('L', $full) ],
		[ 'unknown flags', 8, $full, $full, place(0), pack('C', 0x85) ],
		[ 'overflow record among nodes', 8, $full, $full, place(0), pack('C', 5) ],
		[ 'negative scale', 8, $full, $full, place(0) + 8, pack('f', -1) ],
		[ 'infinite scale', 8, $full, $full, place(0) + 8, pack('L', 0x7F800000) ],
		[ 'directory elsewhere', 0, 0, 0, 24 + 56, pack('L', $meta{directory} + 1) ],
		[ 'layer elsewhere', 0, 0, 0, 24 + 64, pack('L', u32(0, 24 + 64) + 1) ],
		[ 'layer beyond the end', 0, 0, 0, 24 + 64 + 8 * ($meta{layer_count} - 1), pack('L', 1 << 30) ],
		[ 'parameters', 0, 0, 0, 24 + 30, pack('S', 7) ],
		[ 'chain in a circle', 9, $linked, opaque($linked)->{next}, $special, pack('L', $linked) ],
		[ 'chain beyond the end', 9, $end, $end, $special, pack('L', 1 << 20) ],
		[ 'chain into the directory', 9, $end, $end, $special, pack('L', $dir) ],
		[ 'silent: rest of a chain', 9, opaque($linked)->{next}, $linked, $special, pack('L', 0xFFFFFFFF) ],
		[ 'insert block elsewhere', 9, $dir, $dir, $cell0 + 4, pack('L', $chain_block) ],
		[ 'first block without insert block', 0, $dir, $dir, $cell0 + 4, pack('L', 0xFFFFFFFF) ],
		[ 'entry is a centroid', 10, $dir, $dir, entry_of(opaque($full)->{cell}), pack('L', $centroid * $meta{per_page}) ],
		[ 'entry is a free slot', 10, $dir, $dir, entry_of(opaque($part)->{cell}), pack('L', $free) ],
		[ 'entry beyond the end', 10, $dir, $dir, entry_of(0), pack('L', 0xFFFFFFF0) ],
		[ 'entry of the overflow chain', 10, $last_dir, $last_dir, $last + 8, pack('L', $self) ],
		[ 'silent: overflow chain', 11, $chain_block, $owner, place($owner_slot) + 12, pack('L', 0xFFFFFFFF) ],
		[ 'silent: overflow chain twice', 11, $chain_block, $full, place(0) + 12, pack('L', $chain) ],
		[ 'overflow chain in a circle', 11, $chain_block, $chain_block, place($chain_slot) + 12, pack('L', $chain) ],
		[ 'overflow chain to a node', 11, $owner, $owner, place($owner_slot) + 12, pack('L', $self) ],
		[ 'silent: empty overflow record', 11, $chain_block, $chain_block, place($chain_slot) + 1, pack('C', 0) ],
		[ 'centroid of another cell', 12, $centroid, $centroid, place(0) + 16, pack('L', 1) ],
		[ 'centroid of no cell', 12, $centroid, $centroid, place(0) + 16, pack('L', $cells) ],
		[ 'missing centroid', 12, $centroid, $centroid, place(0), pack('C', 0) ],
		[ 'way down to another layer', 12, $top, $top, place(0) + 16, pack('L', $top * $meta{per_page}) ],
		[ 'silent: TID of another row', 13, undef, $full, place(0) + 16, substr($sample, $full * $page_size + place(1) + 16, 6) ]);
}

sub entry_of { return (entry_place($_[0]))[1] + 8; }

$node->safe_psql('postgres', 'CREATE TABLE sample (id integer, embedding vector(32))');
load_items($node, 'sample', 1, make_vectors(n => 1200, seed => 3, %shape));
$node->safe_psql('postgres', <<'SQL');
CREATE INDEX sample_idx ON sample USING sphx (embedding) WITH (lists = 100);
INSERT INTO sample SELECT 10000 + i, (SELECT embedding FROM sample WHERE id = 1) FROM generate_series(1, 300) i;
DELETE FROM sample WHERE id BETWEEN 1100 AND 1200;
-- frozen: its rows are copied into tables that are younger than they are
VACUUM FREEZE sample;
SQL
check_complete($node, 'sample', '<->', 'sample');
my %file = map { $_ => $node->data_dir . '/' . $node->safe_psql('postgres', "SELECT pg_relation_filepath('$_')") } 'sample', 'sample_idx';
my $rows = $node->safe_psql('postgres', 'SELECT count(*) FROM sample');
$node->stop;
$sample = slurp_file($file{sample_idx});
@meta{@meta_fields} = unpack('L L Q Q S S S S L L L L L L L L', substr($sample, 24, 64));
my $table = slurp_file($file{sample});
$node->start;

my @damages = single_damages();
my @paths = split /\n/, $node->safe_psql('postgres', join('', map { <<"SQL" } 1 .. @damages));
CREATE TABLE damaged$_ (id integer, embedding vector(32));
CREATE INDEX damaged${_}_idx ON damaged$_ USING sphx (embedding) WITH (lists = 100);
SELECT pg_relation_filepath('damaged$_');
SELECT pg_relation_filepath('damaged${_}_idx');
SQL
$node->stop;
for my $damage (@damages)
{
	my ($name, $invariant, $named, $block, $offset, $bytes) = @$damage;
	my ($table_path, $index_path) = map { $node->data_dir . "/$_" } splice(@paths, 0, 2);
	my $contents = $sample;

	unseal(\$contents, $block);
	isnt(substr($contents, $block * $page_size + $offset, length($bytes)), $bytes, "$name: is a change");
	substr($contents, $block * $page_size + $offset, length($bytes)) = $bytes;
	for ([ $table_path, $table ], [ $index_path, $contents ])
	{
		open my $out, '>:raw', $_->[0] or die "$_->[0]: $!";
		print $out $_->[1];
		close $out or die "$_->[0]: $!";
	}
}
$node->start;
my $number = 0;
for my $damage (@damages)
{
	my ($name, $invariant, $named) = @$damage;
	my $table = 'damaged' . ++$number;
	my (undef, undef, $all) = finish_psql(start_psql($node, <<"SQL"));
\\set ON_ERROR_STOP 0
SET statement_timeout = '60s'; SET enable_seqscan = off; SET enable_sort = off;
SELECT * FROM sphx_check('${table}_idx', true);
\\warn ----
DO \$\$ BEGIN
	IF (SELECT count(*) FROM (SELECT id FROM $table ORDER BY embedding <-> '$vector' OFFSET 0) s) <> $rows
	THEN RAISE 'incomplete'; END IF; END \$\$;
\\warn ----
INSERT INTO $table SELECT -id, (SELECT embedding FROM $table WHERE id = 1) FROM $table WHERE id <= 3;
INSERT INTO $table SELECT -id, embedding FROM sample WHERE id BETWEEN 500 AND 530;
\\warn ----
DELETE FROM $table WHERE id % 3 = 0;
VACUUM $table;
\\warn ----
SQL
	my ($check, $scan, $insert, $vacuum, $rest) = split /^----\n/m, $all, -1;
	my $ours = qr/ERROR:\s+XX00[12]/;

	is($rest, '', "$name: the server stays up") or diag($all);
	like($check, qr/ERROR:\s+XX002.*"${table}_idx"/, "$name: the check's error");
	like($check, qr/corrupted at block $named\b/, "$name: names the block") if defined $named;
	like($check, qr/Invariant I$invariant\b/, "$name: names the invariant") if $invariant;
	like($check, qr/HINT:.*REINDEX/, "$name: a hint");
	like($scan, $name =~ /^silent/ ? qr/^$|$ours|ERROR:\s+(XX000|P0001)/ : qr/^$|$ours/, "$name: the scan's end");
	like($insert, qr/^$|$ours/, "$name: the insert's end");
	like($vacuum, qr/^$|$ours/, "$name: the vacuum's end");
}
$node->safe_psql('postgres', 'REINDEX INDEX damaged1_idx');
check_complete($node, 'damaged1', '<->', 'damaged, reindexed');

# A TID that the next row of this vector will get is in the node already (I13).
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE twice AS SELECT id, embedding FROM sample WHERE id <= 20;
CREATE INDEX twice_idx ON twice USING sphx (embedding);
SQL
my $twice = $node->data_dir . '/' . $node->safe_psql('postgres', "SELECT pg_relation_filepath('twice_idx')");
$node->stop;
$sample = slurp_file($twice);
@meta{qw(record_size per_page)} = (u32(0, 24 + 40), u32(0, 24 + 44));
my $first_row = pack('S S S', 0, 0, 1);
for my $block (grep { opaque($_)->{kind} == 2 } 0 .. length($sample) / $page_size - 1)
{
	for (grep { substr($sample, $block * $page_size + place($_) + 16, 6) eq $first_row } 0 .. $meta{per_page} - 1)
	{
		substr($sample, $block * $page_size + place($_) + 16, 6) = pack('S S S', 0, 0, 21);
		unseal(\$sample, $block);
	}
}
open my $out, '>:raw', $twice or die "$twice: $!";
print $out $sample;
close $out or die "$twice: $!";
$node->start;
like(attempt('INSERT INTO twice SELECT 21, embedding FROM sample WHERE id = 1', 'a TID twice, insert'),
	qr/ERROR:\s+XX002: index "twice_idx" .*: the heap TID of a new row is in the index already/, 'a TID twice: the error');

unlike(slurp_file($node->logfile), qr/was terminated by signal/, 'no process crashed');
$node->stop;
done_testing();
