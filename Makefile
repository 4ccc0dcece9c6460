# Every chore of the project. It needs Python and make: what a target uses is installed into .venv at its first run.
#   make test ARGS="-k pixel"       ARGS goes to pytest, the demo, the benchmarks
#   make test PYTHON=python3.13     the Python that .venv is made with
#   make test VENV=.venv-3.13       another virtual environment

PYTHON ?= python3
VENV ?= .venv
ARGS ?=
OTHER ?=

PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --quiet

# Runs on any Python: prints "ok 3.11.7" or "old 3.9.2".
PROBE := import sys; v = tuple(sys.version_info[:3]); print("%s %d.%d.%d" % ((v < (3, 11, 5) and "old" or "ok",) + v))
probe = $(shell $(1) -c '$(PROBE)' 2>/dev/null)
require = $(if $(filter ok,$(firstword $(2))),,$(error linkwrap needs Python 3.11.5 or later, but $(1) \
	$(if $(2),is $(lastword $(2)),does not run): name another one, as in make test PYTHON=python3.13))
agree = $(if $(filter $(lastword $(2)),$(lastword $(3))),,$(error $(1) is Python $(lastword $(2)), but $(VENV) was made with \
	$(lastword $(3)): remove $(VENV), or name another one, as in VENV=.venv-$(lastword $(2))))

# Prints a dependency group of pyproject.toml, one package a line.
GROUP := import sys, tomllib; groups = tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]; \
	print(*groups[sys.argv[1]], sep="\n")

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test check endurance lint types bench compare clicks pixels docs golden wheel python-chosen python-made

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s%s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.ready-demo  ## wrap an email, run the redirect server, follow links, see events
	$(PY) examples/demo.py $(ARGS)

test: $(VENV)/.ready-test  ## the tests, on all processors; those without their servers are skipped with the reason
	$(PY) -m pytest --numprocesses auto --dist worksteal $(ARGS)

check: export LINKWRAP_REQUIRE_ALL = 1
check:  ## all that CI runs, nothing skipped: tests with coverage, lint, types, docs, demo, the built wheel
	$(MAKE) test ARGS="--cov --cov-report=term --cov-fail-under=97"
	$(MAKE) lint
	$(MAKE) types
	$(MAKE) docs
	rm -rf $(VENV)-demo
	$(MAKE) demo VENV=$(VENV)-demo
	$(MAKE) wheel

endurance: export LINKWRAP_ENDURANCE = 1
endurance: $(VENV)/.ready-test  ## the tests of faults, races and random input with full counts: an hour
	$(PY) -m pytest --numprocesses auto --dist worksteal tests/differential tests/integration tests/unit $(ARGS)

lint: $(VENV)/.ready-lint  ## ruff: rules and format
	$(PY) -m ruff check
	$(PY) -m ruff format --check

types: $(VENV)/.ready-types  ## mypy and pyright, strict, on the package and on tests/typing
	$(PY) -m mypy --strict
	$(PY) -m pyright --pythonpath $(PY)
	PATH="$(abspath $(VENV))/bin:$$PATH" $(PY) -m pyright --verifytypes linkwrap --ignoreexternal

bench: $(VENV)/.ready-bench  ## the cost of wrapping, beside other ways to do it
	$(PY) benchmarks/bench.py $(ARGS)

compare: $(VENV)/.ready-bench  ## the benchmarks of two checkouts in turn: make compare OTHER=../before
	$(PY) benchmarks/compare.py $(OTHER) $(ARGS)

clicks: $(VENV)/.ready-test  ## the redirect server's requests a second, beside an empty route: two minutes
	PYTHONPATH=tests $(PY) benchmarks/server.py $(ARGS)

pixels: $(VENV)/.ready-test  ## whether pixels move anything: pictures of mail in Chromium before and after wrapping
	PYTHONPATH=tests $(PY) benchmarks/pixels.py $(ARGS)

docs: $(VENV)/.ready-docs  ## the documentation, into docs/_build
	$(PY) -m sphinx -q -W -n --keep-going docs docs/_build

golden: $(VENV)/.ready-test  ## renew the expected emails in tests/emails
	$(PY) tests/emails/renew.py $(ARGS)

wheel: $(VENV)/.ready-test  ## build the wheel, and run the tests against it
	sh .ci/wheel $(PYTHON) $(VENV)/test.txt $(ARGS)

$(VENV)/.ready-demo: pyproject.toml | python-made
	$(PIP) install --editable '.[cli,server]'
	@touch $@

$(VENV)/.ready-%: pyproject.toml | python-made
	@$(PY) -c '$(GROUP)' $* > $(VENV)/$*.txt
	$(PIP) install --editable '.[all]' --requirement $(VENV)/$*.txt
	@touch $@

# A PYTHON given by the caller must be the one in $(VENV); without one, whatever $(VENV) was made with will do.
python-made: $(PY)
	@$(call require,$(PY),$(call probe,$(PY)))
	@$(if $(filter file,$(origin PYTHON)),,$(call agree,$(PYTHON),$(call probe,$(PYTHON)),$(call probe,$(PY))))

$(PY): | python-chosen
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

python-chosen:
	@$(if $(and $(wildcard $(PY)),$(filter file,$(origin PYTHON))),,$(call require,$(PYTHON),$(call probe,$(PYTHON))))
