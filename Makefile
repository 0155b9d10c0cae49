# Everything a person or CI does. `make` alone lists it.
SHELL := /bin/bash
MVN ?= mvn -B -ntp -q
HERE := $(dir $(abspath $(lastword $(MAKEFILE_LIST))))

.DEFAULT_GOAL := help
export MODEL TRIGGER DATA VERSION
MODEL ?= risk-score
TRIGGER ?= schedule
FUZZ_SECONDS ?= 30
FUZZ_SOAK_SECONDS ?= 600
# CI: a failed test is run again this often, and a pass then is reported as a flake.
RERUN ?= 0
RERUNS := -Dsurefire.rerunFailingTestsCount=$(RERUN) -Dfailsafe.rerunFailingTestsCount=$(RERUN)
# Campaigns that measure time: they need the machine to themselves.
CAMPAIGNS := ITOverload ITDeadlines ITHttp2
# They measure time, or all there is: one class after the other.
ALONE := -Dit.forks=1
# CI: what the machine lacks something for; CI names it in its last line.
LEFT_OUT ?=
comma := ,
empty :=
space := $(empty) $(empty)

.PHONY: help build run cluster test it campaigns fuzz soak upgrade format check retrain artifact-checks reproduce-model workflows image image-check chart bench bench-data jmh clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

build: ## build the jar that bin/ml-service runs
	$(MVN) package -DskipTests -pl gateway -am
	@tools/archive-classes.sh || echo 'built; starts take their full time' >&2

run: ## serve on 127.0.0.1:8080 (API) and 9090 (metrics, admin); Ctrl-C ends it
	@ML_DRAIN_MS=0 bin/ml-service serve

cluster: ## three replicas, PostgreSQL and HAProxy on 8080 and 9090; Ctrl-C ends them
	@exec tools/cluster.sh

test: ## the fast tests; needs nothing but Maven Central
	mvn -B -ntp -T 2 test -Dstyle.color=never

# Most processes there live for seconds: the first compiler alone saves a third of the processor time.
# What measures (campaigns, soak, bench) runs with both.
it: ## the tests against a running process, and each fuzz target for 30 seconds
	ML_JAVA_OPTS=-XX:TieredStopAtLevel=1 mvn -B -ntp verify -Dstyle.color=never -Pit -Dskip.unit=true $(RERUNS) \
	  -Dit.test='IT*$(subst $(space),,$(patsubst %,$(comma)!%,$(CAMPAIGNS) $(LEFT_OUT)))'
	$(MAKE) fuzz

campaigns: ## overload, deadlines and HTTP/2 attacks in reduced counts; needs a quiet machine
	mvn -B -ntp verify -Dstyle.color=never -Pit -Dskip.unit=true $(ALONE) -Dit.test='$(subst $(space),$(comma),$(CAMPAIGNS))'

fuzz: ## fuzz each target for FUZZ_SECONDS (30), after proof that a planted bug is found
	@tools/fuzz.sh 60 planted; test $$? = 1
	@tools/fuzz.sh $(FUZZ_SECONDS)

soak: ## the same in full: 100,000 made-up names, 5,000 slow clients, ten minutes a fuzz target
	mvn -B -ntp verify -Dstyle.color=never -Pit -Dskip.unit=true $(ALONE) -Dsoak=true -Dabuse.requests=100000
	$(MAKE) fuzz FUZZ_SECONDS=$(FUZZ_SOAK_SECONDS)

upgrade: ## the release of commit FROM and this one side by side under load, both ways; needs a quiet machine
	@tools/upgrade.sh "$(FROM)"

format: ## format the sources
	$(MVN) spotless:apply

check: ## formatting, compiler warnings, Error Prone, tests
	mvn -B -ntp -T 2 spotless:check test -Dstyle.color=never $(RERUNS)

retrain: ## retrain MODEL (risk-score) because of TRIGGER (schedule), on DATA where it has a file; run again to go on
	@python=$$(tools/install-prefect.sh) && "$$python" ml/training/flow.py --model "$$MODEL" \
	  --trigger "$$TRIGGER" $(if $(DATA),--data "$$DATA") $(if $(VERSION),--version "$$VERSION")

artifact-checks: ## what model-artifact-checks.yml runs: the gates over artifacts/models; 1 when any is not passed
	@bin/ml-service verify

reproduce-model: ## train VERSION (risk-score_20261123) again in a clean clone and compare; DATA names its rows
	@bin/ml-service reproduce --tag "$$VERSION" $(if $(DATA),--data "$$DATA")

workflows: ## lint .github/workflows
	@"$$(tools/install-go-tool.sh actionlint)" -shellcheck= -pyflakes= .github/workflows/*.yml

image: ## build the image into gateway/target/ml-service.tar, without a container engine; ends with its digest
	@tools/image.sh

image-check: ## start that image without a network, read-only, in 1 GiB, under load; needs root
	@tools/image-check.sh

chart: ## lint, render and check the Helm chart, without a cluster
	@tools/chart.sh

bench: build bench-data ## CPU per request, rates and latencies beside a bare echo, after bench-data; ends with one BENCH line
	@tools/bench.sh

bench-data: build ## rates of drain, actions, backfill and export beside plain INSERT
	@tools/bench-data.sh

jmh: ## micro-benchmarks of parse, batch and encode
	@tools/jmh.sh

clean: ## remove what was built
	$(MVN) clean
