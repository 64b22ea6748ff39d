-- Creating, moving and dropping the extension

SET client_min_messages = warning;
-- the context of errors in a script is not the same in all server versions
\set SHOW_CONTEXT never

-- a type "vector" of somebody else's in the schema stops it
BEGIN;
DROP EXTENSION sphx CASCADE;
CREATE SCHEMA other;
SET LOCAL search_path = other, public;
CREATE TYPE vector AS (x real, y real);
SAVEPOINT s;
CREATE EXTENSION sphx;
ROLLBACK TO s;
CREATE EXTENSION sphx SCHEMA other;
ROLLBACK TO s;

-- so does one that belongs to an extension
ALTER EXTENSION plpgsql ADD TYPE vector;
CREATE EXTENSION sphx;
ROLLBACK TO s;

-- the way out that the hint names
CREATE SCHEMA sphx;
CREATE EXTENSION sphx SCHEMA sphx;
SELECT '[1,2]'::sphx.vector, '(1,2)'::vector;
SELECT round(('[1,2]'::sphx.vector OPERATOR(sphx.<->) '[4,6]')::numeric, 3);
SELECT sphx.avg(v) FROM (VALUES ('[1,2]'::sphx.vector), ('[3,4]')) t (v);
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
