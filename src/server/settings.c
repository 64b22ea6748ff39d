/*-------------------------------------------------------------------------
 *
 * settings.c
 *	  The settings (GUCs) of the module.
 *
 *-------------------------------------------------------------------------
 */
#include "server/settings.h"

#include <limits.h>

#include "utils/guc.h"

#include "math/kernels/kernels.h"

/* sphx.ef_search, sphx.target_recall and sphx.max_scan_tuples */
int			sphx_ef_search = 80;
double		sphx_target_recall = 0.0;
int			sphx_max_scan_tuples = 0;

/* sphx.hint_memory, kB */
int			sphx_hint_memory = 4096;

/* sphx.order */
int			sphx_order = SPHX_ORDER_STRICT;

static const struct config_enum_entry order_options[] = {
	{"strict", SPHX_ORDER_STRICT, false},
	{"relaxed", SPHX_ORDER_RELAXED, false},
	{NULL, 0, false}
};

/* sphx.simd; only the hooks below act on it */
static int	simd_setting = SPHX_SIMD_AUTO;

static const struct config_enum_entry simd_options[] = {
	{"auto", SPHX_SIMD_AUTO, false},
	{"avx512", SPHX_SIMD_AVX512, false},
	{"avx2", SPHX_SIMD_AVX2, false},
	{"neon", SPHX_SIMD_NEON, false},
	{"scalar", SPHX_SIMD_SCALAR, false},
	{NULL, 0, false}
};

static bool
check_simd(int *newval, void **extra, GucSource source)
{
	if (*newval == SPHX_SIMD_AUTO || sphx_kernels_available((SphxSimd) *newval))
		return true;
	GUC_check_errdetail("This machine does not have the instructions of this level.");
	return false;
}

static void
assign_simd(int newval, void *extra)
{
	bool		chosen PG_USED_FOR_ASSERTS_ONLY;

	/* cannot fail: check_simd has accepted the value */
	chosen = sphx_kernels_choose((SphxSimd) newval);
	Assert(chosen);
}

static void
define_kernel_settings(void)
{
	/* defining the setting runs assign_simd, which chooses the kernels */
	DefineCustomEnumVariable("sphx.simd",
							 "Instruction set that distances are computed with.",
							 "\"auto\" is the best one that this machine has.",
							 &simd_setting, SPHX_SIMD_AUTO, simd_options,
							 PGC_USERSET, 0,
							 check_simd, assign_simd, NULL);
}

static void
define_scan_settings(void)
{
	DefineCustomIntVariable("sphx.ef_search",
							"How widely an index scan searches the graph before its first row.",
							"More find more of the true nearest neighbours, and take longer.",
							&sphx_ef_search, 80, 1, 10000,
							PGC_USERSET, 0,
							NULL, NULL, NULL);
	DefineCustomRealVariable("sphx.target_recall",
							 "Recall for which an index scan chooses how widely it searches.",
							 "It goes by the index's calibration; 0 means that sphx.ef_search is used.",
							 &sphx_target_recall, 0.0, 0.0, 1.0,
							 PGC_USERSET, 0,
							 NULL, NULL, NULL);
	DefineCustomIntVariable("sphx.max_scan_tuples",
							"Rows after which an index scan ends.",
							"0 means that a scan goes on for as long as rows are wanted.",
							&sphx_max_scan_tuples, 0, 0, INT_MAX,
							PGC_USERSET, 0,
							NULL, NULL, NULL);
	DefineCustomEnumVariable("sphx.order",
							 "What becomes of rows that an index scan finds too late for their place in the order.",
							 "\"strict\" leaves them out, \"relaxed\" returns them late where no other part of the plan relies on the order.",
							 &sphx_order, SPHX_ORDER_STRICT, order_options,
							 PGC_USERSET, 0,
							 NULL, NULL, NULL);
}

static void
define_memory_settings(void)
{
	DefineCustomIntVariable("sphx.hint_memory",
							"Memory of a session for where the pages of indexes are in shared buffers.",
							"One kB is enough for 2 MB of indexes; 0 means that nothing is remembered.",
							&sphx_hint_memory, 4096, 0, 8 * 1024 * 1024,
							PGC_USERSET, GUC_UNIT_KB,
							NULL, NULL, NULL);
}

#ifdef USE_ASSERT_CHECKING
/* sphx.check_bounds */
bool		sphx_check_bounds = false;

static void
define_test_settings(void)
{
	DefineCustomBoolVariable("sphx.check_bounds",
							 "Fetch every row that an index scan returns, and compare its distance with what the scan says of it.",
							 NULL,
							 &sphx_check_bounds, false,
							 PGC_USERSET, GUC_NOT_IN_SAMPLE,
							 NULL, NULL, NULL);
}
#endif

void
SphxDefineSettings(void)
{
	define_kernel_settings();
	define_scan_settings();
	define_memory_settings();
#ifdef USE_ASSERT_CHECKING
	define_test_settings();
#endif
}
