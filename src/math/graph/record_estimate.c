/*-------------------------------------------------------------------------
 *
 * record_estimate.c
 *	  Estimates of distances by the codes of a record's edges.
 *
 *-------------------------------------------------------------------------
 */
#include <float.h>
#include <math.h>

#include "math/graph/record_private.h"

/* the unit of a band's table by the largest |x[i]|, codewords not scaled */
static float
table_unit(SphxCodebook book)
{
	switch (book)
	{
		case SPHX_CODE_ORTHOPLEX:
			return 1.0f / SPHX_RANGE_ORTHOPLEX;
		case SPHX_CODE_SIGNS:
			return 1.0f / SPHX_RANGE_SIGNS;
		case SPHX_CODE_LLOYD:
			return SPHX_LLOYD_TOP / SPHX_RANGE_LLOYD;
		case SPHX_CODE_LEVELS:
			break;
	}
	return SPHX_LEVELS_TOP / SPHX_RANGE_LEVELS;
}

static float
fill_table(SphxCodebook book, const float *x, size_t dims, float amax, uint8_t *table)
{
	switch (book)
	{
		case SPHX_CODE_ORTHOPLEX:
			return sphx_kernels->table_orthoplex(x, dims, amax, table);
		case SPHX_CODE_SIGNS:
			return sphx_kernels->table_signs(x, dims, amax, table);
		case SPHX_CODE_LLOYD:
			return sphx_kernels->table_lloyd(x, dims, amax, table);
		case SPHX_CODE_LEVELS:
			break;
	}
	return sphx_kernels->table_levels(x, dims, amax, table);
}

/*
 * Tables of several bands have one unit, the largest that one of them needs:
 * each is made as if its largest coordinate were as large as fits the unit.
 */
static float
fill_tables(const SphxCode *code, const float *x, uint8_t *table)
{
	const float *part = x;
	float		scale[SPHX_MAX_BANDS];	/* of tables, by the largest |x[i]| */
	float		unit = 0.0f;

	for (int i = 0; i < code->count; i++)
	{
		const SphxBand *band = &code->bands[i];

		scale[i] = sphx_band_scale(band) * table_unit((SphxCodebook) band->book);
		unit = fmaxf(unit, scale[i] * sphx_kernels->amax_f32(part, band->dims));
		part += band->dims;
	}
	for (int i = 0; i < code->count; i++)
	{
		const SphxBand *band = &code->bands[i];

		(void) fill_table((SphxCodebook) band->book, x, band->dims, unit / scale[i], table);
		x += band->dims;
		table += 16 * band->dims / sphx_code_piece_dim((SphxCodebook) band->book);
	}

	/*
	 * a damaged record may have any scale: then no table has entries, as for
	 * one band
	 */
	return unit <= FLT_MAX ? unit : 0.0f;
}

/* the look-up table of x; returns its unit divided by the nominal norm of a code */
float
sphx_record_table(const SphxLayout *layout, const float *x, float amax, uint8_t *table)
{
	const SphxCode *code = &layout->code;
	const SphxBand *band = &code->bands[0];
	float		unit;

	if (code->count > 1 || band->dims < layout->D)
		unit = fill_tables(code, x, table);
	else
		unit = sphx_band_scale(band) *
			fill_table((SphxCodebook) band->book, x, band->dims, amax, table);
	return unit / layout->code_norm;
}

void
sphx_record_estimate(const SphxLayout *layout, const SphxRecord *r, const float *x, float square,
					 uint8_t *table, float *estimates)
{
	float		unit = sphx_record_table(layout, x, sphx_kernels->amax_f32(x, (size_t) layout->D),
										 table);
	int32_t		sums[SPHX_CODE_BLOCK];

	for (int start = 0; start < r->neighbours; start += SPHX_CODE_BLOCK)
	{
		int			n = sphx_record_block_sums(layout, r, start, table, sums);

		sphx_kernels->estimate(sums, record_lengths(layout, r) + start,
							   record_gains(layout, r) + start, sphx_record_length_base(r),
							   square,
							   2.0f * unit, n, estimates + start);
	}
}

int
sphx_record_block_sums(const SphxLayout *layout, const SphxRecord *r, int start,
					   const uint8_t *table, int32_t *sums)
{
	int			width = layout->m - start < SPHX_CODE_BLOCK ? layout->m - start : SPHX_CODE_BLOCK;
	int			n = r->neighbours - start < width ? r->neighbours - start : width;

	(layout->by_piece ? sphx_kernels->code_sums : sphx_kernels->grouped_sums)
		(record_codes(layout, r) + sphx_code_bytes(&layout->area, start),
		 (size_t) layout->pieces, width, table, sums);
	return n;
}
