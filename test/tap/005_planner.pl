# The planner takes the index where it is cheaper, without any enable_
# setting; options and settings are checked.

use strict;
use warnings;

use Test::More;
use SphxTest;

my $node = new_node('planner');
my %shape = (d => 64, clusters => 40);
my @vectors = make_vectors(n => 10000, seed => 1, %shape);
my ($query) = make_vectors(n => 1, seed => 2, %shape);

sub create
{
	my ($table, $n) = @_;

	$node->safe_psql('postgres', "CREATE TABLE $table (id integer, embedding vector($shape{d}))");
	load_items($node, $table, 1, @vectors[ 0 .. $n - 1 ]);
	$node->safe_psql('postgres',
		"CREATE INDEX ${table}_idx ON $table USING sphx (embedding); VACUUM ANALYZE $table");
	return;
}

sub plan_of
{
	my ($sql) = @_;
	my $plan = $node->safe_psql('postgres', "EXPLAIN (COSTS OFF) $sql");

	$plan =~ s/'\[[^]]*\]'/q/g;
	return $plan;
}

create('large', 10000);
create('small', 50);

my $uses = qr/Index Scan using \w+_idx/;
like(plan_of("SELECT id FROM large ORDER BY embedding <-> '$query' LIMIT 10"), $uses, 'large table: index');
like(plan_of("SELECT id FROM large ORDER BY embedding <-> '$query' LIMIT 100"), $uses, 'large table, LIMIT 100: index');
like(plan_of("SELECT id FROM large WHERE id > 5000 ORDER BY embedding <-> '$query' LIMIT 10"), $uses, 'with a filter: index');
unlike(plan_of("SELECT id FROM large ORDER BY embedding <-> '$query' LIMIT 9000"), $uses, 'large LIMIT: no index');
unlike(plan_of("SELECT id FROM large ORDER BY embedding <-> '$query'"), $uses, 'no LIMIT: no index');
unlike(plan_of("SELECT id FROM small ORDER BY embedding <-> '$query' LIMIT 10"), $uses, 'small table: no index');
unlike(plan_of('SELECT count(*) FROM large'), $uses, 'no ORDER BY: no index');
unlike(plan_of("SELECT id FROM large ORDER BY embedding <=> '$query' LIMIT 10"), $uses, 'another operator: no index');
unlike(plan_of("SELECT id FROM large ORDER BY embedding <-> '$query' DESC LIMIT 10"), $uses, 'descending: no index');

# k rows whenever k rows qualify
is($node->safe_psql('postgres', "SET enable_seqscan = off;
		SELECT count(*) FROM (SELECT id FROM large WHERE id % 500 = 3 ORDER BY embedding <-> '$query' LIMIT 20) s"),
	'20', 'a filter that few rows pass');
is($node->safe_psql('postgres', "SET enable_seqscan = off; SET sphx.max_scan_tuples = 100;
		SELECT (SELECT count(*) FROM (SELECT id FROM large ORDER BY embedding <-> '$query' LIMIT 200) s),
			(SELECT count(*) < 20 FROM (SELECT id FROM large WHERE id % 500 = 3 ORDER BY embedding <-> '$query' LIMIT 20) s)"),
	'100|t', 'max_scan_tuples bounds the work');

for my $option ('m = 1', 'm = 100000', 'ef_construction = 0', 'lists = -1', 'gap_weight = -1', 'code_bits = 5', 'nonsense = 1')
{
	my ($status, $out, $err) = $node->psql('postgres', "CREATE INDEX ON small USING sphx (embedding) WITH ($option)");

	isnt($status, 0, "WITH ($option) is refused");
	unlike($err, qr/server closed/, "WITH ($option): the server stays up");
}
for my $setting ('sphx.ef_search = 0', 'sphx.max_scan_tuples = -1', 'sphx.simd = nonsense')
{
	# the settings are known once the library is loaded
	isnt($node->psql('postgres', "LOAD 'sphx'; SET $setting"), 0, "SET $setting is refused");
}

$node->stop;
done_testing();
