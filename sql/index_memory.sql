-- What a session keeps of indexes it has used is bounded.
SET client_min_messages = warning;
SET enable_seqscan = off;
SET jit = off;

CREATE FUNCTION random_vector(d integer, seed integer) RETURNS vector LANGUAGE sql AS
	$$ SELECT array_agg(random())::vector FROM generate_series(1, d) WHERE seed IS NOT NULL $$;

-- bytes of the session's contexts with this name
CREATE FUNCTION context_bytes(pattern text) RETURNS bigint LANGUAGE sql AS
	$$ SELECT coalesce(sum(total_bytes), 0)::bigint FROM pg_backend_memory_contexts WHERE name LIKE pattern $$;

-- indexes created, used and dropped; each in a transaction, or all in one that
-- fails in the end
CREATE TABLE memory_items (id integer, e vector(1000));
SELECT setseed(0.1);
INSERT INTO memory_items SELECT i, random_vector(1000, i) FROM generate_series(1, 3) i;
CREATE PROCEDURE churn(rounds integer, commits boolean) LANGUAGE plpgsql AS $$
DECLARE
	q vector := (SELECT e FROM memory_items WHERE id = 1);
	found integer;
BEGIN
	FOR i IN 1 .. rounds LOOP
		CREATE INDEX memory_items_e ON memory_items USING sphx (e);
		EXECUTE 'SELECT id FROM memory_items ORDER BY e <-> $1 LIMIT 1' INTO found USING q;
		ASSERT found = 1;
		DROP INDEX memory_items_e;
		IF commits THEN
			COMMIT;
		END IF;
	END LOOP;
	IF NOT commits THEN
		RAISE EXCEPTION 'in vain';
	END IF;
END $$;
CALL churn(420, true);
SELECT context_bytes('sphx%') < 600 * 1024 AS bounded, context_bytes('sphx hints') < 8192 AS hints_given_back;
\set VERBOSITY terse
CALL churn(100, false);
BEGIN;
COMMIT;
SELECT context_bytes('sphx%') < 600 * 1024 AS bounded, context_bytes('sphx hints') < 8192 AS hints_given_back;

-- an index that is used while the session learns that something has changed,
-- of this relation or of all
CREATE INDEX memory_items_e ON memory_items USING sphx (e);
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM memory_items ORDER BY e <-> (SELECT e FROM memory_items WHERE id = 2);
FETCH 1 FROM c;
ALTER INDEX memory_items_e RENAME TO memory_items_e2;
ANALYZE memory_items;
CREATE TEMP TABLE other (id integer, e vector(1000)) ON COMMIT DROP;
CREATE INDEX ON other USING sphx (e);
INSERT INTO other SELECT * FROM memory_items;
SELECT id FROM other ORDER BY e <-> (SELECT e FROM memory_items WHERE id = 3) LIMIT 1;
DROP TABLE other;
SAVEPOINT s;
DECLARE d CURSOR FOR SELECT id FROM memory_items ORDER BY e <-> (SELECT e FROM memory_items WHERE id = 3);
FETCH 1 FROM d;
ROLLBACK TO s;
FETCH 1 FROM c \g /dev/null
MOVE FORWARD ALL FROM c;
COMMIT;
DROP TABLE memory_items;

-- an index larger than what the hints may take gives the same answers, and so
-- do two
CREATE TABLE memory_large (id integer, e vector(100));
SELECT setseed(0.2);
INSERT INTO memory_large SELECT i, random_vector(100, i) FROM generate_series(1, 2500) i;
CREATE INDEX memory_large_e ON memory_large USING sphx (e);
CREATE INDEX memory_large_e2 ON memory_large USING sphx (e vector_ip_ops);
SELECT pg_relation_size('memory_large_e') > 256 * 8192 AS larger;
CREATE FUNCTION found() RETURNS text LANGUAGE sql AS $$
	SELECT md5(string_agg(q.id || ':' || l2.ids || ip.ids, ' ' ORDER BY q.id))
	FROM (SELECT * FROM memory_large WHERE id <= 40) q,
		LATERAL (SELECT array_agg(id)::text AS ids FROM (SELECT id FROM memory_large ORDER BY e <-> q.e LIMIT 20) n) l2,
		LATERAL (SELECT array_agg(id)::text AS ids FROM (SELECT id FROM memory_large ORDER BY e <#> q.e LIMIT 20) n) ip $$;
SET sphx.ef_search = 400;
SELECT found() AS default_answers \gset
SELECT context_bytes('sphx hints') BETWEEN 2048 AND 32 * 1024 AS remembers;
SET sphx.hint_memory = '1kB';
SELECT found() = :'default_answers' AS same, context_bytes('sphx hints') <= 4 * 1024 AS bounded;
SELECT found() = :'default_answers' AS same, context_bytes('sphx hints') <= 4 * 1024 AS bounded;
INSERT INTO memory_large SELECT 10000 + i, random_vector(100, i) FROM generate_series(1, 100) i;
DELETE FROM memory_large WHERE id > 10000;
VACUUM memory_large;
RESET sphx.hint_memory;
SELECT found() AS default_answers \gset
SET sphx.hint_memory = '1kB';
SELECT found() = :'default_answers' AS same, context_bytes('sphx hints') <= 4 * 1024 AS bounded;
SET sphx.hint_memory = 0;
SELECT found() = :'default_answers' AS same, context_bytes('sphx hints') <= 1024 AS none;
RESET sphx.hint_memory;
SELECT found() = :'default_answers' AS same;
SELECT indexrelid::regclass, (sphx_check(indexrelid, true)).nodes > 0 AS sound
	FROM pg_index WHERE indrelid = 'memory_large'::regclass ORDER BY 1;
DROP TABLE memory_large;

-- top layers are kept for a bounded number of bytes: 256 kB each here
CREATE TABLE memory_parts (id integer, e vector(1000)) PARTITION BY LIST (id);
SELECT format('CREATE TABLE memory_parts_%s PARTITION OF memory_parts FOR VALUES IN (%s)', i, i) FROM generate_series(1, 20) i \gexec
SELECT setseed(0.3);
INSERT INTO memory_parts SELECT 1 + i % 20, random_vector(1000, i) FROM generate_series(1, 40 * 20) i;
CREATE INDEX memory_parts_e ON memory_parts USING sphx (e) WITH (lists = 30);
SELECT count(*) FROM (SELECT id FROM memory_parts ORDER BY e <-> (SELECT e FROM memory_parts LIMIT 1) LIMIT 10) n;
SELECT context_bytes('sphx') + context_bytes('sphx indexes') < 4 * 1024 * 1024 AS bounded;

-- of scans that hold all rows wanted only some keep their search, and one that
-- has to go on, here since rows are gone, begins anew where it was
CREATE FUNCTION states_bounded() RETURNS boolean LANGUAGE sql AS
	$$ SELECT count(*) BETWEEN 1 AND 12 FROM pg_backend_memory_contexts WHERE name = 'sphx search' $$;
SELECT e AS q FROM memory_parts LIMIT 1 \gset
CREATE TEMP TABLE exact AS
	SELECT ctid AS row, tableoid AS part, id, rank() OVER (ORDER BY e <-> :'q') AS place FROM memory_parts;
BEGIN;
DECLARE c CURSOR FOR SELECT tableoid AS part, ctid AS row FROM memory_parts ORDER BY e <-> :'q' LIMIT 5 FOR UPDATE;
MOVE 1 FROM c;
SELECT states_bounded();
-- conditions and rows are looked at in the context that the executor has for each scan anyway
SELECT count(*) < 2 * 20 AS one_each FROM pg_backend_memory_contexts WHERE name = 'ExprContext';
DELETE FROM memory_parts m USING exact x WHERE m.ctid = x.row AND m.tableoid = x.part AND x.place BETWEEN 2 AND 300;
CREATE FUNCTION rest() RETURNS SETOF bigint LANGUAGE plpgsql AS $$
DECLARE c refcursor := 'c'; r record;
BEGIN
	LOOP
		FETCH c INTO r;
		EXIT WHEN NOT FOUND;
		RETURN NEXT (SELECT x.place FROM exact x WHERE x.row = r.row AND x.part = r.part);
	END LOOP;
END $$;
SELECT rest() AS place;
COMMIT;
DROP FUNCTION rest, states_bounded;
DROP TABLE exact;
DROP TABLE memory_parts;
SELECT context_bytes('sphx') + context_bytes('sphx indexes') < 1024 * 1024 AS given_back;
DROP PROCEDURE churn;
DROP FUNCTION found, context_bytes, random_vector;
