/*-------------------------------------------------------------------------
 *
 * code.h
 *	  Edge codes: KS2 centred on the node (src/README; Lu, Xiao and Ishikawa,
 *	  Eq. 3).
 *
 * For an edge v -> w, e = w - v (rotated).  u = the concatenation of the
 * codewords nearest to e's pieces in direction, U = the codebook's nominal
 * norm of u.  With A = <e,u> / (|e| U) and x = q - v:
 *
 *		|q-w|^2 = |x|^2 + |e|^2 - 2<x,e>  ~  |x|^2 + |e|^2 - 2 |e| / (A U) <x,u>
 *
 * |e| and 1/A are kept in one byte each.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_CODE_H
#define SPHX_CODE_H

#include "math/kernels/code_bytes.h"
#include "math/kernels/kernels.h"

/*
 * Bytes of lengths and gains.  The base is the one for which max_length gets the
 * highest code that is not below it.
 */
extern uint32_t sphx_length_base(float max_length);
extern uint8_t sphx_length_encode(uint32_t length_base, float length);
extern uint8_t sphx_gain_encode(float inverse_a);

/*
 * Dimensions of a piece; and the distortion of a book: what its codewords do not
 * tell of a normal variable's variance.
 */
extern int	sphx_code_piece_dim(SphxCodebook book);
extern double sphx_code_distortion(SphxCodebook book);

/*
 * A run of dimensions, a multiple of the piece's, that have one codebook.
 * Codewords are multiplied by the weight, the standard deviation of a unit
 * edge's coordinate there times sqrt(D), and by a factor of the book that makes
 * those of different books the best guesses beside each other.
 */
typedef struct SphxBand
{
	uint16_t	dims;
	uint8_t		book;			/* SphxCodebook */
	uint8_t		unused;			/* 0 */
	float		weight;
} SphxBand;

#define SPHX_MAX_BANDS		16

/* Bands from dimension 0 on; what is behind them has no code. */
typedef struct SphxCode
{
	int			D;
	int			count;			/* of bands, at least 1 */
	SphxBand	bands[SPHX_MAX_BANDS];
} SphxCode;

/* nibbles of an edge; U */
extern int	sphx_code_pieces(const SphxCode *code);
extern float sphx_code_norm(const SphxCode *code);

/* what the band's codewords are multiplied by */
extern float sphx_band_scale(const SphxBand *band);

/*
 * Encode direction e (D dimensions): nibbles[l] = the codeword of piece l.
 * Returns A, the cosine against the nominal norm; 0 for a zero vector (whose
 * nibbles are 0).  e_norm is |e|.
 */
extern float sphx_code_encode(const SphxCode *code, const float *e, float e_norm,
							  uint8_t *nibbles);

/* u of the given nibbles */
extern void sphx_code_decode(const SphxCode *code, const uint8_t *nibbles, float *u);

/*
 * A record's code area: nibbles of m neighbours, in blocks of up to 32 of them,
 * each in the order of grouped_sums, or of code_sums.
 */
typedef struct SphxCodeArea
{
	int			pieces;			/* nibbles a neighbour */
	int			m;				/* even */
	bool		by_piece;		/* the order of code_sums */
} SphxCodeArea;

/* bytes of the first m neighbours: all, or whole blocks */
extern size_t sphx_code_bytes(const SphxCodeArea *area, int m);

/* the nibbles of neighbour j */
extern void sphx_code_put(const SphxCodeArea *area, uint8_t *codes, int j, const uint8_t *nibbles);
extern void sphx_code_get(const SphxCodeArea *area, const uint8_t *codes, int j, uint8_t *nibbles);

/* copy the nibbles of neighbour `from` over those of neighbour `to` */
extern void sphx_code_move(const SphxCodeArea *area, uint8_t *codes, int from, int to);

#endif							/* SPHX_CODE_H */
