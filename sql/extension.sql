-- Creating, moving and dropping the extension

SET client_min_messages = warning;
-- the context of errors in a script is not the same in all server versions
\set SHOW_CONTEXT never

-- beside a type "vector" of somebody else's it goes into a schema of its own
BEGIN;
DROP EXTENSION sphx CASCADE;
CREATE SCHEMA other;
SET LOCAL search_path = other, public;
CREATE TYPE vector AS (x real, y real);
SAVEPOINT s;
CREATE EXTENSION sphx SCHEMA other;
SELECT '[1,2]'::sphx.vector, '(1,2)'::vector;
SELECT round(('[1,2]'::sphx.vector OPERATOR(sphx.<->) '[4,6]')::numeric, 3);
SELECT sphx.avg(v) FROM (VALUES ('[1,2]'::sphx.vector), ('[3,4]')) t (v);
SELECT extnamespace::regnamespace, current_schema, has_schema_privilege('public', 'sphx', 'USAGE') AS for_all
FROM pg_extension WHERE extname = 'sphx';
SELECT d.classid::regclass, count(*) FROM pg_depend d
WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = 'other'::regnamespace GROUP BY 1 ORDER BY 1;
ALTER EXTENSION sphx SET SCHEMA public;
ROLLBACK TO s;

-- which outlives it, and is used again
CREATE EXTENSION sphx;
DROP EXTENSION sphx;
CREATE EXTENSION sphx;
ROLLBACK TO s;

-- a type that belongs to an extension
ALTER EXTENSION plpgsql ADD TYPE vector;
CREATE EXTENSION sphx;
ROLLBACK TO s;

-- that schema is taken as well, or somebody else's
CREATE SCHEMA sphx;
CREATE TYPE sphx.vector AS (x real, y real);
CREATE EXTENSION sphx;
ROLLBACK TO s;
CREATE SCHEMA sphx;
CREATE EXTENSION sphx SCHEMA sphx;
ROLLBACK TO s;
CREATE ROLE regress_sphx_owner;
CREATE SCHEMA sphx AUTHORIZATION regress_sphx_owner;
CREATE EXTENSION sphx;
ROLLBACK;

-- it can be moved
BEGIN;
CREATE TABLE ext_t (v vector(2));
INSERT INTO ext_t VALUES ('[3,4]');
CREATE SCHEMA elsewhere;
ALTER EXTENSION sphx SET SCHEMA elsewhere;
SELECT round((v OPERATOR(elsewhere.<->) '[0,0]')::numeric, 3), elsewhere.avg(v)::text FROM ext_t GROUP BY v;
ROLLBACK;

-- everything in it is dropped with it
BEGIN;
DROP EXTENSION sphx CASCADE;
SELECT to_regtype('vector') IS NULL AS dropped;
ROLLBACK;

-- all functions of the type may run in parallel workers, and give the same
-- result for the same vectors
SELECT p.proname, p.proparallel, p.provolatile, p.proisstrict
FROM pg_depend d JOIN pg_proc p ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
	AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'sphx')
	AND p.prokind = 'f' AND 'vector'::regtype = ANY (p.proargtypes)
	AND p.proname NOT LIKE 'sphx\_%'
	AND (p.proparallel, p.provolatile, p.proisstrict) <> ('s', 'i', true)
ORDER BY 1;
