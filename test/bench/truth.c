/*-------------------------------------------------------------------------
 *
 * truth.c
 *	  Exact nearest neighbours: truth BASE QUERY PREFIX writes
 *	  PREFIX.gt.l2.ivecs and PREFIX.gt.cos.ivecs, the 100 nearest rows.
 *
 * All sums are in double precision.  Rows at the same distance come in the
 * order of their numbers; under cosine a zero vector is farther than any
 * other.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vectors.h"

#define WANTED 100
#define BLOCK 64				/* queries at a time, so that they stay cached */

typedef struct Found
{
	double		distance;
	int32_t		id;
} Found;

/* ascending list of the nearest rows so far */
typedef struct List
{
	int			n;
	Found		found[WANTED];
} List;

static void
list_offer(List *list, int k, double distance, int32_t id)
{
	int			i;

	if (list->n == k && !(distance < list->found[k - 1].distance))
		return;
	i = list->n < k ? list->n++ : k - 1;
	for (; i > 0 && distance < list->found[i - 1].distance; i--)
		list->found[i] = list->found[i - 1];
	list->found[i].distance = distance;
	list->found[i].id = id;
}

static double
squared_norm(const float *x, int d)
{
	double		sum = 0;

	for (int i = 0; i < d; i++)
		sum += (double) x[i] * x[i];
	return sum;
}

/* element j of query i at [j * BLOCK + i], so that queries fill a vector register */
static void
transpose(const Vectors *query, size_t first, int n, double *to)
{
	memset(to, 0, sizeof(double) * BLOCK * (size_t) query->d);
	for (int i = 0; i < n; i++)
		for (int j = 0; j < query->d; j++)
			to[j * BLOCK + i] = query->x[(first + (size_t) i) * (size_t) query->d + (size_t) j];
}

static void
inner_products(const float *row, const double *queries, int d, double *sums)
{
	memset(sums, 0, sizeof(double) * BLOCK);
	for (int j = 0; j < d; j++)
	{
		double		x = row[j];
		const double *q = queries + j * BLOCK;

		for (int i = 0; i < BLOCK; i++)
			sums[i] += x * q[i];
	}
}

/* the nearest rows of n <= BLOCK queries, under both metrics */
static void
search_block(const Vectors *base, const Vectors *query, size_t first, int n, int k,
			 List *l2, List *cosine)
{
	double	   *queries = allocate(sizeof(double) * BLOCK * (size_t) base->d);
	double		norms[BLOCK];
	double		sums[BLOCK];

	transpose(query, first, n, queries);
	for (int i = 0; i < n; i++)
	{
		norms[i] = squared_norm(query->x + (first + (size_t) i) * (size_t) query->d, query->d);
		l2[i].n = cosine[i].n = 0;
	}
	for (size_t r = 0; r < base->n; r++)
	{
		const float *row = base->x + r * (size_t) base->d;
		double		norm = squared_norm(row, base->d);

		inner_products(row, queries, base->d, sums);
		for (int i = 0; i < n; i++)
		{
			list_offer(&l2[i], k, norm + norms[i] - 2 * sums[i], (int32_t) r);
			list_offer(&cosine[i], k,
					   norm > 0 ? 1 - sums[i] / sqrt(norm * norms[i]) : HUGE_VAL, (int32_t) r);
		}
	}
	free(queries);
}

static void
copy_ids(Neighbours *to, size_t first, int n, const List *lists)
{
	for (int i = 0; i < n; i++)
		for (int j = 0; j < to->k; j++)
			to->id[(first + (size_t) i) * (size_t) to->k + (size_t) j] = lists[i].found[j].id;
}

static void
write_truth(const char *prefix, const char *metric, const Neighbours *neighbours)
{
	char		path[4096];

	if (snprintf(path, sizeof(path), "%s.gt.%s.ivecs", prefix, metric) >= (int) sizeof(path))
		die("path too long");
	neighbours_write(path, neighbours);
}

int
main(int argc, char **argv)
{
	static List l2[BLOCK];
	static List cosine[BLOCK];
	Vectors		base;
	Vectors		query;
	Neighbours	nearest[2];

	if (argc != 4)
		die("usage: truth BASE QUERY PREFIX");
	base = vectors_read(argv[1]);
	query = vectors_read(argv[2]);
	if (base.d != query.d)
		die("%s has %d elements a row, %s %d", argv[1], base.d, argv[2], query.d);
	for (int i = 0; i < 2; i++)
	{
		nearest[i].n = query.n;
		nearest[i].k = base.n < WANTED ? (int) base.n : WANTED;
		nearest[i].id = allocate(sizeof(int32_t) * query.n * (size_t) nearest[i].k);
	}
	for (size_t first = 0; first < query.n; first += BLOCK)
	{
		int			n = query.n - first < BLOCK ? (int) (query.n - first) : BLOCK;

		search_block(&base, &query, first, n, nearest[0].k, l2, cosine);
		copy_ids(&nearest[0], first, n, l2);
		copy_ids(&nearest[1], first, n, cosine);
	}
	write_truth(argv[3], "l2", &nearest[0]);
	write_truth(argv[3], "cos", &nearest[1]);
	return 0;
}
