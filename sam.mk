# SAM CLI's containers instead of the machine's own processes. They need a
# Docker engine and SAM CLI, your own or `make sam-cli`'s. Included by the
# Makefile.
SAM := .local/sam
# Beside the installed ones, the project's SAM CLI comes first.
WITH_SAM = PATH="$(CURDIR)/$(SAM)/bin:$$PATH"

.PHONY: sam-cli
sam-cli: $(SAM)/done ## Install SAM CLI and cfn-lint into .local/sam (needs Python 3.10)

$(SAM)/done: .ci/sam/requirements.txt
	@command -v python3 >/dev/null || { echo "Python is missing: install Python 3.10 or newer, with venv" >&2; exit 1; }
	python3 -m venv --clear $(SAM)
	$(SAM)/bin/pip install --quiet --disable-pip-version-check -r .ci/sam/requirements.txt
	@touch $@

# The Makefile's own default of PORT is that of `make run`.
SAM_PORT = $(if $(filter file,$(origin PORT)),3000,$(PORT))

# The base image is pulled when it is not here, and not again for each start.
sam-api sam-invoke test-sam: export SAM_SKIP_PULL_IMAGE ?= 1

.PHONY: sam-api
sam-api: export PORT := $(SAM_PORT)
sam-api: go ## Serve the API on http://127.0.0.1:$PORT (3000) from SAM CLI's containers
	@$(BUILD_LOCAL) && $(WITH_SAM) && export PATH && exec $(LOCAL) sam-api

.PHONY: sam-invoke
sam-invoke: go ## Call a function in SAM CLI's container, with its event: FUNCTION=GetJourney
	@$(BUILD_LOCAL) && $(WITH_SAM) && export PATH && FUNCTION='$(FUNCTION)' exec $(LOCAL) sam-invoke

.PHONY: test-sam
test-sam: deps ## Run the end-to-end tests against `make sam-api`
	@$(WITH_SAM) && export PATH && go test -tags sam -count=1 -timeout 30m -v -run '^TestSAM' ./internal/dev/cmd/local

.PHONY: lint-templates
lint-templates: sam-cli synth ## Run cfn-lint on template.yaml and on what the CDK synthesizes
	$(SAM)/bin/cfn-lint template.yaml infra/cdk.out/Journeys-*.template.json
	SAM_CLI_TELEMETRY=0 $(SAM)/bin/sam validate --lint
