-- sphx_pgvector 0.3.0: operator classes of the access method sphx for the types
-- of pgvector, and casts from its vectors to those of sphx

-- complain if the script is run by psql rather than by CREATE EXTENSION
\echo Use "CREATE EXTENSION sphx_pgvector" to load this file. \quit

-- The operator classes have the names of those that sphx has for its own type,
-- so they cannot be in the same schema; then they go to that of pgvector.
DO $$
DECLARE
	pgvector CONSTANT regnamespace := extnamespace FROM pg_catalog.pg_extension WHERE extname = 'vector';
	sphx CONSTANT regnamespace := extnamespace FROM pg_catalog.pg_extension WHERE extname = 'sphx';
BEGIN
	IF to_regtype(format('%s.halfvec', pgvector)) IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'undefined_object',
			MESSAGE = 'sphx_pgvector needs version 0.7.0 or later of the extension "vector"',
			HINT = 'Install a newer pgvector, then: ALTER EXTENSION vector UPDATE;';
	END IF;
	IF to_regprocedure(format('%s.sphx_operand_bit()', sphx)) IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'undefined_object',
			MESSAGE = 'sphx_pgvector needs version 0.3.0 or later of the extension "sphx"',
			HINT = 'First: ALTER EXTENSION sphx UPDATE;';
	END IF;
	IF to_regnamespace(quote_ident(current_schema())) = sphx THEN
		EXECUTE format('ALTER EXTENSION sphx_pgvector SET SCHEMA %s', pgvector);
		PERFORM set_config('search_path', format('%s, pg_temp', pgvector), true);
	END IF;
END
$$;


-- What the operators take

CREATE FUNCTION sphx_operand_pgvector() RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION sphx_operand_halfvec() RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;


-- Operator classes, under the names and with the operators of pgvector's own,
-- and casts.  Both types called vector have the same bytes.
DO $$
DECLARE
	pgvector CONSTANT regnamespace := extnamespace FROM pg_catalog.pg_extension WHERE extname = 'vector';
	sphx CONSTANT regnamespace := extnamespace FROM pg_catalog.pg_extension WHERE extname = 'sphx';
	class record;
BEGIN
	FOR class IN
		SELECT * FROM (VALUES
			('vector', 'sphx_operand_pgvector', 'l2', 'l2', '<->', 'l2_distance', 'DEFAULT'),
			('vector', 'sphx_operand_pgvector', 'cosine', 'cosine', '<=>', 'cosine_distance', ''),
			('vector', 'sphx_operand_pgvector', 'ip', 'ip', '<#>', 'vector_negative_inner_product', ''),
			('halfvec', 'sphx_operand_halfvec', 'l2', 'l2', '<->', 'l2_distance', ''),
			('halfvec', 'sphx_operand_halfvec', 'cosine', 'cosine', '<=>', 'cosine_distance', ''),
			('halfvec', 'sphx_operand_halfvec', 'ip', 'ip', '<#>', 'halfvec_negative_inner_product', ''),
			('bit', NULL, 'hamming', 'l2', '<~>', 'hamming_distance', ''))
			c (type, operand, name, metric, operator, distance, is_default)
	LOOP
		EXECUTE format('CREATE OPERATOR CLASS %1$s_%2$s_ops %3$s FOR TYPE %4$s USING sphx AS
				OPERATOR 1 %5$s.%6$s (%4$s, %4$s) FOR ORDER BY pg_catalog.float_ops,
				FUNCTION 1 %5$s.%7$s (%4$s, %4$s),
				FUNCTION 2 %8$s.sphx_metric_%9$s (),
				FUNCTION 3 %10$s ()',
			class.type, class.name, class.is_default,
			CASE class.type WHEN 'bit' THEN 'pg_catalog."bit"' ELSE format('%s.%s', pgvector, class.type) END,
			pgvector, class.operator, class.distance, sphx, class.metric,
			coalesce(class.operand, format('%s.sphx_operand_bit', sphx)));
	END LOOP;
	EXECUTE format('CREATE CAST (%1$s.vector AS %2$s.vector) WITHOUT FUNCTION AS IMPLICIT', pgvector, sphx);
	EXECUTE format('CREATE CAST (%2$s.vector AS %1$s.vector) WITHOUT FUNCTION AS ASSIGNMENT', pgvector, sphx);
END
$$;


-- What takes the place of pgvector's indexes

CREATE FUNCTION sphx_pgvector_indexes()
	RETURNS TABLE (index regclass, access_method name, size bigint, replacement text)
	LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
	AS $$
SELECT i.indexrelid, a.amname, pg_table_size(i.indexrelid),
	format('CREATE INDEX%s ON %s USING sphx (%s ',
		-- which a partitioned table does not know
		CASE WHEN c.relkind = 'i' THEN ' CONCURRENTLY' ELSE '' END,
		i.indrelid::regclass, pg_get_indexdef(i.indexrelid, 1, false)) || class.name || ')'
	|| coalesce(' WITH (' || options.list || ')', '')
	|| coalesce(' TABLESPACE ' || quote_ident(t.spcname), '')
	|| coalesce(' WHERE ' || pg_get_expr(i.indpred, i.indrelid), '')
FROM pg_index i
	JOIN pg_class c ON c.oid = i.indexrelid
	JOIN pg_am a ON a.oid = c.relam
	JOIN pg_opclass o ON o.oid = i.indclass[0]
	LEFT JOIN pg_tablespace t ON t.oid = c.reltablespace
	LEFT JOIN LATERAL (
		SELECT format('%I.%I', n.nspname, s.opcname) AS name
		FROM pg_opclass s JOIN pg_namespace n ON n.oid = s.opcnamespace
			JOIN pg_am m ON m.oid = s.opcmethod
		WHERE m.amname = 'sphx' AND s.opcname = o.opcname
			-- for bit there are two of the name
			AND EXISTS (SELECT FROM pg_amop p JOIN pg_amop q ON p.amopopr = q.amopopr
				WHERE p.amopfamily = s.opcfamily AND q.amopfamily = o.opcfamily)) class ON true
	LEFT JOIN LATERAL (
		-- in pgvector the lowest layer, which is nearly all of the graph, has 2 m neighbours
		SELECT string_agg(CASE option_name WHEN 'm' THEN format('m = %s', least(2 * option_value::integer, 96))
			ELSE format('ef_construction = %s', option_value) END, ', ' ORDER BY option_name DESC) AS list
		FROM pg_options_to_table(c.reloptions)
		WHERE option_name IN ('m', 'ef_construction')) options ON true
WHERE a.amname IN ('hnsw', 'ivfflat') AND NOT c.relispartition
ORDER BY i.indrelid::regclass::text, i.indexrelid::regclass::text
$$;

COMMENT ON FUNCTION sphx_pgvector_indexes() IS 'the hnsw and ivfflat indexes of the database, without those of partitions, and for each the statement that makes an sphx index in its place; NULL where there is no operator class for it';
