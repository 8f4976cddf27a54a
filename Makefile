# SPDX-License-Identifier: Apache-2.0
# A short front for Meson. The program is left at build/tracer.
BUILD ?= build
PREFIX ?= /usr/local

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD)

$(BUILD)/build.ninja:
	meson setup $(BUILD) --prefix=$(PREFIX)

check:
	@tools/install-deps build check demo
	@$(MAKE) --no-print-directory all
	@tools/check --build $(BUILD)

demo:
	@tools/install-deps build demo
	@$(MAKE) --no-print-directory all
	@examples/demo $(BUILD)/tracer

bench:
	@tools/install-deps build demo bench
	@$(MAKE) --no-print-directory all
	@bench/run --build $(BUILD)

check-faults:
	@tools/install-deps build check
	@$(MAKE) --no-print-directory all
	@tests/faults/run --build $(BUILD)

check-vm:
	@tools/install-deps build vm
	@$(MAKE) --no-print-directory all
	@tests/vm/run --build $(BUILD)

check-engines:
	@tools/install-deps build check engines
	@$(MAKE) --no-print-directory all
	@tests/engines/run --build $(BUILD)

format:
	@git ls-files '*.c' '*.h' | xargs clang-format -i

install: all
	@meson install -C $(BUILD) --no-rebuild

clean:
	rm -rf $(BUILD)

.PHONY: all check demo bench check-vm check-faults check-engines format install clean
