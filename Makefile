# Two commands: `make demo` is the set-up and the main job, `make test` passes the tests.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test lint docs clients milvus newest

demo: $(VENV)/.installed
	rm -rf runs/demo
	$(BIN)/python train/fit.py --recipe=demo --run_dir=runs/demo --export
	@echo "people     xdg-open runs/demo/evaluation/demo_report.html"
	@echo "files      xdg-open saved_models/demo/report.html"
	@echo "web page   npm ci --prefix osnet_tf/web && $(BIN)/python train/web_demo.py --model_dir=saved_models/demo"

test: $(VENV)/.installed-test lint
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --durations=10

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The site, into site/; `python -m http.server -d site` shows it.
docs: $(VENV)/.installed-test
	$(BIN)/zensical build --strict

$(VENV)/.installed: requirements.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -r requirements.txt
	touch $@

$(VENV)/.installed-test: $(VENV)/.installed requirements-test.txt
	$(BIN)/pip install -r requirements-test.txt
	touch $@

# The newest of every package, whatever the pins and caps say, in an environment of its own: what
# breaks here breaks for users next.
NEWEST := tests/test_package.py tests/test_parity.py tests/test_publishing.py tests/weights \
	tests/training/test_step.py tests/training/test_op_names.py tests/losses/test_triplet.py \
	tests/export/test_int8.py

newest:
	rm -rf .venv-newest
	$(PYTHON) -m venv .venv-newest
	sed '/^#/d; /^-e/d; s/==.*//' requirements.txt requirements-test.txt > .venv-newest/names.txt
	.venv-newest/bin/pip install --upgrade -r .venv-newest/names.txt
	.venv-newest/bin/pip install --no-deps --no-build-isolation -e .
	.venv-newest/bin/pip list
	.venv-newest/bin/python -m pytest -q -p no:cacheprovider $(NEWEST)

# Programs that load our files, each in an environment of its own; minutes to install.
CLIENTS := trackers ultralytics opencv5 coreml mediapipe tfjs

clients: $(VENV)/.installed-test $(CLIENTS:%=.venv-clients/%/.installed) .venv-clients/node/.installed \
		.venv-clients/arm/.installed
	$(BIN)/python -m pytest -v -rP tests/clients

.venv-clients/%/.installed: requirements-clients/%.txt
	test -x .venv-clients/$*/bin/python || $(PYTHON) -m venv .venv-clients/$*
	.venv-clients/$*/bin/pip install -r $<
	touch $@

.venv-clients/node/.installed:
	npm install --prefix .venv-clients/node @tensorflow/tfjs@4.22.0
	touch $@

# A phone's processor, emulated; on Debian 12.
.venv-clients/arm/.installed: tests/clients/install_arm.py
	$(BIN)/python -m tests.clients.install_arm .venv-clients/arm
	touch $@

# The tests of galleries on a real Milvus server, started for them.
milvus: $(VENV)/.installed-test .venv-milvus/.installed
	$(BIN)/python -m tests.search.with_server -v

.venv-milvus/.installed: requirements-milvus.txt
	test -x .venv-milvus/bin/python || $(PYTHON) -m venv .venv-milvus
	.venv-milvus/bin/pip install -r $<
	touch $@

# tensorflow-addons, an oracle of the tests, lives in an environment of its own.
.venv-tfa/.installed: requirements-tfa.txt
	test -x .venv-tfa/bin/python || python3.11 -m venv .venv-tfa
	.venv-tfa/bin/pip install -r requirements-tfa.txt
	touch $@
