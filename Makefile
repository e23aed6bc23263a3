# Everything a newcomer needs; each target makes the environment if it is not there.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
NEEDY := folds identify identify_strangers orbital_energies organic

.PHONY: demo test check bench clean

demo: $(READY)        ## spectra of liquid water from the bundled labels and trajectories, about five minutes
	$(BIN)/mimyria demo --out demo

test: $(READY)        ## lint, types, tests
	PATH="$(CURDIR)/$(BIN):$$PATH" scripts/test

check: $(READY)       ## lint and types alone
	PATH="$(CURDIR)/$(BIN):$$PATH" scripts/check

bench: $(READY)       ## every benchmark that needs no files of its own, one table each
	for file in $(filter-out $(NEEDY:%=benchmarks/%.py),$(wildcard benchmarks/*.py)); do $(BIN)/python $$file || exit 1; done

clean:                ## remove the environment and what the demo made
	rm -rf .venv demo

$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test]'
	touch $(READY)
