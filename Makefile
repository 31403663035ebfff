# Each target sets itself up; `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet
BPF := $(wildcard bpf/*.c bpf/*.h)
COMPILER := $(shell grep -o "ziglang==[0-9.]*" pyproject.toml)
SHARE := $(wildcard share/*.py share/*.in)

# Debian's users have neither in PATH; nor has root who comes by su(1).
export PATH := $(PATH):/usr/sbin:/sbin

# Python keeps bytecode, whatever the environment says: without, each start of the tool
# takes three times the CPU, and tests start it thousands of times.
export PYTHONDONTWRITEBYTECODE :=

define INSTALL_NOTE
Installing tcpconnect into $(abspath $(VENV)). pip downloads what its cache does not have:
  to run it: msgspec (0.5 MB)
  to build it: hatchling, msgspec, and ziglang, which is the compiler (100 MB); these are
    unpacked into a temporary folder (375 MB), which is removed afterwards
pip and the compiler keep caches in the folder .cache of your home; "make clean" removes the rest.
endef
define TOOLS_NOTE
Installing what tests and checks need into $(abspath $(VENV)) (700 MB). pip downloads what its
cache does not have: backports.zstd, build, chdb-core-lite, clang-format, dnspython, hypothesis, jinja2,
jsonschema, kubernetes-validate, mypy, ocsf-json-schema, opentelemetry-proto, prometheus-client, psycopg,
pytest, pytest-xdist, pyyaml, rotel, ruff, textual, vrl-python, ziglang and a newer pip.
endef
export INSTALL_NOTE TOOLS_NOTE

.DEFAULT_GOAL := help
.PHONY: help run install test test-unit soak fuzz test-kernels test-systemd lint format bench bench-peers docs picture share dist deb image rpm test-packages package-smoke test-image test-ansible release release-check clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' Makefile

run: $(VENV)/installed ## trace; options in ARGS="-t -P 443"
	$(BIN)/tcpconnect $(ARGS)

install: $(VENV)/installed ## build the tool into .venv/bin/tcpconnect
	@: # else make says that there is nothing to be done

# In parallel: tests wait more than they work, so there are three times as many as CPUs.
PARALLEL := -n $(shell expr 3 \* $$(nproc))

test: $(VENV)/tools ## run all tests, those of the kernel too when root; options in ARGS
	@scripts/system-packages test
	@scripts/prometheus
	$(BIN)/pytest $(PARALLEL) $(ARGS)

test-unit: $(VENV)/tools ## run the tests that need neither root nor packages; options in ARGS
	$(BIN)/pytest -n $(shell nproc) -m "not packages and not root" tests/unit tests/golden $(ARGS)

fuzz: SECONDS ?= 60
fuzz: SEED ?= $(shell date +%s)
fuzz: $(VENV)/tools ## give hostile data to all decoders for SECONDS=60; options in ARGS
	TCPCONNECT_FUZZ_SECONDS=$(SECONDS) TCPCONNECT_FUZZ_SEED=$(SEED) \
		$(BIN)/pytest -rP tests/fuzz $(ARGS)

soak: MINUTES ?= 10
soak: $(VENV)/tools ## trace for MINUTES=10 with every feature on, beside a hostile user
	@scripts/system-packages test
	$(BIN)/python -m tests.soak --minutes $(MINUTES) $(ARGS)

test-kernels: $(VENV)/tools ## run the kernel tests on older and newer kernels; options in ARGS
	@scripts/system-packages vm
	$(BIN)/python -m vmtest $(ARGS)

test-systemd: $(VENV)/tools ## run the tests of services, setcap and podman in a virtual machine
	@scripts/system-packages vm
	$(BIN)/python -m vmtest.systemd $(ARGS)

lint: $(VENV)/tools ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run --Werror $(BPF)
	$(BIN)/python -m bpf --headers

format: $(VENV)/tools ## rewrite in style
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(BPF)

bench: $(VENV)/tools ## measure cost; ARGS=--write puts it into docs
	@scripts/system-packages bench
	$(BIN)/python -m bench $(ARGS)

bench-peers: $(VENV)/tools ## compare with other tools, in a virtual machine; ARGS=--write puts it into docs
	@scripts/system-packages vm
	$(BIN)/python -m vmtest.peers $(ARGS)

docs: $(VENV)/installed ## make docs/troubleshooting.md of the catalogue of messages, fields.md of the columns
	$(BIN)/python -m share.troubleshooting
	$(BIN)/python -m share.fields

picture: $(VENV)/tools ## record docs/picture.svg, a session in a network namespace, as root
	@scripts/system-packages test
	$(BIN)/python -m tests.picture docs/picture.svg

share: $(VENV)/installed ## make the man page and the completions, in build/share
	$(BIN)/python -m share build/share

dist: $(VENV)/tools ## build sdist and wheel into dist/
	$(BIN)/python -m build

deb: $(VENV)/tools ## make and check the Debian package, in dist/; ARGS=--arch=arm64
	@scripts/system-packages packages
	$(BIN)/python -m release.packages deb $(ARGS)

image: $(VENV)/tools ## make the image for containers, and a list of what is in it, in dist/
	@scripts/system-packages image
	$(BIN)/python -m image

rpm: $(VENV)/tools ## make and check the RPM, in dist/; ARGS=--arch=arm64
	@scripts/system-packages packages
	$(BIN)/python -m release.packages rpm $(ARGS)

test-packages: $(VENV)/tools ## install, upgrade and remove both packages in a virtual machine
	@scripts/system-packages packages
	@scripts/system-packages vm
	$(BIN)/python -m vmtest.packages $(ARGS)

package-smoke: $(VENV)/tools ## make both; install, use and remove them in copies of this machine
	@scripts/system-packages packages
	$(BIN)/python -m release.smoke

test-image: image ## run the image with the privileges of packaging/kubernetes, as root
	@scripts/system-packages test
	$(BIN)/pytest -o "python_files=image_*.py" tests/image $(ARGS)

release: $(VENV)/tools ## make and check all of a release, in dist/VERSION; a trial with ARGS=--rehearse
	@scripts/system-packages packages
	@scripts/system-packages image
	$(BIN)/python -m release.publish $(ARGS)

test-ansible: $(VENV)/tools ## check the role for Ansible, and carry it out in a virtual machine; make deb first
	@scripts/system-packages vm
	@test -x .cache/ansible/bin/ansible-lint || { $(PYTHON) -m venv .cache/ansible && \
		.cache/ansible/bin/pip --disable-pip-version-check --quiet install ansible-core ansible-lint; }
	cd packaging/ansible && PATH="$(abspath .cache/ansible/bin):$$PATH" ansible-lint --offline --strict --profile production .
	$(BIN)/python -m vmtest.ansible $(ARGS)

release-check: $(VENV)/tools ## try the wheel with each Python; with all in ARGS=--debian
	@scripts/system-packages
	$(BIN)/python -m release $(ARGS)

clean: ## remove what was built
	rm -rf $(VENV) build dist src/tcpconnect/bpf/*.o

$(VENV)/installed: pyproject.toml hatch_build.py bin/tcpconnect bpf/__main__.py bpf/strip.py $(BPF) $(SHARE)
	@scripts/system-packages
	@echo "$$INSTALL_NOTE" >&2
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(PIP) install --editable .
	@touch $@

$(VENV)/tools: $(VENV)/installed
	@echo "$$TOOLS_NOTE" >&2
	$(PIP) install --upgrade 'pip>=25.1'
	$(PIP) install --group dev $(COMPILER)
	@touch $@
