# SphxTest.pm
#	What the TAP tests of sphx share: nodes, synthetic data, recall,
#	completeness of an index.

package SphxTest;

use strict;
use warnings;

use Exporter 'import';
use File::Temp ();
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(new_node gaussian make_vectors load_items make_queries
  recall answers check_sound check_complete start_psql finish_psql running wait_until kill_and_start);

# A started server with the extension.  An option allows_streaming is for
# init(), the rest are lines of configuration.
sub new_node
{
	my ($name, %option) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	# checksums are on unless refused from version 18 on, and off before
	$node->init(
		allows_streaming => $option{streaming} // 0,
		no_data_checksums => $option{no_checksums} // 0);
	$node->append_conf('postgresql.conf', <<"CONF");
autovacuum = off
jit = off
max_parallel_maintenance_workers = 0

CONF
	$node->append_conf('postgresql.conf', $option{conf}) if $option{conf};
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION sphx');
	return $node;
}

# normally distributed, by the Box-Muller method
sub gaussian
{
	my $u = 1 - rand();

	return sqrt(-2 * log($u)) * cos(6.283185307179586 * rand());
}

# $n vectors of $d dimensions as text, around $clusters centres (0 = no
# clusters), the same for the same seed
sub make_vectors
{
	my (%arg) = @_;
	my ($n, $d, $clusters) = @arg{qw(n d clusters)};
	my @centres;
	my @vectors;

	# the same centres whatever the seed of the rows
	srand(7);
	push @centres, [ map { 1.5 * gaussian() } 1 .. $d ] for 1 .. ($clusters || 0);
	srand($arg{seed});
	for (1 .. $n)
	{
		my @x = map { gaussian() } 1 .. $d;
		if ($clusters)
		{
			my $centre = $centres[ int(rand(@centres)) ];
			@x = map { $x[$_] + $centre->[$_] } 0 .. $d - 1;
		}
		push @vectors, '[' . join(',', map { sprintf('%.5f', $_) } @x) . ']';
	}
	return @vectors;
}

# Rows (id, embedding) into a table, ids counted from $first.
sub load_items
{
	my ($node, $table, $first, @vectors) = @_;
	my $id = $first;
	my $rows = join('', map { $id++ . "\t$_\n" } @vectors);
	my ($out, $err);

	IPC::Run::run([ $node->installed_command('psql'), '-Xq', '-v', 'ON_ERROR_STOP=1',
			'-d', $node->connstr('postgres'), '-c', "COPY $table (id, embedding) FROM STDIN" ],
		'<', \$rows, '>', \$out, '2>', \$err)
	  or die "COPY failed: $err";
	return;
}

# The table queries, and the functions that the checks below call.  OPERATOR
# is the distance that they order by.
sub make_queries
{
	my ($node, $operator, @vectors) = @_;

	$node->safe_psql('postgres', <<"SQL");
CREATE TABLE queries (id integer, embedding vector);

CREATE FUNCTION nearest(tab regclass, exact boolean, k integer, OUT query integer, OUT ids integer[], OUT distances float8[])
RETURNS SETOF record LANGUAGE plpgsql AS \$\$
DECLARE
	q record;
BEGIN
	PERFORM set_config('enable_indexscan', (NOT exact)::text, true);
	PERFORM set_config('enable_seqscan', exact::text, true);
	FOR q IN SELECT * FROM queries ORDER BY id LOOP
		query := q.id;
		EXECUTE format('SELECT array_agg(id), array_agg(distance) FROM
				(SELECT id, embedding $operator \$1 AS distance FROM %s ORDER BY embedding $operator \$1 LIMIT %s) n', tab, k)
			INTO ids, distances USING q.embedding;
		RETURN NEXT;
	END LOOP;
END \$\$;

CREATE FUNCTION recall(tab regclass, k integer) RETURNS float8 LANGUAGE plpgsql AS \$\$
DECLARE
	answer float8;
BEGIN
	CREATE TEMP TABLE found AS SELECT * FROM nearest(tab, false, k);
	CREATE TEMP TABLE truth AS SELECT * FROM nearest(tab, true, k);
	-- a row as near as the last of the exact answer is right: which of equal rows comes is open
	SELECT sum((SELECT count(*) FROM unnest(f.distances) d WHERE d <= t.worst + 1e-6 * abs(t.worst)))::float8 /
			sum(cardinality(t.ids))
		INTO answer FROM found f JOIN (SELECT *, (SELECT max(d) FROM unnest(distances) d) AS worst FROM truth) t USING (query);
	DROP TABLE found, truth;
	RETURN answer;
END \$\$;
SQL
	load_items($node, 'queries', 1, @vectors);
	return;
}

# share of the exact k nearest that the index gives, at the default ef_search or
# the one named
sub recall
{
	my ($node, $table, $k, $ef) = @_;
	my $setting = defined $ef ? "SET sphx.ef_search = $ef;" : '';

	return $node->safe_psql('postgres', "$setting SELECT recall('$table', $k)");
}

# what the index answers to all queries, as text
sub answers
{
	my ($node, $table, $k) = @_;

	return $node->safe_psql('postgres', "SELECT query, ids FROM nearest('$table', false, $k) ORDER BY query");
}

# sphx_check finds nothing wrong with the sphx indexes of the table, nor between
# them and its rows.  A standby's replay is paused meanwhile.
sub check_sound
{
	my ($node, $table, $name) = @_;
	my $standby = $node->safe_psql('postgres', 'SELECT pg_is_in_recovery()') eq 't';

	if ($standby)
	{
		$node->safe_psql('postgres', 'SELECT pg_wal_replay_pause()');
		wait_until($node, "SELECT pg_get_wal_replay_pause_state() = 'paused'") or die 'replay does not pause';
	}
	my ($status, $out, $err) = $node->psql('postgres', "SELECT c.* FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
		JOIN pg_am a ON a.oid = x.relam AND a.amname = 'sphx', sphx_check(i.indexrelid, true) c WHERE i.indrelid = '$table'::regclass");
	$node->safe_psql('postgres', 'SELECT pg_wal_replay_resume()') if $standby;
	ok($status == 0 && $out ne '', "$name: sphx_check") or diag($err);
	return;
}

# Every row of the table is found by the index, and nothing else: reading it
# to the end gives the same ids as a sequential scan.  And the index is sound.
sub check_complete
{
	my ($node, $table, $operator, $name) = @_;
	my $digest = "SELECT count(*), md5(string_agg(id::text, ',' ORDER BY id))";
	my $vector = $node->safe_psql('postgres', "SELECT embedding FROM $table ORDER BY id LIMIT 1");
	my $rows = $node->safe_psql('postgres', "$digest FROM $table WHERE embedding IS NOT NULL");
	my $order = "SELECT id FROM $table ORDER BY embedding $operator '$vector'";
	my $settings = 'SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off; SET sphx.max_scan_tuples = 0;';

	like($node->safe_psql('postgres', "$settings EXPLAIN $order"), qr/Index Scan using/, "$name: is an index scan");
	is($node->safe_psql('postgres', "$settings $digest FROM ($order OFFSET 0) s"), $rows, "$name: every row is found");
	check_sound($node, $table, $name);
	return;
}

# A psql that runs by itself; finish_psql returns its exit status, output and errors.
sub start_psql
{
	my ($node, $sql) = @_;
	my $session = { out => '', err => '' };

	# from a file: standard input would be fed only while IPC::Run is called
	$session->{script} = File::Temp->new(SUFFIX => '.sql');
	$session->{script}->print($sql);
	$session->{script}->flush;
	$session->{run} = IPC::Run::start(
		[ $node->installed_command('psql'), '-XqAt', '-v', 'ON_ERROR_STOP=1', '-v', 'VERBOSITY=verbose',
			'-d', $node->connstr('postgres'), '-f', $session->{script}->filename ],
		'<', \undef, '>', \$session->{out}, '2>', \$session->{err},
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	return $session;
}

sub finish_psql
{
	my ($session) = @_;

	$session->{run}->finish;
	return ($session->{run}->result(0), $session->{out}, $session->{err});
}

# not yet finished; the end of its output is only noticed by reading it
sub running
{
	my ($session) = @_;
	my $run = $session->{run};

	$run->pump_nb if $run->pumpable;
	return $run->pumpable;
}

# Wait until a query returns t, at most a minute; false when it never did.
sub wait_until
{
	my ($node, $sql) = @_;

	for (1 .. 1000)
	{
		my ($status, $out) = $node->psql('postgres', $sql);
		return 1 if defined $out && $out eq 't';
		select(undef, undef, undef, 0.02);
	}
	return 0;
}

# Kill the postmaster and start the server again.  Its process must be gone
# for that, and its backends, which hold the shared memory and notice nothing
# before their command ends or waits, unless they are killed as well.
sub kill_and_start
{
	my ($node, @backends) = @_;
	my ($pid) = split /\n/, slurp_file($node->data_dir . '/postmaster.pid');

	$node->kill9;
	kill(9, @backends);
	for (1 .. 600)
	{
		last unless kill(0, $pid);
		select(undef, undef, undef, 0.1);
	}
	for (1 .. 600)
	{
		return if $node->start(fail_ok => 1);
		select(undef, undef, undef, 0.1);
	}
	die 'the server does not start again';
}

1;
