# A deployment that really happens, to MiniStack instead of AWS. Included by the
# Makefile.
MINISTACK := .local/ministack

.PHONY: test-deploy
test-deploy: deps $(MINISTACK)/done ## Deploy the stage dev to an emulator of AWS, use it, change it and destroy it (needs Python 3.10)
	@go build -o .local/bin/testdeploy ./internal/dev/cmd/testdeploy
	@.local/bin/testdeploy

$(MINISTACK)/done: tools/deploy/requirements.txt
	@python3 -c 'import venv, ensurepip' 2>/dev/null || { echo "Python is missing: install Python 3.10 or newer, with venv" >&2; exit 1; }
	python3 -m venv --clear $(MINISTACK)
	$(MINISTACK)/bin/pip install --quiet --disable-pip-version-check -r tools/deploy/requirements.txt
	@touch $@
