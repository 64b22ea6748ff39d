/*-------------------------------------------------------------------------
 *
 * vector.c
 *	  Text and binary input and output of the type vector, and its type
 *	  modifier.
 *
 *-------------------------------------------------------------------------
 */
#include "server/compat.h"

#include <math.h>

#include "common/shortest_dec.h"
#include "libpq/pqformat.h"
#include "utils/array.h"

#include "type/vector.h"

PG_FUNCTION_INFO_V1(sphx_vector_in);
PG_FUNCTION_INFO_V1(sphx_vector_out);
PG_FUNCTION_INFO_V1(sphx_vector_recv);
PG_FUNCTION_INFO_V1(sphx_vector_send);
PG_FUNCTION_INFO_V1(sphx_vector_typmod_in);
PG_FUNCTION_INFO_V1(sphx_vector_coerce);

bool
SphxCheckDim(int dim, struct Node *escontext)
{
	if (unlikely(dim < 1))
		ereturn(escontext, false,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("vector must have at least 1 dimension")));
	if (unlikely(dim > SPHX_VECTOR_MAX_DIM))
		ereturn(escontext, false,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("vector cannot have more than %d dimensions",
						SPHX_VECTOR_MAX_DIM)));
	return true;
}

bool
SphxCheckTypmod(int32 typmod, int dim, struct Node *escontext)
{
	if (unlikely(typmod != -1 && typmod != dim))
		ereturn(escontext, false,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("expected %d dimensions, not %d", typmod, dim)));
	return true;
}

bool
SphxCheckElement(float x, struct Node *escontext)
{
	if (unlikely(isnan(x)))
		ereturn(escontext, false,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("NaN not allowed in vector")));
	if (unlikely(isinf(x)))
		ereturn(escontext, false,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("infinite value not allowed in vector")));
	return true;
}

void
SphxDimMismatch(int a, int b)
{
	Assert(a != b);
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("different vector dimensions %d and %d", a, b)));
}

Vector *
SphxVectorNew(int dim)
{
	Vector	   *v;

	SphxCheckDim(dim, NULL);
	v = (Vector *) palloc0(SPHX_VECTOR_SIZE(dim));
	SET_VARSIZE(v, SPHX_VECTOR_SIZE(dim));
	v->dim = (int16) dim;
	return v;
}

double
SphxVectorNorm(const float *x, int dim)
{
	double		sum = 0.0;

	for (int i = 0; i < dim; i++)
		sum += (double) x[i] * (double) x[i];
	return sqrt(sum);
}

/* What the parser of the text form carries along. */
typedef struct VectorParser
{
	const char *input;			/* the whole input, for messages */
	const char *at;				/* next character to look at */
	struct Node *escontext;
} VectorParser;

/* The next character that is not white space; the parser stops on it. */
static char
skip_space(VectorParser *p)
{
	while (*p->at == ' ' || (*p->at >= '\t' && *p->at <= '\r'))
		p->at++;
	return *p->at;
}

static bool
syntax_error(const VectorParser *p, const char *detail)
{
	ereturn(p->escontext, false,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid input syntax for type vector: \"%s\"", p->input),
			 detail ? errdetail("%s", detail) : 0));
}

/* One number, white space before it included. */
static bool
parse_element(VectorParser *p, float *x)
{
	char	   *end;

	(void) skip_space(p);
	errno = 0;
	*x = strtof(p->at, &end);
	if (end == p->at)
		return syntax_error(p, NULL);
	/* too small a number becomes zero or denormal, only too large is wrong */
	if (errno == ERANGE && isinf(*x))
		ereturn(p->escontext, false,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("\"%s\" is out of range for type vector",
						pnstrdup(p->at, end - p->at))));
	p->at = end;
	return SphxCheckElement(*x, p->escontext);
}

/*
 * "[e, e, ...]" into x, which has room for SPHX_VECTOR_MAX_DIM elements or
 * one more than the text has commas, whichever is less.  Returns the number
 * of elements, or 0 after an error noted in p->escontext.
 */
static int
parse_vector(VectorParser *p, float *x)
{
	int			dim = 0;
	char		c;

	if (skip_space(p) != '[')
	{
		(void) syntax_error(p, "Vector contents must start with \"[\".");
		return 0;
	}
	p->at++;
	if (skip_space(p) == ']' && !SphxCheckDim(0, p->escontext))
		return 0;

	do
	{
		if (dim == SPHX_VECTOR_MAX_DIM && !SphxCheckDim(dim + 1, p->escontext))
			return 0;
		if (!parse_element(p, &x[dim]))
			return 0;
		dim++;
		c = skip_space(p);
		if (c != ',' && c != ']')
		{
			(void) syntax_error(p, NULL);
			return 0;
		}
		p->at++;
	} while (c == ',');

	if (skip_space(p) != '\0')
	{
		(void) syntax_error(p, "Junk after closing right brace.");
		return 0;
	}
	return dim;
}

/* vector_in(cstring, oid, integer) */
Datum
sphx_vector_in(PG_FUNCTION_ARGS)
{
	VectorParser p;
	int			room = 1;
	int			dim;
	Vector	   *v;

	p.input = p.at = PG_GETARG_CSTRING(0);
	p.escontext = fcinfo->context;

	for (const char *s = p.input; *s != '\0' && room < SPHX_VECTOR_MAX_DIM; s++)
		room += *s == ',';
	v = SphxVectorNew(room);

	dim = parse_vector(&p, v->x);
	if (dim == 0 || !SphxCheckTypmod(PG_GETARG_INT32(2), dim, p.escontext))
		PG_RETURN_NULL();
	Assert(dim == room);
	PG_RETURN_VECTOR_P(v);
}

/* Each element in the shortest form that reads back as the same number. */
Datum
sphx_vector_out(PG_FUNCTION_ARGS)
{
	Vector	   *v = PG_GETARG_VECTOR_P(0);
	char	   *result;
	char	   *at;

	/* an element's room includes a terminator, which the separator replaces */
	result = palloc((Size) v->dim * FLOAT_SHORTEST_DECIMAL_LEN + 2);
	at = result;
	*at++ = '[';
	for (int i = 0; i < v->dim; i++)
	{
		if (i > 0)
			*at++ = ',';
		at += float_to_shortest_decimal_bufn(v->x[i], at);
	}
	*at++ = ']';
	*at = '\0';

	PG_FREE_IF_COPY(v, 0);
	PG_RETURN_CSTRING(result);
}

/* vector_recv(internal, oid, integer): int16 dim, int16 0, float4 x[dim] */
Datum
sphx_vector_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	int			dim = (int16) pq_getmsgint(buf, sizeof(int16));
	int			unused = (int16) pq_getmsgint(buf, sizeof(int16));
	Vector	   *v;

	SphxCheckDim(dim, NULL);
	SphxCheckTypmod(PG_GETARG_INT32(2), dim, NULL);
	if (unused != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("expected unused to be 0, not %d", unused)));

	v = SphxVectorNew(dim);
	for (int i = 0; i < dim; i++)
	{
		v->x[i] = pq_getmsgfloat4(buf);
		SphxCheckElement(v->x[i], NULL);
	}
	PG_RETURN_VECTOR_P(v);
}

Datum
sphx_vector_send(PG_FUNCTION_ARGS)
{
	Vector	   *v = PG_GETARG_VECTOR_P(0);
	StringInfoData buf;

	pq_begintypsend(&buf);
	enlargeStringInfo(&buf, (int) SPHX_VECTOR_SIZE(v->dim));
	pq_sendint16(&buf, (uint16) v->dim);
	pq_sendint16(&buf, (uint16) v->unused);
	for (int i = 0; i < v->dim; i++)
		pq_sendfloat4(&buf, v->x[i]);

	PG_FREE_IF_COPY(v, 0);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

/* vector(n): the modifier is n itself */
Datum
sphx_vector_typmod_in(PG_FUNCTION_ARGS)
{
	int			n;
	int32	   *typmods = ArrayGetIntegerTypmods(PG_GETARG_ARRAYTYPE_P(0), &n);

	if (n != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid type modifier")));
	if (typmods[0] < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("dimensions for type vector must be at least 1")));
	if (typmods[0] > SPHX_VECTOR_MAX_DIM)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("dimensions for type vector cannot exceed %d",
						SPHX_VECTOR_MAX_DIM)));
	PG_RETURN_INT32(typmods[0]);
}

/* vector(vector, integer, boolean): length coercion, which only ever checks */
Datum
sphx_vector_coerce(PG_FUNCTION_ARGS)
{
	Vector	   *v = PG_GETARG_VECTOR_P(0);

	SphxCheckTypmod(PG_GETARG_INT32(1), v->dim, NULL);
	PG_RETURN_VECTOR_P(v);
}
