/*-------------------------------------------------------------------------
 *
 * vectors.c
 *	  Reads data sets of vectors: fvecs, i8, u8 and c8 files, and ivecs.
 *
 *-------------------------------------------------------------------------
 */
#define _POSIX_C_SOURCE 200809L /* clock_gettime under -std=c11 */

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vectors.h"

/* a whole file in memory, and how far it has been read */
typedef struct File
{
	const char *path;
	size_t		size;
	size_t		at;
	char	   *bytes;
} File;

void
die(const char *format,...)
{
	va_list		args;

	va_start(args, format);
	fputs("error: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(2);
}

void *
allocate(size_t size)
{
	void	   *p = malloc(size > 0 ? size : 1);

	if (p == NULL)
		die("out of memory (%zu bytes)", size);
	return p;
}

static File
file_read(const char *path)
{
	File		file = {path, 0, 0, NULL};
	FILE	   *stream = fopen(path, "rb");
	long		size;

	if (stream == NULL)
		die("%s: %s", path, strerror(errno));
	if (fseek(stream, 0, SEEK_END) != 0 || (size = ftell(stream)) < 0)
		die("%s: %s", path, strerror(errno));
	rewind(stream);
	file.size = (size_t) size;
	file.bytes = allocate(file.size);
	if (fread(file.bytes, 1, file.size, stream) != file.size)
		die("%s: could not be read", path);
	fclose(stream);
	return file;
}

/* the next `size` bytes; rows have odd sizes, so that they must be copied out */
static const char *
file_take(File *file, size_t size)
{
	const char *p = file->bytes + file->at;

	if (file->size - file->at < size)
		die("%s: too short", file->path);
	file->at += size;
	return p;
}

static int32_t
file_int(File *file)
{
	int32_t		value;

	memcpy(&value, file_take(file, sizeof(value)), sizeof(value));
	return value;
}

static int
ends_with(const char *path, const char *suffix)
{
	size_t		length = strlen(path);
	size_t		wanted = strlen(suffix);

	return length >= wanted && strcmp(path + length - wanted, suffix) == 0;
}

/* rows of int32 d and d four-byte elements: fvecs and ivecs */
static size_t
read_rows(File *file, int *d, void **elements)
{
	size_t		n;
	char	   *to;

	*d = file_int(file);
	if (*d < 1 || file->size % (4 * ((size_t) *d + 1)) != 0)
		die("%s: not rows of one length", file->path);
	file->at = 0;
	n = file->size / (4 * ((size_t) *d + 1));
	to = *elements = allocate(n * 4 * (size_t) *d);
	for (size_t i = 0; i < n; i++, to += 4 * (size_t) *d)
	{
		if (file_int(file) != *d)
			die("%s: row %zu has another length", file->path, i);
		memcpy(to, file_take(file, 4 * (size_t) *d), 4 * (size_t) *d);
	}
	return n;
}

/* the int32 n, int32 d that the byte formats start with */
static void
read_size(File *file, Vectors *v)
{
	int32_t		n = file_int(file);

	v->d = file_int(file);
	if (n < 1 || v->d < 1)
		die("%s: %d rows of %d elements", file->path, (int) n, v->d);
	v->n = (size_t) n;
	v->x = allocate(v->n * (size_t) v->d * sizeof(float));
}

static void
read_bytes(File *file, Vectors *v, int is_signed)
{
	size_t		total;
	const char *from;

	read_size(file, v);
	total = v->n * (size_t) v->d;
	from = file_take(file, total);
	for (size_t i = 0; i < total; i++)
		v->x[i] = is_signed ? (float) (signed char) from[i] : (float) (unsigned char) from[i];
}

static void
read_column_bytes(File *file, Vectors *v)
{
	float	   *column;
	size_t		d;

	read_size(file, v);
	d = (size_t) v->d;
	column = allocate(d * sizeof(float));
	memcpy(column, file_take(file, d * sizeof(float)), d * sizeof(float));
	for (size_t i = 0; i < v->n; i++)
	{
		float		scale;
		const char *from;

		memcpy(&scale, file_take(file, sizeof(scale)), sizeof(scale));
		from = file_take(file, d);
		for (size_t j = 0; j < d; j++)
			v->x[i * d + j] = column[j] * scale * (float) (signed char) from[j];
	}
	free(column);
}

Vectors
vectors_read(const char *path)
{
	Vectors		v = {0, 0, NULL};
	File		file = file_read(path);

	if (ends_with(path, ".i8"))
		read_bytes(&file, &v, 1);
	else if (ends_with(path, ".u8"))
		read_bytes(&file, &v, 0);
	else if (ends_with(path, ".c8"))
		read_column_bytes(&file, &v);
	else if (ends_with(path, ".fvecs"))
	{
		void	   *elements;

		v.n = read_rows(&file, &v.d, &elements);
		v.x = elements;
	}
	else
		die("%s: unknown kind of file (fvecs, i8, u8 and c8 are known)", path);
	free(file.bytes);
	return v;
}

Neighbours
neighbours_read(const char *path)
{
	Neighbours	neighbours;
	void	   *elements;
	File		file = file_read(path);

	neighbours.n = read_rows(&file, &neighbours.k, &elements);
	neighbours.id = elements;
	free(file.bytes);
	return neighbours;
}

void
neighbours_write(const char *path, const Neighbours *neighbours)
{
	FILE	   *stream = fopen(path, "wb");
	int32_t		k = neighbours->k;
	size_t		count = (size_t) k;

	if (stream == NULL)
		die("%s: %s", path, strerror(errno));
	for (size_t i = 0; i < neighbours->n; i++)
		if (fwrite(&k, sizeof(k), 1, stream) != 1 ||
			fwrite(neighbours->id + i * count, sizeof(int32_t), count, stream) != count)
			die("%s: %s", path, strerror(errno));
	if (fclose(stream) != 0)
		die("%s: %s", path, strerror(errno));
}

const float *
row_of(const Vectors *v, size_t i)
{
	return v->x + i * (size_t) v->d;
}

int
encode_vector(const float *x, int d, char *to)
{
	uint16_t	header[2] = {htons((uint16_t) d), 0};

	memcpy(to, header, sizeof(header));
	for (int i = 0; i < d; i++)
	{
		uint32_t	bits;

		memcpy(&bits, &x[i], sizeof(bits));
		bits = htonl(bits);
		memcpy(to + 4 + 4 * i, &bits, sizeof(bits));
	}
	return 4 + 4 * d;
}

double
seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}
