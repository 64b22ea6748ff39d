# PropertyShapes.pm
#	Shapes of queries of the property test.
#
# A shape makes a query over a table of PropertyTables.pm, which gives
#   sql         statements; the rows of all of them are the answer
#   sorted      by how many of its first columns the answer is sorted (1 unless
#               said otherwise)
#   within      sorted only among rows that are alike in this column
#   key         columns that say which rows were found (the first)
#   unique      a column that is never twice the same
#   alike       columns that rows of one distance (column 0) have in common
#   holds       a column that is true in each row: the condition
#   series      a column that counts 1, 2, 3 ...
#   known       the limit is known to the scan: as many rows as without the index
#   complete    exact by nature: the same rows as without the index

package PropertyShapes;

use strict;
use warnings;

use Exporter 'import';
use PropertyTables;

our @EXPORT = qw(shape_names make_query);

# ---------------------------------------------------------------------------
# Parts of queries
# ---------------------------------------------------------------------------

# limits from 1 to 1,000, small ones more often
sub limit
{
	return int(1000**rand()) || 1;
}

# a vector of the table qs, as a constant or as a subquery
sub vector
{
	my ($t) = @_;
	my $n = chance(0.3) ? 1 : between(1, 10);

	return chance(0.2) ? "(SELECT q FROM qs WHERE n = $n)" : "'$t->{vectors}[$n - 1]'::vector";
}

# the distance from one
sub distance
{
	my ($t) = @_;

	return "e $t->{op} " . vector($t);
}

# a condition that one row in so many satisfies, whatever its vector
sub one_in
{
	my ($share) = @_;

	return $share >= 1000 ? 'cat = ' . between(0, 999) : $share <= 2 ? 'cat < 500' : 'cat % ' . $share . ' = ' . between(0, $share - 1);
}

# any condition
sub condition
{
	return one_of(
		sub { one_in(one_of(2, 10, 100)) },
		sub { 'cat < ' . between(1, 999) },
		sub { 'near > ' . between(1, 900) },
		sub { 'near <= ' . between(100, 1000) })->();
}

# WHERE with these conditions, and that there is a vector
sub where
{
	my ($t, @conditions) = @_;

	push @conditions, 'e IS NOT NULL' if $t->{nulls};
	return @conditions ? 'WHERE ' . join(' AND ', @conditions) : '';
}

# a subquery with a limit, in parentheses
sub limited
{
	my ($t, $columns, $distance, @conditions) = @_;

	return sprintf('(SELECT %s%s AS d FROM t %s ORDER BY d LIMIT %d)', $columns ? "$columns, " : '', $distance, where($t, @conditions), limit());
}

# half of the time a condition, else none
sub perhaps
{
	return chance(0.5) ? (condition()) : ();
}

# the nearest rows under a condition, which is part of the answer
sub filtered
{
	my ($t, $condition, %more) = @_;

	return (sql => [ sprintf('SELECT %s AS d, id, (%s) FROM t %s ORDER BY d LIMIT %d', distance($t), $condition, where($t, $condition), limit()) ],
		unique => 1, holds => 2, known => 1, %more);
}

# the nearest rows from which something else is selected
sub over_limited
{
	my ($t, $select, $rest, %more) = @_;

	return (sql => [ "SELECT $select FROM " . limited($t, 'id, cat', distance($t), perhaps()) . " s $rest" ], %more);
}

# in a transaction that is rolled back
sub rolled_back
{
	return [ 'BEGIN', @_, 'ROLLBACK' ];
}

# fetched in pieces
sub fetches
{
	my ($cursor) = @_;

	return map { 'FETCH ' . between(1, 60) . " FROM $cursor" } 1 .. between(1, 6);
}

sub prepared
{
	my ($t, $mode, @between) = @_;
	my @vectors = map { "'$t->{vectors}[between(0, 9)]'" } 1 .. 2;
	my $limit = limit();

	return [ "SET plan_cache_mode = $mode",
		sprintf('PREPARE p(vector, int) AS SELECT %s, e %s $1 AS d, id FROM t %s ORDER BY d LIMIT $2', 'upper($2::text)', $t->{op}, where($t, perhaps())),
		"EXECUTE p($vectors[0], $limit)", @between, "EXECUTE p($vectors[1], " . limit() . ')', 'DEALLOCATE p', 'RESET plan_cache_mode' ];
}

# ---------------------------------------------------------------------------
# The shapes
# ---------------------------------------------------------------------------

my %shapes = (
	limit => sub {
		my ($t) = @_;
		return (sql => [ 'SELECT ' . distance($t) . ' AS d, id FROM t ' . where($t) . ' ORDER BY d LIMIT ' . limit() ], unique => 1, known => 1);
	},
	offset => sub {
		my ($t) = @_;
		return (sql => [ sprintf('SELECT %s AS d, id FROM t %s ORDER BY d LIMIT %d OFFSET %d', distance($t), where($t), one_of(1, 10, 50), limit()) ],
			unique => 1, known => 1);
	},
	page => sub {
		my ($t) = @_;
		my $select = sprintf('SELECT %s AS d, id FROM t %s ORDER BY d, id LIMIT 10', distance($t), where($t, perhaps()));
		return (sql => [ map { "$select OFFSET ${_}0" } 0 .. 7 ], unique => 1, sorted => 2, known => 1);
	},
	limit_subquery => sub {
		my ($t) = @_;
		return (sql => [ sprintf('SELECT %s AS d, id FROM t %s ORDER BY d LIMIT (SELECT %d) OFFSET (SELECT %d)', distance($t), where($t), limit(), between(0, 5)) ],
			unique => 1, known => 1);
	},
	filter_50 => sub { return filtered($_[0], one_in(2)) },
	filter_10 => sub { return filtered($_[0], one_in(10)) },
	filter_1 => sub { return filtered($_[0], one_in(100)) },
	filter_01 => sub { return filtered($_[0], one_in(1000)) },
	filter_two => sub { return filtered($_[0], one_in(10) . ' AND cat < 600') },
	filter_or => sub { return filtered($_[0], '(near < 50 OR ' . one_in(100) . ')') },
	filter_near => sub { return filtered($_[0], 'near <= ' . one_of(1, 10, 100)) },
	filter_far => sub { return filtered($_[0], 'near > ' . one_of(500, 900, 990)) },
	filter_none => sub { return filtered($_[0], 'cat = -1') },
	filter_volatile => sub { return filtered($_[0], 'random() < 2', known => 0) },
	filter_array => sub { return filtered($_[0], 'cat = ANY (ARRAY(SELECT c.cat FROM cats c WHERE c.cat < 100))') },
	filter_subplan => sub { return filtered($_[0], '(SELECT count(*) FROM cats c WHERE c.cat = t.cat) = 1') },
	filter_distance => sub {
		my ($t) = @_;
		my $distance = distance($t);
		return (sql => [ "SELECT $distance AS d, id FROM t " . where($t, "$distance < (SELECT avg(x) FROM dd)") . ' ORDER BY d LIMIT ' . limit() ],
			unique => 1, known => 1);
	},
	all => sub {
		my ($t) = @_;
		return (sql => [ 'SELECT ' . distance($t) . ' AS d, id FROM t ' . where($t, perhaps()) . ' ORDER BY d' ], unique => 1, complete => 1);
	},
	descending => sub {
		my ($t) = @_;
		return (sql => [ 'SELECT ' . distance($t) . ' AS d, id FROM t ' . where($t, perhaps()) . ' ORDER BY d DESC LIMIT ' . limit() ],
			unique => 1, sorted => 0, complete => 1);
	},
	window_all => sub {
		my ($t) = @_;
		my $distance = distance($t);
		return (sql => [ "SELECT $distance AS d, rank() OVER (ORDER BY $distance), count(*) OVER (PARTITION BY $distance) FROM t " . where($t, perhaps()) ],
			sorted => 0, key => [ 0, 1, 2 ], alike => [ 1, 2 ], complete => 1);
	},
	window_limit => sub {
		my ($t) = @_;
		my $distance = distance($t);
		return (sql => [ "SELECT $distance AS d, rank() OVER (ORDER BY $distance), count(*) OVER (PARTITION BY $distance), id FROM t "
				. where($t, perhaps()) . ' ORDER BY d LIMIT ' . limit() ], alike => [ 1, 2 ], unique => 3);
	},
	row_number => sub {
		my ($t) = @_;
		my $distance = distance($t);
		return (sql => [ "SELECT $distance AS d, row_number() OVER (ORDER BY $distance) AS n FROM t " . where($t, perhaps()) . ' ORDER BY n LIMIT ' . limit() ],
			series => 1);
	},
	dense_rank => sub { return over_limited($_[0], 'd, dense_rank() OVER (ORDER BY d), count(*) OVER (PARTITION BY d), id', 'ORDER BY 1', alike => [ 1, 2 ], unique => 3) },
	join_inner => sub {
		my ($t) = @_;
		return (sql => [ 'SELECT ' . distance($t) . ' AS d, t.id, c.name FROM t JOIN cats c USING (cat) ' . where($t) . ' ORDER BY d LIMIT ' . limit() ], unique => 1);
	},
	join_left => sub {
		my ($t) = @_;
		return (sql => [ 'SELECT ' . distance($t) . ' AS d, t.id, c.name FROM t LEFT JOIN cats c USING (cat) ' . where($t, perhaps()) . ' ORDER BY d LIMIT ' . limit() ],
			unique => 1);
	},
	join_distance => sub {
		my ($t) = @_;
		my $distance = distance($t);
		return (sql => [ "SELECT $distance AS d, t.id, dd.x FROM t " . one_of('LEFT', 'INNER') . " JOIN dd ON dd.x = $distance " . where($t, perhaps())
				. ' ORDER BY d LIMIT ' . limit() ], unique => 1);
	},
	join_two_limited => sub {
		my ($t) = @_;
		my $distance = distance($t);
		return (sql => [ 'SELECT d FROM ' . limited($t, '', $distance, perhaps()) . ' a ' . one_of('', 'LEFT', 'RIGHT', 'FULL') . ' JOIN '
				. limited($t, '', $distance, perhaps()) . ' b USING (d)' ], sorted => 0);
	},
	join_number => sub { return over_limited($_[0], 's.d, dd.x', one_of('LEFT JOIN', 'JOIN') . ' dd ON dd.x = s.d', sorted => 0) },
	self_join => sub {
		my ($t) = @_;
		my $q = vector($t);
		return (sql => [ "SELECT count(*) FROM t a JOIN t b ON a.e $t->{op} $q = b.e $t->{op} $q WHERE a.cat < 300 AND b.cat < 300" ],
			sorted => 0, complete => 1);
	},
	semi_join => sub {
		my ($t) = @_;
		return (sql => [ 'SELECT ' . distance($t) . ' AS d, id FROM t ' . where($t, one_of('', 'NOT ') . 'EXISTS (SELECT FROM cats c WHERE c.cat = t.cat)')
				. ' ORDER BY d LIMIT ' . limit() ], unique => 1);
	},
	distinct => sub { return over_limited($_[0], 'DISTINCT d', one_of('', 'ORDER BY d'), sorted => 0, unique => 0) },
	distinct_on => sub { return over_limited($_[0], 'DISTINCT ON (d) d, id', one_of('', 'ORDER BY d', 'ORDER BY d, id'), sorted => 1, unique => 0) },
	distinct_rows => sub {
		my ($t) = @_;
		return (sql => [ 'SELECT DISTINCT ' . distance($t) . ' AS d FROM t ' . where($t, perhaps()) . ' ORDER BY d LIMIT ' . limit() ], unique => 0);
	},
	group => sub { return over_limited($_[0], 'd, count(*), min(id) <= max(id)', 'GROUP BY d', sorted => 0, unique => 0, holds => 2) },
	group_rows => sub {
		my ($t) = @_;
		my $distance = distance($t);
		return (sql => [ "SELECT $distance AS d, count(*) FROM t " . where($t, perhaps()) . " GROUP BY $distance ORDER BY d LIMIT " . limit() ],
			unique => 0, key => [ 0, 1 ]);
	},
	count => sub { return over_limited($_[0], 'count(*)', '', sorted => 0) },
	minimum => sub {
		my ($t) = @_;
		my $distance = distance($t);
		return (sql => [ 'SELECT ' . one_of('min', 'max') . "($distance) FROM t " . where($t, perhaps()) ], sorted => 0);
	},
	array_sorted => sub {
		my ($t) = @_;
		my $distance = distance($t);
		return (sql => [ "SELECT unnest(array_agg($distance ORDER BY $distance)) FROM t " . where($t, perhaps()) ], complete => 1);
	},
	set_union => sub { return set_operation($_[0], one_of('UNION', 'UNION ALL')) },
	set_intersect => sub { return set_operation($_[0], one_of('INTERSECT', 'INTERSECT ALL')) },
	set_except => sub { return set_operation($_[0], one_of('EXCEPT', 'EXCEPT ALL')) },
	append => sub {
		my ($t) = @_;
		my $distance = distance($t);
		my $rows = between(100, 900);
		return (sql => [ "SELECT d, id FROM (SELECT $distance AS d, id FROM t " . where($t, "cat < $rows")
				. " UNION ALL SELECT $distance AS d, id FROM t " . where($t, "cat >= $rows") . ') s ORDER BY d LIMIT ' . limit() ], unique => 1, known => 1);
	},
	lateral => sub {
		my ($t) = @_;
		return (sql => [ "SELECT d, n, id FROM qs, LATERAL (SELECT e $t->{op} q AS d, id FROM t " . where($t, perhaps()) . ' ORDER BY d LIMIT '
				. between(1, 10) . ') s ORDER BY n, d' ], within => 1, key => [ 0, 1 ], known => 1);
	},
	lateral_unsorted => sub {
		my ($t) = @_;
		return (sql => [ "SELECT d, n, id FROM qs CROSS JOIN LATERAL (SELECT e $t->{op} q AS d, id FROM t " . where($t, perhaps()) . ' ORDER BY d LIMIT 5) s' ],
			within => 1, key => [ 0, 1 ], known => 1);
	},
	scalar_subquery => sub {
		my ($t) = @_;
		return (sql => [ "SELECT (SELECT e $t->{op} q AS d FROM t " . where($t, perhaps()) . ' ORDER BY d LIMIT 1), n FROM qs' ], sorted => 0, unique => 1, key => [ 0, 1 ]);
	},
	cte => sub { return cte($_[0], '') },
	cte_materialized => sub { return cte($_[0], 'MATERIALIZED') },
	cursor => sub {
		my ($t) = @_;
		return (sql => rolled_back('DECLARE c CURSOR FOR SELECT ' . distance($t) . ' AS d, id FROM t ' . where($t, perhaps()) . ' ORDER BY d', fetches('c')), unique => 1);
	},
	cursor_limit => sub {
		my ($t) = @_;
		return (sql => rolled_back('DECLARE c CURSOR FOR SELECT ' . distance($t) . ' AS d, id FROM t ' . where($t, perhaps()) . ' ORDER BY d LIMIT ' . limit(), fetches('c')),
			unique => 1, known => 1);
	},
	cursor_hold => sub {
		my ($t) = @_;
		return (sql => [ 'DECLARE c CURSOR WITH HOLD FOR SELECT ' . distance($t) . ' AS d, id FROM t ' . where($t, perhaps()) . ' ORDER BY d', fetches('c'), 'CLOSE c' ],
			unique => 1);
	},
	cursor_scroll => sub {
		my ($t) = @_;
		return (sql => rolled_back('DECLARE c SCROLL CURSOR FOR SELECT ' . distance($t) . ' AS d, id FROM t ' . where($t, perhaps()) . ' ORDER BY d',
				'FETCH 30 FROM c', 'MOVE BACKWARD ALL FROM c', 'FETCH 50 FROM c'), sorted => 0);
	},
	for_update => sub {
		my ($t) = @_;
		return (sql => rolled_back('SELECT ' . distance($t) . ' AS d, id FROM t ' . where($t, perhaps()) . ' ORDER BY d LIMIT ' . limit() . ' FOR '
				. one_of('UPDATE', 'SHARE', 'UPDATE SKIP LOCKED')), unique => 1, known => 1);
	},
	delete_nearest => sub {
		my ($t) = @_;
		my $distance = distance($t);
		return (sql => rolled_back("DELETE FROM t WHERE id IN (SELECT id FROM (SELECT id, $distance AS d FROM t " . where($t, perhaps()) . ' ORDER BY d, id LIMIT '
				. limit() . ") s) RETURNING $distance, id", "SELECT $distance AS d, id FROM t " . where($t) . ' ORDER BY d LIMIT 10'), sorted => 0, unique => 1);
	},
	prepared_generic => sub { return (sql => prepared($_[0], 'force_generic_plan'), sorted => 1, within => 0, key => [ 0, 1 ], distance => 1, known => 1) },
	prepared_custom => sub { return (sql => prepared($_[0], 'force_custom_plan'), within => 0, key => [ 0, 1 ], distance => 1, known => 1) },
	# between two executions something happens that makes the plan anew
	replanned => sub {
		my ($t) = @_;
		return (sql => rolled_back(@{ prepared($t, 'force_generic_plan', one_of('CREATE INDEX t_new ON t (near)', 'ALTER TABLE t ADD COLUMN c int', 'DROP INDEX t_e')) }),
			within => 0, key => [ 0, 1 ], distance => 1, known => 1);
	},
	order_then_id => sub {
		my ($t) = @_;
		return (sql => [ 'SELECT ' . distance($t) . ' AS d, id FROM t ' . where($t, perhaps()) . ' ORDER BY d, id LIMIT ' . limit() ],
			sorted => 2, unique => 1, known => 0);
	},
	order_two_distances => sub {
		my ($t) = @_;
		return (sql => [ 'SELECT ' . distance($t) . ' AS d, ' . distance($t) . ' AS d2, id FROM t ' . where($t, perhaps()) . ' ORDER BY d, d2 LIMIT ' . limit() ],
			sorted => 2, unique => 2);
	},
	with_ties => sub {
		my ($t) = @_;
		return (sql => [ 'SELECT ' . distance($t) . ' AS d, id FROM t ' . where($t, perhaps()) . ' ORDER BY d FETCH FIRST ' . limit() . ' ROWS WITH TIES' ], unique => 1);
	},
	in_subquery => sub {
		my ($t) = @_;
		my $distance = distance($t);
		return (sql => [ "SELECT $distance AS d, id FROM t WHERE id IN (SELECT id FROM t " . where($t, perhaps()) . " ORDER BY $distance LIMIT " . limit() . ')' ],
			sorted => 0, unique => 1, known => 1);
	},
	array => sub { return (sql => [ 'SELECT unnest(ARRAY(SELECT d FROM ' . limited($_[0], '', distance($_[0]), perhaps()) . ' s))' ], known => 1) },
	exists => sub {
		my ($t) = @_;
		return (sql => [ "SELECT n, EXISTS (SELECT FROM t " . where($t, condition()) . " ORDER BY e $t->{op} q LIMIT 1) FROM qs" ],
			sorted => 0, unique => 0, key => [ 0, 1 ], complete => 1);
	},
	isolation => sub {
		my ($t) = @_;
		my $select = 'SELECT ' . distance($t) . ' AS d, id FROM t ' . where($t, perhaps()) . ' ORDER BY d LIMIT ' . limit();
		return (sql => rolled_back('SET TRANSACTION ISOLATION LEVEL ' . one_of('REPEATABLE READ', 'SERIALIZABLE'), $select), unique => 1, known => 1);
	},
	null_query => sub {
		my ($t) = @_;
		return (sql => [ "SELECT id, e $t->{op} NULL::vector AS d FROM t " . where($t, perhaps()) . ' ORDER BY d LIMIT ' . limit() ],
			sorted => 0, unique => 0, key => [1], distance => 0, known => 1);
	},
	loop => sub {
		my ($t) = @_;
		return (sql => [ 'SELECT * FROM loop_over(' . vector($t) . ', ' . limit() . ')' ], unique => 1);
	},
	outer_filter => sub {
		my ($t) = @_;
		return (sql => [ 'SELECT d, id FROM (SELECT ' . distance($t) . ' AS d, id, cat FROM t ' . where($t) . ' ORDER BY d OFFSET 0) s WHERE ' . one_in(one_of(2, 10))
				. ' LIMIT ' . limit() ], unique => 1);
	},);

sub set_operation
{
	my ($t, $operation) = @_;
	my $distance = distance($t);

	return (sql => [ 'SELECT d FROM ' . limited($t, '', $distance, perhaps()) . " a $operation SELECT d FROM " . limited($t, '', $distance, perhaps()) . ' b'
			. one_of('', ' ORDER BY d') ], sorted => 0, ($operation =~ /ALL/ ? () : (unique => 0)));
}

sub cte
{
	my ($t, $materialized) = @_;

	return (sql => [ "WITH near AS $materialized " . limited($t, 'id', distance($t), perhaps()) . ', again AS (SELECT d, count(*) AS n FROM near GROUP BY d) '
			. 'SELECT d, again.n, id FROM near JOIN again USING (d) ORDER BY d' ], alike => [1], unique => 2);
}

sub shape_names
{
	return sort keys %shapes;
}

sub make_query
{
	my ($name, $t) = @_;

	return { shape => $name, sorted => 1, key => [0], distance => 0, $shapes{$name}->($t) };
}

1;
