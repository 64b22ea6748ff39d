/*-------------------------------------------------------------------------
 *
 * churn.c
 *	  What deletions, vacuum and inserts do to an index's recall.
 *
 * The table items (id, embedding) is made of some rows of a data set and
 * indexed; the rows left over are a pool.  Either a share of the rows is
 * deleted and vacuumed, or rounds of that follow each other in which as many
 * rows of the pool are inserted before the vacuum.  Recall is measured against
 * exact answers over the rows alive, and at the end against an index built
 * anew over them.  Prints one line of tab-separated fields a step:
 *
 *		step, seconds of deleting + inserting, seconds of VACUUM, its MB of WAL,
 *		MB of the index, recall at each width of the search
 *
 *-------------------------------------------------------------------------
 */
#include <arpa/inet.h>
#include <libpq-fe.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vectors.h"

#define KNOWN 200				/* nearest of all rows known for a query */
#define MAX_POINTS 16
#define HELD_BACK 1000			/* rows that are queries, for want of a file */
#define BLOCK 16

typedef struct Near
{
	float		distance;
	int32_t		id;
} Near;

typedef struct Churn
{
	Vectors		base;
	Vectors		query;
	int			cosine;
	int			k;
	const char *access;			/* method and options of the index */
	const char *setting;
	int			points[MAX_POINTS];
	int			npoints;
	size_t		rows;			/* alive */
	double		part;			/* that is deleted in a step */
	int			rounds;
	int32_t    *order;			/* alive rows first, then the pool */
	char	   *alive;			/* by row of the base */
	Near	   *near;			/* KNOWN a query, nearest first */
	PGconn	   *connection;
	char	   *parameter;		/* binary form of one vector */
} Churn;

static PGresult *
run(Churn *churn, const char *statement)
{
	PGresult   *result = PQexec(churn->connection, statement);
	ExecStatusType status = PQresultStatus(result);

	if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
		die("%s", PQerrorMessage(churn->connection));
	return result;
}

static void
execute(Churn *churn, const char *statement)
{
	PQclear(run(churn, statement));
}

static double
number(Churn *churn, const char *statement)
{
	PGresult   *result = run(churn, statement);
	double		value = atof(PQgetvalue(result, 0, 0));

	PQclear(result);
	return value;
}


/* Exact answers */

/* unit length, for cosine; a zero vector stays one */
static void
normalise(Vectors *v)
{
	for (size_t i = 0; i < v->n; i++)
	{
		float	   *x = v->x + i * (size_t) v->d;
		double		square = 0;

		for (int j = 0; j < v->d; j++)
			square += (double) x[j] * x[j];
		for (int j = 0; j < v->d && square > 0; j++)
			x[j] = (float) (x[j] / sqrt(square));
	}
}

static void
offer(Near *list, int *n, float distance, int32_t id)
{
	int			i;

	if (*n == KNOWN && !(distance < list[KNOWN - 1].distance))
		return;
	i = *n < KNOWN ? (*n)++ : KNOWN - 1;
	for (; i > 0 && distance < list[i - 1].distance; i--)
		list[i] = list[i - 1];
	list[i].distance = distance;
	list[i].id = id;
}

static float
squared_distance(const float *a, const float *b, int d)
{
	float		sums[8] = {0};
	float		sum = 0;
	int			j = 0;

	for (; j + 8 <= d; j += 8)
		for (int l = 0; l < 8; l++)
			sums[l] += (a[j + l] - b[j + l]) * (a[j + l] - b[j + l]);
	for (; j < d; j++)
		sum += (a[j] - b[j]) * (a[j] - b[j]);
	for (int l = 0; l < 8; l++)
		sum += sums[l];
	return sum;
}

/* the nearest of all rows, alive or not, of every query */
static void
find_nearest(Churn *churn)
{
	int			d = churn->base.d;

	churn->near = allocate(sizeof(Near) * KNOWN * churn->query.n);
	for (size_t first = 0; first < churn->query.n; first += BLOCK)
	{
		size_t		end = first + BLOCK < churn->query.n ? first + BLOCK : churn->query.n;
		int			count[BLOCK] = {0};

		for (size_t i = 0; i < churn->base.n; i++)
			for (size_t q = first; q < end; q++)
				offer(churn->near + q * KNOWN, &count[q - first],
					  squared_distance(row_of(&churn->base, i), row_of(&churn->query, q), d),
					  (int32_t) i);
	}
}

/* distance of the k-th nearest row alive; ties may come in any order */
static float
worst_right(const Churn *churn, size_t q)
{
	const Near *near = churn->near + q * KNOWN;
	int			found = 0;

	for (int i = 0; i < KNOWN; i++)
		if (churn->alive[near[i].id] && ++found == churn->k)
			return near[i].distance * (1 + 1e-5f);
	die("too few of the nearest rows are alive");
}


/* The table */

static void
copy_bytes(Churn *churn, const void *bytes, int size)
{
	if (PQputCopyData(churn->connection, bytes, size) != 1)
		die("%s", PQerrorMessage(churn->connection));
}

static void
copy_row(Churn *churn, int32_t id)
{
	int			d = churn->base.d;
	int			size = encode_vector(row_of(&churn->base, (size_t) id), d, churn->parameter);
	struct
	{
		uint16_t	columns;
		uint32_t	words[3];
	}			__attribute__((packed)) head =
	{
		htons(2),
		{
			htonl(4), htonl((uint32_t) id),
				htonl((uint32_t) size)
		}
	};

	copy_bytes(churn, &head, sizeof(head));
	copy_bytes(churn, churn->parameter, size);
}

/* insert the rows order[first .. end) */
static void
insert_rows(Churn *churn, size_t first, size_t end)
{
	PGresult   *result = PQexec(churn->connection,
								"COPY items FROM STDIN (FORMAT binary)");

	if (PQresultStatus(result) != PGRES_COPY_IN)
		die("%s", PQerrorMessage(churn->connection));
	PQclear(result);
	copy_bytes(churn, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
	for (size_t i = first; i < end; i++)
	{
		copy_row(churn, churn->order[i]);
		churn->alive[churn->order[i]] = 1;
	}
	copy_bytes(churn, "\377\377", 2);
	if (PQputCopyEnd(churn->connection, NULL) != 1)
		die("%s", PQerrorMessage(churn->connection));
	while ((result = PQgetResult(churn->connection)) != NULL)
	{
		if (PQresultStatus(result) != PGRES_COMMAND_OK)
			die("%s", PQerrorMessage(churn->connection));
		PQclear(result);
	}
}

/* the last `count` rows alive */
static void
delete_rows(Churn *churn, size_t count)
{
	char	   *statement = allocate(64 + 12 * count);
	char	   *at = statement + sprintf(statement, "DELETE FROM items WHERE id = ANY('{");

	for (size_t i = churn->rows - count; i < churn->rows; i++)
	{
		at += sprintf(at, i + count > churn->rows ? ",%d" : "%d", churn->order[i]);
		churn->alive[churn->order[i]] = 0;
	}
	sprintf(at, "}')");
	execute(churn, statement);
	free(statement);
}

static size_t
random_below(size_t n)
{
	return (size_t) (drand48() * (double) n);
}

static void
shuffle(int32_t *ids, size_t n)
{
	for (size_t i = n; i > 1; i--)
	{
		size_t		j = random_below(i);
		int32_t		id = ids[i - 1];

		ids[i - 1] = ids[j];
		ids[j] = id;
	}
}

/* the rows just deleted for as many of the pool, which stay until the next time */
static void
exchange_rows(Churn *churn, size_t count)
{
	size_t		pool = churn->base.n - churn->rows;

	shuffle(churn->order + churn->rows, pool);
	insert_rows(churn, churn->rows, churn->rows + count);
	for (size_t i = 0; i < count; i++)
	{
		int32_t    *gone = &churn->order[churn->rows - count + i];
		int32_t    *come = &churn->order[churn->rows + i];
		int32_t		id = *gone;

		*gone = *come;
		*come = id;
	}
}

static void
create_table(Churn *churn)
{
	char		statement[1024];

	execute(churn, "DROP TABLE IF EXISTS items");
	snprintf(statement, sizeof(statement),
			 "CREATE TABLE items (id integer, embedding vector(%d)) WITH (autovacuum_enabled = off)",
			 churn->base.d);
	execute(churn, statement);
	insert_rows(churn, 0, churn->rows);
	execute(churn, "VACUUM FREEZE ANALYZE items");
	snprintf(statement, sizeof(statement), "CREATE INDEX items_embedding_idx ON items USING %s",
			 churn->access);
	execute(churn, statement);
}


/* Measuring */

static int
count_right(Churn *churn, size_t q)
{
	const char *values[1] = {churn->parameter};
	int			formats[1] = {1};
	int			lengths[1];
	float		worst = worst_right(churn, q);
	int			right = 0;
	PGresult   *result;

	lengths[0] = encode_vector(row_of(&churn->query, q), churn->query.d, churn->parameter);
	result = PQexecPrepared(churn->connection, "nearest", 1, values, lengths, formats, 0);
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		die("%s", PQerrorMessage(churn->connection));
	for (int i = 0; i < PQntuples(result); i++)
	{
		size_t		id = (size_t) atoi(PQgetvalue(result, i, 0));

		right += squared_distance(row_of(&churn->base, id), row_of(&churn->query, q),
								  churn->base.d) <= worst;
	}
	PQclear(result);
	return right;
}

static double
recall(Churn *churn, int point)
{
	char		statement[256];
	double		right = 0;

	snprintf(statement, sizeof(statement), "SET %s = %d", churn->setting, point);
	execute(churn, statement);
	for (size_t q = 0; q < churn->query.n; q++)
		right += count_right(churn, q);
	return right / (double) (churn->query.n * (size_t) churn->k);
}

static void
print_step(Churn *churn, const char *step, double changed, double vacuumed, double wal)
{
	printf("%s\t%.1f\t%.2f\t%.1f\t%.1f", step, changed, vacuumed, wal / 1e6,
		   number(churn, "SELECT pg_relation_size('items_embedding_idx')") / 1e6);
	for (int i = 0; i < churn->npoints; i++)
		printf("\t%.4f", recall(churn, churn->points[i]));
	printf("\n");
	fflush(stdout);
}

static double
wal_position(Churn *churn)
{
	return number(churn, "SELECT pg_current_wal_insert_lsn() - '0/0'");
}

/* VACUUM after a checkpoint, and then without one: full page images would hide what it logs */
static void
vacuum_and_print(Churn *churn, const char *step, double changed)
{
	double		started = seconds_now();
	double		wal = wal_position(churn);
	double		vacuumed;

	execute(churn, "VACUUM items");
	vacuumed = seconds_now() - started;
	print_step(churn, step, changed, vacuumed, wal_position(churn) - wal);
}

static void
measure(Churn *churn)
{
	size_t		count = (size_t) (churn->part * (double) churn->rows);
	char		name[32];

	print_step(churn, "built", 0, 0, 0);
	for (int round = 1; round <= churn->rounds || round == 1; round++)
	{
		double		started = seconds_now();

		shuffle(churn->order, churn->rows);
		delete_rows(churn, count);
		if (churn->rounds > 0)
			exchange_rows(churn, count);
		else
			churn->rows -= count;
		snprintf(name, sizeof(name), "%s %d", churn->rounds > 0 ? "round" : "deleted", round);
		vacuum_and_print(churn, name, seconds_now() - started);
	}
	execute(churn, "REINDEX INDEX items_embedding_idx");
	print_step(churn, "anew", 0, 0, 0);
}

static void
connect_server(Churn *churn)
{
	char		statement[256];

	churn->connection = PQconnectdb("");
	if (PQstatus(churn->connection) != CONNECTION_OK)
		die("%s", PQerrorMessage(churn->connection));
	create_table(churn);
	snprintf(statement, sizeof(statement),
			 "PREPARE nearest(vector) AS SELECT id FROM items ORDER BY embedding %s $1 LIMIT %d",
			 churn->cosine ? "<=>" : "<->", churn->k);
	execute(churn, statement);
	execute(churn, "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan");
}

static void
hold_back_queries(Churn *churn)
{
	if (churn->base.n <= 2 * HELD_BACK)
		die("too few rows to hold back queries");
	churn->base.n -= HELD_BACK;
	churn->query.n = HELD_BACK;
	churn->query.d = churn->base.d;
	churn->query.x = churn->base.x + churn->base.n * (size_t) churn->base.d;
}

static void
parse_points(Churn *churn, const char *list)
{
	for (churn->npoints = 0; *list != '\0' && churn->npoints < MAX_POINTS;)
	{
		churn->points[churn->npoints++] = (int) strtol(list, (char **) &list, 10);
		list += *list == ',';
	}
}

static void
usage(void)
{
	die("usage: churn [-c] [-n ROWS] [-k K] [-f PART] [-r ROUNDS] [-s SETTING] [-e LIST] [-x SEED] "
		"-i 'METHOD (embedding OPCLASS) ...' BASE [QUERY]");
}

static void
parse(Churn *churn, int argc, char **argv)
{
	int			option;

	while ((option = getopt(argc, argv, "cn:k:f:r:s:e:i:x:")) != -1)
	{
		switch (option)
		{
			case 'c':
				churn->cosine = 1;
				break;
			case 'n':
				churn->rows = (size_t) atol(optarg);
				break;
			case 'k':
				churn->k = atoi(optarg);
				break;
			case 'f':
				churn->part = atof(optarg);
				break;
			case 'r':
				churn->rounds = atoi(optarg);
				break;
			case 's':
				churn->setting = optarg;
				break;
			case 'e':
				parse_points(churn, optarg);
				break;
			case 'i':
				churn->access = optarg;
				break;
			case 'x':
				srand48(atol(optarg));
				break;
			default:
				usage();
		}
	}
	if (churn->access == NULL || argc - optind < 1 || argc - optind > 2)
		usage();
	churn->base = vectors_read(argv[optind]);
	if (argc - optind == 2)
		churn->query = vectors_read(argv[optind + 1]);
	else
		hold_back_queries(churn);
	if (churn->query.d != churn->base.d)
		die("the queries have another length");
}

int
main(int argc, char **argv)
{
	Churn		churn = {.k = 10,.part = 0.2,.setting = "sphx.ef_search"};
	double		pool_part;
	size_t		most;

	parse_points(&churn, "20,40,80");
	srand48(1);
	parse(&churn, argc, argv);
	if (churn.cosine)
	{
		normalise(&churn.base);
		normalise(&churn.query);
	}

	/* the pool is as large as what a round exchanges */
	pool_part = churn.rounds > 0 ? churn.part : 0;
	most = (size_t) ((double) churn.base.n / (1 + pool_part));
	if (churn.rows == 0 || churn.rows > most)
		churn.rows = most;
	churn.base.n = churn.rows + (size_t) ceil((double) churn.rows * pool_part);
	churn.order = allocate(sizeof(int32_t) * churn.base.n);
	for (size_t i = 0; i < churn.base.n; i++)
		churn.order[i] = (int32_t) i;
	shuffle(churn.order, churn.base.n);
	churn.alive = allocate(churn.base.n);
	memset(churn.alive, 0, churn.base.n);
	churn.parameter = allocate(4 + 4 * (size_t) churn.base.d);
	find_nearest(&churn);
	connect_server(&churn);
	measure(&churn);
	PQfinish(churn.connection);
	return 0;
}
