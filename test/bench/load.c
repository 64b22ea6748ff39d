/*-------------------------------------------------------------------------
 *
 * load.c
 *	  Writes a data set as COPY ... (FORMAT binary): load FILE [WORDS]
 *	  gives rows (id integer, [word text,] embedding vector), id from 0.
 *
 *-------------------------------------------------------------------------
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vectors.h"

static void
put(const void *bytes, size_t size)
{
	if (fwrite(bytes, 1, size, stdout) != size)
		die("could not write");
}

static void
put_int16(int value)
{
	uint16_t	big = htons((uint16_t) value);

	put(&big, sizeof(big));
}

static void
put_int32(uint32_t value)
{
	uint32_t	big = htonl(value);

	put(&big, sizeof(big));
}

static void
put_vector(const float *x, int d)
{
	put_int32(4 + 4 * (uint32_t) d);
	put_int16(d);
	put_int16(0);
	for (int i = 0; i < d; i++)
	{
		uint32_t	bits;

		memcpy(&bits, &x[i], sizeof(bits));
		put_int32(bits);
	}
}

static void
put_word(FILE *words)
{
	char		word[1024];
	size_t		length;

	if (fgets(word, sizeof(word), words) == NULL)
		die("fewer words than vectors");
	length = strcspn(word, "\n");
	put_int32((uint32_t) length);
	put(word, length);
}

int
main(int argc, char **argv)
{
	Vectors		v;
	FILE	   *words = NULL;

	if (argc < 2 || argc > 3)
		die("usage: load FILE [WORDS]");
	v = vectors_read(argv[1]);
	if (argc == 3 && (words = fopen(argv[2], "r")) == NULL)
		die("%s: could not be opened", argv[2]);

	/* signature, flags, length of the header's extension */
	put("PGCOPY\n\377\r\n\0", 11);
	put_int32(0);
	put_int32(0);
	for (size_t i = 0; i < v.n; i++)
	{
		put_int16(words != NULL ? 3 : 2);
		put_int32(4);
		put_int32((uint32_t) i);
		if (words != NULL)
			put_word(words);
		put_vector(v.x + i * (size_t) v.d, v.d);
	}
	put_int16(-1);
	if (fflush(stdout) != 0)
		die("could not write");
	return 0;
}
