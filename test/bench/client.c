/*-------------------------------------------------------------------------
 *
 * client.c
 *	  The benchmark's client: measures recall, queries a second, buffers a
 *	  query and inserts a second of one or more systems, in turns, and prints
 *	  them as lines of tab-separated fields (report.awk makes tables of them).
 *	  With -C all of it with files that are not in the page cache: the kernel is
 *	  asked before each query to drop those of the database (posix_fadvise).
 *
 * A system is NAME=DATABASE=SETTING=LIST: its name, the database that holds
 * the table items (id, embedding), the setting that widens the search, and
 * the values of it to measure at, separated by commas.
 *
 *-------------------------------------------------------------------------
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vectors.h"

#define MAX_SYSTEMS 4
#define MAX_POINTS 64			/* values of the setting, a system */
#define MAX_REPETITIONS 101
#define LEAST_SECONDS 1.0		/* of a repetition: machines have slow moments */
#define INSERT_BATCH 100		/* inserts before the other system's turn */

typedef struct Point
{
	int			ef;				/* value of the setting */
	double		recall;
	double		buffers;		/* shared buffers touched, a query */
	double		rate[MAX_REPETITIONS];	/* queries a second */
	double		reads;			/* with -C: blocks that the server read, */
	double		disk;			/* blocks that came from the disk, a query, */
	double		p95;			/* and the 95th percentile of a query, in ms */
} Point;

typedef struct System
{
	const char *name;
	const char *database;
	const char *setting;
	PGconn	   *connection;
	PGresult   *files;			/* with -C: of the database's tables and
								 * indexes */
	int			npoints;
	Point		point[MAX_POINTS];
	double		round_trip[MAX_REPETITIONS];	/* a second, of a statement
												 * that does nothing */
	double		insert_seconds;
} System;

typedef struct Bench
{
	Vectors		base;
	Vectors		query;
	Neighbours	truth;
	int			cosine;
	int			cold;			/* -C */
	int			k;
	int			repetitions;
	int			explained;		/* queries whose buffers are counted */
	int			inserts;
	char	   *parameter;		/* binary form of one vector */
	int			nsystems;
	System		system[MAX_SYSTEMS];
} Bench;

/* ------------------------------------------------------------------------
 * The server
 * ------------------------------------------------------------------------
 */

static PGresult *
check_result(System *system, PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
		die("%s: %s", system->name, PQerrorMessage(system->connection));
	return result;
}

static void
execute(System *system, const char *statement)
{
	PQclear(check_result(system, PQexec(system->connection, statement)));
}

/* the measured statement has to be an index scan, whatever the planner thinks of the settings */
static void
check_plan(System *system, int d)
{
	size_t		size = 64 + 2 * (size_t) d;
	char	   *statement = allocate(size);
	char	   *at = statement + sprintf(statement, "EXPLAIN EXECUTE nearest('[");
	PGresult   *result;

	for (int i = 0; i < d; i++)
		at += sprintf(at, i > 0 ? ",1" : "1");
	sprintf(at, "]')");
	result = check_result(system, PQexec(system->connection, statement));
	for (int i = 0; i < PQntuples(result); i++)
		if (strstr(PQgetvalue(result, i, 0), "Index Scan using") != NULL)
		{
			PQclear(result);
			free(statement);
			return;
		}
	die("%s: the query is not planned as an index scan", system->name);
}

static void
open_system(Bench *bench, System *system)
{
	char		command[256];

	snprintf(command, sizeof(command), "dbname=%s", system->database);
	system->connection = PQconnectdb(command);
	if (PQstatus(system->connection) != CONNECTION_OK)
		die("%s", PQerrorMessage(system->connection));
	execute(system, "SET plan_cache_mode = force_generic_plan");
	snprintf(command, sizeof(command),
			 "PREPARE nearest AS SELECT id FROM items ORDER BY embedding %s $1 LIMIT %d",
			 bench->cosine ? "<=>" : "<->", bench->k);
	execute(system, command);
	execute(system, "PREPARE nothing (vector) AS SELECT 1");
	execute(system, "PREPARE add AS INSERT INTO items (id, embedding) VALUES ($1, $2)");
	check_plan(system, bench->base.d);
}

static void
set_ef(System *system, int ef)
{
	char		command[256];

	snprintf(command, sizeof(command), "SET %s = %d", system->setting, ef);
	execute(system, command);
}

/* what a prepared statement answers to one query: "nearest" gives the k nearest */
static PGresult *
ask(Bench *bench, System *system, const char *statement, size_t i)
{
	const char *values[1] = {bench->parameter};
	int			formats[1] = {1};
	int			lengths[1];

	lengths[0] = encode_vector(row_of(&bench->query, i), bench->query.d, bench->parameter);
	return check_result(system, PQexecPrepared(system->connection, statement, 1, values,
											   lengths, formats, 1));
}

/* ------------------------------------------------------------------------
 * Recall
 * ------------------------------------------------------------------------
 */

static double
distance(const Bench *bench, const float *a, const float *b)
{
	double		dot = 0;
	double		aa = 0;
	double		bb = 0;

	for (int i = 0; i < bench->base.d; i++)
	{
		dot += (double) a[i] * b[i];
		aa += (double) a[i] * a[i];
		bb += (double) b[i] * b[i];
	}
	if (bench->cosine)
		return aa > 0 && bb > 0 ? 1 - dot / sqrt(aa * bb) : HUGE_VAL;
	return sqrt(fmax(aa + bb - 2 * dot, 0));
}

/*
 * How many of the rows answered are among the k nearest.  A row as near as
 * the k-th one counts as well: which of several equally near rows comes first
 * is nobody's merit.
 */
static int
count_right(const Bench *bench, size_t i, PGresult *result)
{
	const float *q = row_of(&bench->query, i);
	const int32_t *right = bench->truth.id + i * (size_t) bench->truth.k;
	double		limit = distance(bench, q, row_of(&bench->base, (size_t) right[bench->k - 1]));
	int			n = 0;

	limit += 1e-6 * fabs(limit) + 1e-9;
	for (int j = 0; j < PQntuples(result); j++)
	{
		uint32_t	id;

		memcpy(&id, PQgetvalue(result, j, 0), sizeof(id));
		id = ntohl(id);
		if (id < bench->base.n && distance(bench, q, row_of(&bench->base, id)) <= limit)
			n++;
	}
	return n;
}

/* ------------------------------------------------------------------------
 * Cold files
 * ------------------------------------------------------------------------
 */

/* the table's files and its indexes', with its TOAST table, visibility map and free space map */
static void
find_files(System *system)
{
	execute(system, "CHECKPOINT");	/* only what has been written can be
									 * dropped */
	system->files = check_result(system, PQexec(system->connection,
												"SELECT current_setting('data_directory') || '/' || pg_relation_filepath(c.oid) || fork"
												" FROM pg_class c, (VALUES (''), ('_vm'), ('_fsm')) f (fork)"
												" WHERE c.oid IN ((SELECT reltoastrelid FROM pg_class WHERE oid = 'items'::regclass),"
												" 'items'::regclass)"
												" OR c.oid IN (SELECT indexrelid FROM pg_index WHERE indrelid IN ('items'::regclass,"
												" (SELECT reltoastrelid FROM pg_class WHERE oid = 'items'::regclass)))"));
}

/* have the kernel drop a file of 1 GB segments from the page cache; false when there is none */
static int
drop_file(const char *path, int segment)
{
	char		name[1024];
	int			fd;

	snprintf(name, sizeof(name), segment == 0 ? "%s" : "%s.%d", path, segment);
	fd = open(name, O_RDONLY);
	if (fd < 0)
	{
		if (access(name, F_OK) == 0)
			die("%s cannot be opened", name);
		return 0;
	}
	if (posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) != 0)
		die("%s cannot be dropped from the page cache", name);
	close(fd);
	return 1;
}

static void
drop_files(System *system)
{
	for (int i = 0; i < PQntuples(system->files); i++)
		for (int segment = 0; drop_file(PQgetvalue(system->files, i, 0), segment); segment++)
			;
}

/* bytes that the system's server process has had read from the disk; NAN where nobody tells */
static double
disk_bytes(const System *system)
{
	char		line[256];
	double		bytes = NAN;
	FILE	   *file;

	snprintf(line, sizeof(line), "/proc/%d/io", PQbackendPID(system->connection));
	file = fopen(line, "r");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, "read_bytes:", 11) == 0)
			bytes = atof(line + 11);
	if (file != NULL)
		fclose(file);
	return bytes;
}

/* also warms up: buffers, caches of the backend */
static double
measure_recall(Bench *bench, System *system)
{
	size_t		right = 0;

	for (size_t i = 0; i < bench->query.n; i++)
	{
		PGresult   *result = ask(bench, system, "nearest", i);

		right += (size_t) count_right(bench, i, result);
		PQclear(result);
	}
	return (double) right / ((double) bench->query.n * bench->k);
}

/* ------------------------------------------------------------------------
 * Speed and buffers
 * ------------------------------------------------------------------------
 */

/* queries a second, over all queries, again and again until it has lasted */
static double
measure_rate(Bench *bench, System *system, const char *statement)
{
	double		started = seconds_now();
	double		elapsed;
	size_t		count = 0;

	do
	{
		for (size_t i = 0; i < bench->query.n; i++)
			PQclear(ask(bench, system, statement, i));
		count += bench->query.n;
		elapsed = seconds_now() - started;
	} while (elapsed < LEAST_SECONDS);
	return (double) count / elapsed;
}

/* the number behind the first occurrence of a key: that of the topmost plan node */
static double
plan_number(const char *json, const char *key)
{
	const char *at = strstr(json, key);

	if (at == NULL)
		die("no %s in the plan", key);
	return atof(at + strlen(key));
}

static void
measure_buffers(Bench *bench, System *system, Point *point)
{
	char	   *statement = allocate(128 + 32 * (size_t) bench->query.d);
	size_t		step = bench->query.n / (size_t) bench->explained;
	double		hits = 0;
	double		reads = 0;

	for (int i = 0; i < bench->explained; i++)
	{
		const float *q = row_of(&bench->query, (size_t) i * step);
		char	   *at = statement;
		PGresult   *result;

		at += sprintf(at, "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) EXECUTE nearest('[");
		for (int j = 0; j < bench->query.d; j++)
			at += sprintf(at, "%s%.9g", j > 0 ? "," : "", (double) q[j]);
		sprintf(at, "]')");
		if (bench->cold)
			drop_files(system);
		result = check_result(system, PQexec(system->connection, statement));
		hits += plan_number(PQgetvalue(result, 0, 0), "\"Shared Hit Blocks\":");
		reads += plan_number(PQgetvalue(result, 0, 0), "\"Shared Read Blocks\":");
		PQclear(result);
	}
	free(statement);
	point->buffers = (hits + reads) / bench->explained;
	point->reads = reads / bench->explained;
}

static int
compare_doubles(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

static double
median(const double *x, int n)
{
	double		sorted[MAX_REPETITIONS];

	memcpy(sorted, x, sizeof(double) * (size_t) n);
	qsort(sorted, (size_t) n, sizeof(double), compare_doubles);
	return n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

/*
 * Of queries each of which begins with nothing in the page cache: recall, rate
 * and the slowest of twenty.  What is in shared buffers stays there.
 */
static void
measure_cold(Bench *bench, System *system, Point *point)
{
	size_t		n = bench->query.n;
	double	   *seconds = allocate(sizeof(double) * n);
	double		sum = 0;
	double		bytes = disk_bytes(system);
	size_t		right = 0;

	for (size_t i = 0; i < n; i++)
	{
		PGresult   *result;

		drop_files(system);
		seconds[i] = -seconds_now();
		result = ask(bench, system, "nearest", i);
		seconds[i] += seconds_now();
		sum += seconds[i];
		right += (size_t) count_right(bench, i, result);
		PQclear(result);
	}
	qsort(seconds, n, sizeof(double), compare_doubles);
	point->recall = (double) right / ((double) n * bench->k);
	point->rate[0] = (double) n / sum;
	point->disk = (disk_bytes(system) - bytes) / 8192 / (double) n;
	point->p95 = 1000 * seconds[(n * 95 + 99) / 100 - 1];
	free(seconds);
}

static void
measure_cold_queries(Bench *bench)
{
	for (int s = 0; s < bench->nsystems; s++)
	{
		System	   *system = &bench->system[s];

		find_files(system);
		for (int p = 0; p < system->npoints; p++)
		{
			Point	   *point = &system->point[p];

			set_ef(system, point->ef);
			measure_cold(bench, system, point);
			measure_buffers(bench, system, point);
			printf("query\t%s\t%d\t%.5f\t%.1f\t%.1f\t%.1f\t%.1f\t%.3f\n", system->name,
				   point->ef, point->recall, point->rate[0], point->buffers, point->reads,
				   point->disk, point->p95);
		}
		PQclear(system->files);
	}
	fflush(stdout);
}

/* repetition -1 is the one that measures recall and buffers */
static void
measure_point(Bench *bench, System *system, Point *point, int repetition)
{
	set_ef(system, point->ef);
	if (repetition < 0)
	{
		point->recall = measure_recall(bench, system);
		measure_buffers(bench, system, point);
	}
	else
		point->rate[repetition] = measure_rate(bench, system, "nearest");
}

/* the systems take turns at every point, so that a slow minute of the machine hits both */
static void
measure_queries(Bench *bench)
{
	for (int repetition = -1; repetition < bench->repetitions; repetition++)
	{
		for (int s = 0; s < bench->nsystems && repetition >= 0; s++)
			bench->system[s].round_trip[repetition] = measure_rate(bench, &bench->system[s],
																   "nothing");
		for (int p = 0; p < MAX_POINTS; p++)
			for (int s = 0; s < bench->nsystems; s++)
				if (p < bench->system[s].npoints)
					measure_point(bench, &bench->system[s], &bench->system[s].point[p],
								  repetition);
	}

	for (int s = 0; s < bench->nsystems; s++)
	{
		printf("nothing\t%s\t%.1f\n", bench->system[s].name,
			   median(bench->system[s].round_trip, bench->repetitions));
		for (int p = 0; p < bench->system[s].npoints; p++)
		{
			const Point *point = &bench->system[s].point[p];

			printf("query\t%s\t%d\t%.5f\t%.1f\t%.1f\n", bench->system[s].name, point->ef,
				   point->recall, median(point->rate, bench->repetitions), point->buffers);
		}
	}
	fflush(stdout);
}

/* ------------------------------------------------------------------------
 * Inserts
 * ------------------------------------------------------------------------
 */

/*
 * Row i to insert: a query, the first time as it is, later each element off
 * by up to one part in ten, so that no row is there already.  The same for
 * every system.
 */
static void
make_row(const Bench *bench, int i, float *x)
{
	const float *from = row_of(&bench->query, (size_t) i % bench->query.n);
	uint32_t	state = (uint32_t) i * 2654435761u + 1;
	int			perturbed = (size_t) i >= bench->query.n;

	for (int j = 0; j < bench->query.d; j++)
	{
		state = state * 1664525u + 1013904223u;
		x[j] = from[j];
		if (perturbed)
			x[j] *= 0.9f + 0.2f * (float) (state >> 8) / 16777216.0f;
	}
}

static void
insert_rows(Bench *bench, System *system, int first, int n)
{
	float	   *x = allocate(sizeof(float) * (size_t) bench->query.d);
	double		started = seconds_now();

	for (int i = first; i < first + n; i++)
	{
		uint32_t	id = htonl((uint32_t) bench->base.n + (uint32_t) i);
		const char *values[2] = {(const char *) &id, bench->parameter};
		int			formats[2] = {1, 1};
		int			lengths[2] = {sizeof(id), 0};

		make_row(bench, i, x);
		lengths[1] = encode_vector(x, bench->query.d, bench->parameter);
		PQclear(check_result(system, PQexecPrepared(system->connection, "add", 2, values,
													lengths, formats, 0)));
	}
	system->insert_seconds += seconds_now() - started;
	free(x);
}

static void
measure_inserts(Bench *bench)
{
	for (int i = 0; i < bench->inserts; i += INSERT_BATCH)
		for (int s = 0; s < bench->nsystems; s++)
			insert_rows(bench, &bench->system[s], i,
						bench->inserts - i < INSERT_BATCH ? bench->inserts - i : INSERT_BATCH);
	if (bench->inserts > 0)
		for (int s = 0; s < bench->nsystems; s++)
			printf("insert\t%s\t%.1f\n", bench->system[s].name,
				   bench->inserts / bench->system[s].insert_seconds);
}

/* ------------------------------------------------------------------------
 * Arguments
 * ------------------------------------------------------------------------
 */

static void
parse_system(System *system, char *description)
{
	char	   *values;
	char	   *value;

	memset(system, 0, sizeof(*system));
	system->name = strsep(&description, "=");
	system->database = strsep(&description, "=");
	system->setting = strsep(&description, "=");
	values = description;
	if (values == NULL)
		die("a system is NAME=DATABASE=SETTING=LIST");
	while ((value = strsep(&values, ",")) != NULL)
	{
		if (system->npoints == MAX_POINTS)
			die("more than %d values", MAX_POINTS);
		system->point[system->npoints++].ef = atoi(value);
	}
}

static void
check_arguments(const Bench *bench)
{
	if (bench->base.n == 0 || bench->query.n == 0 || bench->truth.n == 0 || bench->nsystems == 0)
		die("usage: client -b BASE -q QUERY -t TRUTH [-c] [-C] [-k 10] [-n 0] [-r 3] [-x 100] [-i 0] SYSTEM...");
	if (bench->base.d != bench->query.d || bench->query.n != bench->truth.n)
		die("base, queries and exact neighbours do not belong together");
	if (bench->k < 1 || bench->k > bench->truth.k)
		die("k must be between 1 and %d", bench->truth.k);
	if (bench->repetitions < 1 || bench->repetitions > MAX_REPETITIONS)
		die("repetitions must be between 1 and %d", MAX_REPETITIONS);
	if (bench->explained < 1 || (size_t) bench->explained > bench->query.n)
		die("queries explained must be between 1 and %zu", bench->query.n);
}

/* ask only the first n of the queries; 0: all */
static void
limit_queries(Bench *bench, size_t n)
{
	if (n > 0 && n < bench->query.n && bench->query.n == bench->truth.n)
		bench->query.n = bench->truth.n = n;
}

static void
parse_arguments(Bench *bench, int argc, char **argv)
{
	int			option;
	int			queries = 0;

	while ((option = getopt(argc, argv, "b:q:t:cCk:n:r:x:i:")) != -1)
		switch (option)
		{
			case 'b':
				bench->base = vectors_read(optarg);
				break;
			case 'q':
				bench->query = vectors_read(optarg);
				break;
			case 't':
				bench->truth = neighbours_read(optarg);
				break;
			case 'c':
				bench->cosine = 1;
				break;
			case 'C':
				bench->cold = 1;
				break;
			case 'n':
				queries = atoi(optarg);
				break;
			case 'k':
				bench->k = atoi(optarg);
				break;
			case 'r':
				bench->repetitions = atoi(optarg);
				break;
			case 'x':
				bench->explained = atoi(optarg);
				break;
			case 'i':
				bench->inserts = atoi(optarg);
				break;
			default:
				exit(2);
		}
	limit_queries(bench, queries > 0 ? (size_t) queries : 0);
	for (; optind < argc && bench->nsystems < MAX_SYSTEMS; optind++)
		parse_system(&bench->system[bench->nsystems++], argv[optind]);
	check_arguments(bench);
}

int
main(int argc, char **argv)
{
	static Bench bench;

	bench.k = 10;
	bench.repetitions = 3;
	bench.explained = 100;
	parse_arguments(&bench, argc, argv);
	bench.parameter = allocate(4 + 4 * (size_t) bench.query.d);
	for (int s = 0; s < bench.nsystems; s++)
		open_system(&bench, &bench.system[s]);
	if (bench.cold)
		measure_cold_queries(&bench);
	else
		measure_queries(&bench);
	measure_inserts(&bench);
	for (int s = 0; s < bench.nsystems; s++)
		PQfinish(bench.system[s].connection);
	return 0;
}
