/*-------------------------------------------------------------------------
 *
 * order.h
 *	  Entries in the order of a key: comparison, and selection of the smallest.
 *
 * A template.  Before it is included, ORDER_TYPE is the type of an entry,
 * ORDER_KEY its member that orders it, a float, and ORDER_ID the one that
 * decides between equal keys, a uint32_t.
 *
 *-------------------------------------------------------------------------
 */
#include <stddef.h>

/* for qsort */
static inline int
compare_entries(const void *a, const void *b)
{
	const ORDER_TYPE *x = a;
	const ORDER_TYPE *y = b;

	if (x->ORDER_KEY != y->ORDER_KEY)
		return x->ORDER_KEY < y->ORDER_KEY ? -1 : 1;
	return x->ORDER_ID < y->ORDER_ID ? -1 : x->ORDER_ID > y->ORDER_ID;
}

/* partition so that the k + 1 smallest keys come first, in any order (Hoare's selection) */
static inline void
select_entries(ORDER_TYPE *items, size_t count, size_t k)
{
	ptrdiff_t	low = 0;
	ptrdiff_t	high = (ptrdiff_t) count - 1;

	while (low < high)
	{
		float		pivot = items[low + (high - low) / 2].ORDER_KEY;
		ptrdiff_t	i = low;
		ptrdiff_t	j = high;

		while (i <= j)
		{
			while (items[i].ORDER_KEY < pivot)
				i++;
			while (items[j].ORDER_KEY > pivot)
				j--;
			if (i <= j)
			{
				ORDER_TYPE	t = items[i];

				items[i++] = items[j];
				items[j--] = t;
			}
		}
		if ((ptrdiff_t) k <= j)
			high = j;
		else if ((ptrdiff_t) k >= i)
			low = i;
		else
			break;
	}
}

#undef ORDER_TYPE
#undef ORDER_KEY
#undef ORDER_ID
