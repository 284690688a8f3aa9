# What the project claims of itself, measured and printed.
FUZZTIME ?= 5s

.PHONY: matrix
matrix: deps ## Make every call with every kind of token, and print who gets which answer
	@go test ./internal/dev/e2e -count=1 -v -run '^TestMatrix$$'
	@cat internal/dev/e2e/testdata/matrix.md

.PHONY: fuzz
fuzz: go ## Run each fuzz target for FUZZTIME (5s); print its time and executions
	@grep -roE '^func Fuzz[A-Za-z0-9]+' --include='*_test.go' internal | sed 's|/[^/]*:func | |' | sort | { n=0; \
	while read -r package target; do \
		out=$$(go test "./$$package" -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) </dev/null 2>&1) || { printf '%s\n' "$$out"; exit 1; }; \
		printf '%s\n' "$$out" | awk -F '[ ,]+' -v name="$$package $$target" \
			'/^fuzz: elapsed/ { time = $$3; execs = $$5 } END { printf "%-40s %6s %10d executions\n", name, time, execs }'; \
		n=$$((n + 1)); \
	done; echo "$$n fuzz targets found nothing"; }

.PHONY: bench
bench: deps ## Measure what the design promises, and write docs/performance.md
	@go run ./internal/dev/cmd/bench
