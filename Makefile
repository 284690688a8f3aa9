# The text after ## is a target's help line. Go, Java 17 and Node.js with npm must
# be installed; everything else is installed below .local/ and tools/.
.DEFAULT_GOAL := help
SHELL := /bin/sh

PORT ?= 8080
ROLE ?= admin
TENANT ?= demo
export PORT EPHEMERAL ARCH

CMD := ./internal/dev/cmd
BIN := .local/bin
NODE_BIN := $(CURDIR)/tools/node/node_modules/.bin
WITH_NODE = PATH="$(NODE_BIN):$$PATH" && export PATH
# The console's npm packages, and a shell in the directory that holds them.
CONSOLE := console/node_modules/.package-lock.json
IN_CONSOLE = $(WITH_NODE) && cd console

help: ## List the targets
	@awk -F ':.*## ' '/^##@/ { print "\n" substr($$0, 5) } /^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

.PHONY: help run console-dev token demo funnel build deps fmt lint clean go test go-test console-test console-budgets console-pictures race fuzz matrix bench chaos \
	chaos-enroll chaos-engine chaos-memory chaos-count chaos-underway client-test lint-openapi schemathesis sam-cli sam-api sam-invoke \
	test-sam synth bootstrap deploy destroy check-stage build-arm64 lint-templates test-deploy iam seeds

##@ Run it here

# The commands are built to a file, because `go run` does not pass signals on.
# `mv` replaces the file atomically: another run may be starting from it.
define build-command
@mkdir -p $(BIN) && go build -o $(BIN)/$(1).$$$$ $(CMD)/$(1) && mv -f $(BIN)/$(1).$$$$ $(BIN)/$(1)
endef

run: go ## Serve the API on http://127.0.0.1:$PORT (8080); EPHEMERAL=1, TICK=1s, CRUEL=<seed>, UNTHROTTLED=1
	@test -x $(BIN)/local || echo "building the local run (a minute, once)"
	$(call build-command,local)
	@exec $(BIN)/local run

console-dev: deps $(CONSOLE) ## Serve the console with hot reload on CONSOLE_PORT (5173), against the run on PORT
	@$(IN_CONSOLE) && npm run --silent generate && exec node_modules/.bin/vite

token: export TOKEN_ROLE := $(value ROLE)
token: export TOKEN_TENANT := $(value TENANT)
token: go ## Print a token of 12 hours: ROLE=admin|editor|viewer|ingest TENANT=demo
	@go run $(CMD)/local token

demo: deps ## Send 1,000 customers through a journey and print its funnel, in a run of its own, not on PORT
	@go run $(CMD)/demo

funnel: export JOURNEY := $(value JOURNEY)
funnel: export TENANT := $(value TENANT)
funnel: go ## Draw the funnel of a journey of the API on PORT: JOURNEY=jrn_... TENANT=demo
	@go run $(CMD)/funnel

##@ Build and check

build: go ## Build every function into dist/<function>/bootstrap; ARCH=arm64 for another architecture
	@go run $(CMD)/local build

deps: go ## Install the npm packages of tools/node
	@go run $(CMD)/local deps

fmt: deps $(CONSOLE) ## Format the Go files and the console
	gofmt -w functions infra internal tools/oapi-codegen/*.go
	$(IN_CONSOLE) && npm run --silent fmt

lint: deps $(CONSOLE) ## Run the linters of .golangci.yml, and check the console's types and style
	go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0 run
	$(IN_CONSOLE) && npm run --silent generate && npm run --silent check

clean: ## Remove what was built; data and keys in .local/ stay
	rm -rf dist $(BIN) console/build console/generated

go:
	@command -v go >/dev/null || { echo "Go is missing: install Go 1.26 or newer" >&2; exit 1; }

##@ Test

CHAOS_SEEDS ?= 20
FUZZTIME ?= 5s
RACE := ./internal/analytics ./internal/api ./internal/auth ./internal/dev/gateway ./internal/dev/lambda ./internal/engine ./internal/journey ./internal/provider

# The packages that take longest start first, so that no core waits for them at the end.
SLOW := ./internal/dev/chaos ./internal/dynamo ./internal/engine ./internal/dev/e2e ./internal/journey ./internal/dev/cmd/local ./internal/analytics ./internal/unsubscribe
# The chaos tests mostly wait for leases, so one package more runs than there are processors.
PACKAGES = $$(($$(getconf _NPROCESSORS_ONLN) + 1))

test: deps ## Run all tests
	go vet ./...
	@$(MAKE) --no-print-directory go-test console-test

go-test: deps ## Test the Go packages
	go test -vet=off -p $(PACKAGES) -timeout 30m $(SLOW) ./...

console-test: export SPEC := $(value SPEC)
console-test: deps $(CONSOLE) ## Test the console, in Chromium too, against a run of its own; SPEC=people for one place
	$(call build-command,withrun)
	$(IN_CONSOLE) && npm run --silent generate && { [ -n "$$SPEC" ] || npm test --silent; }
	$(WITH_NODE) && TICK=1s $(BIN)/withrun sh -c 'cd console && exec npm run --silent e2e -- $$SPEC'

console-budgets: ## Measure what the console costs, and write docs/console/budgets.md
	@BUDGETS=write $(MAKE) --no-print-directory console-test SPEC=budgets

console-pictures: ## Take the pictures of docs/console
	@PICTURES=1 $(MAKE) --no-print-directory console-test SPEC=pictures

# The race detector of Go 1.26 stops with "CHECK failed" in processes that made many
# synctest bubbles (golang/go#78156), so the tests in virtual time run without it. So
# do those named EveryOrder, whose sides take turns: only one runs at a time.
race: deps ## Run the tests of the concurrent packages under the race detector, with fewer seeds
	go test -vet=off -race -short -timeout 30m -skip 'EveryOrder|Advance_SlowEffects|Advance_SendsOnlyWhat|Advance_ClaimsNothing|Restore_' $(RACE)
	go test -vet=off -race -short -timeout 30m -run 'Enroll|Forget|Remove' ./internal/dynamo

fuzz: go ## Run each fuzz target for FUZZTIME (5s)
	@tools/fuzz/run $(FUZZTIME)

matrix: deps ## Make every call with every kind of token, and print who gets which answer
	@go test ./internal/dev/e2e -count=1 -v -run '^TestMatrix$$'
	@cat internal/dev/e2e/testdata/matrix.md

bench: deps ## Measure every floor of the design, and write docs/performance.md
	@go run $(CMD)/bench

# `make test` runs seed 0 of everything on the real parts.
seeds: deps ## Run the chaos tests with other seeds, and more of them, than `make test`
	go test -vet=off ./internal/dev/chaos -run Chaos -first 1 -timeout 20m & \
	go test -vet=off ./internal/dynamo -run Chaos -seeds 8 -timeout 20m; \
	status=$$?; wait $$! && exit $$status

# Most of a seed is waiting for leases, so more run in parallel than there are processors.
chaos: chaos-enroll chaos-engine chaos-memory chaos-count chaos-underway ## Run the long chaos tests (an hour)
chaos-enroll: deps ## Lose and throttle 200 seeds of enrolling, and forget customers in every order
	go test ./internal/dynamo -run 'Chaos|Forget_BarsInEveryOrder' -seeds 200 -v -timeout 3h
	go test ./internal/unsubscribe -run RacesWith -every -v
chaos-engine: deps ## Run CHAOS_SEEDS (20) seeds of everything on the real parts
	go test ./internal/dev/chaos -run Chaos -seeds $(CHAOS_SEEDS) -timeout 120m -parallel 3 -v
chaos-memory: go ## Run 1,000 seeds of everything in memory
	go test ./internal/engine -run Chaos_InMemory -seeds 1000 -timeout 30m -v
chaos-count: go ## Run 10,000 seeds of counting in memory
	go test ./internal/analytics -run Model -seeds 10000 -timeout 30m -v
chaos-underway: deps ## Pause, edit, archive and delete journeys with 10,000 customers inside
	go test ./internal/engine -run UnderWay -many 10000 -timeout 30m -v

##@ Hold openapi.yaml to its word

# What the three generators need. CI installs it beforehand.
GENERATORS := tools/typescript/node_modules/.package-lock.json $(BIN)/oapi-codegen .local/python/openapi-python-client
PYTHON_CLIENT := tools/openapi-python-client

client-test: $(GENERATORS) deps ## Generate TypeScript, Go and Python clients from openapi.yaml and use the API with them
	$(call build-command,withrun)
	cd tools/typescript && npm run --silent generate && npm run --silent build
	cd tools/oapi-codegen && mkdir -p generated && ../../$(BIN)/oapi-codegen -config config.yaml ../../openapi.yaml && \
		go vet . && go build -o ../../$(BIN)/go-client .
	cd $(PYTHON_CLIENT) && rm -rf generated && ../../.local/python/openapi-python-client/bin/python -m openapi_python_client generate \
		--path ../../openapi.yaml --config config.yaml --meta none --output-path generated --fail-on-warning
	$(BIN)/withrun sh -ec 'npm --prefix tools/typescript run --silent start; $(BIN)/go-client; \
		PYTHONDONTWRITEBYTECODE=1 .local/python/openapi-python-client/bin/python $(PYTHON_CLIENT)/client.py'

lint-openapi: tools/openapi-lint/node_modules/.package-lock.json deps ## Run the linters of Redocly and Spectral on openapi.yaml
	$(WITH_NODE) && cd tools/openapi-lint && npm run --silent redocly && npm run --silent spectral && npm test --silent

%/node_modules/.package-lock.json: %/package.json %/package-lock.json
	cd $* && npm ci --ignore-scripts
	@touch $@

# The tool is of the module in tools/oapi-codegen, whose go.sum holds its hashes.
$(BIN)/oapi-codegen: tools/oapi-codegen/go.mod tools/oapi-codegen/go.sum
	mkdir -p $(BIN) && cd tools/oapi-codegen && go mod download && go build -o ../../$@ github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen

# The seed is in schemathesis.toml, so every run sends the same requests.
schemathesis: .local/python/schemathesis deps ## Fuzz the API by openapi.yaml (about two minutes)
	$(call build-command,withrun)
	$(BIN)/withrun sh -c 'cd tools/schemathesis && PYTHONDONTWRITEBYTECODE=1 exec "$(CURDIR)/.local/python/schemathesis/bin/schemathesis" run ../../openapi.yaml'

# .local/python/<tool> is the environment of tools/<tool>/requirements.txt.
.local/python/%: tools/%/requirements.txt
	@python3 -c 'import venv, ensurepip' 2>/dev/null || { echo "Python is missing: install Python 3.10 or newer, with venv" >&2; exit 1; }
	python3 -m venv --clear "$@" && "$@/bin/python" -m pip install --quiet --disable-pip-version-check --requirement $< || { rm -rf "$@"; exit 1; }
	@touch "$@"

##@ Containers: Docker and SAM CLI

SAM_CLI := .local/python/sam
# The project's SAM CLI comes before an installed one.
WITH_SAM = PATH="$(CURDIR)/$(SAM_CLI)/bin:$$PATH" && export PATH
# PORT defaults to 3000 here, unlike in `make run`.
SAM_PORT := $(if $(filter file,$(origin PORT)),3000,$(PORT))
# The base image is pulled if it is missing, not again for each start.
sam-api sam-invoke test-sam: export SAM_SKIP_PULL_IMAGE ?= 1

sam-cli: $(SAM_CLI) ## Install SAM CLI and cfn-lint below .local/ (needs Python 3.10)

sam-api: export PORT := $(SAM_PORT)
sam-api: go ## Serve the API on http://127.0.0.1:$PORT (3000) from SAM CLI's containers
	$(call build-command,local)
	@$(WITH_SAM) && exec $(BIN)/local sam-api

sam-invoke: go ## Call a function once in SAM CLI's container: FUNCTION=GetJourney
	$(call build-command,local)
	@$(WITH_SAM) && FUNCTION='$(FUNCTION)' exec $(BIN)/local sam-invoke

test-sam: deps ## Run the end-to-end tests against `make sam-api`
	@$(WITH_SAM) && go test -tags sam -count=1 -timeout 30m -v -run '^TestSAM' $(CMD)/local

##@ Deploy

# Each setting is an environment variable or an argument of make; the tables of
# docs/deployment.md say what they are:
#   make deploy STAGE=dev JOURNEYS_ISSUER=https://login.example.com JOURNEYS_AUDIENCE=journeys
#   make deploy STAGE=dev JOURNEYS_COGNITO=true JOURNEYS_COGNITO_ADMIN=you@example.com
CDK = cd infra && PATH="$(NODE_BIN):$$PATH" cdk --no-notices
# These targets need some value; only `deploy` needs the true one.
ifeq ($(JOURNEYS_COGNITO),true)
synth bootstrap destroy: export JOURNEYS_COGNITO_ADMIN ?= admin@example.com
else
synth bootstrap destroy: export JOURNEYS_ISSUER ?= https://issuer.example
synth bootstrap destroy: export JOURNEYS_AUDIENCE ?= journeys
endif
synth bootstrap destroy: export JOURNEYS_ALARM_EMAIL ?= alarms@example.com
deploy destroy: export JOURNEYS_STAGE = $(STAGE)

build-arm64: deps
	@$(MAKE) --no-print-directory build ARCH=arm64
synth: build-arm64 ## Write both stages' CloudFormation templates to infra/cdk.out; needs no AWS credentials
	$(CDK) synth --quiet
	@ls infra/cdk.out/Journeys-*.template.json
bootstrap: build-arm64 ## Prepare your AWS account and region for CDK, once
	$(CDK) bootstrap
deploy: check-stage build-arm64 ## Deploy a stage: STAGE=dev JOURNEYS_ISSUER=... JOURNEYS_AUDIENCE=..., or JOURNEYS_COGNITO=true
	@go run $(CMD)/key
	$(CDK) deploy Journeys-$(STAGE)
destroy: check-stage build-arm64 ## Delete a stage: STAGE=dev
	$(CDK) destroy Journeys-$(STAGE)
check-stage:
	@case '$(STAGE)' in dev|prod) ;; *) echo 'say which stage: STAGE=dev or STAGE=prod' >&2; exit 1 ;; esac

lint-templates: sam-cli synth ## Run cfn-lint on template.yaml and on the synthesized templates
	$(SAM_CLI)/bin/cfn-lint --ignore-checks W3005 -- template.yaml infra/cdk.out/Journeys-*.template.json
	SAM_CLI_TELEMETRY=0 $(SAM_CLI)/bin/sam validate --lint

test-deploy: deps .local/python/ministack ## Deploy to an emulator of AWS, use the API there, change the stack and destroy it
	$(call build-command,testdeploy)
	@$(BIN)/testdeploy

iam: go ## Print what each function's role allows, as in docs/security.md
	@go run $(CMD)/iam
