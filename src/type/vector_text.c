/*-------------------------------------------------------------------------
 *
 * vector_text.c
 *	  Text of vectors, of whatever precision, and the modifier of their types.
 *
 *-------------------------------------------------------------------------
 */
#include "type/vector_text.h"

#include <math.h>

#include "common/shortest_dec.h"
#include "utils/array.h"

#include "math/base/decimal.h"
#include "type/vector.h"

/* What the parser of the text form carries along. */
typedef struct VectorParser
{
	const char *type;			/* for messages */
	const char *input;			/* the whole input, for messages */
	const char *at;				/* next character to look at */
	const char *end;			/* the terminator */
	float		too_large;		/* the least magnitude that is out of range */
	struct Node *escontext;
} VectorParser;

/* The next character that is not white space; the parser stops on it. */
static inline char
skip_space(VectorParser *p)
{
	while (unlikely(*p->at == ' ' || (*p->at >= '\t' && *p->at <= '\r')))
		p->at++;
	return *p->at;
}

static bool
syntax_error(const VectorParser *p, const char *detail)
{
	ereturn(p->escontext, false,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid input syntax for type %s: \"%s\"", p->type, p->input),
			 detail ? errdetail("%s", detail) : 0));
}

/* A number that sphx_decimal_float does not read, or a syntax error. */
static bool
parse_rare(VectorParser *p, float *x)
{
	char	   *end;

	errno = 0;
	*x = strtof(p->at, &end);
	if (end == p->at)
		return syntax_error(p, NULL);
	/* too small a number becomes zero or denormal, only too large is wrong */
	if ((errno == ERANGE && isinf(*x)) || (fabsf(*x) >= p->too_large && !isinf(*x)))
		ereturn(p->escontext, false,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("\"%s\" is out of range for type %s",
						pnstrdup(p->at, end - p->at), p->type)));
	p->at = end;
	return SphxCheckElementOf(p->type, *x, p->escontext);
}

/* One number, white space before it included. */
static inline bool
parse_element(VectorParser *p, float *x)
{
	const char *next;

	(void) skip_space(p);
	next = sphx_decimal_float(p->at, p->end, x);
	if (unlikely(next == NULL || !(fabsf(*x) < p->too_large)))
		return parse_rare(p, x);
	p->at = next;
	return true;
}

/* The number of elements, or 0 after an error noted in p->escontext. */
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
	if (skip_space(p) == ']' && !SphxCheckDimOf(p->type, 0, p->escontext))
		return 0;

	do
	{
		if (dim == SPHX_VECTOR_MAX_DIM && !SphxCheckDimOf(p->type, dim + 1, p->escontext))
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

int
SphxParseVector(const char *type, const char *input, float too_large, float *x,
				struct Node *escontext)
{
	VectorParser p = {
		.type = type,
		.input = input,
		.at = input,
		.end = input + strlen(input),
		.too_large = too_large,
		.escontext = escontext
	};

	return parse_vector(&p, x);
}

char *
SphxFormatVector(const float *x, int dim)
{
	/* an element's room includes a terminator, which the separator replaces */
	char	   *result = palloc((Size) dim * FLOAT_SHORTEST_DECIMAL_LEN + 2);
	char	   *at = result;

	*at++ = '[';
	for (int i = 0; i < dim; i++)
	{
		if (i > 0)
			*at++ = ',';
		at += float_to_shortest_decimal_bufn(x[i], at);
	}
	*at++ = ']';
	*at = '\0';
	return result;
}

int32
SphxDimensionTypmod(const char *type, ArrayType *array)
{
	int			n;
	int32	   *typmods = ArrayGetIntegerTypmods(array, &n);

	if (n != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid type modifier")));
	if (typmods[0] < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("dimensions for type %s must be at least 1", type)));
	if (typmods[0] > SPHX_VECTOR_MAX_DIM)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("dimensions for type %s cannot exceed %d",
						type, SPHX_VECTOR_MAX_DIM)));
	return typmods[0];
}
