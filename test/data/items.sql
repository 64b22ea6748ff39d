-- items.sql: the table of the indexes items_*.gz.  Rows depend on their number
-- alone and lie where they lay when the indexes were made (make_items.sh).

-- between -1 and 1, the same on every machine
CREATE FUNCTION noise(a integer, b integer) RETURNS real LANGUAGE sql IMMUTABLE AS $$
	SELECT ((('x' || substr(md5(a || ' ' || b), 1, 4))::bit(16)::integer - 32768) / 32768.0)::real
$$;

-- Six clusters.  Rows 201 to 240 are equal, but for every third of them, which
-- differs by less than the index by inner product notices.
CREATE FUNCTION item(i integer) RETURNS vector LANGUAGE sql IMMUTABLE AS $$
	SELECT array_agg((noise(-1 - row % 6, j) + noise(row, j) / 2 +
			CASE WHEN row <> i AND i % 3 = 0 AND j = 1 THEN 1e-6 ELSE 0 END)::real ORDER BY j)::vector
	FROM (SELECT CASE WHEN i BETWEEN 201 AND 240 THEN 201 ELSE i END AS row) r, generate_series(1, 12) j
$$;

CREATE TABLE items (id integer, embedding vector(12));

CREATE FUNCTION add_items(first integer, last integer) RETURNS void LANGUAGE sql AS $$
	INSERT INTO items SELECT i, item(i) FROM generate_series(first, last) i ORDER BY i
$$;

-- every codebook, and both precisions
CREATE FUNCTION create_indexes() RETURNS void LANGUAGE sql AS $$
	CREATE INDEX items_l2 ON items USING sphx (embedding vector_l2_ops) WITH (m = 12);
	CREATE INDEX items_cosine ON items USING sphx (embedding vector_cosine_ops) WITH (m = 8, code_bits = 1, storage = int8);
	CREATE INDEX items_ip ON items USING sphx (embedding vector_ip_ops) WITH (m = 8, code_bits = 0.5)
$$;
