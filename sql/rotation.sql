-- Learned rotations: training, the type, its errors

-- 12 dimensions of which differences are large along one diagonal direction
CREATE TABLE r (id int, v vector(12));
INSERT INTO r
  SELECT i, (SELECT array_agg((sin(i * 12.9898 + j * 78.233) + 8 * sin(i * 0.37) * (CASE WHEN j % 2 = 0 THEN 1 ELSE -1 END))::real ORDER BY j)
             FROM generate_series(1, 12) j)::vector
  FROM generate_series(1, 600) i;

CREATE TABLE m AS
  SELECT sphx_train_rotation('SELECT v FROM r ORDER BY id') AS whole,
    sphx_train_rotation('SELECT v FROM r ORDER BY id', 3) AS three,
    sphx_train_rotation((SELECT array_agg(v ORDER BY id) FROM r), 3) AS three_array;

SELECT sphx_rotation_dims(whole) AS dims, sphx_rotation_directions(whole) AS whole,
  sphx_rotation_directions(three) AS three, three::text = three_array::text AS same FROM m;

-- more than a random rotation, which has k of 12 in k dimensions; all of it in all
SELECT k, sphx_rotation_energy(whole, k) > k / 12.0 AS more FROM m, generate_series(1, 11) k ORDER BY k;
SELECT sphx_rotation_energy(whole, 0) AS nothing, round(sphx_rotation_energy(three, 12)::numeric, 3) AS everything FROM m;

-- beside random rotations and principal directions: here differences follow the data
SELECT count(*), bool_and(abs(learned - sphx_rotation_energy(whole, dimensions)) < 1e-6) AS learned,
  bool_and(abs(random - dimensions / 12.0) < 1e-9) AS random, bool_and(pca > random OR dimensions = 12) AS pca, max(pca) > 0.9999 AS everything
FROM m, sphx_rotation_report('SELECT v FROM r ORDER BY id');
SELECT a.dimensions FROM sphx_rotation_report('SELECT v FROM r ORDER BY id', 3) a, m,
  sphx_rotation_report((SELECT array_agg(v ORDER BY id) FROM r), 3) b
WHERE a.dimensions = b.dimensions AND a IS DISTINCT FROM b;

-- where the data varies most and near vectors do not, principal directions are the wrong ones
SELECT sphx_rotation_energy(x, 1) > 0.9 AS learned, pca < 0.1 AS pca
FROM (SELECT array_agg((ARRAY[i / 100 * 50, sin(i * 12.9898), 0.01 * cos(i * 78.233), 0.01 * sin(i * 3.7)])::real[]::vector) AS v
    FROM generate_series(1, 1000) i) t,
  sphx_train_rotation(v) x, sphx_rotation_report(v) WHERE dimensions = 1;

-- distances stay, and there and back is the same
SELECT max(abs((sphx_rotate(three, a.v) <-> sphx_rotate(three, b.v)) - (a.v <-> b.v))) < 1e-4 AS distances,
  max(sphx_rotate_back(three, sphx_rotate(three, a.v)) <-> a.v) < 1e-4 AS back
FROM m, r a, r b WHERE a.id < 20 AND b.id < 20;

-- text and binary forms
SELECT (three::text)::sphx_rotation::text = three::text AS text FROM m;
SELECT length(sphx_rotation_send(three)) = 12 + 4 * 4 + 2 * 12 * 3 AS bytes FROM m;
CREATE TEMP TABLE copied (x sphx_rotation);
INSERT INTO copied SELECT whole FROM m;
SELECT bool_and(sphx_rotate(x, v) = sphx_rotate(whole, v)) AS same FROM copied, m, r;

-- nothing to learn: the identity
SELECT sphx_rotation_directions(x) AS directions, sphx_rotate(x, '[1,2,3]') AS v, round(sphx_rotation_energy(x, 1)::numeric, 3) AS energy
FROM sphx_train_rotation(ARRAY['[1,2,3]', '[1,2,3]']::vector[]) x;
SELECT sphx_rotation_directions(sphx_train_rotation(ARRAY['[1,2,3]']::vector[])) AS directions;

-- errors
SELECT sphx_rotate(three, '[1,2]') FROM m;
SELECT sphx_train_rotation('SELECT v FROM r', -1);
SELECT sphx_train_rotation('SELECT v FROM r', sample => -1);
SELECT sphx_train_rotation('SELECT v FROM r WHERE false');
SELECT sphx_train_rotation('{}'::vector[]);
SELECT sphx_rotation_energy(three, 13) FROM m;
SELECT * FROM sphx_rotation_report('SELECT v FROM r', -1);
SELECT * FROM sphx_rotation_report('SELECT v FROM r', sample => -1);
SELECT * FROM sphx_rotation_report('{}'::vector[]);
SELECT 'abc'::sphx_rotation;
SELECT 'xyza'::sphx_rotation;
SELECT 'ab'::sphx_rotation;
SELECT ('0002' || substr(three::text, 5))::sphx_rotation FROM m;
SELECT ('00010000' || substr(three::text, 9))::sphx_rotation FROM m;
SELECT (three::text || '00')::sphx_rotation FROM m;
SELECT (left(three::text, -2) || CASE WHEN right(three::text, 2) = '00' THEN '01' ELSE '00' END)::sphx_rotation FROM m;

DROP TABLE r, m;
