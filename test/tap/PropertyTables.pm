# PropertyTables.pm
#	Random tables of the property test: what is in them, the index on them,
#	what has been changed since, and vectors to ask for.
#
# A table is SQL that makes it, the same for the same state of rand().

package PropertyTables;

use strict;
use warnings;

use Exporter 'import';

our @EXPORT = qw(make_table one_of chance between);

# a random one of these
sub one_of
{
	return $_[ int(rand(@_)) ];
}

# true that often
sub chance
{
	my ($share) = @_;

	return rand() < $share;
}

# a random integer, both ends included
sub between
{
	my ($low, $high) = @_;

	return $low + int(rand($high - $low + 1));
}

# Element g of the vector of row i, as an SQL expression.
my %elements = (
	# few values: many equal distances
	integers => sub { return sprintf('floor(random() * %d)', between(2, 10)) },
	gaussian => sub { return 'random() + random() + random() + random() - 2' },
	clustered => sub {
		return sprintf('sin((i %% %1$d) * 1.7 + g * (1 + (i %% %1$d) %% 13)) + (random() + random() - 1) * 0.5', between(3, 60));
	},
	# few vectors: nodes with many rows, and overflow records
	repeated => sub { return sprintf('hashint4((i %% %d) * 1000 + g) & 7', between(2, 200)) },
	# one vector very often, and its surroundings
	crowded => sub { return 'CASE WHEN i % 3 = 0 THEN 0.5 ELSE random() END' },);

my %metrics = (
	'<->' => 'vector_l2_ops',
	'<=>' => 'vector_cosine_ops',
	'<#>' => 'vector_ip_ops',);

# An element that keeps cosine distance defined: no vector is zero.
sub element
{
	my ($t) = @_;
	my $element = $elements{ $t->{kind} }->();

	$element = "($element) * $t->{scale}" if $t->{scale} != 1;
	$element = "CASE WHEN g = 1 THEN 1 + abs($element) ELSE $element END" if $t->{op} eq '<=>';
	return $element;
}

# Vectors of rows i; the condition on i has them made anew for each.
sub vectors
{
	my ($t, $element) = @_;

	return "ARRAY(SELECT $element FROM generate_series(1, $t->{d}) g WHERE i > 0)::real[]::vector";
}

# What is chosen when the index is made; mostly nothing.
sub index_options
{
	my ($t) = @_;
	my @options;

	push @options, 'storage = ' . one_of('int8', 'int16') if chance(0.4);
	push @options, 'lists = ' . one_of(1, 3, 10, 50) if chance(0.3);
	push @options, 'code_bits = ' . one_of(1, 2) if chance(0.15);
	return @options ? ' WITH (' . join(', ', @options) . ')' : '';
}

sub index_sql
{
	my ($t) = @_;
	my @sql = ("CREATE INDEX t_e ON t USING sphx (e $metrics{$t->{op}})" . index_options($t));

	push @sql, 'CREATE INDEX t_cat ON t (cat)' if chance(0.3);
	push @sql, 'CREATE INDEX t_id ON t (id)' if chance(0.5);
	return @sql;
}

# Changes since the index was made; dead rows may be left.
sub churn_sql
{
	my ($t) = @_;
	my @sql;

	push @sql, sprintf('DELETE FROM t WHERE random() < %.2f', rand(0.5)) if chance(0.5);
	push @sql, 'UPDATE t SET cat = cat WHERE random() < 0.3' if chance(0.4);
	push @sql, 'UPDATE t SET e = (SELECT x.e FROM raw x WHERE x.id = t.id % 50 + 1) WHERE random() < 0.1' if chance(0.3);
	push @sql, 'INSERT INTO t SELECT id + 1000000, (cat * 7) % 1000, id % 1000 + 1, e FROM raw WHERE random() < 0.3' if chance(0.4);
	push @sql, 'VACUUM t' if chance(0.5);
	push @sql, 'DELETE FROM t WHERE random() < 0.1' if chance(0.2);
	return @sql;
}

# A table t with t.sql, a list of statements:
#   t     id, cat (0 to 999 whatever the vector), near (1 to 1,000, in the order
#         of the distance from query 1), e
#   raw   the rows before the churn
#   qs    n (1 to 10), q: vectors to ask for
#   cats  every other cat;  dd: some distances from the queries 1 to 3
# t.exact: so few rows that with a wide search each answer must be right.
sub make_table
{
	my $t = { exact => chance(0.6), kind => one_of(sort keys %elements) };

	$t->{op} = one_of(sort keys %metrics);
	$t->{rows} = $t->{exact} ? int(30 * 60**rand()) : between(3000, 9000);
	$t->{d} = $t->{exact} ? int(200**rand()) : $t->{kind} eq 'gaussian' ? between(3, 24) : between(3, 64);
	$t->{d} = 2 if $t->{d} < 2 && $t->{op} eq '<=>';
	$t->{scale} = chance(0.8) ? 1 : one_of('1e-4', '1e4');
	$t->{nulls} = chance(0.3);
	$t->{parts} = chance(0.25) ? between(2, 4) : 0;

	my $element = element($t);
	my $vector = vectors($t, $element);
	my $e = $t->{nulls} ? "CASE WHEN random() < 0.1 THEN NULL ELSE $vector END" : $vector;
	my $anchor = '(SELECT e FROM raw WHERE e IS NOT NULL ORDER BY id LIMIT 1)';

	$t->{sql} = [
		'SELECT setseed(' . sprintf('%.4f', rand()) . ') IS NULL',
		"CREATE TABLE raw AS SELECT i AS id, floor(random() * 1000)::int AS cat, $e AS e FROM generate_series(1, $t->{rows}) i",
		"CREATE TABLE t (id int, cat int, near int, e vector($t->{d}))" . ($t->{parts} ? ' PARTITION BY HASH (id)' : ''),
		(map { "CREATE TABLE t$_ PARTITION OF t FOR VALUES WITH (MODULUS $t->{parts}, REMAINDER " . ($_ - 1) . ')' } 1 .. $t->{parts}),
		"INSERT INTO t SELECT * FROM (SELECT id, cat, ntile(1000) OVER (ORDER BY e $t->{op} $anchor, id), e FROM raw) x ORDER BY id",
		index_sql($t),
		churn_sql($t),
		# asked for: the anchor, other rows, and vectors that are no rows
		"CREATE TABLE qs AS SELECT 1 AS n, $anchor AS q",
		'INSERT INTO qs SELECT 1 + row_number() OVER (), e FROM (SELECT e FROM raw WHERE e IS NOT NULL ORDER BY random() LIMIT 4) x',
		"INSERT INTO qs SELECT i - $t->{rows}, $vector FROM generate_series($t->{rows} + 6, $t->{rows} + 10) i",
		"CREATE TABLE cats AS SELECT c AS cat, 'c' || c AS name FROM generate_series(0, 998, 2) c",
		"CREATE TABLE dd AS SELECT DISTINCT e $t->{op} q AS x FROM raw, qs WHERE n <= 3 AND e IS NOT NULL AND random() < 0.3",
		loop_function($t),
		'ANALYZE t', 'ANALYZE qs', 'ANALYZE cats', 'ANALYZE dd' ];
	return $t;
}

# the first n rows that a loop without a limit gets
sub loop_function
{
	my ($t) = @_;
	my $where = $t->{nulls} ? 'WHERE e IS NOT NULL' : '';

	return <<"SQL";
CREATE FUNCTION loop_over(query vector, n int) RETURNS TABLE (distance float8, row_id int) LANGUAGE plpgsql AS \$\$
BEGIN
	FOR distance, row_id IN SELECT e $t->{op} query AS d, id FROM t $where ORDER BY d LOOP
		RETURN NEXT;
		n := n - 1;
		EXIT WHEN n = 0;
	END LOOP;
END \$\$
SQL
}

1;
