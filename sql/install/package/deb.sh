#!/bin/bash
#
# deb.sh (make deb)
#	Build the Debian package postgresql-NN-sphx for the PostgreSQL of
#	$PG_CONFIG, into build/.
#
# DEB_ARCH=arm64 builds it on another architecture, with the compiler of
# gcc-aarch64-linux-gnu.  Server headers and flags are then those of the arm64
# packages postgresql-server-dev-NN and postgresql-client-NN, which are
# downloaded into a temporary folder and not installed.  DEBFULLNAME and DEBEMAIL name the maintainer.

. "$(dirname "${BASH_SOURCE[0]}")/../../../test/cluster.sh"

PG_CONFIG=${PG_CONFIG:-pg_config}
HOST=$(dpkg --print-architecture) || die "this is not Debian"
DEB_ARCH=${DEB_ARCH:-$HOST}
MAINTAINER="${DEBFULLNAME:-sphx developers} <${DEBEMAIL:-sphx@localhost}>"
SUMMARY=$(sed -n "s/^comment = '\(.*\)'/\1/p" "$TOP/sphx.control")
VERSION=$(sed -n "s/^default_version = '\(.*\)'/\1/p" "$TOP/sphx.control")
REVISION=$VERSION-1
TOOLS=
MAKE_ARGUMENTS=()

# apt-get with lists of its own, which know packages of $DEB_ARCH
foreign_apt()
{
	apt-get -qq -o Dir::State="$WORK/apt" -o Dir::Cache="$WORK/apt/cache" \
		-o Dir::State::status=/dev/null -o APT::Architecture="$DEB_ARCH" -o APT::Architectures="$DEB_ARCH" \
		-o APT::Sandbox::User=root "$@"
}

# Have PG_CONFIG tell of the server's headers and makefiles of $DEB_ARCH.
prepare_cross()
{
	local root=$WORK/foreign
	local name

	case $DEB_ARCH in
		arm64) TOOLS=aarch64-linux-gnu- ;;
		*) die "DEB_ARCH is $HOST or arm64" ;;
	esac
	packages_install gcc-aarch64-linux-gnu libc6-dev-arm64-cross
	mkdir -p "$WORK/apt/lists/partial" "$WORK/apt/cache/archives/partial"
	foreign_apt update || die "the lists of packages of $DEB_ARCH could not be read"
	for name in "postgresql-server-dev-$MAJOR" "postgresql-client-$MAJOR"
	do
		(cd "$WORK" && foreign_apt download "$name") && dpkg-deb -x "$WORK/$name"_*.deb "$root" ||
			die "there is no package $name of $DEB_ARCH"
	done
	cat >"$WORK/pg_config" <<SCRIPT
#!/bin/sh
case \$1 in
	--pgxs | --includedir-server) printf '%s' '$root' ;;
esac
exec '$(command -v "$PG_CONFIG")' "\$@"
SCRIPT
	chmod 755 "$WORK/pg_config"
	PG_CONFIG=$WORK/pg_config
	MAKE_ARGUMENTS=(CC="${TOOLS}gcc")
}

# the package that has all symbols of the C library that the module asks for
libc_needed()
{
	local version

	version=$("${TOOLS}objdump" -T "$1" | grep -o 'GLIBC_[0-9.]*' | sed s/GLIBC_// | sort -Vu | tail -n 1)
	[ -n "$version" ] || die "$1 asks for no C library"
	echo "libc6 (>= $version)"
}

write_control()
{
	# what trains cells loads a BLAS when an index is built
	cat <<CONTROL
Package: $PACKAGE
Source: sphx
Version: $REVISION
Architecture: $DEB_ARCH
Maintainer: $MAINTAINER
Installed-Size: $(du -k -s "$TREE/usr" | cut -f 1)
Depends: postgresql-$MAJOR, $(libc_needed "$LIBRARY"), libopenblas0-serial | libblas.so.3
Suggests: postgresql-$MAJOR-pgvector
Section: database
Priority: optional
Description: $SUMMARY
 An extension of PostgreSQL $MAJOR: a type vector with its distances, and an index
 access method that finds the nearest of many vectors.
 .
 The extension sphx_pgvector makes such indexes over the columns of pgvector.
CONTROL
}

# An entry of each version; one that is not released yet has the date of the build.
write_changelog()
{
	local version date suite

	sed -n 's/^## \([^ ]*\) (\(.*\))$/\1 \2/p' "$TOP/CHANGELOG.md" | while read -r version date
	do
		suite=unstable
		[ "$date" != unreleased ] || { suite=UNRELEASED && date=@$SOURCE_DATE_EPOCH; }
		cat <<CHANGES
sphx ($version-1) $suite; urgency=medium

  * See changelog.gz.

 -- $MAINTAINER  $(date -R -u -d "$date")

CHANGES
	done
}

write_copyright()
{
	cat <<COPYRIGHT
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: sphx

Files: *
Copyright: $(sed -n 's/^Copyright (c) //p' "$TOP/LICENSE")
License: PostgreSQL
$(sed -e 1,2d -e 's/^$/./' -e 's/^/ /' "$TOP/LICENSE")
COPYRIGHT
}

write_documents()
{
	local folder=$TREE/usr/share/doc/$PACKAGE

	mkdir -p "$folder"
	write_copyright >"$folder/copyright"
	write_changelog | gzip -9n >"$folder/changelog.Debian.gz"
	gzip -9nc "$TOP/CHANGELOG.md" >"$folder/changelog.gz"
	gzip -9nc "$TOP/sql/README.md" >"$folder/reference.md.gz"
}

MAJOR=$("$PG_CONFIG" --version | sed -n 's/^PostgreSQL \([0-9]*\).*/\1/p')
[ -n "$MAJOR" ] || die "$PG_CONFIG does not tell a version"
PACKAGE=postgresql-$MAJOR-sphx
# the same sources make the same package: its date is that of the release
RELEASED=$(grep -m 1 '^## ' "$TOP/CHANGELOG.md" | sed -n 's/.*(\([0-9-]*\))$/\1/p')
[ -n "$RELEASED" ] || RELEASED=@$(stat -c %Y "$TOP/CHANGELOG.md")
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(date -u -d "$RELEASED" +%s)}

work_start
packages_install gcc make libc6-dev "postgresql-server-dev-$MAJOR"
[ "$DEB_ARCH" = "$HOST" ] || prepare_cross
TREE=$WORK/tree
umask 022
source_copy source
quietly build make -s -j2 -C "$WORK/source" PG_CONFIG="$PG_CONFIG" "${MAKE_ARGUMENTS[@]}" clean
quietly build make -s -j2 -C "$WORK/source" PG_CONFIG="$PG_CONFIG" "${MAKE_ARGUMENTS[@]}" all
quietly installation make -s -C "$WORK/source" PG_CONFIG="$PG_CONFIG" "${MAKE_ARGUMENTS[@]}" \
	DESTDIR="$TREE" install
LIBRARY=$TREE$("$PG_CONFIG" --pkglibdir)/sphx.so
"${TOOLS}strip" --strip-unneeded "$LIBRARY" || die "$LIBRARY could not be stripped"
write_documents
find "$TREE" -type d -exec chmod 755 {} +
find "$TREE" -type f -exec chmod 644 {} +
mkdir "$TREE/DEBIAN"
write_control >"$TREE/DEBIAN/control"
(cd "$TREE" && find usr -type f | LC_ALL=C sort | xargs md5sum) >"$TREE/DEBIAN/md5sums"
mkdir -p "$TOP/build"
quietly packing dpkg-deb --root-owner-group --build "$TREE" "$TOP/build/${PACKAGE}_${REVISION}_$DEB_ARCH.deb"
say "build/${PACKAGE}_${REVISION}_$DEB_ARCH.deb"
