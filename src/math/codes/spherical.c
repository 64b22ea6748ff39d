/*-------------------------------------------------------------------------
 *
 * spherical.c
 *	  Spherical codes: codewords by number, decoding.
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "math/codes/spherical_private.h"

struct SphxSpherical
{
	SphxEnv    *env;
	int			dim;
	uint64_t	count;
	bool		isogonal;
	double		norm;			/* of the parts' codewords */
	int			parts;
	SphxPart	part[SPHX_MAX_PARTS];
	SphxPartWork *work;
	double	   *drawn;			/* points of a random code, or NULL */
};

/* Do codewords or decoding need the Golay code? */
static bool
has_golay(const SphxSpherical *code)
{
	for (int i = 0; i < code->parts; i++)
		if (code->part[i].kind == SPHX_PART_OCTADS || code->part[i].kind == SPHX_PART_GOLAY)
			return true;
	return false;
}

/* the length of the codewords, before normalisation */
static double
word_norm(SphxSpherical *code)
{
	double	   *word = code->env->alloc(code->env, (size_t) code->dim * sizeof(double));
	double		square = 0.0;

	sphx_part_word(&code->part[0], 0, code->work, word);
	for (int i = 0; i < code->dim; i++)
		square += word[i] * word[i];
	code->env->release(code->env, word);
	return sqrt(square);
}

SphxSpherical *
sphx_spherical_create(SphxEnv *env, const SphxSphericalSpec *spec)
{
	SphxSpherical *code = env->alloc(env, sizeof(SphxSpherical));

	code->env = env;
	code->dim = spec->dim;
	code->isogonal = spec->family->isogonal;
	code->parts = sphx_family_parts(spec, code->part);
	code->count = sphx_parts_count(code->parts, code->part);
	code->work = sphx_part_work_create(env, spec->dim, has_golay(code));
	code->drawn = NULL;
	if (code->part[0].kind == SPHX_PART_PRODUCT)
	{
		code->drawn = env->alloc(env, (size_t) spec->param[0] * (size_t) spec->dim *
								 sizeof(double));
		sphx_family_draw(env, spec, code->drawn);
		code->part[0].points = code->drawn;
		code->norm = 1.0;
	}
	else
		code->norm = word_norm(code);
	return code;
}

SphxSpherical *
sphx_spherical_from_points(SphxEnv *env, int n, int dim, const double *points)
{
	SphxSpherical *code = env->alloc(env, sizeof(SphxSpherical));

	assert(n >= 1 && dim >= 1);
	memset(code, 0, sizeof(*code));
	code->env = env;
	code->dim = dim;
	code->count = (uint64_t) n;
	code->norm = 1.0;
	code->parts = 1;
	code->part[0].kind = SPHX_PART_PRODUCT;
	code->part[0].dim = dim;
	code->part[0].m = n;
	code->part[0].levels = 1;
	code->part[0].points = points;
	code->work = sphx_part_work_create(env, dim, false);
	return code;
}

void
sphx_spherical_release(SphxSpherical *code)
{
	sphx_part_work_release(code->env, code->work);
	if (code->drawn != NULL)
		code->env->release(code->env, code->drawn);
	code->env->release(code->env, code);
}

int
sphx_spherical_dim(const SphxSpherical *code)
{
	return code->dim;
}

uint64_t
sphx_spherical_count(const SphxSpherical *code)
{
	return code->count;
}

bool
sphx_spherical_isogonal(const SphxSpherical *code)
{
	return code->isogonal;
}

const double *
sphx_spherical_points(const SphxSpherical *code, int *m, int *levels)
{
	if (code->part[0].kind != SPHX_PART_PRODUCT)
		return NULL;
	*m = code->part[0].m;
	*levels = code->part[0].levels;
	return code->part[0].points;
}

/* hypercubes cut by every coordinate's sign; two codewords by one plane */
int
sphx_spherical_hyperplanes(const SphxSpherical *code)
{
	const SphxPart *part = &code->part[0];

	if (code->parts == 1 && part->kind == SPHX_PART_MAX && part->m == code->dim)
		return code->dim;
	return code->count == 2 ? 1 : 0;
}

void
sphx_spherical_word(SphxSpherical *code, uint64_t index, double *word)
{
	int			i = 0;

	assert(index < code->count);
	while (index >= sphx_part_count(&code->part[i]))
		index -= sphx_part_count(&code->part[i++]);
	sphx_part_word(&code->part[i], index, code->work, word);
	for (int j = 0; j < code->dim; j++)
		word[j] /= code->norm;
}

uint64_t
sphx_spherical_decode(SphxSpherical *code, const double *x, double *product)
{
	double		best = -HUGE_VAL;
	uint64_t	best_index = 0;
	uint64_t	first = 0;

	for (int i = 0; i < code->parts; i++)
	{
		uint64_t	index;
		double		value = sphx_part_best(&code->part[i], x, code->work, &index);

		if (value > best)
		{
			best = value;
			best_index = first + index;
		}
		if (i + 1 < code->parts)
			first += sphx_part_count(&code->part[i]);
	}
	if (product != NULL)
		*product = best / code->norm;
	return best_index;
}

double
sphx_spherical_nearest(SphxSpherical *code, const double *x, double *word)
{
	const SphxPart *part = &code->part[0];
	SphxPart	level = *part;
	double		product = 0.0;
	uint64_t	index;

	if (part->kind != SPHX_PART_PRODUCT)
	{
		sphx_spherical_word(code, sphx_spherical_decode(code, x, &product), word);
		return product;
	}

	/* every level is a code of its own */
	level.dim = part->dim / part->levels;
	level.levels = 1;
	for (int l = 0; l < part->levels; l++)
	{
		product += sphx_part_best(&level, x, code->work, &index);
		sphx_part_word(&level, index, code->work, word);
		level.points += (size_t) level.m * (size_t) level.dim;
		x += level.dim;
		word += level.dim;
	}
	return product;
}

double
sphx_spherical_cost(const SphxSpherical *code)
{
	double		cost = 0.0;

	for (int i = 0; i < code->parts; i++)
	{
		const SphxPart *part = &code->part[i];

		if (part->kind == SPHX_PART_PRODUCT)
			cost += (double) part->m * part->dim;
		else if (part->kind == SPHX_PART_GOLAY)
			cost += 4096.0 * 6.0;
		else if (part->kind == SPHX_PART_OCTADS)
			cost += 3.0 * 4096.0;
		else
			cost += (part->arrangements + 4.0) * part->dim + 40.0;
	}
	return cost;
}
