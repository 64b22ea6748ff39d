/*-------------------------------------------------------------------------
 *
 * gap.c
 *	  Gap regularisation: centroids kept apart at a bounded cost in error.
 *
 * The objective is quantisation error plus a hinge on every pair of centroids
 * nearer than a target (Mathews, with the hinge in place of its soft
 * minimum), the target being set from what k-means reaches on the same data.
 * It is brought down by rounds of a Lloyd step and pushing such pairs apart,
 * and the target is taken back where it would cost more than was promised.
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "math/base/blas.h"
#include "math/base/portable.h"
#include "math/train/assign.h"
#include "math/train/kmeans.h"

#define PAIR_BLOCK			((size_t) 128)	/* centroids on one side of a tile
											 * of pairs */
#define PUSH_PASSES			8
#define PUSH_STEP			0.35	/* of what is missing, for either side of
									 * a pair */
#define PUSH_DONE			0.99	/* of the target, reached by all pairs */

/* the target is this times gap_weight above k-means' 5th percentile of nearest distances */
#define FACTOR_PER_WEIGHT	0.25
/* relative to k-means; the error times gap_weight */
#define ERROR_ALLOWED		0.005
#define IMBALANCE_ALLOWED	0.05

/*
 * The search for the strength, in units of the cost allowed: what early rounds
 * may cost more for every round that follows, where the next round aims (times
 * what it may cost), from where on it is not worth going on, and from where
 * (times what it may cost) to begin again.
 */
#define EARLY_SLACK			0.5
#define COST_AIM			0.9
#define COST_ENOUGH			0.8
#define TOO_FAR				1.5
#define UNBALANCED_COST		1.5
#define STRENGTH_MIN_GROWTH	0.3
#define STRENGTH_MAX_GROWTH	1.1

/* scratch of push_pass */
typedef struct Pusher
{
	float	   *centre;			/* [d] */
	float	   *left;			/* [PAIR_BLOCK][d] centroids relative to
								 * centre */
	float	   *right;
	float	   *left_norm;		/* [PAIR_BLOCK] */
	float	   *right_norm;
	float	   *products;		/* [PAIR_BLOCK][PAIR_BLOCK] */
	float		slack;			/* rounding of a squared distance from them,
								 * relative to the squared norms */
} Pusher;

static void
pusher_init(Pusher *p, SphxTrainer *t)
{
	SphxEnv    *env = &t->env;
	size_t		block = PAIR_BLOCK * t->d * sizeof(float);

	/* twice that of a score, and the sums here */
	p->slack = (float) (2.0 * sphx_product_slack(t->d));
	p->centre = env->alloc(env, t->d * sizeof(float));
	p->left = env->alloc(env, block);
	p->right = env->alloc(env, block);
	p->left_norm = env->alloc(env, PAIR_BLOCK * sizeof(float));
	p->right_norm = env->alloc(env, PAIR_BLOCK * sizeof(float));
	p->products = env->alloc(env, PAIR_BLOCK * PAIR_BLOCK * sizeof(float));
}

static void
pusher_release(Pusher *p, SphxTrainer *t)
{
	SphxEnv    *env = &t->env;

	env->release(env, p->products);
	env->release(env, p->right_norm);
	env->release(env, p->left_norm);
	env->release(env, p->right);
	env->release(env, p->left);
	env->release(env, p->centre);
}

/* a block of centroids relative to the centre, and their squared norms; returns their number */
static size_t
pack_block(const SphxTrainer *t, const float *centre, const float *centroids, size_t first,
		   float *block, float *norm)
{
	size_t		count = t->k - first < PAIR_BLOCK ? t->k - first : PAIR_BLOCK;

	sphx_subtract_row(count, t->d, centroids + first * t->d, centre, block, t->d);
	for (size_t i = 0; i < count; i++)
		norm[i] = (float) sphx_portable_square(block + i * t->d, t->d);
	return count;
}

/* returns whether the pair was much nearer than the target */
static bool
push_pair(SphxTrainer *t, float *a, float *b, double target)
{
	double		distance = sqrt((double) sphx_portable_l2sq(a, b, t->d));
	float		step;

	sphx_trainer_work(t, 4 * t->d);
	if (!(distance > 0.0 && distance < target))
		return false;
	step = (float) (PUSH_STEP * (target - distance) / distance);
	for (size_t j = 0; j < t->d; j++)
	{
		float		move = step * (a[j] - b[j]);

		a[j] += move;
		b[j] -= move;
	}
	if (t->spherical)
	{
		sphx_unit_row(a, t->d);
		sphx_unit_row(b, t->d);
	}
	return distance < PUSH_DONE * target;
}

/*
 * Was pair (i, j) of a tile nearer than the target when the tile began?  The
 * product, rounded as the BLAS library pleases, says which pairs may have
 * been; the decision is a portable distance's.
 */
static bool
pair_is_near(const SphxTrainer *t, const Pusher *p, size_t i, size_t j, float product,
			 float target2)
{
	float		norms = p->left_norm[i] + p->right_norm[j];

	if (!(norms - 2.0f * product < target2 + p->slack * norms))
		return false;
	return sphx_portable_l2sq(p->left + i * t->d, p->right + j * t->d, t->d) < target2;
}

/*
 * Look at all pairs once and push those nearer than the target.  Pairs are
 * found from the centroids as they were when the tile began; how far they are
 * pushed depends on where they are by then.  Returns the number of pairs that
 * were much too near.
 */
static size_t
push_pass(SphxTrainer *t, Pusher *p, float *centroids, double target)
{
	size_t		near = 0;
	float		target2 = (float) (target * target);

	assert(target > 0.0);
	sphx_mean_row(t->k, t->d, centroids, t->sum, p->centre);
	for (size_t first = 0; first < t->k; first += PAIR_BLOCK)
		for (size_t second = first; second < t->k; second += PAIR_BLOCK)
		{
			size_t		m = pack_block(t, p->centre, centroids, first, p->left, p->left_norm);
			size_t		n = pack_block(t, p->centre, centroids, second, p->right,
									   p->right_norm);

			sphx_gemm_nt(m, n, t->d, p->left, p->right, p->products);
			sphx_trainer_work(t, m * n * (t->d / 16 + 1));
			for (size_t i = 0; i < m; i++)
				for (size_t j = first == second ? i + 1 : 0; j < n; j++)
				{
					if (pair_is_near(t, p, i, j, p->products[i * n + j], target2) &&
						push_pair(t, centroids + (first + i) * t->d,
								  centroids + (second + j) * t->d, target))
						near++;
				}
		}
	return near;
}

/* push until all pairs are about as far apart as wanted; mostly they soon are */
static void
push_apart(SphxTrainer *t, Pusher *p, float *centroids, double target)
{
	for (int pass = 0; pass < PUSH_PASSES; pass++)
	{
		if (push_pass(t, p, centroids, target) == 0)
			break;
	}
}

/* how well a state keeps the promise */
typedef enum Verdict
{
	REFUSED,
	LESS_BALANCED,				/* than k-means, by little: better than
								 * nothing */
	KEPT
} Verdict;

/* what is promised, and the best state so far */
typedef struct GapRun
{
	const SphxTrainReport *plain;	/* k-means */
	double		gap_weight;
	float	   *begun;			/* centroids before the first round */
	float	   *best;			/* centroids of the best state */
	Verdict		verdict;
	double		strength;		/* as in run_rounds */
	double		error;
	double		imbalance;
} GapRun;

/*
 * What the state just evaluated costs, in units of what is allowed: its error
 * above that of k-means.  Balance comes back with the Lloyd steps, mostly; in
 * the late rounds cells less balanced than those of k-means count as a cost.
 */
static double
state_cost(const SphxTrainer *t, const GapRun *run, bool late)
{
	double		cost = (t->error / run->plain->error - 1.0) / (ERROR_ALLOWED * run->gap_weight);

	return late && t->imbalance > run->plain->imbalance ? fmax(cost, UNBALANCED_COST) : cost;
}

static bool
too_unbalanced(const SphxTrainer *t, const SphxTrainReport *plain)
{
	return t->imbalance > plain->imbalance * (1.0 + IMBALANCE_ALLOWED);
}

static Verdict
judge_state(const SphxTrainer *t, const GapRun *run)
{
	const SphxTrainReport *plain = run->plain;

	if (t->error > plain->error * (1.0 + ERROR_ALLOWED * run->gap_weight) ||
		too_unbalanced(t, plain))
		return REFUSED;
	return t->imbalance > plain->imbalance ? LESS_BALANCED : KEPT;
}

/* keep the state just evaluated if it is the best so far */
static void
offer_state(const SphxTrainer *t, const float *centroids, double strength, GapRun *run)
{
	Verdict		verdict = judge_state(t, run);

	if (verdict == REFUSED || verdict < run->verdict ||
		(verdict == run->verdict && strength < run->strength))
		return;
	memcpy(run->best, centroids, t->k * t->d * sizeof(float));
	run->error = t->error;
	run->imbalance = t->imbalance;
	run->verdict = verdict;
	run->strength = strength;
}

/*
 * Choose the next strength after the current one had this cost, so that the
 * cost comes near `aim`.  Over its whole range the cost grows about with the
 * square of the strength, but near the bound much faster.
 */
static double
next_strength(double strength, double cost, double aim, bool too_far)
{
	double		factor = cost > 0.0 ? sphx_portable_pow(aim / cost, too_far ? 0.5 : 0.2) : STRENGTH_MAX_GROWTH;

	factor = fmax(STRENGTH_MIN_GROWTH, fmin(STRENGTH_MAX_GROWTH, factor));
	return fmin(1.0, strength * factor);
}

/*
 * The separation asked for.  On the sphere never more than k points can have,
 * that of a regular simplex (Rankin's bound): with a target that cannot be met
 * (Mathews, section 7.2) the pairs only push each other about.
 */
static double
full_target(const SphxTrainer *t, const GapRun *run)
{
	double		k = (double) t->k;
	double		target = run->plain->nearest_p5 * (1.0 + run->gap_weight * FACTOR_PER_WEIGHT);

	return t->spherical ? fmin(target, sqrt(2.0 * k / (k - 1.0))) : target;
}

/*
 * Rounds of pushing and a Lloyd step, at a strength that says how far the
 * target goes from the separation that k-means reached (0) to all that was
 * asked for (1).  Each Lloyd step mends some of the error that pushing brings,
 * so that early rounds may cost more than is allowed in the end; when that is
 * not enough there are up to twice as many rounds.  Returns their number.
 */
static int
run_rounds(SphxTrainer *t, float *centroids, int rounds, GapRun *run)
{
	double		none = run->plain->separation;
	double		full = full_target(t, run);
	double		strength = 1.0;
	int			last = rounds;	/* the regular end of this attempt */
	int			round;
	Pusher		p;

	pusher_init(&p, t);
	memcpy(run->begun, centroids, t->k * t->d * sizeof(float));
	for (round = 1;; round++)
	{
		double		slack = round < last ? 1.0 + EARLY_SLACK * (last - round) : 1.0;
		double		cost;
		bool		again;

		push_apart(t, &p, centroids, none + strength * (full - none));
		sphx_kmeans_evaluate(t, centroids);
		offer_state(t, centroids, strength, run);
		sphx_trainer_step(t, "regularisation", round, t->error);
		cost = state_cost(t, run, round >= last);
		if (round == 2 * rounds)
			break;
		if (round >= last && cost <= 1.0 && (strength >= 1.0 || cost > COST_ENOUGH))
			break;

		/* what was torn apart no Lloyd step mends soon */
		again = round == 1 && cost > TOO_FAR * slack;
		if (cost > slack || strength < 1.0)
			strength = next_strength(strength, cost, COST_AIM * slack, again);
		if (round == rounds && run->verdict == REFUSED && too_unbalanced(t, run->plain))
		{
			/*
			 * that takes long to mend: spend the rounds left on a gentler
			 * attempt
			 */
			again = true;
			last = 2 * rounds;
			strength *= 0.5;
		}
		if (again)
			memcpy(centroids, run->begun, t->k * t->d * sizeof(float));
		else
			sphx_kmeans_update(t, centroids);
	}
	pusher_release(&p, t);
	return round;
}

/*
 * centroids: in, where the plain k-means run stood `rounds` evaluations before
 * its end; out, the farthest apart of what was found to keep the promise, an
 * error of at most 1 + ERROR_ALLOWED * gap_weight times that of k-means and
 * cells no less balanced if possible.  Sets the trainer's error and imbalance
 * (only).  Returns the number of rounds; 0 when nothing was found, and then
 * centroids hold anything.
 */
int
sphx_gap_train(SphxTrainer *t, float *centroids, int rounds, double gap_weight,
			   const SphxTrainReport *plain)
{
	SphxEnv    *env = &t->env;
	size_t		size = t->k * t->d * sizeof(float);
	GapRun		run;
	int			done;

	assert(t->k > 1 && rounds >= 1 && gap_weight > 0.0);
	/* every row has its centroid; or squares under- or overflow */
	if (!(plain->error > 0.0 && plain->separation > 0.0) ||
		!isfinite(plain->error) || !isfinite(plain->nearest_p5))
		return 0;

	memset(&run, 0, sizeof(run));
	run.plain = plain;
	run.gap_weight = gap_weight;
	run.verdict = REFUSED;
	run.begun = env->alloc(env, size);
	run.best = env->alloc(env, size);
	done = run_rounds(t, centroids, rounds, &run);
	if (run.verdict != REFUSED)
	{
		memcpy(centroids, run.best, size);
		t->error = run.error;
		t->imbalance = run.imbalance;
	}
	env->release(env, run.best);
	env->release(env, run.begun);
	return run.verdict == REFUSED ? 0 : done;
}
