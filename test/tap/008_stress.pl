# Sessions that insert, update, delete and scan at random, with a vacuum always
# running, and indexes built concurrently; then every index is sound and every
# row is found by its own vector.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(time);
use SphxTest;
use PostgreSQL::Test::Utils;

my $node = new_node('stress', conf => "max_wal_size = 512MB\nsynchronous_commit = off");
my %shape = (d => 24, clusters => 20);
my $seconds = 6;                # of each round
my $writers = 3;

# A vector for a number: mostly one of the source, so that there are duplicates.
$node->safe_psql('postgres', <<"SQL");
CREATE TABLE source (id integer PRIMARY KEY, embedding vector($shape{d}));
CREATE TABLE items (id bigserial, embedding vector($shape{d}));
CREATE FUNCTION pick() RETURNS vector LANGUAGE sql VOLATILE AS
	'SELECT embedding FROM source WHERE id = (SELECT 1 + floor(power(random(), 2) * 1500)::int)';

-- random changes until the time is up, some of them rolled back
CREATE PROCEDURE work(seconds float8, seed float8) LANGUAGE plpgsql AS \$\$
DECLARE
	until timestamptz := clock_timestamp() + seconds * interval '1 s';
	dice float8;
	nearest bigint;
	q vector;					-- an index cannot look for a volatile function's value
BEGIN
	PERFORM setseed(seed);
	SET enable_seqscan = off;
	WHILE clock_timestamp() < until LOOP
		dice := random();
		q := pick();
		IF dice < 0.5 THEN
			INSERT INTO items (embedding) SELECT pick() FROM generate_series(1, 1 + floor(4 * random())::int);
		ELSIF dice < 0.6 THEN
			-- new vectors
			INSERT INTO items (embedding) SELECT array_agg(random() * 4)::vector($shape{d}) FROM generate_series(1, $shape{d});
		ELSIF dice < 0.75 THEN
			SELECT id INTO nearest FROM (SELECT id FROM items ORDER BY embedding <-> q LIMIT 3) n ORDER BY random() LIMIT 1;
			UPDATE items SET embedding = pick() WHERE id = nearest;
		ELSE
			SELECT id INTO nearest FROM (SELECT id FROM items ORDER BY embedding <-> q LIMIT 3) n ORDER BY random() LIMIT 1;
			DELETE FROM items WHERE id = nearest;
		END IF;
		IF random() < 0.1 THEN
			ROLLBACK;
		ELSE
			COMMIT;
		END IF;
	END LOOP;
END \$\$;

-- an index scan to the end sees each row that a sequential scan sees, once
CREATE PROCEDURE watch(seconds float8, seed float8) LANGUAGE plpgsql AS \$\$
DECLARE
	until timestamptz := clock_timestamp() + seconds * interval '1 s';
	found text;
	truth text;
	q vector;
BEGIN
	PERFORM setseed(seed);
	WHILE clock_timestamp() < until LOOP
		SET LOCAL enable_sort = off;
		q := pick();
		SET LOCAL enable_seqscan = off;
		SELECT count(*) || ' ' || sum(id) INTO found FROM (SELECT id FROM items ORDER BY embedding <-> q OFFSET 0) s;
		SET LOCAL enable_seqscan = on;
		SET LOCAL enable_indexscan = off;
		SELECT count(*) || ' ' || sum(id) INTO truth FROM items;
		IF found <> truth THEN RAISE 'the index gives %, the table has %', found, truth; END IF;
		COMMIT;
	END LOOP;
END \$\$;
SQL
load_items($node, 'source', 1, make_vectors(n => 1500, seed => 1, %shape));

# Run the writers and watcher, and meanwhile again and again what is given;
# returns how often that was done.
sub run_round
{
	my ($round, $meanwhile) = @_;
	my $until = time() + $seconds;
	my @sessions = map { start_psql($node, "CALL work($seconds, 0.$round$_)") } 1 .. $writers;
	my $times = 0;

	push @sessions, start_psql($node, "SET default_transaction_isolation = 'repeatable read'; CALL watch($seconds, 0.$round)");
	while (time() < $until || !$times)
	{
		$node->safe_psql('postgres', $_) for @$meanwhile;
		$times++;
	}
	for my $session (@sessions)
	{
		my ($status, $out, $err) = finish_psql($session);

		is($status, 0, "round $round: a session ends well") or diag($err);
	}
	return $times;
}

# Every row comes first, or as near as the first, when its own vector is the query.
sub check_findable
{
	my ($name) = @_;

	is($node->safe_psql('postgres', <<'SQL'), '0', "$name: every row is found by its own vector");
SET enable_seqscan = off;
SELECT count(*) FROM items i WHERE (SELECT n.embedding FROM items n ORDER BY n.embedding <-> i.embedding LIMIT 1) <> i.embedding
SQL
	return;
}

sub check_round
{
	my ($name) = @_;

	check_complete($node, 'items', '<->', $name);
	check_findable($name);
	$node->safe_psql('postgres', 'VACUUM items');
	check_complete($node, 'items', '<->', "$name, vacuumed");
	return;
}

# from nothing, with vacuums and checks meanwhile
$node->safe_psql('postgres', 'CREATE INDEX items_idx ON items USING sphx (embedding)');
my $times = run_round(1, [ 'VACUUM items', q{SELECT sphx_check('items_idx', true)} ]);
note("$times vacuums");
check_round('index of nothing');

# an index that was built
$node->safe_psql('postgres', 'REINDEX INDEX items_idx');
$times = run_round(2, [ 'VACUUM items', q{SELECT sphx_check('items_idx', true)} ]);
note("$times vacuums");
check_round('built index');

# built anew and beside itself while rows change
$times = run_round(3, [ 'DROP INDEX items_idx', 'CREATE INDEX CONCURRENTLY items_idx ON items USING sphx (embedding)',
	'REINDEX INDEX CONCURRENTLY items_idx', 'VACUUM items' ]);
note("$times concurrent builds");
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_index WHERE indrelid = 'items'::regclass AND NOT (indisvalid AND indisready)}),
	'0', 'no index is left half built');
check_round('index built concurrently');

unlike(slurp_file($node->logfile), qr/was terminated by signal|TRAP|PANIC/, 'no process crashed');
$node->stop;
done_testing();
