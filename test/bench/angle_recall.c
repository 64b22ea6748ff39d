/*-------------------------------------------------------------------------
 *
 * angle_recall.c
 *	  Table 1 of Lu, Xiao and Ishikawa, "Probabilistic kernel function for
 *	  fast angle testing": recall of k-MIPS by CEOs and by KS1 with two
 *	  structures of projection vectors (Algorithms 4 and 5).
 *
 * angle BASE QUERY [SEEDS [TOP]]: averages over SEEDS (10) draws of the
 * projection vectors, of which the TOP (5) nearest to a query are probed.
 *
 * Algorithm 4 sorts all rows by their inner product with every projection
 * vector; a row is found when it is among the first #probe of a probed
 * vector.  For that the inner product at place #probe is enough, so nothing
 * is sorted here.  Projections are matrix products of the system's BLAS.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "math/base/blas.h"
#include "math/base/random.h"
#include "math/codes/product.h"
#include "vectors.h"

#define K			10			/* rows asked for */
#define M			2048		/* projection vectors, half of them antipodes
								 * of the others */
#define PAIRS		(M / 2)
#define MAX_TOP		100
#define PROBES		4
#define METHODS		3
#define ROUNDS		10			/* S_pol: configurations tried */
#define BLOCK		32			/* pairs of one matrix product */
#define SAMPLE		64			/* every so manieth row is in the sample */

static const size_t probes[PROBES] = {10, 100, 1000, 10000};
static const char *const methods[METHODS] = {"CEOs(2048)", "KS1(S_sym(2048, 1))", "KS1(S_pol(2048, 1))"};

/* a projection vector that a query probes */
typedef struct Probe
{
	int			pair;
	bool		antipode;
} Probe;

typedef struct Bench
{
	Vectors		base;
	Vectors		query;
	int			top;			/* projection vectors probed */
	int32_t    *truth;			/* query.n x K: rows with the largest inner
								 * products */
	float	   *projection;		/* BLOCK x base.n */
	float	   *scratch;		/* base.n */
	float	   *kept;			/* base.n */
	Probe	   *probe;			/* query.n x top */
	unsigned char *found;		/* query.n x K: the first of probes[] that
								 * finds the row, or PROBES */
} Bench;

/* of one method and one draw */
typedef struct Figures
{
	double		recall[PROBES];
	double		cosine;			/* mean, of the reference angles of the
								 * queries */
} Figures;


/* Selection */

/* Hoare's: afterwards x[0 .. k-1] are the k largest numbers, in any order */
static void
select_largest(float *x, size_t n, size_t k)
{
	size_t		low = 0;
	size_t		high = n;

	while (high - low > 1 && k > low && k < high)
	{
		float		pivot = x[low + (high - low) / 2];
		size_t		i = low;
		size_t		j = high - 1;

		for (;;)
		{
			float		swap;

			while (x[i] > pivot)
				i++;
			while (x[j] < pivot)
				j--;
			if (i >= j)
				break;
			swap = x[i];
			x[i++] = x[j];
			x[j--] = swap;
		}
		/* x[low .. i-1] >= pivot, and x[i .. high-1] <= pivot */
		if (i == low)
			i++;
		if (k < i)
			high = i;
		else
			low = i;
	}
}

static float
least(const float *x, size_t n)
{
	float		result = x[0];

	for (size_t i = 1; i < n; i++)
		result = x[i] < result ? x[i] : result;
	return result;
}

/*
 * The numbers at places probes[] of x (n numbers) in descending order.  A
 * sample tells roughly where the last of these places is; what is above is
 * selected from, unless it turns out to be too few.
 */
static void
find_thresholds(const Bench *bench, const float *x, float *threshold)
{
	size_t		n = bench->base.n;
	size_t		last = probes[PROBES - 1] < n ? probes[PROBES - 1] : n;
	size_t		sampled = 0;
	size_t		wanted;
	size_t		count = 0;
	float	   *kept = bench->kept;
	float		cut;

	for (size_t i = 0; i < n; i += SAMPLE)
		kept[sampled++] = x[i];
	wanted = last / SAMPLE * 5 / 4 + SAMPLE;
	wanted = wanted < sampled ? wanted : sampled;
	select_largest(kept, sampled, wanted);
	cut = least(kept, wanted);
	for (size_t i = 0; i < n; i++)
	{
		kept[count] = x[i];
		count += x[i] >= cut;
	}
	if (count < last)
	{
		memcpy(kept, x, n * sizeof(float));
		count = n;
	}
	for (int p = PROBES; p-- > 0;)
	{
		size_t		place = probes[p] < n ? probes[p] : n;

		select_largest(kept, count, place);
		count = place;
		threshold[p] = least(kept, place);
	}
}


/* Truth */

typedef struct Candidate
{
	float		product;
	int32_t		id;
} Candidate;

/* the rows with the K largest inner products with every query */
static void
find_truth(Bench *bench)
{
	const Vectors *base = &bench->base;
	size_t		d = (size_t) base->d;

	for (size_t first = 0; first < bench->query.n; first += BLOCK)
	{
		size_t		rows = bench->query.n - first < BLOCK ? bench->query.n - first : BLOCK;

		sphx_gemm_nt(rows, base->n, d, bench->query.x + first * d, base->x, bench->projection);
		for (size_t q = 0; q < rows; q++)
		{
			Candidate	best[K];
			int			count = 0;

			for (size_t i = 0; i < base->n; i++)
			{
				Candidate	new = {bench->projection[q * base->n + i], (int32_t) i};
				int			place;

				if (count == K && !(new.product > best[K - 1].product))
					continue;
				place = count < K ? count++ : K - 1;
				for (; place > 0 && new.product > best[place - 1].product; place--)
					best[place] = best[place - 1];
				best[place] = new;
			}
			for (int t = 0; t < K; t++)
				bench->truth[(first + q) * K + (size_t) t] = best[t].id;
		}
	}
}


/* Projection vectors */

static double
norm(const float *x, size_t d)
{
	double		square = 0.0;

	for (size_t k = 0; k < d; k++)
		square += (double) x[k] * (double) x[k];
	return sqrt(square);
}

/*
 * The first of every antipodal pair, PAIRS x d.  CEOs has the Gaussian vectors
 * whose directions are those of S_sym: a uniform direction times an
 * independent length, which has the distribution of the norm of a Gaussian
 * vector, is one.  So the two methods differ by the lengths alone.
 */
static void
draw_vectors(int method, int d, uint64_t seed, float *vectors)
{
	SphxEnv    *env = sphx_env_malloc();
	SphxProductParams params = {.dim = d,.m = M,.levels = 1,.rounds = ROUNDS,.seed = seed};
	double	   *points = allocate(sizeof(double) * M * (size_t) d);
	SphxRandom	random;

	if (method == 2)
		sphx_product_polytopes(env, &params, points);
	else
		sphx_product_antipodal(env, &params, points);
	sphx_random_seed(&random, seed);
	for (size_t j = 0; j < PAIRS; j++)
	{
		double		square = 0.0;

		for (int k = 0; k < d; k++)
		{
			double		x = sphx_random_normal(&random);

			square += x * x;
		}
		for (size_t k = 0; k < (size_t) d; k++)
			vectors[j * (size_t) d + k] = (float) (points[2 * j * (size_t) d + k] *
												   (method == 0 ? sqrt(square) : 1.0));
	}
	free(points);
}

/* the projection vectors with the largest inner products; returns the mean cosine of the first */
static double
choose_probes(Bench *bench, const float *vectors)
{
	size_t		d = (size_t) bench->query.d;
	float	   *products = allocate(sizeof(float) * bench->query.n * PAIRS);
	double		cosines = 0.0;

	sphx_gemm_nt(bench->query.n, PAIRS, d, bench->query.x, vectors, products);
	for (size_t q = 0; q < bench->query.n; q++)
	{
		const float *product = products + q * PAIRS;
		Probe	   *probe = bench->probe + q * (size_t) bench->top;
		float		value[MAX_TOP];
		int			count = 0;

		for (int j = 0; j < PAIRS; j++)
		{
			float		size = fabsf(product[j]);
			int			place;

			if (count == bench->top && !(size > value[count - 1]))
				continue;
			place = count < bench->top ? count++ : count - 1;
			for (; place > 0 && size > value[place - 1]; place--)
			{
				value[place] = value[place - 1];
				probe[place] = probe[place - 1];
			}
			value[place] = size;
			probe[place].pair = j;
			probe[place].antipode = product[j] < 0.0f;
		}
		cosines += value[0] / norm(bench->query.x + q * d, d) /
			norm(vectors + (size_t) probe[0].pair * d, d);
	}
	free(products);
	return cosines / (double) bench->query.n;
}


/* Recall */

/* one projection vector's rows, sorted or not, against all queries that probe it */
static void
scan_vector(Bench *bench, int pair, bool antipode, const float *projection)
{
	float		threshold[PROBES];
	bool		ready = false;

	for (size_t i = 0; i < bench->query.n * (size_t) bench->top; i++)
	{
		size_t		q = i / (size_t) bench->top;

		if (bench->probe[i].pair != pair || bench->probe[i].antipode != antipode)
			continue;
		if (!ready)
			find_thresholds(bench, projection, threshold);
		ready = true;
		for (size_t t = q * K; t < (q + 1) * K; t++)
		{
			int			p = bench->found[t];

			while (p > 0 && projection[bench->truth[t]] >= threshold[p - 1])
				p--;
			bench->found[t] = (unsigned char) p;
		}
	}
}

static Figures
measure(Bench *bench, int method, uint64_t seed)
{
	size_t		n = bench->base.n;
	size_t		d = (size_t) bench->base.d;
	float	   *vectors = allocate(sizeof(float) * PAIRS * d);
	size_t		rows = bench->query.n * K;
	Figures		figures;

	draw_vectors(method, bench->base.d, seed, vectors);
	figures.cosine = choose_probes(bench, vectors);
	memset(bench->found, PROBES, rows);
	for (int first = 0; first < PAIRS; first += BLOCK)
	{
		sphx_gemm_nt(BLOCK, n, d, vectors + (size_t) first * d, bench->base.x, bench->projection);
		for (int j = 0; j < BLOCK; j++)
		{
			const float *row = bench->projection + (size_t) j * n;

			scan_vector(bench, first + j, false, row);
			for (size_t i = 0; i < n; i++)
				bench->scratch[i] = -row[i];
			scan_vector(bench, first + j, true, bench->scratch);
		}
	}
	for (int p = 0; p < PROBES; p++)
	{
		size_t		found = 0;

		for (size_t t = 0; t < rows; t++)
			found += bench->found[t] <= p;
		figures.recall[p] = 100.0 * (double) found / (double) rows;
	}
	free(vectors);
	return figures;
}


/* Report */

/* mean and standard error of n numbers, `step` bytes apart, minus others */
static void
mean_difference(const double *a, const double *b, size_t step, int n, double *mean, double *error)
{
	double		sum = 0.0;
	double		square = 0.0;

	for (int pass = 0; pass < 2; pass++)
	{
		for (int i = 0; i < n; i++)
		{
			double		x = *(const double *) ((const char *) a + (size_t) i * step);

			if (b != NULL)
				x -= *(const double *) ((const char *) b + (size_t) i * step);
			if (pass == 0)
				sum += x / n;
			else
				square += (x - sum) * (x - sum);
		}
	}
	*mean = sum;
	*error = n > 1 ? sqrt(square / (n - 1.0) / n) : 0.0;
}

static void
report(const Bench *bench, Figures *figures[METHODS], int seeds)
{
	double		mean;
	double		error;

	printf("%zu rows, %d dimensions, %zu queries, k = %d, top-%d of %d projection vectors, %d draws\n\n",
		   bench->base.n, bench->base.d, bench->query.n, K, bench->top, M, seeds);
	printf("| recall, %% |");
	for (int m = 0; m < METHODS; m++)
		printf(" %s |", methods[m]);
	printf(" S_sym - CEOs | S_pol - CEOs |\n|---|--:|--:|--:|--:|--:|\n");
	for (int p = 0; p < PROBES; p++)
	{
		printf("| probe@%zu |", probes[p]);
		for (int m = 0; m < METHODS; m++)
		{
			mean_difference(&figures[m][0].recall[p], NULL, sizeof(Figures), seeds, &mean, &error);
			printf(" %.3f |", mean);
		}
		for (int m = 1; m < METHODS; m++)
		{
			mean_difference(&figures[m][0].recall[p], &figures[0][0].recall[p], sizeof(Figures), seeds,
							&mean, &error);
			printf(" %+.3f ± %.3f |", mean, error);
		}
		printf("\n");
	}
	printf("| reference angle's cosine |");
	for (int m = 0; m < METHODS; m++)
	{
		mean_difference(&figures[m][0].cosine, NULL, sizeof(Figures), seeds, &mean, &error);
		printf(" %.4f |", mean);
	}
	for (int m = 1; m < METHODS; m++)
	{
		mean_difference(&figures[m][0].cosine, &figures[0][0].cosine, sizeof(Figures), seeds, &mean, &error);
		printf(" %+.4f ± %.4f |", mean, error);
	}
	printf("\n");
}

static int
number_argument(const char *text, int largest)
{
	char	   *end;
	long		value = strtol(text, &end, 10);

	if (*end != '\0' || value < 1 || value > largest)
		die("%s: not a number from 1 to %d", text, largest);
	return (int) value;
}

int
main(int argc, char **argv)
{
	Bench		bench;
	int			seeds;
	Figures    *figures[METHODS];
	const char *why;

	if (argc < 3 || argc > 5)
		die("usage: angle BASE QUERY [SEEDS [TOP]]");
	seeds = argc > 3 ? number_argument(argv[3], 1000) : 10;
	bench.top = argc > 4 ? number_argument(argv[4], MAX_TOP) : 5;
	bench.base = vectors_read(argv[1]);
	bench.query = vectors_read(argv[2]);
	if (bench.base.d != bench.query.d || bench.base.n < K)
		die("%s: %zu rows of %d elements, queries have %d", argv[1], bench.base.n, bench.base.d,
			bench.query.d);
	if (!sphx_blas_load(&why))
		die("%s", why);

	bench.truth = allocate(sizeof(int32_t) * bench.query.n * K);
	bench.projection = allocate(sizeof(float) * BLOCK * bench.base.n);
	bench.scratch = allocate(sizeof(float) * bench.base.n);
	bench.kept = allocate(sizeof(float) * (bench.base.n + 1));
	bench.probe = allocate(sizeof(Probe) * bench.query.n * (size_t) bench.top);
	bench.found = allocate(bench.query.n * K);
	find_truth(&bench);
	for (int m = 0; m < METHODS; m++)
		figures[m] = allocate(sizeof(Figures) * (size_t) seeds);
	for (int s = 0; s < seeds; s++)
	{
		for (int m = 0; m < METHODS; m++)
			figures[m][s] = measure(&bench, m, (uint64_t) s + 1);
		fprintf(stderr, "draw %d of %d done\n", s + 1, seeds);
	}
	report(&bench, figures, seeds);
	return 0;
}
