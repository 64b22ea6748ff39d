# Recall of the index after a build, after inserts into an empty index, and
# after half of the rows were deleted and vacuumed.

use strict;
use warnings;

use Test::More;
use SphxTest;

my $node = new_node('recall');

# operator, operator class and recall wanted at the default ef_search
my @metrics = (
	[ '<->', 'vector_l2_ops', 'l2' ],
	[ '<=>', 'vector_cosine_ops', 'cosine' ],
	[ '<#>', 'vector_ip_ops', 'ip' ]);
my %shapes = (
	clustered => { d => 48, clusters => 60, wanted => 0.97 },
	uniform => { d => 24, clusters => 0, wanted => 0.95 });
my $rows = 5000;

sub check_recall
{
	my ($table, $wanted, $name) = @_;
	my $recall = recall($node, $table, 10);

	cmp_ok($recall, '>=', $wanted, sprintf('%s: recall@10 %.4f', $name, $recall));
	return;
}

# A limit at the edge of what a narrow search finds has a good answer, too.
sub check_limits
{
	my ($table, $name) = @_;

	for my $k (20, 40, 80, 160, 320)
	{
		my $recall = recall($node, $table, $k, 20);

		cmp_ok($recall, '>=', 0.99, sprintf('%s: recall@%d %.4f', $name, $k, $recall));
	}
	return;
}

# The table as it is, and with half of its rows gone.
sub check_life
{
	my ($table, $operator, $wanted, $name) = @_;

	check_recall($table, $wanted, $name);
	$node->safe_psql('postgres', "DELETE FROM $table WHERE id % 2 = 0");
	check_recall($table, $wanted - 0.02, "$name, half deleted");
	$node->safe_psql('postgres', "VACUUM $table");
	check_recall($table, $wanted, "$name, vacuumed");
	check_complete($node, $table, $operator, "$name, vacuumed");
	return;
}

for my $shape (sort keys %shapes)
{
	my %shape = %{ $shapes{$shape} };
	my @vectors = make_vectors(n => $rows, seed => 11, %shape);
	my @others = make_vectors(n => $rows / 2, seed => 13, %shape);
	my @queries = make_vectors(n => 100, seed => 12, %shape);

	for my $metric (@metrics)
	{
		my ($operator, $opclass, $label) = @$metric;
		# nearest by inner product are the longest vectors: a harder task
		my $wanted = $label eq 'ip' ? $shape{wanted} - 0.05 : $shape{wanted};

		make_queries($node, $operator, @queries);
		$node->safe_psql('postgres', "CREATE TABLE built (id integer, embedding vector($shape{d}))");
		load_items($node, 'built', 1, @vectors);
		$node->safe_psql('postgres', "CREATE INDEX ON built USING sphx (embedding $opclass)");
		check_limits('built', "$shape, $label, built") if $label ne 'ip';
		check_life('built', $operator, $wanted, "$shape, $label, built");

		# new rows take the places of those that went
		load_items($node, 'built', 100001, @others);
		check_recall('built', $wanted, "$shape, $label, filled up");

		if ($label eq 'l2')
		{
			$node->safe_psql('postgres', "CREATE TABLE inserted (id integer, embedding vector($shape{d}));
				CREATE INDEX ON inserted USING sphx (embedding $opclass)");
			load_items($node, 'inserted', 1, @vectors);
			check_life('inserted', $operator, $wanted, "$shape, $label, inserted");
			$node->safe_psql('postgres', 'DROP TABLE inserted');
		}
		$node->safe_psql('postgres',
			'DROP TABLE built, queries; DROP FUNCTION nearest, recall');
	}
}

$node->stop;
done_testing();
