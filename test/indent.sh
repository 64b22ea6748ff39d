#!/bin/sh
# Source format: pg_bsd_indent with PostgreSQL's options.
#
#   test/indent.sh indent [FILE...]         rewrites the sources
#   test/indent.sh indent-check [FILE...]   fails, with a diff, where they would
#                                           change
#
# The typedef list is collected from the sources and from the server's headers;
# test/typedefs.list adds what cannot be found there.
set -eu
cd "$(dirname "$0")/.."

mode=$1
shift
: "${PG_CONFIG:=pg_config}"
: "${INDENT:=pg_bsd_indent}"
options="-bad -bap -bbb -bc -bl -cli1 -cp33 -cdb -nce -d0 -di12 -nfc1 -i4 -l79
	-lp -lpl -nip -npro -sac -tpg -ts4"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM

sources() {
	find src test -name '*.[ch]' | LC_ALL=C sort
}

# names that "typedef ... name;", "} name;" and "typedef ... (*name) (...)" define
typedef_names() {
	sed -nE \
		-e 's/^typedef[[:space:]].*[[:space:]*]([A-Za-z_][A-Za-z0-9_]*);.*/\1/p' \
		-e 's/^typedef[[:space:]]+(struct|union|enum)[[:space:]]+([A-Za-z_][A-Za-z0-9_]*)$/\2/p' \
		-e 's/^\}[[:space:]]*([A-Za-z_][A-Za-z0-9_]*);.*/\1/p' \
		-e 's/^typedef[[:space:]].*\(\*[[:space:]]*([A-Za-z_][A-Za-z0-9_]*)\)[[:space:]]*\(.*/\1/p' \
		"$@"
}

typedef_names $(sources) > "$tmp/all"
server=$("$PG_CONFIG" --includedir-server)
find "$server/" -name '*.h' -exec cat {} + |
	typedef_names >> "$tmp/all"
cat test/typedefs.list >> "$tmp/all"
LC_ALL=C sort -u "$tmp/all" > "$tmp/typedefs"

status=0
for file in ${*:-$(sources)}; do
	# after a function without variables it sets a return type's * apart
	"$INDENT" $options "-U$tmp/typedefs" < "$file" |
		sed -E 's/^(([a-z]+ )*[A-Za-z_][A-Za-z0-9_]*)[[:space:]]+(\*+)$/\1 \3/' > "$tmp/out"
	if [ "$mode" = indent ]; then
		cmp -s "$file" "$tmp/out" || cp "$tmp/out" "$file"
	elif ! diff -u --label "$file" --label "$file (indented)" "$file" "$tmp/out"; then
		status=1
	fi
done
exit $status
