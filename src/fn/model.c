/*-------------------------------------------------------------------------
 *
 * model.c
 *	  Types that are models made by training: their forms outside of the server.
 *
 *-------------------------------------------------------------------------
 */
#include "fn/model.h"

#include "libpq/pqformat.h"
#include "port/pg_crc32c.h"
#include "utils/builtins.h"

#include "type/vector.h"

#define HEADER_BYTES		12	/* the checksum included */

void
SphxBadModel(const SphxModelType *type, int code, const char *detail)
{
	ereport(ERROR,
			(errcode(code),
			 errmsg("invalid value of type %s", type->name),
			 errdetail("%s", detail),
			 errhint("Copy the whole of what %s has made, or train again.", type->maker)));
}

static uint32
checksum(const char *data, int size)
{
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, data, (size_t) size);
	FIN_CRC32C(crc);
	return crc;
}

uint32
SphxModelChecksum(StringInfo body)
{
	return checksum(body->data, body->len);
}

bytea *
SphxWriteModel(const SphxModelType *type, int dims, int directions, StringInfo body)
{
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendint16(&buf, type->version);
	pq_sendint16(&buf, (uint16) dims);
	pq_sendint16(&buf, (uint16) directions);
	pq_sendint16(&buf, type->kind);
	pq_sendint32(&buf, SphxModelChecksum(body));
	pq_sendbytes(&buf, body->data, body->len);
	pfree(body->data);
	return pq_endtypsend(&buf);
}

SphxModelHeader
SphxReadModel(const SphxModelType *type, StringInfo buf, int code)
{
	SphxModelHeader header;
	int			version;
	int			kind;

	if (buf->len - buf->cursor < HEADER_BYTES)
		SphxBadModel(type, code, "It is too short.");
	version = (int) pq_getmsgint(buf, sizeof(int16));
	header.dims = (int) pq_getmsgint(buf, sizeof(int16));
	header.directions = (int) pq_getmsgint(buf, sizeof(int16));
	kind = (int) pq_getmsgint(buf, sizeof(int16));
	header.checksum = pq_getmsgint(buf, sizeof(int32));
	if (kind != type->kind)
		SphxBadModel(type, code, "It is of another type.");
	if (version != type->version)
		SphxBadModel(type, code, "It has another version.");
	if (header.dims < 1 || header.dims > SPHX_VECTOR_MAX_DIM || header.directions > header.dims)
		SphxBadModel(type, code, "Its numbers of dimensions and directions are impossible.");
	if ((double) (buf->len - buf->cursor) != type->body_size(header.dims, header.directions))
		SphxBadModel(type, code, "Its length is wrong.");
	if (checksum(buf->data + buf->cursor, buf->len - buf->cursor) != header.checksum)
		SphxBadModel(type, code, "Its checksum is wrong.");
	return header;
}

StringInfo
SphxModelFromText(const SphxModelType *type, const char *digits)
{
	size_t		count = strlen(digits);
	StringInfo	buf = makeStringInfo();

	if (count % 2 != 0 || strspn(digits, "0123456789abcdefABCDEF") != count)
		SphxBadModel(type, ERRCODE_INVALID_TEXT_REPRESENTATION,
					 "It is not made of hexadecimal digits.");
	enlargeStringInfo(buf, (int) (count / 2));
	buf->len = (int) hex_decode(digits, count, buf->data);
	return buf;
}

char *
SphxModelToText(bytea *bytes)
{
	Size		size = VARSIZE_ANY_EXHDR(bytes);
	char	   *digits = palloc(2 * size + 1);

	digits[hex_encode(VARDATA_ANY(bytes), size, digits)] = '\0';
	return digits;
}
