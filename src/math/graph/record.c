/*-------------------------------------------------------------------------
 *
 * record.c
 *	  Node records: their layout, and edges with their codes.  Stored vectors
 *	  are in record_vector.c, estimates in record_estimate.c, and which edges a
 *	  full list keeps is decided in record_choice.c.
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "math/graph/record_private.h"

const float sphx_width_limits[SPHX_WIDTHS] = {32767.0f, 127.0f, 31.0f, 7.0f, 1.5f};
const int	sphx_width_bits[SPHX_WIDTHS] = {16, 8, 6, 4, 2};

static int
align_up(int x, int to)
{
	return (x + to - 1) / to * to;
}

/* What the bands of stored vectors add up to; returns their bytes. */
static int
sum_stored(SphxLayout *layout)
{
	int			bytes = 0;
	float		largest = 0.0f;
	float		weights = 0.0f;

	layout->narrow = layout->narrow_bytes = 0;
	layout->least_weight = 1.0f;
	for (int i = 0; i < layout->stored_count; i++)
	{
		const SphxStoredBand *band = &layout->stored[i];
		float		limit = band->weight * sphx_width_limits[band->storage];

		assert(i == 0 || band->storage >= band[-1].storage);
		assert(band->weight >= SPHX_LEAST_WEIGHT && band->weight <= 1.0f);
		bytes += band->dims * sphx_width_bits[band->storage] / 8;
		if (band->storage <= SPHX_STORAGE_INT8)
		{
			layout->narrow += band->dims;
			layout->narrow_bytes = bytes;
		}
		layout->least_weight = fminf(layout->least_weight, band->weight);
		largest += (float) band->dims * limit * limit;
		weights += (float) band->dims * band->weight * band->weight;
	}
	layout->largest_norm = 1.001f * sqrtf(largest);
	layout->mean_weight = sqrtf(weights / (float) layout->D);
	return bytes;
}

void
sphx_layout_init(SphxLayout *layout)
{
	assert(layout->m >= SPHX_MIN_M && layout->m <= SPHX_MAX_M && layout->m % 2 == 0);
	assert(layout->D >= layout->dims && layout->D % 4 == 0);
	layout->code.D = layout->D;
	layout->code_norm = sphx_code_norm(&layout->code);
	layout->pieces = sphx_code_pieces(&layout->code);
	layout->area.pieces = layout->pieces;
	layout->area.m = layout->m;
	layout->area.by_piece = layout->by_piece;
	layout->payload = sizeof(SphxRecord);
	layout->vector = align_up(layout->payload + layout->payload_bytes, 2);
	layout->codes = layout->vector + sum_stored(layout);
	layout->ids = align_up(layout->codes + (int) sphx_code_bytes(&layout->area, layout->m), 4);
	layout->lengths = layout->ids + layout->m * (int) sizeof(uint32_t);
	layout->gains = layout->lengths + layout->m;
	layout->size = align_up(layout->gains + layout->m, 4);
	assert(layout->size - layout->ids >= SPHX_CODE_OVERREAD);
}

void
sphx_layout_uniform(SphxLayout *layout, SphxCodebook book, SphxStorage storage)
{
	layout->D = align_up(layout->dims, book == SPHX_CODE_ORTHOPLEX ? 8 : 4);
	layout->code.count = 1;
	layout->code.bands[0] = (SphxBand)
	{
		.dims = (uint16_t) layout->D,.book = (uint8_t) book,.weight = 1.0f
	};
	sphx_layout_store(layout, storage);
	sphx_layout_init(layout);
}

void
sphx_layout_store(SphxLayout *layout, SphxStorage storage)
{
	layout->stored_count = 1;
	layout->stored[0] = (SphxStoredBand)
	{
		.dims = (uint16_t) layout->D,.storage = (uint8_t) storage,.weight = 1.0f
	};
}

SphxStorage
sphx_layout_storage(const SphxLayout *layout)
{
	uint8_t		first = layout->stored[0].storage;

	return layout->stored[layout->stored_count - 1].storage == first ? (SphxStorage) first : SPHX_WIDTHS;
}

void
sphx_record_put_edge(const SphxLayout *layout, SphxRecord *r, int j, uint32_t id, const float *e, float length,
					 uint8_t *nibbles)
{
	float		a = sphx_code_encode(&layout->code, e, length, nibbles);

	sphx_code_put(&layout->area, record_codes(layout, r), j, nibbles);
	sphx_record_ids(layout, r)[j] = id;
	record_lengths(layout, r)[j] = sphx_length_encode(sphx_record_length_base(r), length);
	record_gains(layout, r)[j] = sphx_gain_encode(a > 0.0f ? 1.0f / a : 1.0f);
}

double
sphx_record_accuracies(const SphxLayout *layout, const SphxRecord *r)
{
	double		sum = 0.0;

	for (int j = 0; j < r->neighbours; j++)
		sum += 1.0 / sphx_gain_decode(record_gains(layout, r)[j]);
	return sum;
}

SphxEdges *
sphx_edges_create(SphxEnv *env, const SphxLayout *layout)
{
	size_t		m = (size_t) layout->m;
	size_t		ids = m * sizeof(uint32_t);
	size_t		differences = m * (size_t) layout->D * sizeof(float);
	SphxEdges  *edges = env->alloc(env, sizeof(SphxEdges) + ids + differences +
								   (size_t) layout->pieces);

	edges->D = layout->D;
	edges->n = 0;
	edges->from = NULL;
	edges->ids = (uint32_t *) (edges + 1);
	edges->differences = (float *) (edges->ids + m);
	edges->nibbles = (uint8_t *) edges->differences + differences;
	return edges;
}

void
sphx_edges_start(SphxEdges *edges, const float *v)
{
	edges->from = v;
	edges->n = 0;
}

void
sphx_edges_add(SphxEdges *edges, uint32_t id, const float *w)
{
	float	   *difference = edges->differences + (size_t) edges->n * (size_t) edges->D;

	memcpy(difference, edges->from, (size_t) edges->D * sizeof(float));
	sphx_kernels->subtract_f32(w, difference, (size_t) edges->D);
	edges->ids[edges->n++] = id;
}

void
sphx_record_set_edges(const SphxLayout *layout, SphxRecord *r, const SphxEdges *edges)
{
	const float *e = edges->differences;
	size_t		D = (size_t) layout->D;
	float		longest = 0.0f;
	float		lengths[SPHX_MAX_M];

	assert(edges->n >= 0 && edges->n <= layout->m);
	for (int j = 0; j < edges->n; j++)
	{
		lengths[j] = vector_norm(e + (size_t) j * D, layout->D);
		longest = fmaxf(longest, lengths[j]);
	}
	r->length_base = (uint16_t) (sphx_length_base(longest) >> 16);
	memset(record_codes(layout, r), 0, sphx_code_bytes(&layout->area, layout->m));
	for (int j = 0; j < edges->n; j++)
		sphx_record_put_edge(layout, r, j, edges->ids[j], e + (size_t) j * D, lengths[j], edges->nibbles);
	r->neighbours = (uint8_t) edges->n;
}

void
sphx_record_copy_edges(const SphxLayout *layout, SphxRecord *r, const SphxRecord *from)
{
	r->neighbours = from->neighbours;
	r->length_base = from->length_base;
	memcpy((char *) r + layout->codes, (const char *) from + layout->codes,
		   (size_t) (layout->size - layout->codes));
}

void
sphx_record_drop_edge(const SphxLayout *layout, SphxRecord *r, int j)
{
	int			last = r->neighbours - 1;

	assert(j >= 0 && j <= last);
	sphx_code_move(&layout->area, record_codes(layout, r), last, j);
	sphx_record_ids(layout, r)[j] = sphx_record_ids(layout, r)[last];
	record_lengths(layout, r)[j] = record_lengths(layout, r)[last];
	record_gains(layout, r)[j] = record_gains(layout, r)[last];
	r->neighbours = (uint8_t) last;
}

void
sphx_record_fit_length(const SphxLayout *layout, SphxRecord *r, float length)
{
	uint32_t	base = sphx_length_base(length);
	uint8_t    *lengths = record_lengths(layout, r);

	if (base <= sphx_record_length_base(r))
		return;
	for (int j = 0; j < r->neighbours; j++)
		lengths[j] = sphx_length_encode(base, sphx_length_decode(sphx_record_length_base(r), lengths[j]));
	r->length_base = (uint16_t) (base >> 16);
}
