# Makefile of sphx.
#
#   make, make install, make installcheck    need PostgreSQL's server headers
#   make unit                                 needs a C compiler only
#   make demo, make test                      need nothing: they install what is missing
#   make check-one TEST=index_order           one test of any kind, as make test
#   make deb, make dist                       packages of Debian and the PGXN
#
# WERROR=1 makes warnings errors, ASSERT=1 compiles assertions in (the server
# need not have them); "make clean" between builds that differ in these.

EXTENSION = sphx sql/install/sphx_pgvector
MODULE_big = sphx
DATA = $(sort $(wildcard sql/install/*.sql))

# By folder: src/math is the mathematics, all else belongs to the server.
sources = $(sort $(foreach depth,* */* */*/* */*/*/*,$(wildcard $(1)/$(depth).$(2))))
MATH_OBJS := $(patsubst %.c,%.o,$(call sources,src/math,c))
SERVER_OBJS := $(filter-out src/math/%,$(patsubst %.c,%.o,$(call sources,src,c)))
OBJS = $(SERVER_OBJS) $(MATH_OBJS)
ALL_HEADERS := $(call sources,src,h)

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
MATH_CFLAGS = -std=c11 $(NO_CONTRACTION) $(MATH_WARNINGS) -iquote src

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

ifneq (,$(and $(PGXS),$(wildcard $(PGXS))))
.DEFAULT_GOAL := all
include $(PGXS)

# where SphxTest.pm is
PG_PROVE_FLAGS += -I test/tap

$(OBJS): $(ALL_HEADERS)
src/sphx.o: sphx.control

# A loop made for it (rate_neighbours).
$(filter %/neighbours.o,$(MATH_OBJS)): CFLAGS += $(CFLAGS_VECTORIZE)

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
$(UNIT_BUILD)/angle: $(UNIT_BUILD)/test/bench/angle_recall.o $(UNIT_BUILD)/test/bench/vectors.o $(UNIT_LIB)
	$(UNIT_CC) $(UNIT_CFLAGS) $(UNIT_LDFLAGS) -o $@ $^ -lm -ldl

.PRECIOUS: $(UNIT_BUILD)/test/unit/%.o $(UNIT_BUILD)/test/bench/%.o

# a target for each test, so that make -j runs some at the same time
UNIT_RUNS = $(addprefix run-,$(UNIT_TESTS))

$(UNIT_RUNS): run-%: $(UNIT_BUILD)/% $(UNIT_BUILD)/blas/libopenblas.so.0
	@tap=$(UNIT_BUILD)/$*.tap; \
	$(UNIT_RUN) $(UNIT_BUILD)/$* > $$tap || echo "not ok - exit status $$?" >> $$tap; \
	{ echo "# $*"; cat $$tap; }

unit: $(UNIT_RUNS)
	@failed=$$(cd $(UNIT_BUILD) && grep -l '^not ok' $(addsuffix .tap,$(UNIT_TESTS)) | sed 's/\.tap$$//'); \
	if [ -n "$$failed" ]; then echo "# failed:" $$failed >&2; exit 1; fi


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

# the tests of pgvector's Node client; needs git, npm and what they fetch
test-clients:
	test/clients.sh

soak:
	test/soak/soak.sh

# packages, into build/: Debian's for the PostgreSQL of PG_CONFIG, DEB_ARCH=arm64
# for another architecture; and the PGXN's archive of what is committed
deb:
	PG_CONFIG='$(PG_CONFIG)' DEB_ARCH='$(DEB_ARCH)' sql/install/package/deb.sh

dist:
	sql/install/package/dist.sh

# figures of the papers beside ours; takes minutes
reproduce:
	test/reproduce.sh

.PHONY: unit $(UNIT_RUNS) indent indent-check demo test check-one test-clients soak deb dist reproduce
