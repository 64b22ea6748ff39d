#!/usr/bin/perl
#
# meta.pl meta|check
#	meta   prints META.json of the PGXN archive, made of the control files
#	check  fails where version, control files, scripts, CHANGELOG and META.json
#	       do not agree

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname basename);
use JSON::PP;

my $top = abs_path(dirname(__FILE__) . '/../../..');
my %control_files = (sphx => 'sphx.control', sphx_pgvector => 'sql/install/sphx_pgvector.control');

sub slurp
{
	my ($file) = @_;

	open(my $in, '<', "$top/$file") or die "$file: $!\n";
	local $/;
	return scalar <$in>;
}

# comment, default_version, ... of a control file
sub control
{
	my ($file) = @_;

	return { slurp($file) =~ /^(\w+)\s*=\s*'?(.*?)'?$/mg };
}

my %controls = map { $_ => control($control_files{$_}) } keys %control_files;
my $version = $controls{sphx}{default_version};

# where an extension's objects are created last on the way to its version
sub script
{
	my ($name) = @_;
	my @scripts = sort glob("$top/sql/install/$name--*$version.sql");

	return @scripts ? 'sql/install/' . basename($scripts[0]) : undef;
}

sub meta
{
	my ($first) = slurp('CHANGELOG.md') =~ /^## (.*)/m;
	my %provides = map { $_ => {
		abstract => $controls{$_}{comment}, file => script($_), version => $controls{$_}{default_version},
		docfile => 'sql/README.md' } } keys %controls;

	return {
		name => 'sphx',
		abstract => $controls{sphx}{comment},
		description => 'A type vector with its distances, and an index access method that finds the nearest of many vectors by a graph in cells. Works on the columns of pgvector as well.',
		version => $version,
		maintainer => 'sphx developers',
		license => 'postgresql',
		provides => \%provides,
		prereqs => { runtime => { requires => { PostgreSQL => '14.0.0' }, suggests => { vector => '0.7.0' } } },
		release_status => $first =~ /unreleased/ ? 'unstable' : 'stable',
		generated_by => 'make dist',
		tags => [ 'vector', 'similarity search', 'nearest neighbour', 'index', 'embeddings' ],
		'meta-spec' => { version => '1.0.0', url => 'https://pgxn.org/meta/spec.txt' } };
}

# versions that scripts create, or lead to from one that they create
sub installable
{
	my ($name) = @_;
	my %paths = map { /--([^-]+)(?:--([^-]+))?\.sql$/ ? ($2 // $1 => $2 ? $1 : undef) : () }
		glob("$top/sql/install/$name--*.sql");

	return grep { my $v = $_; $v = $paths{$v} while defined $paths{$v}; exists $paths{$v} } sort keys %paths;
}

# what of a script's first line is not what its name says
sub misnamed
{
	my ($path) = @_;
	my ($name, $version) = basename($path) =~ /^(\w+)--(?:[\d.]+--)?([\d.]+)\.sql$/
		or return basename($path) . ' is not named as a script of an extension';
	my ($first) = slurp('sql/install/' . basename($path)) =~ /^(.*)/;

	return $first =~ /^-- $name \Q$version\E:/ ? () : basename($path) . " begins with \"$first\"";
}

# what does not agree
sub faults
{
	my @released = slurp('CHANGELOG.md') =~ /^## (.*)/mg;
	my ($heading) = $released[0] =~ /^(\S+)/;
	my @faults;

	push @faults, "version $version is not of the form 1.2.3" unless $version =~ /^\d+\.\d+\.\d+$/;
	push @faults, "CHANGELOG.md begins with $heading, sphx.control says $version" unless $heading eq $version;
	push @faults, map { "CHANGELOG.md: \"## $_\" has no date" } grep { !/^\S+ \(\d{4}-\d\d-\d\d\)$/ }
		grep { !/^\Q$version\E \(unreleased\)$/ } @released;
	my %installable = map { $_ => 1 } installable('sphx');
	push @faults, map { "no scripts in sql/install lead to sphx $_, which CHANGELOG.md has" }
		grep { !$installable{$_} } map { /^(\S+)/ } @released;
	for my $name (sort keys %controls)
	{
		my $other = $controls{$name}{default_version};

		push @faults, "$control_files{$name} says $other, sphx.control $version" unless $other eq $version;
		push @faults, "no script in sql/install leads to $name $version"
			unless grep { $_ eq $version } installable($name);
	}
	push @faults, map { misnamed($_) } sort glob("$top/sql/install/*.sql");
	return @faults;
}

my $what = shift // '';
if ($what eq 'meta')
{
	print JSON::PP->new->pretty->canonical->encode(meta());
}
elsif ($what eq 'check')
{
	my @faults = faults();

	print STDERR map { "$_\n" } @faults;
	exit(@faults ? 1 : 0);
}
else
{
	die "usage: meta.pl meta|check\n";
}
