/*-------------------------------------------------------------------------
 *
 * settings.h
 *	  The settings (GUCs) of the module.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_SETTINGS_H
#define SPHX_SETTINGS_H

#include "server/compat.h"

typedef enum SphxOrder
{
	SPHX_ORDER_STRICT,
	SPHX_ORDER_RELAXED
} SphxOrder;

extern int	sphx_ef_search;
extern double sphx_target_recall;
extern int	sphx_max_scan_tuples;
extern int	sphx_hint_memory;	/* kB */
extern int	sphx_order;			/* SphxOrder */
#ifdef USE_ASSERT_CHECKING
extern bool sphx_check_bounds;
#endif

/* Define them all, which also chooses the kernels. */
extern void SphxDefineSettings(void);

#endif							/* SPHX_SETTINGS_H */
