-- sphx 0.2.0: what is new since 0.1.0

-- complain if the script is run by psql rather than by ALTER EXTENSION
\echo Use "ALTER EXTENSION sphx UPDATE" to load this file. \quit


-- Inspection of an index


-- Codebook training


-- Angle testing
