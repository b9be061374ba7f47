# Each target works from a clean clone with nothing but python3 (3.11 or newer) and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# The tests start hundreds of processes, each of which would compile the package anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test test-latest test-all lint lock release-check lowest-check check docs docs-site screenshots bench image image-test bare-test test-runtimes mutate clean

help: ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/'

demo: $(VENV)/installed ## play a client against the fake and save the images
	$(BIN)/mock-akool demo

# After a run of pytest in which tests failed: they run once more, alone. On a busy machine a test that looks at real
# time or at other processes may fail beside thousands of others; one that passes alone is listed, and unsteady.
AGAIN = { [ $$? -eq 1 ] && echo "These failed. Do they fail alone as well? If not, they are unsteady:" && \
	$(1) -m pytest -n 0 --last-failed --last-failed-no-failures none --maxfail 10 -v $(2); }

# The plugin of schemathesis looks at each test; the one that needs it is among those that run at length.
BRIEF := -p no:schemathesis

test: $(VENV)/installed-dev ## run the tests that every change must pass
	$(BIN)/python -m pytest -n auto $(BRIEF) || $(call AGAIN,$(BIN)/python)

# What is covered is what the tests of `make test` reach: what runs at length does more of the same, and to trace it
# would take twice as long.
test-all: $(VENV)/installed-dev ## run all tests at length, through every transport, and check what tests cover
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n auto $(BRIEF) || $(call AGAIN,$(BIN)/coverage run)
	$(BIN)/coverage combine --quiet
	$(BIN)/python -m tools.check_coverage
	$(BIN)/python -m pytest -n auto --dist worksteal --all || $(call AGAIN,$(BIN)/python,--all)

test-latest: $(VENV)/installed-dev ## run the interceptors' tests with the newest releases of what they patch
	$(PYTHON) -m venv --clear $(VENV)-latest
	$(VENV)-latest/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(VENV)-latest/bin/python -m pip install --quiet --disable-pip-version-check --group dev --editable '.[httpx,aiohttp,faker,media]'
	$(VENV)-latest/bin/python -m pip install --quiet --disable-pip-version-check --upgrade --pre \
		requests responses 'httpx<1.0.dev0' httpx2 aiohttp urllib3 pytest pytest-asyncio anyio trio freezegun \
		time-machine gevent
	$(VENV)-latest/bin/python -m pytest -n auto --all tests/mock

lint: $(VENV)/installed-dev ## check style, types, layers, words, the Dockerfile and the workflows
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	for system in win32 darwin; do \
		$(BIN)/mypy --platform $$system --cache-dir .mypy_cache/$$system --no-warn-unreachable \
			--exclude enter_namespaces mock_akool || exit 1; \
	done
	$(BIN)/basedpyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports
	$(BIN)/python -m tools.check_words
	$(BIN)/hadolint Dockerfile
	$(BIN)/actionlint
	$(BIN)/zizmor --offline --quiet .github

check: lint test ## lint, then test

docs: $(VENV)/installed-dev ## write the tables in README and docs anew
	$(BIN)/python -m tools.generate_docs

docs-site: $(VENV)/installed-dev ## build the site of the docs into the folder site, strictly
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

screenshots: $(VENV)/installed-dev ## draw the images of the dashboard in the docs anew (wants Chromium)
	$(BIN)/python -m tools.screenshots

bench: $(VENV)/installed-dev ## measure speed as ratios (wants wrk; WireMock wants npm and java)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement benchmarks/requirements.txt
	$(BIN)/python -m benchmarks

lock: $(VENV)/uv/installed ## pin what development needs, anew: requirements-dev.txt
	$(VENV)/uv/bin/uv pip compile pyproject.toml --quiet --upgrade --universal --python-version 3.11 \
		--group dev --extra httpx --extra aiohttp --extra faker --extra media \
		--generate-hashes --no-annotate --no-header --output-file requirements-dev.txt

# What pyroma gives of 10: one is missing for the address of an author, and one for a home page. Both are for whoever
# publishes it.
LEAST_RATING := 8

release-check: $(VENV)/installed-dev ## build the distributions into dist, check and install them
	$(BIN)/python -m tools.public_surface --check
	rm -rf dist $(VENV)/release
	$(BIN)/python -m build --outdir dist
	$(BIN)/twine check --strict dist/*
	$(BIN)/check-wheel-contents dist/*.whl
	$(BIN)/pyroma --min $(LEAST_RATING) .
	for file in dist/*; do \
		$(PYTHON) -m venv --clear $(VENV)/release && \
		$(VENV)/release/bin/python -m pip install --quiet --disable-pip-version-check "$$file" && \
		$(VENV)/release/bin/mock-akool --version && \
		$(VENV)/release/bin/python -W error tests/packaging/smoke.py || exit 1; \
	done
	$(MAKE) --no-print-directory lowest-check

lowest-check: $(VENV)/uv/installed ## use mock-akool with the lowest versions of all that it depends on (wants Python 3.11)
	$(VENV)/uv/bin/uv pip compile pyproject.toml --quiet --resolution lowest-direct --python $(PYTHON) \
		--extra httpx --extra aiohttp --extra faker --extra media --no-annotate --no-header --output-file $(VENV)/lowest.txt
	$(PYTHON) -m venv --clear $(VENV)/lowest
	$(VENV)/lowest/bin/python -m pip install --quiet --disable-pip-version-check --only-binary :all: \
		--requirement $(VENV)/lowest.txt pytest
	$(VENV)/lowest/bin/python -m pip install --quiet --disable-pip-version-check --no-deps .
	$(VENV)/lowest/bin/python tests/packaging/smoke.py

image: $(VENV)/installed-dev ## build the container image mock-akool (wants Docker)
	docker build --tag mock-akool --build-arg VERSION="$$($(BIN)/python -m setuptools_scm)" .

image-test: $(VENV)/installed-dev ## build the image without Docker, run and check it (wants root, buildah, debootstrap)
	$(BIN)/python -m pytest -n 0 --image -m image -rsP tests/packaging/test_image.py

bare-test: $(VENV)/installed-dev ## make demo and make test in a clean clone on a bare Debian (wants what image-test wants)
	$(BIN)/python -m pytest -n 0 --bare -m bare -rsP tests/packaging/test_bare.py

test-runtimes: $(VENV)/installed-dev ## run programs of many runtimes by mock-akool exec (installs by npm and pip, and as root by apt-get)
	$(BIN)/python -m tools.install_runtimes
	$(BIN)/python -m pytest -n 0 --runtimes --all -rs tests/cli/test_exec.py tests/cli/test_runtimes.py tests/docs/test_swap_examples.py tests/docs/test_video_examples.py tests/gauntlet/test_examples.py

SAMPLE ?= 300
PART ?= 1/1

mutate: $(VENV)/installed-dev ## change core and akool in SAMPLE places, or everywhere with 0, and see what tests notice
	$(BIN)/python -m tools.mutate --sample $(SAMPLE) --part $(PART)

clean: ## remove what the other targets made
	rm -rf $(VENV) $(VENV)-latest build dist site *.egg-info mock-akool-demo .image-test .runtimes mutants

$(VENV)/uv/installed:
	$(PYTHON) -m venv $(VENV)/uv
	$(VENV)/uv/bin/python -m pip install --quiet --disable-pip-version-check uv
	@touch $@

$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/installed-dev: pyproject.toml requirements-dev.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(VENV)/installed $@
