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
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

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

static inline bool
entry_before(const ORDER_TYPE *x, const ORDER_TYPE *y)
{
	return (x->ORDER_KEY < y->ORDER_KEY) |
		((x->ORDER_KEY == y->ORDER_KEY) & (x->ORDER_ID < y->ORDER_ID));
}

/*
 * Sort some hundred entries, whose keys are numbers.  Merging runs of twice the
 * length time and again, without branches on what comes first, and without calls.
 * room: for as many.
 */
static inline void
sort_entries(ORDER_TYPE *items, size_t count, ORDER_TYPE *room)
{
	ORDER_TYPE *from = items;
	ORDER_TYPE *to = room;

	for (size_t run = 1; run < count; run *= 2)
	{
		ORDER_TYPE *out = to;

		for (size_t start = 0; start < count; start += 2 * run)
		{
			const ORDER_TYPE *a = from + start;
			const ORDER_TYPE *a_end = from + (start + run < count ? start + run : count);
			const ORDER_TYPE *b = a_end;
			const ORDER_TYPE *b_end = from + (start + 2 * run < count ? start + 2 * run : count);

			while (a < a_end && b < b_end)
			{
				bool		second = entry_before(b, a);

				*out++ = second ? *b : *a;
				b += second;
				a += !second;
			}
			while (a < a_end)
				*out++ = *a++;
			while (b < b_end)
				*out++ = *b++;
		}
		to = from;
		from = out - count;
	}
	if (from != items)
		memcpy(items, from, count * sizeof(ORDER_TYPE));
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
