# The engine at work: a demo, and the chaos test on the real parts.
# Most of a seed is waiting for leases, so that more run at a time than there are
# processors.
CHAOS_SEEDS ?= 20

.PHONY: demo
demo: deps ## Send 1,000 customers through a journey on this machine and print the funnel
	@go run ./internal/dev/cmd/demo

.PHONY: funnel
funnel: export JOURNEY := $(value JOURNEY)
funnel: export TENANT := $(value TENANT)
funnel: go ## Draw the funnel of a journey of the API that runs here: JOURNEY=jrn_... TENANT=demo
	@go run ./internal/dev/cmd/funnel

chaos: chaos-engine chaos-count chaos-underway

.PHONY: chaos-engine
chaos-engine: deps
	go test ./internal/dev/chaos -run Chaos -seeds $(CHAOS_SEEDS) -timeout 60m -parallel 3 -v

.PHONY: chaos-count
chaos-count: go
	go test ./internal/analytics -run Model -seeds 10000 -timeout 30m -v

.PHONY: chaos-underway
chaos-underway: deps
	go test ./internal/engine -run UnderWay -many 10000 -timeout 30m -v
