# What openapi.yaml promises, tried by strangers. Both run beside a `make run` of
# their own, on a free port and with nothing kept.
CLIENT := clients/typescript
WITHRUN := .local/bin/withrun

.PHONY: client-test
client-test: $(CLIENT)/node_modules/.package-lock.json withrun ## Generate a TypeScript client from openapi.yaml and use it against the API
	cd $(CLIENT) && npm run --silent generate && npm run --silent build
	$(WITHRUN) npm --prefix $(CLIENT) run --silent start

$(CLIENT)/node_modules/.package-lock.json: $(CLIENT)/package.json $(CLIENT)/package-lock.json
	cd $(CLIENT) && npm ci --no-audit --no-fund
	@touch $@

# A file, because `go run` does not hand on a signal.
.PHONY: withrun
withrun: go
	@go build -o $(WITHRUN) ./internal/dev/cmd/withrun

# The seed is in schemathesis.toml, so each run sends the same.
SCHEMATHESIS := tools/schemathesis
VENV := .local/schemathesis

.PHONY: schemathesis
schemathesis: $(VENV)/installed withrun ## Attack the API with Schemathesis, by openapi.yaml (about two minutes)
	$(WITHRUN) sh -c 'cd $(SCHEMATHESIS) && PYTHONDONTWRITEBYTECODE=1 exec ../../$(VENV)/bin/schemathesis run ../../openapi.yaml'

$(VENV)/installed: $(SCHEMATHESIS)/requirements.txt
	@command -v python3 >/dev/null || { echo "Python is missing: install Python 3.10 or newer with venv" >&2; exit 1; }
	python3 -m venv --clear $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --requirement $(SCHEMATHESIS)/requirements.txt
	@touch $@
