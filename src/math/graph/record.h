/*-------------------------------------------------------------------------
 *
 * record.h
 *	  Node records: the one format of a vector, its payload and its coded
 *	  edges, on pages and in memory alike (src/README, "Node records").
 *
 * Records have a fixed size that follows from the layout:
 *
 *		SphxRecord			16 bytes
 *		payload				layout->payload_bytes; heap TIDs and the like, not interpreted here
 *		vector				D elements of 16, 8, 6, 4 or 2 bits, each times scale and the
 *							weight of its band
 *		codes				nibbles of m edges, in the order of grouped_sums, or of
 *							code_sums (version 1)
 *		neighbour ids		m * uint32
 *		lengths, gains		m bytes each
 *
 * A record starts at a multiple of 4; the vector at a multiple of 2, the ids
 * of 4.  Reading the codes may touch SPHX_CODE_OVERREAD bytes behind them,
 * which are never beyond ids, lengths and gains (m >= 4).
 *
 * A library reads and changes what any earlier one of its format version
 * (SPHX_FORMAT_VERSION, page/meta.h) wrote; test/tap/016_old_index.pl tries it.
 * Two changes leave the version as it is: a field in bytes that were always 0,
 * whose 0 means "not known", and a flag that says something only where such a
 * field is known.  Earlier libraries can read such an index, but what they
 * change in it may contradict the field.  Any other change of what is on a page,
 * or of what is computed from it (rotation, codewords, order of codes), moves the
 * version.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_RECORD_H
#define SPHX_RECORD_H

#include "math/base/env.h"
#include "math/graph/code.h"

#define SPHX_INVALID_NODE	UINT32_MAX
#define SPHX_MIN_M			4
#define SPHX_MAX_M			96

typedef enum SphxMetric
{
	SPHX_METRIC_L2,				/* order by |q-v|^2 */
	SPHX_METRIC_COSINE,			/* the same over unit vectors */
	SPHX_METRIC_IP				/* order by -<q,v> */
} SphxMetric;

typedef enum SphxStorage
{
	SPHX_STORAGE_INT16,
	SPHX_STORAGE_INT8,
	SPHX_STORAGE_INT6,			/* -31..31 */
	SPHX_STORAGE_INT4,			/* -7..7 */
	SPHX_STORAGE_INT2,			/* -1.5, -.5, .5, 1.5 */
	SPHX_WIDTHS
} SphxStorage;

/* bits of an element, and the largest one, in steps */
extern const int sphx_width_bits[SPHX_WIDTHS];
extern const float sphx_width_limits[SPHX_WIDTHS];

/*
 * A run of dimensions of stored vectors, a multiple of 8 (the last one of 4), that
 * have one width, not wider than that of the run before.  Element i is the
 * record's scale * weight * stored[i]; the weights are at most 1.
 */
typedef struct SphxStoredBand
{
	uint16_t	dims;
	uint8_t		storage;		/* SphxStorage */
	uint8_t		unused;			/* 0 */
	float		weight;
} SphxStoredBand;

#define SPHX_STORED_BANDS	8
#define SPHX_LEAST_WEIGHT	1e-6f

typedef struct SphxLayout
{
	int			dims;			/* of the user's vectors */
	int			D;				/* padded: a multiple of 4 */
	int			m;				/* room for neighbours, even */
	SphxCode	code;			/* of edges */
	int			stored_count;	/* bands of stored vectors */
	SphxStoredBand stored[SPHX_STORED_BANDS];
	int			pieces;			/* nibbles an edge */
	bool		by_piece;		/* codes are in the order of version 1 */
	SphxCodeArea area;			/* of codes in a record */
	float		code_norm;		/* U */
	int			narrow;			/* first dimension of 6 bits or fewer */
	int			narrow_bytes;	/* what is before it */
	float		least_weight;	/* of stored bands, */
	float		mean_weight;	/* and the root of the mean square */
	float		largest_norm;	/* of a stored vector, in its scale */
	int			payload_bytes;
	/* offsets within a record, and its size (a multiple of 4) */
	int			payload;
	int			vector;
	int			codes;
	int			ids;
	int			lengths;
	int			gains;
	int			size;
} SphxLayout;

typedef struct SphxRecord
{
	uint8_t		flags;			/* SPHX_NODE_* */
	uint8_t		payload_count;	/* entries in the payload; belongs to the
								 * caller */
	uint8_t		neighbours;		/* edges in use, 0..m; slots 0..neighbours-1 */
	uint8_t		version;		/* incremented whenever the slot is freed */
	uint8_t		error;			/* how far the stored vector is from the one
								 * it was made of (record_vector.c); 0: not
								 * measured */
	uint8_t		unused;			/* 0 */
	uint16_t	length_base;	/* upper half of the base of the edges' length
								 * codes, whose lower half is 0 */
	float		scale;			/* of the vector's elements */
	uint32_t	next;			/* belongs to the caller (chain of overflow
								 * records), or SPHX_INVALID_NODE */
} SphxRecord;

#define SPHX_NODE_USED		0x01	/* the slot holds a record */
#define SPHX_NODE_DELETED	0x02	/* no payload is alive: still navigated,
									 * never returned */
#define SPHX_NODE_OVERFLOW	0x04	/* not a node: continues another node's
									 * payload */
#define SPHX_NODE_MIXED		0x08	/* the payload beyond the record's own may
									 * be of vectors that differ, though they
									 * are stored alike */

/* fill *layout from dims, D, m, code, by_piece, stored and payload_bytes */
extern void sphx_layout_init(SphxLayout *layout);

/*
 * the same from dims, m, by_piece and payload_bytes, with one codebook and one width
 * for all dimensions
 */
extern void sphx_layout_uniform(SphxLayout *layout, SphxCodebook book, SphxStorage storage);

/* one band of this width for all D dimensions */
extern void sphx_layout_store(SphxLayout *layout, SphxStorage storage);

/* the width of all dimensions, or SPHX_WIDTHS where it varies */
extern SphxStorage sphx_layout_storage(const SphxLayout *layout);

static inline uint32_t
sphx_record_length_base(const SphxRecord *r)
{
	return (uint32_t) r->length_base << 16;
}

static inline uint32_t *
sphx_record_ids(const SphxLayout *layout, const SphxRecord *r)
{
	return (uint32_t *) ((char *) r + layout->ids);
}

static inline void *
sphx_record_payload(const SphxLayout *layout, const SphxRecord *r)
{
	return (char *) r + layout->payload;
}

/*
 * Make an empty used record of the vector x (D floats, rotated); version and payload
 * are kept.  The first of these does so but for the vector, the second adds that.
 */
extern void sphx_record_start(SphxRecord *r);
extern void sphx_record_store(const SphxLayout *layout, SphxRecord *r, const float *x);
extern void sphx_record_init(const SphxLayout *layout, SphxRecord *r, const float *x);

/* the stored vector as D floats; and whether two records store exactly the same vector */
extern void sphx_record_vector(const SphxLayout *layout, const SphxRecord *r, float *x);
extern bool sphx_record_same_vector(const SphxLayout *layout, const SphxRecord *a,
									const SphxRecord *b);

/*
 * Against the stored vector v: x = q - v, with its squared norm returned and the
 * largest |x[i]| in *amax; and <q, v>, which takes room for D floats.
 */
extern float sphx_record_residual(const SphxLayout *layout, const SphxRecord *r, const float *q,
								  float *x, float *amax);
extern float sphx_record_dot(const SphxLayout *layout, const SphxRecord *r, const float *q,
							 float *room);

/* Sum over the edges of A (code.h), as far as their gains tell. */
extern double sphx_record_accuracies(const SphxLayout *layout, const SphxRecord *r);

/* bounds on |stored vector - vector it was made from|, and on |stored vector| */
extern float sphx_record_error(const SphxLayout *layout, const SphxRecord *r);
extern float sphx_record_norm(const SphxLayout *layout, const SphxRecord *r);

/*
 * Estimates for the whole record: estimates[j], j < neighbours, of |x - e_j|^2
 * where |x|^2 = square.  table is room for 16 * pieces bytes; estimates has
 * room for m rounded up to a multiple of SPHX_CODE_BLOCK.
 */
extern void sphx_record_estimate(const SphxLayout *layout, const SphxRecord *r, const float *x,
								 float square, uint8_t *table, float *estimates);

/*
 * The two halves of it, for callers that keep the table: fill the table for x
 * (amax = max |x[i]|) and return the factor for sums of 1/A = 1 and |e| = 1;
 * and the sums of the block of edges from `start` (a multiple of
 * SPHX_CODE_BLOCK), returning how many edges are in it.
 */
extern float sphx_record_table(const SphxLayout *layout, const float *x, float amax,
							   uint8_t *table);
extern int	sphx_record_block_sums(const SphxLayout *layout, const SphxRecord *r, int start,
								   const uint8_t *table, int32_t *sums);

/* The edges of one record on their way into it: ids and difference vectors. */
typedef struct SphxEdges
{
	int			D;
	int			n;
	const float *from;			/* D: the vector they start from */
	uint32_t   *ids;			/* m */
	float	   *differences;	/* m * D: w_j - v */
	uint8_t    *nibbles;		/* pieces: room to code one of them */
} SphxEdges;

/* room for m edges, to be used for any number of records; one piece of memory */
extern SphxEdges *sphx_edges_create(SphxEnv *env, const SphxLayout *layout);

/* begin a list of edges from v (D floats, not copied), and add one to w, which has that id */
extern void sphx_edges_start(SphxEdges *edges, const float *v);
extern void sphx_edges_add(SphxEdges *edges, uint32_t id, const float *w);

/* replace all edges by these, at most m */
extern void sphx_record_set_edges(const SphxLayout *layout, SphxRecord *r, const SphxEdges *edges);

/* give r the edges of another record */
extern void sphx_record_copy_edges(const SphxLayout *layout, SphxRecord *r, const SphxRecord *from);

/* drop edge j: the last one takes its place */
extern void sphx_record_drop_edge(const SphxLayout *layout, SphxRecord *r, int j);

/*
 * Offer n <= m edges r -> ids[], all different, with e[j * D] = w_j - v.
 * Appended while there is room.  When the list cannot hold all, the decision
 * needs nothing but the record and what is offered: distances to the present
 * neighbours are estimated from their codes, and the HNSW heuristic says
 * which edges stay or enter.  Returns true when the record was changed.  An id
 * already in the list is not entered again.  `work` comes from
 * sphx_edge_work_create.
 */
typedef struct SphxEdgeWork SphxEdgeWork;

extern SphxEdgeWork *sphx_edge_work_create(SphxEnv *env, const SphxLayout *layout);

extern bool sphx_record_offer_edges(const SphxLayout *layout, SphxRecord *r, int n,
									const uint32_t *ids, const float *e, SphxEdgeWork *work);

/*
 * Offer one edge.  A full list only takes it as one of the diverse, in another's
 * place; not to fill up with what is near, as sphx_record_offer_edges also does.
 */
extern bool sphx_record_offer_edge(const SphxLayout *layout, SphxRecord *r, uint32_t id,
								   const float *e, SphxEdgeWork *work);

#endif							/* SPHX_RECORD_H */
