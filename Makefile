# The front door. Every word is one file of scripts/; the caller's python3 needs nothing installed.
PYTHON ?= python3
.DEFAULT_GOAL := help
.PHONY: help run test build stop logs shell demo deploy rollback abort status history lint lock docs bench soak clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## build and start the service, wait until it is ready, say where (PORT=, METRICS_PORT=, IMAGE=)
	@$(PYTHON) -m scripts.run

test: ## everything: lint, types, docs, unit, contract, boot, PostgreSQL, image, browser (TESTS="path -k word")
	@$(PYTHON) -m scripts.test

build: ## build the image edgepaas:dev and edgepaas:dev-runtime, the layer without an app (IMAGE=)
	@$(PYTHON) -m scripts.build

stop: ## stop the service; its data stays
	@$(PYTHON) -m scripts.stop

logs: ## follow what the service writes
	@$(PYTHON) -m scripts.logs

shell: ## a shell where the service runs
	@$(PYTHON) -m scripts.shell

demo: ## fill the running service with a small fleet to look at
	@$(PYTHON) -m scripts.demo

deploy: ## blue/green: bring an image live without losing a request (IMAGE=)
	@$(PYTHON) -m scripts.blue_green deploy

rollback: ## blue/green: bring the slot before live again
	@$(PYTHON) -m scripts.blue_green rollback

abort: ## blue/green: undo the deploy that is under way or was interrupted
	@$(PYTHON) -m scripts.blue_green abort

status: ## blue/green: what is live, and whether all is as it should be
	@$(PYTHON) -m scripts.blue_green status

history: ## blue/green: what was deployed, and how it went
	@$(PYTHON) -m scripts.blue_green history

lint: ## lint, format, types, import rules, generated docs
	@$(PYTHON) -m scripts.lint

lock: ## lock the dependencies of pyproject.toml into requirements/ (UPGRADE=1)
	@$(PYTHON) -m scripts.lock

docs: ## write the generated docs again
	@$(PYTHON) -m scripts.docs

bench: ## measure beside what others run instead, in one run, as ratios (ONLY=, ROUNDS=)
	@$(PYTHON) -m scripts.bench

soak: ## blue/green at length: 30 deploys, 10 rollbacks, 20 kills under load (ROUNDS=, KILLS=)
	@$(PYTHON) -m scripts.soak

clean: ## remove build/, caches, the test environment; container and data stay
	@$(PYTHON) -m scripts.clean
