# No room: the build of an index, its temporary file and inserts meet a full
# disk, or temp_file_limit.  The server stays up, the index is absent or sound,
# the space is given back.
#
# The disk is a small tmpfs in a mount namespace of this test's own, which a
# user namespace lets any user have; where it is not permitted that part is
# skipped.

use strict;
use warnings;

use File::Temp ();
use POSIX ();

# Before the modules of the server's tests, which take standard output away.
BEGIN
{
	if (!defined $ENV{SPHX_SMALL_DISK})
	{
		# once more, with the disk: as root of the namespace for the mount, then
		# under the own user id again, since the server refuses root's
		my $folder = File::Temp::tempdir(CLEANUP => 0);
		my ($user, $group) = ($<, (split / /, $()[0]);
		my @inside = ('unshare', '-rm', 'bash', '-c', 'mount -t tmpfs -o size=12m tmpfs "$1" &&
			SPHX_SMALL_DISK=$1 && export SPHX_SMALL_DISK && shift &&
			exec unshare -U --map-user=$1 --map-group=$2 -- "${@:3}"', 'sh', $folder, $user, $group);

		if (system("@{[ map { quotemeta } @inside ]} true >/dev/null 2>&1") == 0)
		{
			my $status = system(@inside, $^X, (map { "-I$_" } @INC), $0);

			rmdir $folder;
			POSIX::_exit($status == 0 ? 0 : 1);
		}
		rmdir $folder;
		$ENV{SPHX_SMALL_DISK} = '';
	}
}

use Test::More;
use SphxTest;
use PostgreSQL::Test::Utils;

my $disk = $ENV{SPHX_SMALL_DISK};
my $node = new_node('full');
my %shape = (d => 64, clusters => 20);
my @vectors = make_vectors(n => 4000, seed => 1, %shape);
my $create = 'CREATE INDEX items_idx ON items USING sphx (embedding)';

$node->safe_psql('postgres', "CREATE TABLE items (id integer, embedding vector($shape{d}))");
load_items($node, 'items', 1, @vectors);

# A statement that finds no room: its error, and that the server and the table
# are as before.
sub check_refused
{
	my ($sql, $code, $name) = @_;
	my $rows = $node->safe_psql('postgres', 'SELECT count(*) FROM items');
	my ($status, $out, $err) = finish_psql(start_psql($node, $sql));

	like($err, qr/ERROR:\s+$code/, "$name: the error's code");
	is($node->safe_psql('postgres', 'SELECT count(*) FROM items'), $rows, "$name: the table is as before");
	return;
}

sub check_absent
{
	my ($name) = @_;

	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_class WHERE relname = 'items_idx'"), '0', "$name: no index");
	is($node->safe_psql('postgres', 'SELECT coalesce(sum(size), 0) FROM pg_ls_tmpdir()'), '0', "$name: no temporary file");
	return;
}

# the limit of temporary files
my $small_memory = "SET maintenance_work_mem = '1MB'";
check_refused("$small_memory; SET temp_file_limit = '256kB'; $create", '53400', 'temp_file_limit');
check_absent('temp_file_limit');
$node->safe_psql('postgres', "$small_memory; $create");
check_complete($node, 'items', '<->', 'with temporary files');
$node->safe_psql('postgres', 'DROP INDEX items_idx');

# Bytes in files of the tablespace, but for the one that fills it.
sub used_bytes
{
	my $bytes = 0;

	# the file of a dropped relation stays, empty, until the next checkpoint
	for my $file (split /\n/, `find '$disk' -type f ! -name filler`)
	{
		$bytes += -s $file // 0;
	}
	return $bytes;
}

# Leave so many kB.
sub fill_disk
{
	my ($left) = @_;
	my ($available) = (split /\s+/, (split /\n/, `df -Pk '$disk'`)[1])[3];
	my $size = $available - $left;

	die "only $available kB are left" if $size < 0;
	system("head -c ${size}k /dev/zero > '$disk/filler'") == 0 or die 'the disk cannot be filled';
	return;
}

SKIP:
{
	skip 'no small disk can be mounted: user namespaces are not permitted', 1 if $disk eq '';

	mkdir "$disk/space" or die "$disk/space: $!";
	chmod 0700, "$disk/space";
	$node->safe_psql('postgres', "CREATE TABLESPACE small LOCATION '$disk/space'");
	my $before = used_bytes();

	# a build that has room for a part of the index, or nothing
	for my $left (0, 100, 1000)
	{
		fill_disk($left);
		check_refused("$create TABLESPACE small", '53100', "build with $left kB");
		check_absent("build with $left kB");
		is(used_bytes(), $before, "build with $left kB: the space is given back");
		unlink "$disk/filler";
	}

	# its temporary file
	fill_disk(300);
	check_refused("$small_memory; SET temp_tablespaces = small; $create", '53100', 'temporary file');
	check_absent('temporary file');
	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_ls_tmpdir((SELECT oid FROM pg_tablespace WHERE spcname = 'small'))"),
		'0', 'temporary file: it is removed');
	unlink "$disk/filler";

	# rows inserted until nothing more fits, then a few at a time: each time the
	# end is somewhere else
	$node->safe_psql('postgres', "$create TABLESPACE small; CREATE TABLE source AS SELECT * FROM items");
	fill_disk(200);
	my $more = 'INSERT INTO items SELECT id + 10000, (ARRAY(SELECT random() FROM generate_series(1, 64) WHERE id > 0))::vector FROM source';
	check_refused($more, '53100', 'insert');
	check_complete($node, 'items', '<->', 'insert refused');
	is($node->safe_psql('postgres', <<"SQL"), 't', 'inserts are refused');
CREATE TABLE refused (i integer, code text);
DO \$\$ BEGIN
	FOR i IN 1 .. 60 LOOP
		BEGIN
			INSERT INTO items SELECT 20000 + id, embedding FROM source WHERE id BETWEEN 5 * i AND 5 * i + 1;
			$more WHERE id BETWEEN 10 * i AND 10 * i + 9;
		EXCEPTION WHEN disk_full THEN
			INSERT INTO refused VALUES (i, SQLSTATE);
		END;
	END LOOP;
END \$\$;
SELECT count(*) > 5 FROM refused
SQL
	check_complete($node, 'items', '<->', 'many inserts refused');

	# a vacuum needs no room, and makes some
	$node->safe_psql('postgres', 'DELETE FROM items WHERE id % 2 = 0');
	$node->safe_psql('postgres', 'VACUUM items');
	check_complete($node, 'items', '<->', 'vacuumed on a full disk');
	$node->safe_psql('postgres', "$more WHERE id <= 500");
	check_complete($node, 'items', '<->', 'slots used again on a full disk');
	check_refused('REINDEX INDEX items_idx', '53100', 'reindex');
	check_complete($node, 'items', '<->', 'reindex refused');

	# room again
	unlink "$disk/filler";
	$node->safe_psql('postgres', "$more WHERE id BETWEEN 1000 AND 1999");
	check_complete($node, 'items', '<->', 'room again');
	$node->safe_psql('postgres', 'REINDEX INDEX items_idx');
	check_complete($node, 'items', '<->', 'reindexed');
}

unlike(slurp_file($node->logfile), qr/was terminated by signal|PANIC|TRAP/, 'no process crashed');
$node->stop;
done_testing();
