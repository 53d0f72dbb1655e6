# Thin: each target says what it runs. `make run` and `make test` do all their own set-up.
PRESET ?= release
BUILD := build/$(PRESET)
ARGS ?=
FUZZ_SECONDS ?= 60

.PHONY: build run test check asan tsan clang fuzz bench lint format docs package install deps clean

build: deps
	@cmake --preset $(PRESET) >$(BUILD).log || (cat $(BUILD).log; exit 1)
	@cmake --build --preset $(PRESET)

deps:
	@mkdir -p build
	@packaging/install-deps.sh

run: build
	@exec $(BUILD)/bin/progressdb $(ARGS)

test: build
	@ctest --preset $(PRESET)

# Everything that decides whether a change is good.
check: test lint asan tsan

asan tsan clang:
	@packaging/install-deps.sh --all
	@tests/sanitize.sh $@

fuzz:
	@packaging/install-deps.sh --all
	@tests/fuzz/run.sh $(FUZZ_SECONDS)

bench: build
	@python3 bench/run.py --build $(BUILD) $(ARGS)

lint:
	@packaging/install-deps.sh --all
	@tests/lint.sh

format:
	@git ls-files '*.c' '*.h' | xargs clang-format -i

# Pages and schemas that are generated from the option tables.
docs: build
	@$(BUILD)/bin/progressdb --config-schema >schemas/config.schema.json
	@$(BUILD)/bin/progressdb --config-reference >docs/configuration.md
	@$(BUILD)/bin/progressdb --config-sample >etc/progressdb.yaml
	@PDB_BUILD=$(abspath $(BUILD)) PYTHONDONTWRITEBYTECODE=1 python3 docs/metrics_table.py
	@$(BUILD)/bin/progressdb-kms --config-schema >schemas/kms-config.schema.json
	@$(BUILD)/bin/progressdb-kms --config-reference >docs/kms-configuration.md
	@$(BUILD)/bin/progressdb-kms --config-sample >etc/progressdb-kms.yaml

package: build
	@packaging/deb/build.sh $(BUILD) build/packages
	@if command -v rpmbuild >/dev/null; then packaging/rpm/build.sh $(BUILD) build/packages; fi

install: build
	@cmake --install $(BUILD)

clean:
	@rm -rf build
