/*-------------------------------------------------------------------------
 *
 * model.h
 *	  Types that are models made by training: their forms outside of the server.
 *
 * The binary form, and in hexadecimal digits the text form: uint16 version,
 * dimensions, directions and the kind of model; the CRC-32C of what follows, the body.  Nearly any
 * body is some model: without a checksum nobody would notice that it is not the
 * one that was trained.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_MODEL_H
#define SPHX_MODEL_H

#include "server/compat.h"

#include "lib/stringinfo.h"

/* a type, all whose values are made by one function */
typedef struct SphxModelType
{
	const char *name;
	const char *maker;
	uint16		kind;			/* 0 sphx_rotation, 1 sphx_lrsq */
	uint16		version;
	double		(*body_size) (int dims, int directions);
} SphxModelType;

typedef struct SphxModelHeader
{
	int			dims;			/* 1..SPHX_VECTOR_MAX_DIM */
	int			directions;		/* 0..dims */
	uint32		checksum;		/* of the body */
} SphxModelHeader;

/* "invalid value of type ..." with this code, what is wrong, and what to do */
extern void SphxBadModel(const SphxModelType *type, int code, const char *detail);

extern uint32 SphxModelChecksum(StringInfo body);

/* the binary form; the body is freed */
extern bytea *SphxWriteModel(const SphxModelType *type, int dims, int directions,
							 StringInfo body);

/*
 * The header of a binary form, with an error of this code when it is not one, when
 * the body has not the size that these dimensions and directions make, or not the
 * checksum; the body is then next in buf.
 */
extern SphxModelHeader SphxReadModel(const SphxModelType *type, StringInfo buf, int code);

/* a text form's binary form, and the other way around */
extern StringInfo SphxModelFromText(const SphxModelType *type, const char *digits);
extern char *SphxModelToText(bytea *bytes);

#endif							/* SPHX_MODEL_H */
