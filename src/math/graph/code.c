/*-------------------------------------------------------------------------
 *
 * code.c
 *	  Edge codes: encoding, decoding and their place in a record.
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "math/graph/code.h"

#define LENGTH_UNIT			(UINT32_C(1) << SPHX_LENGTH_SHIFT)
#define LENGTH_CODE_MAX		UINT32_C(255)

static uint32_t
float_bits(float f)
{
	uint32_t	bits;

	memcpy(&bits, &f, sizeof(bits));
	return bits;
}

uint32_t
sphx_length_base(float max_length)
{
	/* a damaged record may give any length */
	uint32_t	bits = float_bits(max_length <= FLT_MAX ? max_length : FLT_MAX);
	uint32_t	top = (bits + LENGTH_UNIT - 1) / LENGTH_UNIT;

	assert(!(max_length < 0.0f));
	return top > LENGTH_CODE_MAX ? (top - LENGTH_CODE_MAX) * LENGTH_UNIT : 0;
}

uint8_t
sphx_length_encode(uint32_t length_base, float length)
{
	uint32_t	bits = float_bits(length);
	uint32_t	code;

	/* a damaged base may give any length */
	if (!(length > 0.0f) || bits <= length_base)
		return 0;
	code = (bits - length_base + LENGTH_UNIT / 2) / LENGTH_UNIT;
	return (uint8_t) (code < LENGTH_CODE_MAX ? code : LENGTH_CODE_MAX);
}

uint8_t
sphx_gain_encode(float inverse_a)
{
	float		code = (inverse_a - SPHX_GAIN_MIN) / SPHX_GAIN_STEP + 0.5f;

	return (uint8_t) (code < 0.0f ? 0.0f : code > 255.0f ? 255.0f : code);
}

int
sphx_code_piece_dim(SphxCodebook book)
{
	switch (book)
	{
		case SPHX_CODE_ORTHOPLEX:
			return 8;
		case SPHX_CODE_SIGNS:
			return 4;
		case SPHX_CODE_LLOYD:
			return 2;
		case SPHX_CODE_LEVELS:
			break;
	}
	return 1;
}

static int
band_pieces(const SphxBand *band)
{
	assert(band->dims % sphx_code_piece_dim((SphxCodebook) band->book) == 0);
	return band->dims / sphx_code_piece_dim((SphxCodebook) band->book);
}

int
sphx_code_pieces(const SphxCode *code)
{
	int			pieces = 0;

	for (int i = 0; i < code->count; i++)
		pieces += band_pieces(&code->bands[i]);
	return pieces;
}

/* the mean size of a normal variable, and of the largest of 8: what a sign stands for */
#define SIGNS_SCALE			0.79788f
#define ORTHOPLEX_SCALE		1.42360f

float
sphx_band_scale(const SphxBand *band)
{
	if (band->book == SPHX_CODE_SIGNS)
		return band->weight * SIGNS_SCALE;
	return band->book == SPHX_CODE_ORTHOPLEX ? band->weight * ORTHOPLEX_SCALE : band->weight;
}

double
sphx_code_distortion(SphxCodebook book)
{
	switch (book)
	{
		case SPHX_CODE_ORTHOPLEX:
			return 1.0 - (double) ORTHOPLEX_SCALE * (double) ORTHOPLEX_SCALE / 8.0;
		case SPHX_CODE_SIGNS:
			return 1.0 - (double) SIGNS_SCALE * (double) SIGNS_SCALE;
		case SPHX_CODE_LLOYD:
			return 0.1175;
		case SPHX_CODE_LEVELS:
			break;
	}
	return 0.0115;
}

/* squared nominal norm of a band's codewords before they are scaled */
static float
band_energy(const SphxBand *band)
{
	SphxCodebook book = (SphxCodebook) band->book;

	if (book == SPHX_CODE_ORTHOPLEX)
		return (float) band_pieces(band);
	if (book == SPHX_CODE_SIGNS)
		return (float) band->dims;
	/* E[x^2] of the levels is what the distortion leaves */
	return (float) (1.0 - sphx_code_distortion(book)) * (float) band->dims;
}

float
sphx_code_norm(const SphxCode *code)
{
	float		square = 0.0f;

	for (int i = 0; i < code->count; i++)
	{
		float		scale = sphx_band_scale(&code->bands[i]);

		square += scale * scale * band_energy(&code->bands[i]);
	}
	return sqrtf(square);
}

/*
 * The codeword of one piece, whose inner product with the piece is added to *sum.
 * Without branches: which way they go is random.
 */
static inline unsigned
encode_orthoplex(const float *e, float *sum)
{
	float		largest = fabsf(e[0]);
	unsigned	best = 0;

	for (unsigned i = 1; i < 8; i++)
	{
		float		size = fabsf(e[i]);

		best = size > largest ? i : best;
		largest = size > largest ? size : largest;
	}
	*sum += largest;
	return best | (unsigned) (e[best] < 0.0f) << 3;
}

static inline unsigned
encode_signs(const float *e, float *sum)
{
	*sum += (fabsf(e[0]) + fabsf(e[1])) + (fabsf(e[2]) + fabsf(e[3]));
	return (unsigned) (e[0] < 0.0f) | (unsigned) (e[1] < 0.0f) << 1 |
		(unsigned) (e[2] < 0.0f) << 2 | (unsigned) (e[3] < 0.0f) << 3;
}

/* level of one coordinate: 0..3 for -10, -3, 3, 10 units */
static inline unsigned
lloyd_level(float x, float threshold, float *sum)
{
	static const float units[2] = {3.0f * SPHX_LLOYD_UNIT, 10.0f * SPHX_LLOYD_UNIT};
	unsigned	outer = fabsf(x) > threshold;
	unsigned	positive = x >= 0.0f;

	*sum = fabsf(x) * units[outer];
	return (outer ^ positive ^ 1) | positive << 1;
}

static inline unsigned
encode_lloyd(const float *e, float threshold, float *sum)
{
	float		first;
	float		second;
	unsigned	nibble = lloyd_level(e[0], threshold, &first);

	nibble |= lloyd_level(e[1], threshold, &second) << 2;
	*sum += first + second;
	return nibble;
}

static inline unsigned
encode_level(float e, float inverse, float *sum)
{
	float		level = fmaxf(0.0f, fminf(15.0f, floorf(e * inverse) + 8.0f));

	*sum += e * (2.0f * level - 15.0f) * SPHX_LEVELS_UNIT;
	return (unsigned) level;
}

/* encode the band's coordinates, `root` being sqrt(D); returns <e, u>, u not scaled */
static float
encode_band(const SphxBand *band, const float *e, float e_norm, float root, uint8_t *nibbles)
{
	int			pieces = band_pieces(band);
	float		sums[4] = {0.0f, 0.0f, 0.0f, 0.0f}; /* four for speed */

	/*
	 * in this order its bits are those of earlier libraries where the weight
	 * is 1
	 */
	float		threshold = SPHX_LLOYD_THRESHOLD * e_norm / root * band->weight;
	float		deviation = band->weight * (e_norm / root);
	float		inverse = deviation > 1e-30f ? 1.0f / (2.0f * SPHX_LEVELS_UNIT * deviation) : 0.0f;

	/* a loop for each, which few pieces are quickly through */
	switch ((SphxCodebook) band->book)
	{
		case SPHX_CODE_ORTHOPLEX:
			for (int l = 0; l < pieces; l++)
				nibbles[l] = (uint8_t) encode_orthoplex(e + 8 * l, &sums[l & 3]);
			break;
		case SPHX_CODE_SIGNS:
			for (int l = 0; l < pieces; l++)
				nibbles[l] = (uint8_t) encode_signs(e + 4 * l, &sums[l & 3]);
			break;
		case SPHX_CODE_LLOYD:
			for (int l = 0; l < pieces; l++)
				nibbles[l] = (uint8_t) encode_lloyd(e + 2 * l, threshold, &sums[l & 3]);
			break;
		case SPHX_CODE_LEVELS:
			for (int l = 0; l < pieces; l++)
				nibbles[l] = (uint8_t) encode_level(e[l], inverse, &sums[l & 3]);
			break;
	}
	return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

float
sphx_code_encode(const SphxCode *code, const float *e, float e_norm, uint8_t *nibbles)
{
	float		root = sqrtf((float) code->D);
	float		sum = 0.0f;

	if (!(e_norm > 0.0f))
	{
		memset(nibbles, 0, (size_t) sphx_code_pieces(code));
		return 0.0f;
	}
	for (int i = 0; i < code->count; i++)
	{
		const SphxBand *band = &code->bands[i];

		sum += sphx_band_scale(band) * encode_band(band, e, e_norm, root, nibbles);
		e += band->dims;
		nibbles += band_pieces(band);
	}
	return sum / (e_norm * sphx_code_norm(code));
}

static void
decode_piece(SphxCodebook book, unsigned nibble, float *u)
{
	static const float level[4] = {
		-10 * SPHX_LLOYD_UNIT, -3 * SPHX_LLOYD_UNIT, 3 * SPHX_LLOYD_UNIT, 10 * SPHX_LLOYD_UNIT
	};

	switch (book)
	{
		case SPHX_CODE_ORTHOPLEX:
			for (unsigned i = 0; i < 8; i++)
				u[i] = i != nibble % 8 ? 0.0f : nibble < 8 ? 1.0f : -1.0f;
			break;
		case SPHX_CODE_SIGNS:
			for (unsigned i = 0; i < 4; i++)
				u[i] = nibble >> i & 1 ? -1.0f : 1.0f;
			break;
		case SPHX_CODE_LLOYD:
			u[0] = level[nibble & 3];
			u[1] = level[nibble >> 2];
			break;
		case SPHX_CODE_LEVELS:
			u[0] = (2.0f * (float) nibble - 15.0f) * SPHX_LEVELS_UNIT;
			break;
	}
}

void
sphx_code_decode(const SphxCode *code, const uint8_t *nibbles, float *u)
{
	const float *end = u + code->D;

	for (int i = 0; i < code->count; i++)
	{
		const SphxBand *band = &code->bands[i];
		int			dim = sphx_code_piece_dim((SphxCodebook) band->book);
		float		scale = sphx_band_scale(band);

		for (int l = 0; l < band->dims; l += dim)
			decode_piece((SphxCodebook) band->book, *nibbles++, u + l);
		for (int l = 0; l < band->dims; l++)
			u[l] *= scale;
		u += band->dims;
	}
	while (u < end)
		*u++ = 0.0f;
}

size_t
sphx_code_bytes(const SphxCodeArea *area, int m)
{
	if (area->by_piece)
		return (size_t) area->pieces * (size_t) m / 2;
	return (size_t) (area->pieces + 1) / 2 * (size_t) m;
}

/* Where a neighbour's nibbles are: those of piece l, l + 1 .. are at equal distances. */
typedef struct NibbleRun
{
	size_t		byte;			/* of piece l */
	size_t		stride;			/* to the byte of the next piece */
	int			count;			/* pieces from l on */
	int			shift;			/* within a byte */
} NibbleRun;

/* the run that begins with piece l of neighbour j */
static NibbleRun
nibble_run(const SphxCodeArea *area, int j, int l)
{
	int			start = j / SPHX_CODE_BLOCK * SPHX_CODE_BLOCK;
	int			width = area->m - start < SPHX_CODE_BLOCK ? area->m - start : SPHX_CODE_BLOCK;
	int			lane = j - start;
	int			first = l / SPHX_CODE_GROUP * SPHX_CODE_GROUP;	/* piece of its group */
	int			left = area->pieces - first;
	int			bytes = (left < SPHX_CODE_GROUP ? left + 1 : SPHX_CODE_GROUP) / 2;
	NibbleRun	run;

	assert(j >= 0 && j < area->m && area->m % 2 == 0);
	run.byte = sphx_code_bytes(area, start);
	if (area->by_piece)
	{
		int			half = width / 2;

		run.byte += (size_t) (l * half + lane % half);
		run.stride = (size_t) half;
		run.count = area->pieces - l;
		run.shift = lane < half ? 0 : 4;
		return run;
	}
	run.byte += (size_t) (first / 2 * width + lane * bytes + (l - first) % bytes);
	run.stride = 1;
	run.count = l - first < bytes ? first + bytes - l : area->pieces - l;
	run.count = run.count < bytes ? run.count : bytes;
	run.shift = l - first < bytes ? 0 : 4;
	return run;
}

void
sphx_code_put(const SphxCodeArea *area, uint8_t *codes, int j, const uint8_t *nibbles)
{
	for (int l = 0; l < area->pieces;)
	{
		NibbleRun	run = nibble_run(area, j, l);
		uint8_t    *byte = codes + run.byte;

		for (int end = l + run.count; l < end; l++, byte += run.stride)
			*byte = (uint8_t) ((*byte & (0xf0 >> run.shift)) | nibbles[l] << run.shift);
	}
}

void
sphx_code_get(const SphxCodeArea *area, const uint8_t *codes, int j, uint8_t *nibbles)
{
	for (int l = 0; l < area->pieces;)
	{
		NibbleRun	run = nibble_run(area, j, l);
		const uint8_t *byte = codes + run.byte;

		for (int end = l + run.count; l < end; l++, byte += run.stride)
			nibbles[l] = *byte >> run.shift & 0x0f;
	}
}

void
sphx_code_move(const SphxCodeArea *area, uint8_t *codes, int from, int to)
{
	for (int l = 0; l < area->pieces;)
	{
		/* of two neighbours they are as long */
		NibbleRun	a = nibble_run(area, from, l);
		NibbleRun	b = nibble_run(area, to, l);
		const uint8_t *in = codes + a.byte;
		uint8_t    *out = codes + b.byte;

		for (int end = l + a.count; l < end; l++, in += a.stride, out += b.stride)
			*out = (uint8_t) ((*out & (0xf0 >> b.shift)) | (*in >> a.shift & 0x0f) << b.shift);
	}
}
