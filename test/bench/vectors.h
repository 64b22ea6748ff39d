/*-------------------------------------------------------------------------
 *
 * vectors.h
 *	  Reads data sets of vectors: fvecs, i8, u8 and c8 files, and ivecs; and
 *	  what else the programs of the benchmark share.
 *
 * fvecs and ivecs: a row is int32 d, then d float4 or int32.  i8 and u8:
 * int32 n, int32 d, then n * d bytes.  c8: int32 n, int32 d, float4 column[d],
 * then a row is float4 scale and d bytes; element i is column[i] * scale *
 * byte.  Everything is little-endian; so must the machine be.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VECTORS_H
#define VECTORS_H

#include <stddef.h>
#include <stdint.h>

typedef struct Vectors
{
	size_t		n;				/* rows */
	int			d;				/* elements a row */
	float	   *x;				/* n * d */
} Vectors;

typedef struct Neighbours
{
	size_t		n;
	int			k;				/* ids a row, nearest first */
	int32_t    *id;				/* n * k, rows of the base counted from 0 */
} Neighbours;

/* these end the program with a message when something is wrong */
extern void die(const char *format,...) __attribute__((format(printf, 1, 2), noreturn));
extern void *allocate(size_t size);
extern Vectors vectors_read(const char *path);
extern Neighbours neighbours_read(const char *path);
extern void neighbours_write(const char *path, const Neighbours *neighbours);

/* row i, v->d elements */
extern const float *row_of(const Vectors *v, size_t i);

/*
 * The binary form of type vector: int16 dimensions, int16 0, float4 elements,
 * big-endian.  Returns its size, 4 + 4 * d bytes.
 */
extern int	encode_vector(const float *x, int d, char *to);

/* of a clock that never goes back */
extern double seconds_now(void);

#endif							/* VECTORS_H */
