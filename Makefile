# Each target's line after ## is its help. Only Go, Java 17 and Node.js with npm
# must be there; everything else is installed from here.
.DEFAULT_GOAL := help
SHELL := /bin/sh

PORT ?= 8080
ROLE ?= admin
TENANT ?= demo
export PORT EPHEMERAL ARCH

# LOCAL must be a file: `go run` would not hand on a signal. It is put in place
# at one stroke, since another run may be starting from it.
LOCAL := .local/bin/local
BUILD_LOCAL = go build -o $(LOCAL).$$$$ ./internal/dev/cmd/local && mv -f $(LOCAL).$$$$ $(LOCAL)

.PHONY: help
help: ## What can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: go ## Serve the API on http://127.0.0.1:$PORT (8080), data in .local/; EPHEMERAL=1 keeps nothing; TICK=1s makes its minutes seconds; CRUEL=<seed> sends faults
	@$(BUILD_LOCAL) && exec $(LOCAL) run

.PHONY: token
token: export TOKEN_ROLE := $(value ROLE)
token: export TOKEN_TENANT := $(value TENANT)
token: ## Print a token for the API that runs here: ROLE=admin TENANT=demo, any values
	@go run ./internal/dev/cmd/local token

.PHONY: test
test: deps ## Run all tests
	go vet ./...
	go test -timeout 30m ./...

.PHONY: chaos
chaos: deps ## Run the long chaos tests: 20 seeds of the engine and its figures, 10,000 of counting in memory, 200 of enrolling (an hour)
	go test ./internal/dynamo -run Chaos -seeds 200 -v -timeout 3h

.PHONY: build
build: go ## Build every function into dist/<function>/bootstrap; ARCH=arm64 for another architecture
	@go run ./internal/dev/cmd/local build

.PHONY: deps
deps: go ## Install the npm packages
	@go run ./internal/dev/cmd/local deps

.PHONY: fmt
fmt: go ## Format the Go files
	gofmt -w functions infra internal

.PHONY: lint
lint: go ## Run the linters of .golangci.yml
	go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0 run

.PHONY: clean
clean: ## Remove what was built; data and key in .local/ stay
	rm -rf dist .local/bin

.PHONY: go
go:
	@command -v go >/dev/null || { echo "Go is missing: install Go 1.26 or newer" >&2; exit 1; }

# Synth, deploy, destroy.
include infra/infra.mk
# The demo and the chaos test of the engine.
include engine.mk

# SAM CLI.
-include sam.mk
# The matrix, fuzzing, the benchmark.
include openapi.mk
include quality.mk

# A deployment without AWS.
-include deploy.mk
