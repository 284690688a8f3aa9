# Synthesize, deploy and destroy the stacks. Included by the Makefile.
#
# Settings are environment variables or arguments of make; infra/settings.go
# says what each is. All but issuer and audience (and, for prod, the alarms'
# e-mail address) have a default:
#
#   make deploy STAGE=dev JOURNEYS_ISSUER=https://login.example.com JOURNEYS_AUDIENCE=journeys

# The project's own CDK on the project's own Node, in the folder of cdk.json.
CDK = cd infra && PATH="$(CURDIR)/node_modules/.bin:$$PATH" cdk --no-notices

.PHONY: synth bootstrap deploy destroy iam check-stage

# Made-up settings, for what the settings do not matter to. deploy has none.
synth bootstrap destroy: export JOURNEYS_ISSUER ?= https://issuer.example
synth bootstrap destroy: export JOURNEYS_AUDIENCE ?= journeys
synth bootstrap destroy: export JOURNEYS_ALARM_EMAIL ?= alarms@example.com
deploy destroy: export JOURNEYS_STAGE = $(STAGE)

synth: deps ## Write both stages' CloudFormation templates to infra/cdk.out (needs no AWS credentials)
	$(MAKE) build ARCH=arm64
	$(CDK) synth --quiet
	@ls infra/cdk.out/Journeys-*.template.json

bootstrap: deps ## Prepare your AWS account and region for CDK, once
	$(MAKE) build ARCH=arm64
	$(CDK) bootstrap

deploy: check-stage deps ## Build for arm64 and deploy: make deploy STAGE=dev JOURNEYS_ISSUER=... JOURNEYS_AUDIENCE=...
	$(MAKE) build ARCH=arm64
	$(CDK) deploy Journeys-$(STAGE)

destroy: check-stage deps ## Delete a stage: make destroy STAGE=dev
	$(MAKE) build ARCH=arm64
	$(CDK) destroy Journeys-$(STAGE)

check-stage:
	@case '$(STAGE)' in dev|prod) ;; *) echo 'say which stage: STAGE=dev or STAGE=prod' >&2; exit 1 ;; esac

iam: ## Print what each function's role allows, as the table of the README
	@go run ./internal/dev/cmd/iam
