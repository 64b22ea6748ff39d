-- Functions of test/bench/plans: tables, cases, and the time of every kind of plan.

CREATE SCHEMA plans;

-- What a query is forced to by settings.  A b-tree serves the condition, so it
-- needs a sort; without a sort only the order of the index is left.
CREATE TABLE plans.kinds (kind text, settings text[]);
INSERT INTO plans.kinds VALUES
	('chosen', '{}'),
	('table', '{enable_indexscan,enable_bitmapscan}'),
	('b-tree', '{enable_seqscan,enable_indexscan}'),
	('sphx', '{enable_seqscan,enable_bitmapscan,enable_sort}');

CREATE TABLE plans.results (rows int, dims int, selectivity real, btree boolean, k int, kind text, plan text, ms float8);

-- Vectors around 100 centers; `part` is even in 0 to 1, `indexed_part` has a b-tree.
CREATE FUNCTION plans.fill(name text, rows int, dims int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE TABLE plans.%I (id int, part real, indexed_part real, embedding vector(%s))', name, dims);
	CREATE TEMP TABLE centers ON COMMIT DROP AS
		SELECT c, (SELECT array_agg(random() + 0 * (c + j)) FROM generate_series(1, dims) j) AS x FROM generate_series(0, 99) c;
	EXECUTE format('INSERT INTO plans.%I
		SELECT i, random(), random(), (SELECT array_agg(c.x[j] + .5 * random() + 0 * i ORDER BY j) FROM generate_series(1, %s) j)::real[]::vector
		FROM generate_series(1, %s) i JOIN centers c ON c.c = i %% 100', name, dims, rows);
	EXECUTE format('CREATE INDEX ON plans.%I (indexed_part)', name);
	EXECUTE format('CREATE INDEX ON plans.%I USING sphx (embedding)', name);
	DROP TABLE centers;
END $$;

-- the kind that the plan is of
CREATE FUNCTION plans.shape(query text, q vector) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	shape text := '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query USING q LOOP
		shape := shape || CASE
			WHEN line ~ 'embedding_idx' THEN 'sphx'
			WHEN line ~ 'Index Scan' THEN 'b-tree'
			WHEN line ~ 'Seq Scan' THEN 'table'
			ELSE '' END;
	END LOOP;
	RETURN shape;
END $$;

CREATE FUNCTION plans.force(kind text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	setting text;
	off text[] := (SELECT settings FROM plans.kinds k WHERE k.kind = force.kind);
BEGIN
	FOREACH setting IN ARRAY '{enable_seqscan,enable_indexscan,enable_bitmapscan,enable_sort}'::text[] LOOP
		PERFORM set_config(setting, CASE WHEN setting = ANY (off) THEN 'off' ELSE 'on' END, false);
	END LOOP;
END $$;

-- Time a query by each kind of plan, in turns with new vectors; medians go to
-- plans.results.  A first turn does not count.
CREATE FUNCTION plans.measure(rows int, dims int, selectivity real, btree boolean, k int, reps int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	name text := format('t_%s_%s', rows, dims);
	condition text := CASE WHEN selectivity < 1 THEN
		format('WHERE %I < %s', CASE WHEN btree THEN 'indexed_part' ELSE 'part' END, selectivity) ELSE '' END;
	query text := format('SELECT id FROM plans.%I %s ORDER BY embedding <-> $1 LIMIT %s', name, condition, k);
	kind text;
	q vector;
	started timestamptz;
	took float8;
BEGIN
	CREATE TEMP TABLE times (kind text, plan text, ms float8) ON COMMIT DROP;
	FOR rep IN 0 .. reps LOOP
		EXECUTE format('SELECT embedding FROM plans.%I WHERE id = %s', name, 1 + rep * 7919 % rows) INTO q;
		FOR kind IN SELECT s.kind FROM plans.kinds s WHERE s.kind <> 'b-tree' OR (btree AND selectivity < 1) LOOP
			PERFORM plans.force(kind);
			started := clock_timestamp();
			EXECUTE query USING q;
			IF rep > 0 THEN
				took := 1000 * extract(epoch FROM clock_timestamp() - started);
				INSERT INTO times VALUES (kind, plans.shape(query, q), took);
			END IF;
		END LOOP;
	END LOOP;
	PERFORM plans.force('chosen');
	INSERT INTO plans.results
		SELECT measure.rows, measure.dims, measure.selectivity, measure.btree, measure.k,
			t.kind, min(t.plan), percentile_cont(0.5) WITHIN GROUP (ORDER BY t.ms)
		FROM times t GROUP BY t.kind;
	DROP TABLE times;
END $$;

-- A chosen plan that is of one of the other kinds takes the less of the two times
-- seen, lest noise be counted.
CREATE VIEW plans.cases AS
	SELECT rows, dims, selectivity, btree, k, c.plan AS chosen,
		least(c.ms, (SELECT min(o.ms) FROM plans.results o
			WHERE (o.rows, o.dims, o.selectivity, o.btree, o.k) = (c.rows, c.dims, c.selectivity, c.btree, c.k) AND o.plan = c.plan)) AS ms,
		t.ms AS "table", b.ms AS "b-tree", s.ms AS sphx, least(t.ms, b.ms, s.ms, c.ms) AS best
	FROM (SELECT * FROM plans.results WHERE kind = 'chosen') c
		LEFT JOIN (SELECT * FROM plans.results WHERE kind = 'table') t USING (rows, dims, selectivity, btree, k)
		LEFT JOIN (SELECT * FROM plans.results WHERE kind = 'b-tree') b USING (rows, dims, selectivity, btree, k)
		LEFT JOIN (SELECT * FROM plans.results WHERE kind = 'sphx') s USING (rows, dims, selectivity, btree, k);
