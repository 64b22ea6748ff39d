# Random queries over random tables (PropertyTables.pm, PropertyShapes.pm), each
# with the index and without it.  What is exact by nature is the same, what is
# sorted is sorted, a limit known to the scan gets as many rows, and what is
# approximate finds nearly all.  PROPERTY_QUERIES and PROPERTY_SEED ask for more
# than the usual ones, or for others.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PropertyShapes;
use PropertyTables;
use SphxTest;
use Test::More;

my $wanted = $ENV{PROPERTY_QUERIES} // 500;
my $seed = $ENV{PROPERTY_SEED} // 2;
my $each = 50;					# queries over one table
my $node = new_node('property', conf => "fsync = off\nstatement_timeout = '60s'\nclient_min_messages = error\n");
my (@recalls, %violations);
my $asked = 0;

# Rows as lists of columns; a NULL is the last of all, as is NaN.
sub rows_of
{
	my ($text) = @_;

	return map { [ split /\|/, $_, -1 ] } grep { $_ ne '' } split /\n/, $text;
}

sub compare_values
{
	my ($x, $y) = map { $_ eq '' ? 9e999 : $_ eq 'NaN' ? 8e307 : $_ } @_;

	return $x <=> $y;
}

# Do rows come in the order of their first columns?
sub is_sorted
{
	my ($query, @rows) = @_;
	my %before;

	for my $row (@rows)
	{
		my $group = defined $query->{within} ? $row->[ $query->{within} ] : '';
		my $before = $before{$group};

		for my $column (0 .. $query->{sorted} - 1)
		{
			my $order = defined $before ? compare_values($before->[$column], $row->[$column]) : -1;

			return 0 if $order > 0;
			last if $order < 0;
		}
		$before{$group} = $row;
	}
	return 1;
}

# How many rows of the second answer are in the first, by their key?
sub common
{
	my ($query, $found, $right) = @_;
	my %left;
	my $count = 0;

	$left{ join('|', @$_[ @{ $query->{key} } ]) }++ for @$found;
	for my $row (@$right)
	{
		my $key = join('|', @$row[ @{ $query->{key} } ]);

		$count++ if ($left{$key} // 0) > 0;
		$left{$key}--;
	}
	return $count;
}

# What is wrong with the rows found, given those of the query without the index?
sub faults
{
	my ($t, $query, $found, $right) = @_;
	my @faults;
	my $common = common($query, $found, $right);
	my (%alike, %seen);

	push @faults, 'not sorted' unless is_sorted($query, @$found);
	push @faults, scalar(@$found) . ' rows, not ' . @$right if ($query->{known} || $query->{complete}) && @$found != @$right;
	push @faults, "only $common of " . @$right . ' rows are right' if $query->{complete} && $common != @$right;
	if ($query->{unique})
	{
		push @faults, 'a row twice' if grep { $seen{ $_->[ $query->{unique} ] }++ } @$found;
	}
	push @faults, 'the condition does not hold' if $query->{holds} && grep { $_->[ $query->{holds} ] ne 't' } @$found;
	if (defined $query->{series})
	{
		my $n = 0;
		push @faults, 'not 1, 2, 3 ...' if grep { $_->[ $query->{series} ] != ++$n } @$found;
	}
	for my $row (@$found)
	{
		my $rest = join('|', map { $row->[$_] } @{ $query->{alike} // [] });
		my $known = $alike{ $row->[0] } //= $rest;

		push @faults, 'rows of one distance differ' if $query->{alike} && $known ne $rest && !grep { /differ/ } @faults;
	}
	push @recalls, $common / @$right if @$right && !$query->{complete};
	return @faults;
}

# All queries in one session, with marks between what they print.
sub run_queries
{
	my ($t, @queries) = @_;
	my $script = "SET enable_seqscan = off;\n";

	for my $i (0 .. $#queries)
	{
		my @sql = map { "$_;\n" } @{ $queries[$i]{sql} };

		$script .= "\\warn ---- $i\nRESET enable_indexscan;\nSET enable_seqscan = off;\nSELECT setseed(0.5) \\g /dev/null\n"
		  . join('', @sql)
		  . "\\echo ----\nRESET enable_seqscan;\nSET enable_indexscan = off;\nSELECT setseed(0.5) \\g /dev/null\n"
		  . join('', @sql) . "\\echo ----\n";
	}
	my (undef, $out, $err) = finish_psql(start_psql($node, "\\set ON_ERROR_STOP 0\n$script"));
	my @answers = split /^----\n/m, $out, -1;
	my @errors = split /^---- \d+\n/m, $err, -1;

	for my $i (0 .. $#queries)
	{
		my $query = $queries[$i];
		my @found = rows_of($answers[ 2 * $i ] // '');
		my @right = rows_of($answers[ 2 * $i + 1 ] // '');
		my @faults = ($errors[ $i + 1 ] // 'no answer') ne '' ? ("error: " . ($errors[ $i + 1 ] // 'none')) :
		  faults($t, $query, \@found, \@right);

		$asked++;
		next unless @faults;
		push @{ $violations{ $query->{shape} } }, join(', ', @faults);
		diag(join("\n", "$query->{shape}: " . join(', ', @faults), map { substr($_, 0, 500) } @{ $query->{sql} }, "over", @{ $t->{sql} }));
	}
	return;
}

srand($seed);
my @shapes;
while ($asked < $wanted)
{
	my $t = make_table();
	my @queries;

	$node->safe_psql('postgres', 'DROP TABLE IF EXISTS t, raw, qs, cats, dd; DROP FUNCTION IF EXISTS loop_over');
	$node->safe_psql('postgres', join(";\n", @{ $t->{sql} }));
	$t->{vectors} = [ split /\n/, $node->safe_psql('postgres', 'SELECT q FROM qs ORDER BY n') ];
	next if @{ $t->{vectors} } < 10;
	for (1 .. $each)
	{
		@shapes = sort { rand() <=> 0.5 } shape_names() unless @shapes;
		push @queries, make_query(shift @shapes, $t);
	}
	run_queries($t, @queries);
	check_sound($node, 't', "table of $t->{rows} $t->{kind} rows of $t->{d} dimensions, $t->{op}") unless $t->{parts};
}

for my $shape (shape_names())
{
	is(scalar(@{ $violations{$shape} // [] }), 0, "$shape: nothing wrong");
}
my $recall = 0;
$recall += $_ / @recalls for @recalls;
cmp_ok($recall, '>=', 0.95, sprintf('recall of %d approximate queries of %d, seed %s: %.4f', scalar(@recalls), $asked, $seed, $recall));
$node->stop;
done_testing();
