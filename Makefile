# Makefile of sphx.
#
#   make, make install, make installcheck    need PostgreSQL's server headers
#   make unit                                 needs a C compiler only
#   make demo, make test                      need nothing: they install what is missing
#   make check-one TEST=index_order           one test of any kind, as make test
#
# WERROR=1 makes warnings errors, ASSERT=1 compiles assertions in (the server
# need not have them); "make clean" between builds that differ in these.

EXTENSION = sphx
MODULE_big = sphx
DATA = $(sort $(wildcard sql/install/*.sql))

SERVER_OBJS = \
	src/am/balance.o \
	src/am/budget.o \
	src/am/bounds.o \
	src/am/build.o \
	src/am/centroids.o \
	src/am/cost.o \
	src/am/descend.o \
	src/am/geometry.o \
	src/am/handler.o \
	src/am/insert.o \
	src/am/limit.o \
	src/am/nearest.o \
	src/am/nodes.o \
	src/am/obsolete.o \
	src/am/options.o \
	src/am/plan.o \
	src/am/qualify.o \
	src/am/relink.o \
	src/am/repair.o \
	src/am/rows.o \
	src/am/scan.o \
	src/am/shard.o \
	src/am/skeleton.o \
	src/am/sort.o \
	src/am/stream.o \
	src/am/train.o \
	src/am/vacuum.o \
	src/am/validate.o \
	src/fn/angle.o \
	src/fn/check.o \
	src/fn/check_links.o \
	src/fn/check_pages.o \
	src/fn/check_rows.o \
	src/fn/codebook.o \
	src/fn/codes.o \
	src/fn/hash.o \
	src/fn/inspect.o \
	src/fn/measure.o \
	src/fn/optimize.o \
	src/fn/points.o \
	src/fn/stats.o \
	src/page/chain.o \
	src/page/heap.o \
	src/page/hints.o \
	src/page/local.o \
	src/page/locks.o \
	src/page/memory.o \
	src/page/meta.o \
	src/page/page.o \
	src/page/pool.o \
	src/page/store.o \
	src/sphx.o \
	src/type/vector.o \
	src/type/vector_agg.o \
	src/type/vector_cast.o \
	src/type/vector_cmp.o \
	src/type/vector_cost.o \
	src/type/vector_math.o \
	src/type/vector_query.o

MATH_OBJS = \
	src/math/angle.o \
	src/math/assign.o \
	src/math/blas.o \
	src/math/code.o \
	src/math/collision.o \
	src/math/connect.o \
	src/math/covering.o \
	src/math/env.o \
	src/math/gap.o \
	src/math/golay.o \
	src/math/graph.o \
	src/math/haar.o \
	src/math/kernels.o \
	src/math/kernels_avx2.o \
	src/math/kernels_avx2_codes.o \
	src/math/kernels_avx512.o \
	src/math/kernels_avx512_codes.o \
	src/math/kernels_neon.o \
	src/math/kernels_scalar.o \
	src/math/keymap.o \
	src/math/kmeans.o \
	src/math/knn.o \
	src/math/measure.o \
	src/math/neighbours.o \
	src/math/optimize.o \
	src/math/optimize_holes.o \
	src/math/optimize_polish.o \
	src/math/parts.o \
	src/math/pools.o \
	src/math/portable.o \
	src/math/product.o \
	src/math/random.o \
	src/math/record.o \
	src/math/reference.o \
	src/math/rotate.o \
	src/math/search.o \
	src/math/select.o \
	src/math/sine.o \
	src/math/softmin.o \
	src/math/spherical.o \
	src/math/train.o

# A file that was forgotten above is compiled all the same, with a warning.
UNLISTED_MATH := $(filter-out $(MATH_OBJS:.o=.c),$(wildcard src/math/*.c))
UNLISTED_SERVER := $(filter-out $(SERVER_OBJS:.o=.c) src/math/%,$(wildcard src/*.c src/*/*.c))
ifneq (,$(UNLISTED_MATH)$(UNLISTED_SERVER))
$(warning not listed in Makefile: $(UNLISTED_SERVER) $(UNLISTED_MATH))
endif

MATH_OBJS += $(UNLISTED_MATH:.c=.o)
OBJS = $(SERVER_OBJS) $(UNLISTED_SERVER:.c=.o) $(MATH_OBJS)

REGRESS := $(sort $(patsubst sql/%.sql,%,$(wildcard sql/*.sql)))
REGRESS_OPTS = --load-extension=sphx
ISOLATION := $(sort $(patsubst test/isolation/specs/%.spec,%,$(wildcard test/isolation/specs/*.spec)))
# those that stop a session inside the access method need sphx.stop_point
ifndef ASSERT
ISOLATION := $(filter-out stop_%,$(ISOLATION))
endif
ISOLATION_OPTS = --load-extension=sphx --inputdir=test/isolation
# TAP_TESTS=1 adds the TAP tests to installcheck, or those in PROVE_TESTS.  Not
# by itself: they start servers of their own, which root may not, for minutes.
PROVE_TESTS ?= test/tap/*.pl
EXTRA_CLEAN = build tmp_check results regression.diffs regression.out output_iso


# Compiler flags

COMMON_WARNINGS = -Wall -Wextra -Wshadow
SERVER_WARNINGS = $(COMMON_WARNINGS) -Wno-unused-parameter -Wno-sign-compare \
	-Wnull-dereference -Wformat=2 -Wwrite-strings -Wold-style-definition \
	-Wswitch-enum
MATH_WARNINGS = $(COMMON_WARNINGS) -pedantic -Wconversion -Wno-sign-conversion
ifeq (,$(findstring clang,$(CC)))
SERVER_WARNINGS += -Wlogical-op -Wduplicated-cond
endif
ifdef WERROR
COMMON_WARNINGS += -Werror
endif

# Results are the same to the last bit on every machine: no contraction of
# a * b + c that the source does not ask for.
NO_CONTRACTION = -ffp-contract=off
MATH_CFLAGS = -std=c11 $(NO_CONTRACTION) $(MATH_WARNINGS)

SPHX_VERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" sphx.control)
PG_CPPFLAGS = -I$(CURDIR)/src -DSPHX_VERSION='"$(SPHX_VERSION)"'
PG_CFLAGS = $(NO_CONTRACTION) $(SERVER_WARNINGS)
SHLIB_LINK = -lm -ldl
ifdef ASSERT
PG_CPPFLAGS += -DUSE_ASSERT_CHECKING
else
MATH_CFLAGS += -DNDEBUG
endif

# No bitcode for the server's just-in-time compiler: all that a query calls
# often goes through function pointers, which it cannot inline.
override with_llvm = no


# PostgreSQL's build system.  Where it is missing the targets further down
# still work.

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
ALL_HEADERS = $(wildcard src/*.h src/*/*.h)

ifneq (,$(and $(PGXS),$(wildcard $(PGXS))))
.DEFAULT_GOAL := all
include $(PGXS)

# where SphxTest.pm is
PG_PROVE_FLAGS += -I test/tap

$(OBJS): $(ALL_HEADERS)
src/sphx.o: sphx.control

# A loop made for it (rate_neighbours).
src/math/neighbours.o: CFLAGS += $(CFLAGS_VECTORIZE)

# Without CPPFLAGS: src/math cannot include a server header even by mistake.
$(MATH_OBJS): %.o: %.c
	$(CC) $(filter-out $(SERVER_WARNINGS) -Wdeclaration-after-statement,$(CFLAGS)) $(MATH_CFLAGS) -c -o $@ $<
else
all install installcheck uninstall:
	@echo "$@: $(PG_CONFIG) --pgxs names no file; install PostgreSQL's server headers or set PG_CONFIG" >&2; exit 1
clean:
	rm -rf build $(OBJS)
.PHONY: all install installcheck uninstall clean
endif


# Unit tests of src/math, without a server.  UNIT_CC, UNIT_CFLAGS (sanitizers),
# UNIT_LDFLAGS, UNIT_RUN (an emulator for a cross-compiled build) and
# UNIT_BUILD can be set from outside.

UNIT_CC ?= $(if $(filter default undefined,$(origin CC)),cc,$(CC))
UNIT_CFLAGS ?= -O2 -g
UNIT_LDFLAGS ?=
UNIT_RUN ?=
UNIT_BUILD ?= build/unit
UNIT_WARNINGS = -Wall -Wextra $(if $(WERROR),-Werror)

UNIT_TESTS = $(patsubst test/unit/%.c,%,$(sort $(wildcard test/unit/test_*.c)))
UNIT_HELPERS = $(filter-out test/unit/test_%,$(sort $(wildcard test/unit/*.c)))
UNIT_LIB = $(patsubst %.o,$(UNIT_BUILD)/%.o,$(MATH_OBJS)) \
	$(patsubst %.c,$(UNIT_BUILD)/%.o,$(UNIT_HELPERS))
UNIT_COMPILE = $(UNIT_CC) -std=c11 $(NO_CONTRACTION) -fno-strict-aliasing \
	-iquote src -iquote src/math -iquote test/unit $(UNIT_CFLAGS)

$(UNIT_BUILD)/src/math/%.o: src/math/%.c $(ALL_HEADERS)
	@mkdir -p $(@D)
	$(UNIT_COMPILE) $(MATH_WARNINGS) -c -o $@ $<

$(UNIT_BUILD)/test/unit/%.o: test/unit/%.c $(ALL_HEADERS) $(wildcard test/unit/*.h)
	@mkdir -p $(@D)
	$(UNIT_COMPILE) $(UNIT_WARNINGS) -c -o $@ $<

$(addprefix $(UNIT_BUILD)/,$(UNIT_TESTS)): $(UNIT_BUILD)/%: $(UNIT_BUILD)/test/unit/%.o $(UNIT_LIB)
	$(UNIT_CC) $(UNIT_CFLAGS) $(UNIT_LDFLAGS) -o $@ $^ -lm -ldl

# a BLAS that sums in another order, for test_portable
$(UNIT_BUILD)/blas/libopenblas.so.0: test/unit/blas/backwards.c
	@mkdir -p $(@D)
	$(UNIT_COMPILE) $(UNIT_WARNINGS) -fPIC -shared -o $@ $<

$(UNIT_BUILD)/test/bench/%.o: test/bench/%.c $(ALL_HEADERS) $(wildcard test/bench/*.h)
	@mkdir -p $(@D)
	$(UNIT_COMPILE) $(UNIT_WARNINGS) -iquote test/bench -c -o $@ $<

# the one benchmark that needs the mathematics but no server
$(UNIT_BUILD)/angle: $(UNIT_BUILD)/test/bench/angle.o $(UNIT_BUILD)/test/bench/vectors.o $(UNIT_LIB)
	$(UNIT_CC) $(UNIT_CFLAGS) $(UNIT_LDFLAGS) -o $@ $^ -lm -ldl

.PRECIOUS: $(UNIT_BUILD)/test/unit/%.o $(UNIT_BUILD)/test/bench/%.o

unit: $(addprefix $(UNIT_BUILD)/,$(UNIT_TESTS) blas/libopenblas.so.0)
	@failed=; for t in $(UNIT_TESTS); do \
		echo "# $$t"; \
		tap=$(UNIT_BUILD)/$$t.tap; \
		$(UNIT_RUN) $(UNIT_BUILD)/$$t > $$tap && ! grep -q '^not ok' $$tap || \
			failed="$$failed $$t"; \
		cat $$tap; \
	done; \
	if [ -n "$$failed" ]; then echo "# failed:$$failed" >&2; exit 1; fi


# Source format

indent indent-check:
	PG_CONFIG='$(PG_CONFIG)' sh test/indent.sh $@


# The two commands for a clean machine

demo:
	test/demo.sh

test:
	test/run.sh

# one test of any kind: make check-one TEST=index_order
check-one:
	test/one.sh $(TEST)

soak:
	test/soak/soak.sh

# figures of the papers beside ours; takes minutes
reproduce:
	test/reproduce.sh

.PHONY: unit indent indent-check demo test check-one soak reproduce
