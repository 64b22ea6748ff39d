-- Signs of vectors as bit strings, and distances of bit strings
SELECT binary_quantize('[1,0,-1,0.5,-0,2,3,4,5]'::vector), binary_quantize('[1,0,-1]'::halfvec);
SELECT '1100'::bit(4) <~> '1010', hamming_distance('111', '111'), hamming_distance('111', '000');
SELECT hamming_distance(repeat('10', 100)::bit(200), repeat('01', 100)::bit(200));
SELECT '1100'::bit(4) <%> '1010', jaccard_distance('1111', '1110'), jaccard_distance('1100', '0011'), jaccard_distance('0000', '0000');
SELECT jaccard_distance(repeat('1', 200)::bit(200), repeat('10', 100)::bit(200));
SELECT hamming_distance('111', '00');
SELECT jaccard_distance('111', '00');
SELECT id FROM (VALUES (1, '000'::bit(3)), (2, '111'), (3, '110')) t (id, b) ORDER BY b <~> '111' LIMIT 2;
