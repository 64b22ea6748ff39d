# A physical standby gives the same answers as its primary, and is a working
# primary after its promotion.

use strict;
use warnings;

use Test::More;
use SphxTest;
use PostgreSQL::Test::Cluster;

my $primary = new_node('primary', streaming => 1);
my %shape = (d => 32, clusters => 40);

$primary->backup('start');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'start', has_streaming => 1);
$standby->start;

sub check_same
{
	my ($name) = @_;

	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
	is(answers($standby, 'items', 10), answers($primary, 'items', 10), "$name: same answers");
	check_complete($standby, 'items', '<->', "$name, standby");
	return;
}

make_queries($primary, '<->', make_vectors(n => 50, seed => 2, %shape));
$primary->safe_psql('postgres', 'CREATE TABLE items (id integer, embedding vector(32))');
load_items($primary, 'items', 1, make_vectors(n => 3000, seed => 1, %shape));
$primary->safe_psql('postgres', 'CREATE INDEX ON items USING sphx (embedding)');
check_same('built');

load_items($primary, 'items', 3001, make_vectors(n => 2000, seed => 3, %shape));
check_same('inserted');

# equal vectors: chains of overflow records
$primary->safe_psql('postgres',
	'INSERT INTO items SELECT 10000 + i, (SELECT embedding FROM items WHERE id = 1) FROM generate_series(1, 500) i');
check_same('duplicates');

$primary->safe_psql('postgres', 'DELETE FROM items WHERE id % 3 = 0');
$primary->safe_psql('postgres', 'VACUUM items');
check_same('vacuumed');

load_items($primary, 'items', 20001, make_vectors(n => 1000, seed => 4, %shape));
check_same('slots used again');

# the backends of the standby must notice that the index's storage changed
$primary->safe_psql('postgres', 'REINDEX TABLE items');
check_same('reindexed');

$primary->stop;
$standby->promote;
load_items($standby, 'items', 30001, make_vectors(n => 500, seed => 5, %shape));
check_complete($standby, 'items', '<->', 'promoted');
$standby->safe_psql('postgres', 'DELETE FROM items WHERE id % 3 = 1');
$standby->safe_psql('postgres', 'VACUUM items');
check_complete($standby, 'items', '<->', 'promoted, vacuumed');

$standby->stop;
done_testing();
