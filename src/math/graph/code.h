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

/* dimensions of a piece; pieces of D dimensions; U for D dimensions */
extern int	sphx_code_piece_dim(SphxCodebook book);
extern int	sphx_code_pieces(SphxCodebook book, int D);
extern float sphx_code_norm(SphxCodebook book, int D);

/*
 * Encode direction e (D dimensions): nibbles[l] = the codeword of piece l.
 * Returns A, the cosine against the nominal norm; 0 for a zero vector (whose
 * nibbles are 0).  e_norm is |e|.
 */
extern float sphx_code_encode(SphxCodebook book, const float *e, int D, float e_norm,
							  uint8_t *nibbles);

/* u of the given nibbles */
extern void sphx_code_decode(SphxCodebook book, const uint8_t *nibbles, int D, float *u);

/*
 * Nibbles of neighbour j inside a record's code area for m neighbours: blocks
 * of up to 32 neighbours, each in the layout of code_sums.
 */
extern size_t sphx_code_bytes(int pieces, int m);
extern void sphx_code_put(uint8_t *codes, int pieces, int m, int j, const uint8_t *nibbles);
extern void sphx_code_get(const uint8_t *codes, int pieces, int m, int j, uint8_t *nibbles);

/* copy the nibbles of neighbour `from` over those of neighbour `to` */
extern void sphx_code_move(uint8_t *codes, int pieces, int m, int from, int to);

#endif							/* SPHX_CODE_H */
