#!/bin/bash
#
# dist.sh (make dist)
#	Make the archive of the PGXN, of what is committed, into build/.

set -eu
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."

version=$(sed -n "s/^default_version = '\(.*\)'/\1/p" sphx.control)
name=sphx-$version
perl sql/install/package/meta.pl check
mkdir -p build
perl sql/install/package/meta.pl meta >build/META.json
git archive --format=zip --prefix="$name/" --add-file=build/META.json -o "build/$name.zip" HEAD
rm build/META.json
echo "build/$name.zip"
