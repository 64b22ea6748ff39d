/*-------------------------------------------------------------------------
 *
 * tuning.h
 *	  What sphx.ef_search asks of a search, and what that costs.
 *
 * One set of numbers: whoever changes one of them measures the others again.
 *
 * How a search ends was chosen by the buffers that it reads for a recall of .95
 * (test/bench).  A beam of a fixed width reads 131 for text, 164 for words and
 * 76 for sift; twice ef_search wide, and ended when half of ef_search are read
 * and the next is a tenth farther, it reads 111, 141 and 65.  Margins of .05 to
 * .15, and a quarter to an eighth of the beam for what is enough, differ
 * little.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_TUNING_H
#define SPHX_TUNING_H

/*
 * In units of ef_search: the width of the first beam, and how many of the
 * nearest nodes are then enough to end it.  Neither depends on how many rows are
 * wanted: so the first rows are the same whatever the limit.
 */
#define SPHX_BEAM_FACTOR	2.0
#define SPHX_ENOUGH_FACTOR	0.5

/* and at least, where ef_search is small */
#define SPHX_ENOUGH_LEAST	10.0

/*
 * A search is widened to the next power of two times SPHX_ENOUGH_LEAST.  It passes
 * on this part of the power of two that it has reached (at least those of a LIMIT
 * 10, and some more): among the outermost nodes some are missing, whose estimates
 * were unlucky.  So what a limit is answered from grows with ef_search, and is
 * never narrower than ef_search.  Passing on all of them, recall of img at
 * ef_search 80 and limits of 40, 80 and 160 is .93 to .94, of text .96 to .97.
 */
#define SPHX_SETTLED_PART	0.7
#define SPHX_SETTLED_LEAST	16

/* by what part of its squared distance the next candidate is farther than what is enough */
#define SPHX_ENOUGH_MARGIN	0.1f

/*
 * Where rows are of another kind than those that the codes were made for, codes
 * tell little of their edges.  Where that is less than the index's average by this
 * factor (usual searches stay below 1.25) beam and margin are larger by the third
 * power of it, up to the second number.  With 2,000 rows of text inserted into
 * 2,000 of images, and the other way round, it is 2: without this, recall at
 * ef_search 80 was .60 and .85, with it .95 and 1.
 */
#define SPHX_DOUBT_FROM		1.33f
#define SPHX_DOUBT_MOST		6.0f

/* nodes that such a search reads, in units of ef_search, as the planner thinks */
#define SPHX_READS_PER_EF	2

/*
 * And one that goes on, for each node that it passes on.  They are more than
 * are read, since a read costs more in a wide search.
 */
#define SPHX_READS_PER_ROW	5

#endif							/* SPHX_TUNING_H */
