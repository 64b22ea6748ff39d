-- sphx 0.2.0: what is new since 0.1.0

-- complain if the script is run by psql rather than by ALTER EXTENSION
\echo Use "ALTER EXTENSION sphx UPDATE" to load this file. \quit


-- Inspection of an index

CREATE FUNCTION sphx_check(index regclass, heap boolean DEFAULT false,
		OUT pages bigint, OUT unused_pages bigint, OUT nodes bigint, OUT dead_nodes bigint,
		OUT overflow_records bigint, OUT edges bigint, OUT unreachable_nodes bigint,
		OUT tids bigint, OUT rows bigint)
	RETURNS record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION sphx_check(regclass, boolean) IS 'verifies the structure of an sphx index and, with heap, that every row of the table is in it once; an error where it is corrupted, otherwise counts; for the owner of the table; reads the whole index while inserts and queries go on';

-- Codebook training


-- Angle testing
