/*-------------------------------------------------------------------------
 *
 * validate.c
 *	  Validation of operator classes.
 *
 *-------------------------------------------------------------------------
 */
#include "am/definition/opclass.h"

#include "access/amvalidate.h"
#include "access/htup_details.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_amproc.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#define COMPLAIN(...) \
	ereport(INFO, (errcode(ERRCODE_INVALID_OBJECT_DEFINITION), errmsg(__VA_ARGS__)))

static bool
validate_function(Form_pg_amproc form, Form_pg_opclass class)
{
	bool		ok = false;

	if (form->amproclefttype != form->amprocrighttype)
	{
		COMPLAIN("operator class \"%s\" of access method %s contains support function %s with cross-type registration",
				 NameStr(class->opcname), "sphx", format_procedure(form->amproc));
		return false;
	}
	if (form->amprocnum == SPHX_DISTANCE_PROC)
		ok = check_amproc_signature(form->amproc, FLOAT8OID, false, 2, 2,
									form->amproclefttype, form->amprocrighttype);
	else if (form->amprocnum == SPHX_METRIC_PROC || form->amprocnum == SPHX_OPERAND_PROC)
		ok = check_amproc_signature(form->amproc, INT4OID, true, 0, 0);
	else
	{
		COMPLAIN("operator class \"%s\" of access method %s contains function %s with invalid support number %d",
				 NameStr(class->opcname), "sphx", format_procedure(form->amproc), form->amprocnum);
		return false;
	}
	if (!ok)
		COMPLAIN("operator class \"%s\" of access method %s contains function %s with wrong signature for support number %d",
				 NameStr(class->opcname), "sphx", format_procedure(form->amproc), form->amprocnum);
	return ok;
}

static bool
validate_operator(Form_pg_amop form, Form_pg_opclass class)
{
	if (form->amopstrategy != SPHX_DISTANCE_STRATEGY || form->amoppurpose != AMOP_ORDER)
	{
		COMPLAIN("operator class \"%s\" of access method %s contains operator %s that is not ordering operator %d",
				 NameStr(class->opcname), "sphx", format_operator(form->amopopr),
				 SPHX_DISTANCE_STRATEGY);
		return false;
	}
	/* the index hands out distances as float8 and in their order */
	if (!opfamily_can_sort_type(form->amopsortfamily, FLOAT8OID))
	{
		COMPLAIN("operator class \"%s\" of access method %s contains invalid ORDER BY specification for operator %s",
				 NameStr(class->opcname), "sphx", format_operator(form->amopopr));
		return false;
	}
	if (!check_amop_signature(form->amopopr, FLOAT8OID, form->amoplefttype, form->amoprighttype))
	{
		COMPLAIN("operator class \"%s\" of access method %s contains operator %s with wrong signature",
				 NameStr(class->opcname), "sphx", format_operator(form->amopopr));
		return false;
	}
	return true;
}

StaticAssertDecl(SPHX_METRIC_PROC < SPHX_OPERAND_PROC, "the function that may be missing is not the last");

/* Members of the class's own type must be complete. */
static bool
validate_completeness(bool has_operator, const bool *has_function, Form_pg_opclass class)
{
	bool		ok = true;

	if (!has_operator)
	{
		COMPLAIN("operator class \"%s\" of access method %s is missing operator %d",
				 NameStr(class->opcname), "sphx", SPHX_DISTANCE_STRATEGY);
		ok = false;
	}
	for (int i = SPHX_DISTANCE_PROC; i <= SPHX_METRIC_PROC; i++)
	{
		if (has_function[i])
			continue;
		COMPLAIN("operator class \"%s\" of access method %s is missing support function %d",
				 NameStr(class->opcname), "sphx", i);
		ok = false;
	}
	return ok;
}

bool
sphxvalidate(Oid opclass)
{
	HeapTuple	tuple = SearchSysCache1(CLAOID, ObjectIdGetDatum(opclass));
	Form_pg_opclass class;
	CatCList   *operators;
	CatCList   *functions;
	bool		has_operator = false;
	bool		has_function[SPHX_METRIC_PROC + 1] = {false};
	bool		ok = true;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator class %u", opclass);
	class = (Form_pg_opclass) GETSTRUCT(tuple);
	operators = SearchSysCacheList1(AMOPSTRATEGY, ObjectIdGetDatum(class->opcfamily));
	functions = SearchSysCacheList1(AMPROCNUM, ObjectIdGetDatum(class->opcfamily));

	for (int i = 0; i < functions->n_members; i++)
	{
		Form_pg_amproc form = (Form_pg_amproc) GETSTRUCT(&functions->members[i]->tuple);

		ok &= validate_function(form, class);
		if (form->amproclefttype == class->opcintype &&
			form->amprocnum >= SPHX_DISTANCE_PROC && form->amprocnum <= SPHX_METRIC_PROC)
			has_function[form->amprocnum] = true;
	}
	for (int i = 0; i < operators->n_members; i++)
	{
		Form_pg_amop form = (Form_pg_amop) GETSTRUCT(&operators->members[i]->tuple);

		ok &= validate_operator(form, class);
		has_operator |= form->amoplefttype == class->opcintype &&
			form->amoprighttype == class->opcintype;
	}
	ok &= validate_completeness(has_operator, has_function, class);

	ReleaseCatCacheList(operators);
	ReleaseCatCacheList(functions);
	ReleaseSysCache(tuple);
	return ok;
}
