# Two commands on a fresh Debian 12: `make demo` and `make check`. Everything is built below build/.
PREFIX  ?= /usr/local
DESTDIR ?=
JOBS    ?= $(shell nproc)

.PHONY: all deps demo check check-slow bench fuzz format install uninstall clean

all: build/build.ninja
	cmake --build build -j $(JOBS)

build/build.ninja: | deps
	cmake --preset release -DITEMSAGE_TESTS=OFF

deps:
	@scripts/install-deps build

demo:
	@scripts/install-deps build demo
	@$(MAKE) --no-print-directory all
	@scripts/demo

check:
	@scripts/install-deps build check
	@scripts/check

check-slow:
	@scripts/install-deps build check demo
	@scripts/check-slow

bench:
	@scripts/install-deps build check
	cmake --preset release -DITEMSAGE_BENCH=ON
	cmake --build build -j $(JOBS)

format:
	@scripts/check-format --fix

install: all
	DESTDIR="$(DESTDIR)" cmake --install build --prefix "$(PREFIX)"

uninstall:
	@xargs -a build/install_manifest.txt rm -fv

clean:
	rm -rf build
