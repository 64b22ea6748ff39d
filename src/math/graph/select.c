/*-------------------------------------------------------------------------
 *
 * select.c
 *	  Neighbour selection: the HNSW heuristic (Malkov and Yashunin, Algorithm
 *	  4), filled up with the nearest of the others.
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>

#include "math/graph/select.h"
#include "math/kernels/kernels.h"

/* is candidate i nearer to a chosen one than to the node itself? */
static bool
occluded(int D, const float *const *vectors, float distance, int i, const int *chosen, int count)
{
	for (int c = 0; c < count; c++)
		if (sphx_kernels->l2sq_f32(vectors[i], vectors[chosen[c]], (size_t) D) < distance)
			return true;
	return false;
}

int
sphx_select_neighbours(int D, int n, const float *const *vectors, const float *distances, int m,
					   int *chosen)
{
	int			count = 0;
	int			diverse;

	for (int i = 0; i < n && count < m; i++)
	{
		assert(i == 0 || distances[i] >= distances[i - 1]);
		if (!occluded(D, vectors, distances[i], i, chosen, count))
			chosen[count++] = i;
	}

	/* the diverse ones are ascending, so a merge tells who is not among them */
	diverse = count;
	for (int i = 0, next = 0; i < n && count < m; i++)
	{
		if (next < diverse && chosen[next] == i)
			next++;
		else
			chosen[count++] = i;
	}
	return count;
}
