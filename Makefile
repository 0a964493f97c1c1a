# Everything the project does, each with all its own set-up. "make help" lists it.

# The nginx to build for, run and test with: a path, as /usr/sbin/nginx. Empty: one that is built from NGINX_SOURCE_DIR or,
# without that, 1.28.3 from the crate nginx-src.
NGINX ?=
# The source of that nginx. Empty: Debian's nginx-dev or the crate nginx-src, where the version matches.
NGINX_SOURCE_DIR ?=
# What to build for, in Rust's words, as aarch64-unknown-linux-gnu; CC is the C compiler for it then. Empty: for this machine.
RUST_TARGET ?=
# The architecture that "test-arch" tests on, in Debian's words.
ARCH ?=
# Where "install" installs to, and "uninstall" removes from, for those who make packages; empty: the system.
DESTDIR ?=
# Where "install" puts the man page, below DESTDIR; empty: /usr/share/man with DESTDIR, /usr/local/share/man without.
MANDIR ?=
# Whether "install" also installs debug information, for gdb: yes or no.
DEBUG_INFO ?= no
# The tests to run.
TESTS ?= t/*.t
# How many tests run at a time.
JOBS ?= 2
# Not empty: nginx's configuration and logs of the last test in the file stay in t/servroot; for one file at a time.
KEEP ?=
# How many scripts "fuzz-drain" and "fuzz-http" play, and what they are made from; empty: something new each time.
SCRIPTS ?=
SEED ?=
# The locations that "test-modules" uploads to, as "lua-*"; empty: all.
LOCATIONS ?=
# What "programs" tries: an expression on network and name, as 'slow, git'; empty: all of them, and the page is written.
PROGRAMS ?=
# How long "fuzz-http", if it is not to count scripts, "fuzz-policy" (60) and "soak" (600) go on, in seconds; after how long
# "clients" stops.
SECONDS ?=
# How many workers "soak" has, and how many clients at a time.
WORKERS ?= 2
CLIENTS ?= 60
# A script that "fuzz-http" has found, or a case that "fuzz-conf" has found, to play again.
SCRIPT ?=
CASE ?=
# How many configurations "fuzz-conf" makes; and whether it compares answers with those of nginx alone.
CONFIGS ?=
COMPARE ?=
# The release of Debian that "deb" makes a package for; this machine's own, unless told.
DIST ?= $(shell . /etc/os-release; echo "$$VERSION_CODENAME")
# Whose nginx "deb" makes it for: empty, Debian's own; or nginx.org, and then the version of its nginx.
FOR ?=
NGINX_VERSION ?=
# Not empty: "deb" builds with Debian's crates in the place of those in the release; twice, in different surroundings, and compares
# the packages.
SYSTEM_CRATES ?=
TWICE ?=
# What "bench" measures: refusals growth drain accepted instructions memory; and report; or stream. What "attack" plays: drip flood
# extensions streams resets slow. Empty: all of it. For "clients" stream: raw connections alone. For "apps" an expression on cells, as 'tls on .* 200'.
PARTS ?=
# What "apps" tries: applications and fronts by name, and how often; empty: all, ten times.
APPS ?=
FRONTS ?=
TRIES ?=
# Where the demo listens: cleartext here, TLS one above, nginx without the module on the next two; raw connections on two more.
PORT ?= 8413

# How nginx 1.28.3 is built: "palloc", so that each piece of memory from a pool is one of malloc's; "asan", the same and with
# AddressSanitizer.
FLAVOUR ?=
CC_OPT_palloc := -DNGX_DEBUG_PALLOC=1
CC_OPT_asan := "-DNGX_DEBUG_PALLOC=1 -fsanitize=address -fno-omit-frame-pointer" "-fsanitize=address -static-libasan"

OBJS := $(CURDIR)/objs
# A make that this one starts inherits what is exported for cargo: that is not somebody's choice.
SOURCE := $(filter-out $(OBJS)/%,$(NGINX_SOURCE_DIR))
ifeq ($(NGINX),)
WORK := $(OBJS)/$(if $(SOURCE),source,1.28.3)$(FLAVOUR:%=-%)
PROGRAM := $(WORK)/nginx
PREPARE := build/nginx/build.sh $(WORK) "$(SOURCE)" $(CC_OPT_$(FLAVOUR))
GROUP :=
else
WORK := $(OBJS)/installed
PROGRAM := $(NGINX)
PREPARE := build/nginx/installed.sh "$(NGINX)" $(WORK) "$(SOURCE)"
GROUP := $(if $(filter /usr/sbin/nginx,$(NGINX)),installed)
endif

ifeq ($(FLAVOUR),asan)
# The sanitizer is for nightly compilers, or for those that are told to do as if they were. A target, so that what the build
# itself runs is left alone.
RUST_TARGET := $(shell rustc -vV | sed -n 's/^host: //p')
CARGO_BUILD := RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=address -Zexternal-clangrt" build/module/cargo.sh rustc
else
CARGO_BUILD := build/module/cargo.sh rustc
endif
CARGO_BUILD += --locked --release --lib --crate-type cdylib

MODULE := $(WORK)/ngx_http_limit_body_module.so
# Where that nginx has stream.
STREAM_MODULE := $(WORK)/ngx_stream_limit_session_module.so
# What such an nginx loads for it.
STREAM_MODULES = $$(build/nginx/stream-modules.sh $(PROGRAM) $(STREAM_MODULE))
CONTROLS := $(WORK)/controls
TOOLS := $(OBJS)/test-tools

# nginx takes a variable of this name in its environment for a list of sockets to inherit.
unexport NGINX

override export NGINX_SOURCE_DIR := $(WORK)/src
export NGINX_BUILD_DIR := $(WORK)/objs
export CARGO_TARGET_DIR := $(WORK)/target
ifneq ($(RUST_TARGET),)
export CARGO_BUILD_TARGET := $(RUST_TARGET)
endif
# What cargo has built, in debug/ and release/.
BUILT := $(CARGO_TARGET_DIR)$(RUST_TARGET:%=/%)
# What tests and measurements share, and the fuzzers.
export PYTHONPATH := $(CURDIR)/t/lib:$(CURDIR)/t

.PHONY: help run stop build check unittest test clients apps programs grafana browser fuzz-conf fuzz-drain fuzz-http fuzz-policy fuzz-session miri attack bench \
	clean testtools nginx controls module install uninstall dist check-dist deny advisories lint-packaging lint-workflows test-configure deb deb-for \
	test-all test-arch test-msrv unsafe man test-asan test-valgrind own-nginx watched test-faults test-modules beside-modules soak capacity

help: ## use: List the targets
	@for group in use develop measure; do \
		awk -F ":.*## $$group: " -v group=$$group 'BEGIN { print group ":" } NF == 2 { printf "  %-14s %s\n", $$1, $$2 }' Makefile; \
	done
	@echo
	@echo 'NGINX=/path/to/nginx builds for, and tests with, an installed nginx; NGINX_SOURCE_DIR=/path/to/source, with one that'
	@echo 'is built from there. The other variables are at the top of the Makefile.'
	@echo 'Run as root, a target installs the Debian packages that it needs, and names them first; otherwise it only names them.'

run: build controls ## use: See it work: refuse an upload with the module, with nginx alone, and in two textbook ways
	@build/setup.sh run
	@build/demo/run.sh $(PROGRAM) $(WORK) $(PORT)

stop: ## use: Stop the two nginx that "run" left running
	@build/demo/stop.sh $(OBJS)/demo

build: nginx ## use: Build the modules: for HTTP and, where nginx has stream, for raw connections
	@modules=; \
	if build/nginx/has.sh $(NGINX_BUILD_DIR) http; then \
		$(CARGO_BUILD) --package ngx-http-limit-body-module || exit; modules=$(MODULE); \
	fi; \
	if build/nginx/has.sh $(NGINX_BUILD_DIR) stream; then \
		$(CARGO_BUILD) --package stream-module || exit; modules="$$modules $(STREAM_MODULE)"; \
	fi; \
	for module in $$modules; do \
		build/module/place.sh $(BUILT)/release $$module $(PROGRAM) || exit; \
		echo "==> $${module#$(CURDIR)/}"; \
	done

module: build ## use: The same as "build"

install: ## use: Install what "build" builds for NGINX, as root or below DESTDIR (DEBUG_INFO=yes: for gdb, too)
	@[ -n "$(NGINX)" ] || { echo 'error: which nginx is it for? make install NGINX=/path/to/nginx' >&2; exit 1; }
	@module=$$(ls $(MODULE) $(STREAM_MODULE) 2>/dev/null | head -n 1); \
		{ [ -n "$$module" ] && [ -z "$$(find src crates Cargo.toml Cargo.lock -newer "$$module" -print -quit)" ] && \
			build/module/loads.sh "$(NGINX)" "$$module" 2>/dev/null; } || $(MAKE) --no-print-directory build
	@DEBUG_INFO=$(DEBUG_INFO) build/module/install.sh install "$(NGINX)" "$(DESTDIR)" \
		$$(ls $(MODULE) $(STREAM_MODULE) 2>/dev/null)

uninstall: ## use: Remove what "install" has installed for NGINX, as root or below DESTDIR
	@[ -n "$(NGINX)" ] || { echo 'error: which nginx was it for? make uninstall NGINX=/path/to/nginx' >&2; exit 1; }
	@build/module/install.sh uninstall "$(NGINX)" "$(DESTDIR)"

deny: ## develop: Check licenses and sources of the crates that the module is built from
	@build/setup.sh build deny
	@build/check/deny.sh $(OBJS)/deny

advisories: ## develop: The same, and their known vulnerabilities (asks GitHub)
	@build/setup.sh build deny
	@build/check/deny.sh $(OBJS)/deny advisories

check: nginx deny ## develop: Check format, lints, documentation, licenses, commit subjects, and the layout of nginx's structs
	cargo fmt --all --check
	cargo fmt --manifest-path bench/load/Cargo.toml --check
	cargo fmt --manifest-path crates/policy/fuzz/Cargo.toml --check
	DENY_WARNINGS=1 cargo clippy --locked --workspace --all-targets -- -D warnings
	DENY_WARNINGS=1 RUSTDOCFLAGS='-D warnings' cargo doc --locked --workspace --no-deps --document-private-items
	DENY_WARNINGS=1 cargo test --locked --test layout
	@build/check/unsafe.py >/dev/null
	@build/release/man.py docs/limit_body.md | cmp - $(MAN) || { echo 'error: $(MAN) is not up to date: make man' >&2; exit 1; }
	@build/check/subjects.sh

MAN := docs/ngx_http_limit_body_module.5

man: ## develop: Make the man page from docs/limit_body.md
	@build/release/man.py docs/limit_body.md >$(MAN)

unsafe: ## develop: List all unsafe code, each block with its reason
	@build/check/unsafe.py

# The oldest Rust that Cargo.toml allows.
MSRV := $(shell sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)

test-msrv: nginx ## develop: Build, and run the tests that need no running nginx, with the oldest Rust allowed (needs rustup)
	@command -v rustup >/dev/null || { echo 'error: rustup not found: see https://rustup.rs' >&2; exit 1; }
	@rustup toolchain install --profile minimal $(MSRV)
	@# That Rust's cargo cannot read what the crate with nginx's source needs.
	@RUSTUP_TOOLCHAIN=$(MSRV) $(MAKE) --no-print-directory OBJS=$(OBJS)/msrv NGINX_SOURCE_DIR=$(WORK)/src build unittest

unittest: nginx ## develop: Run the tests that need no running nginx
	DENY_WARNINGS=1 cargo test --locked --workspace

TEST_ENV = env PERL5LIB=$(TOOLS)/perl:$(CURDIR)/t/lib PATH="$$PATH:/usr/sbin" \
	TEST_PYTHON=$(TOOLS)/python/bin/python TEST_CERTIFICATE=$(OBJS)/tls/localhost TEST_CONTROLS=$(CONTROLS) \
	TEST_NGINX_BINARY=$(PROGRAM) TEST_NGINX_LOAD_MODULES=$(MODULE) \
	TEST_STREAM_MODULES="$(STREAM_MODULES)" \
	TEST_NGINX_RANDOMIZE=$(if $(KEEP),0,1) TEST_NGINX_NO_SHUFFLE=1

PROVE = build/test/prove.sh $(WORK)/test.log --timer

# For an nginx that is watched, and slow: it is to end in its own time, and clients are to wait for it.
WATCHED_ENV = $(TEST_ENV) TEST_NGINX_TIMEOUT=30 TEST_PATIENCE=$(PATIENCE) \
	TEST_MEMORY=$(WATCH) TEST_NGINX_BINARY=$(CURDIR)/t/memory/$(WATCH) MEMORY_NGINX=$(PROGRAM) MEMORY_LOGS=$(WORK)/$(WATCH)

test: unittest testtools ## develop: Run all tests, or those in TESTS
	@echo "==> testing with $(PROGRAM:$(CURDIR)/%=%)"
	@$(TEST_ENV) TEST_NGINX_FAST_SHUTDOWN=1 $(PROVE) --jobs $(JOBS) $(TESTS)

test-asan: own-nginx ## develop: Run all tests with AddressSanitizer
	@# Until t/memory/asan says otherwise: "nginx -t" gives nothing back.
	@ASAN_OPTIONS=detect_leaks=0 $(MAKE) --no-print-directory FLAVOUR=asan WATCH=asan PATIENCE=60 watched

test-valgrind: own-nginx ## develop: Run all tests with valgrind
	@build/setup.sh bench
	@$(MAKE) --no-print-directory FLAVOUR=palloc WATCH=valgrind PATIENCE=180 watched

own-nginx:
	@[ -z '$(NGINX)' ] || { echo 'error: this needs an nginx that is built for it, 1.28.3; leave NGINX out' >&2; exit 1; }

watched: testtools
	@echo "==> testing with $(PROGRAM:$(CURDIR)/%=%) and $(WATCH) (what it says: $(WORK:$(CURDIR)/%=%)/$(WATCH))"
	@rm -rf $(WORK)/$(WATCH) && mkdir -p $(WORK)/$(WATCH)
	@# Workers may be somebody else.
	@chmod 777 $(WORK)/$(WATCH)
	@# One test at a time: two at once are so slow that what clients have to do in a second takes longer.
	@$(WATCHED_ENV) $(PROVE) $(TESTS); \
		build/test/memory-report.sh $(WORK)/$(WATCH) $$?

# Beside 1.28.3 from the crate: 1.22.1, 1.26.3 and 1.30.6, or what is theirs by now.
RELEASES := bookworm trixie forky

test-all: ## develop: Run all tests with nginx 1.22.1, 1.26.3, 1.28.3 and 1.30.6, in chroots with Debian 12, 13 and testing (root)
	@build/setup.sh build chroot
	@build/test/all.sh $(OBJS) '$(TESTS)' $(JOBS) $(RELEASES)

# Where all that nginx does takes many times as long: HTTP of each version and raw connections, refused, drained and counted,
# with curl, and without the module; sizes and times of more than 32 bits.
EMULATED_TESTS := t/controls.t t/curl.t t/drain.t t/limit.t t/midstream.t t/refusal.t t/session.t t/stream.t t/subrequest.t t/wrap.t \
	t/zone.t

test-arch: ## develop: Build for another architecture, and test there with Debian's nginx, in qemu if need be (ARCH: arm64, armhf, i386, s390x; root)
	@build/setup.sh chroot emulator
	@build/test/arch.sh $(OBJS) '$(ARCH)' '$(TESTS)' '$(if $(filter file,$(origin TESTS)),$(EMULATED_TESTS),$(TESTS))' $(JOBS)

# What nginx is configured with: build/module/configure.sh says what each of these is for.
CONFIGURATIONS ?= bare lean raw compat packaged static
# A few tests that depend on where nginx has put the module; realip's place, in examples.t.
CONFIGURE_TESTS := t/limit.t t/drain.t t/zone.t t/examples.t

test-configure: testtools ## develop: Build with nginx's own configure, with few switches and with many, and try each nginx (CONFIGURATIONS)
	@for name in $(CONFIGURATIONS); do \
		build/module/configure.sh $$name $(WORK) $(OBJS)/configure && \
		$(TOOLS)/python/bin/python t/configure/check.py $(OBJS)/configure/$$name || exit; \
		case $$name in \
			static) modules= ;; \
			packaged) modules=$(OBJS)/configure/packaged/ngx_http_limit_body_module.so ;; \
			compat) \
				for module in $(OBJS)/configure/compat/*.so; do \
					build/module/loads.sh $(PROGRAM) $$module 2>&1 | grep 'is built without' || \
						{ echo "error: $(PROGRAM) takes $$module" >&2; exit 1; }; \
				done || exit; \
				continue ;; \
			*) continue ;; \
		esac; \
		$(TEST_ENV) TEST_NGINX_BINARY=$(OBJS)/configure/$$name/nginx TEST_NGINX_LOAD_MODULES=$$modules \
			TEST_NGINX_FAST_SHUTDOWN=1 $(PROVE) --jobs $(JOBS) $(CONFIGURE_TESTS) || exit; \
	done

test-faults: own-nginx testtools ## develop: Let memory, descriptors, disk space, connections, peers and workers fail
	@$(MAKE) --no-print-directory FLAVOUR=palloc nginx
	@DENY_WARNINGS=1 cargo build --locked --features fault-injection
	@gcc -shared -fPIC -O1 -Wall -Wextra -Wno-unused-parameter -o $(WORK)/allocation.so t/faults/allocation.c
	@$(TOOLS)/python/bin/python t/faults/faults.py $(PROGRAM) $(MODULE) \
		$(BUILT)/debug/libngx_http_limit_body_module.so $(OBJS)/tls/localhost
	@$(TOOLS)/python/bin/python t/faults/allocation.py $(WORK)-palloc/nginx \
		"$(MODULE) $(STREAM_MODULES)" $(WORK)/allocation.so $(OBJS)/tls/localhost

test-modules: ## develop: Compare limits with nginx's own beside Lua, ModSecurity and Debian's other modules (LOCATIONS)
	@build/setup.sh modules
	@$(MAKE) --no-print-directory NGINX=$(or $(NGINX),/usr/sbin/nginx) beside-modules

beside-modules: build
	@build/setup.sh test
	@build/test/tools.sh $(TOOLS)
	@build/test/certificate.sh $(OBJS)/tls
	@$(TOOLS)/python/bin/python t/modules/modules.py --keep $(WORK)/modules $(PROGRAM) $(MODULE) $(OBJS)/tls/localhost \
		$(LOCATIONS)

soak: testtools ## develop: Run much traffic while workers are reloaded, killed and replaced (SECONDS, WORKERS, CLIENTS, SEED)
	@$(TOOLS)/python/bin/python t/soak/soak.py $(PROGRAM) \
		"$(MODULE) $(STREAM_MODULES)" $(OBJS)/tls/localhost \
		$(or $(SECONDS),600) $(WORKERS) $(CLIENTS) $(SEED)

clients: build controls ## measure: Upload too much with 32 clients to 6 servers, and write docs/clients.md (an hour; PARTS=stream: raw connections)
ifeq ($(PARTS),stream)
	@build/setup.sh run clients
	@build/test/certificate.sh $(OBJS)/tls
	@python3 t/clients/sessions/sessions.py $(PROGRAM) "$(STREAM_MODULES)" \
		$(OBJS)/tls/localhost $(OBJS)/clients $(TRIES)
else
	@build/setup.sh run servers clients
	@build/test/certificate.sh $(OBJS)/tls
	@build/test/clients.sh $(OBJS)/clients
	@python3 t/clients/uploads.py $(PROGRAM) $(MODULE) $(CONTROLS)/ngx_http_control_module.so $(OBJS)/tls/localhost \
		$(OBJS)/clients $(OBJS)/clients/results.jsonl
	@python3 t/clients/report.py $(OBJS)/clients/results.jsonl docs README.md
endif

apps: build ## measure: Upload to 15 applications that answer early, through 7 servers, and write docs/applications.md (PARTS, APPS, FRONTS, TRIES; 40 min)
	@build/setup.sh run servers apps
	@build/test/certificate.sh $(OBJS)/tls
	@build/test/apps.sh $(OBJS)/apps
	@python3 -m apps $(PROGRAM) $(MODULE) $(OBJS)/tls/localhost $(OBJS)/apps $(OBJS)/apps/results.jsonl docs README.md

programs: build ## measure: Upload too much with 31 programs, as boto3, git and npm, and write docs/programs.md (root; PROGRAMS; 20 minutes)
	@build/setup.sh run programs
	@build/test/certificate.sh $(OBJS)/tls
	@build/test/programs.sh $(OBJS)/programs
	@python3 t/programs/programs.py $(PROGRAM) $(MODULE) $(OBJS)/tls/localhost $(OBJS)/programs '$(PROGRAMS)'

grafana: build ## develop: Run the queries of the dashboard, the alerts and the documents on a Prometheus that scrapes nginx
	@build/setup.sh grafana
	@python3 t/grafana/check.py $(PROGRAM) $(MODULE) contrib/grafana/limit-body.json contrib/prometheus/limit-body.rules.yaml \
		docs/choosing-a-limit.md docs/capacity.md

browser: build controls ## develop: Try the demo's page in Chromium and Firefox, and take its pictures
	@build/setup.sh run browser
	@python3 t/browser/demo.py $(PROGRAM) $(WORK) $(OBJS)/browser

fuzz-drain: build ## develop: Compare drains with nginx's own, on random uploads (SCRIPTS, SEED)
	@build/setup.sh test
	@build/test/certificate.sh $(OBJS)/tls
	@python3 -m fuzz_drain $(PROGRAM) $(MODULE) $(OBJS)/tls/localhost $(or $(SCRIPTS),20000) $(SEED)

fuzz-http: build ## develop: Compare limit_body with client_max_body_size, on random requests (SCRIPTS, SECONDS, SEED, SCRIPT)
	@build/setup.sh test
	@build/test/tools.sh $(TOOLS)
	@$(TOOLS)/python/bin/python -m fuzz_http $(PROGRAM) $(MODULE) $(if $(SCRIPT),--script $(SCRIPT)) \
		$(if $(SECONDS),--seconds $(SECONDS),--scripts $(or $(SCRIPTS),100000)) $(if $(SEED),--seed $(SEED))

fuzz-session: build ## develop: Compare raw connections with those of nginx alone, on random sessions (SCRIPTS, SEED)
	@build/setup.sh test
	@build/test/certificate.sh $(OBJS)/tls
	@python3 -m fuzz_session $(PROGRAM) "$(STREAM_MODULES)" $(OBJS)/tls/localhost \
		$(or $(SCRIPTS),1000) $(SEED)

fuzz-conf: build ## develop: Play random clients to random configurations (CONFIGS, SECONDS, SEED, CASE, COMPARE; FLAVOUR=asan)
	@build/setup.sh test
	@build/test/tools.sh $(TOOLS)
	@build/test/certificate.sh $(OBJS)/tls
	@$(TOOLS)/python/bin/python -m fuzz_conf $(PROGRAM) $(MODULE) $(OBJS)/tls/localhost \
		$(if $(filter asan,$(FLAVOUR)),--asan) $(if $(COMPARE),--compare) $(if $(CASE),--case $(CASE)) \
		$(if $(SECONDS),--seconds $(SECONDS),--configs $(or $(CONFIGS),20000)) $(if $(SEED),--seed $(SEED))

fuzz-policy: nginx ## develop: Fuzz the decisions without nginx, and sizes against nginx's own parser (SECONDS for each of six targets)
	@build/setup.sh build fuzz
	@build/test/fuzz-policy.sh $(or $(SECONDS),60) $(OBJS)/fuzz-policy

miri: ## develop: Run the unit tests of the decisions in Miri, for undefined behaviour (needs rustup's nightly toolchain)
	@cargo +nightly miri --version >/dev/null 2>&1 || { \
		echo 'error: there is no Miri; rustup toolchain install nightly --component miri,rust-src' >&2; exit 1; }
	@cargo +nightly miri test --locked -p policy --lib

bench: build ## measure: Measure the cost, beside nginx alone and other servers, and write docs/benchmarks.md (PARTS; three quarters of an hour)
	@build/setup.sh servers bench
ifeq ($(PARTS),stream)
	@mkdir -p $(OBJS)/bench
	@bench/sessions.py $(PROGRAM) "$(STREAM_MODULES)" $(OBJS)/bench/stream.json
else
	@build/test/certificate.sh $(OBJS)/tls
	@echo "==> building the load"
	@cargo build --quiet --locked --release --manifest-path bench/load/Cargo.toml --target-dir $(OBJS)/bench/target
	@build/bench/nginx.sh $(OBJS)/bench/testing
	@bench/run $(PROGRAM) $(MODULE) $(OBJS)/tls/localhost $(OBJS)/bench/target/release/load $(OBJS)/bench/testing/nginx $(PARTS)
endif

attack: build testtools ## measure: Measure accepted uploads beside hostile clients, for docs/reliability.md (PARTS; ten minutes)
	@build/setup.sh servers bench
	@cargo build --quiet --locked --release --manifest-path bench/load/Cargo.toml --target-dir $(OBJS)/bench/target
	@$(TOOLS)/python/bin/python bench/attack.py $(PROGRAM) $(MODULE) $(OBJS)/tls/localhost \
		$(OBJS)/bench/target/release/load $(PARTS)

capacity: build testtools ## measure: Compute the load of fleets and attackers, verify it, and write the tables of docs/capacity.md
	@cargo build --quiet --locked --release -p policy --example course
	@$(TOOLS)/python/bin/python bench/capacity.py $(PROGRAM) $(MODULE) $(OBJS)/tls/localhost \
		$(BUILT)/release/examples/course

dist: ## develop: Make a release in objs/dist: the source with all crates, and a checksum
	@build/setup.sh build dist
	@build/release/dist.sh $(OBJS)/dist

check-dist: nginx ## develop: Check that a release has no binaries and is reproducible: make it, and build from it, twice, without a network
	@build/setup.sh dist
	@build/release/check-dist.sh $(OBJS)/check-dist $(if $(NGINX),NGINX=$(NGINX)) NGINX_SOURCE_DIR=$(WORK)/src

lint-workflows: ## develop: Check the workflows, the issue form and the settings in .github/ against their schemas
	@build/setup.sh deny
	@build/check/lint-workflows.sh $(OBJS)/lint-workflows

lint-packaging: ## develop: Check the recipes in packaging/ with the tools of their distributions, and all shell scripts
	@build/setup.sh packaging installed
	@build/check/lint-packaging.sh $(OBJS)/lint-packaging

deb: $(if $(FOR),deb-for) dist ## use: Build the Debian packages, install and try them in a chroot with Debian DIST (bookworm, trixie, forky; root; SYSTEM_CRATES; TWICE; FOR=nginx.org)
	@build/setup.sh chroot
ifeq ($(FOR),)
	@build/chroot/make.sh $(DIST) $(OBJS)/chroot/$(DIST)
	@build/release/deb.sh $(DIST) $(OBJS)/chroot/$(DIST) $(OBJS)/dist $(OBJS)/deb/$(DIST)$(if $(SYSTEM_CRATES),-system-crates) \
		$(if $(SYSTEM_CRATES),system-crates) $(if $(TWICE),twice)
else
	@build/chroot/make.sh $(DIST) $(OBJS)/chroot/$(DIST)-$(FOR)
	@build/release/deb-nginx-org.sh $(DIST) $(OBJS)/chroot/$(DIST)-$(FOR) $(OBJS)/dist "$$(cat $(OBJS)/deb/source)" \
		$(OBJS)/deb/$(FOR)/$(DIST) $(if $(TWICE),twice)
endif

# Before anything is built.
deb-for:
	@[ '$(FOR)' = nginx.org ] || { echo 'error: FOR=$(FOR): only FOR=nginx.org is known; without FOR, it is for the nginx of Debian' >&2; exit 1; }
	@[ -n '$(NGINX_VERSION)$(SOURCE)' ] || { echo 'error: for which nginx? "nginx -v" tells: NGINX_VERSION=1.28.3' >&2; exit 1; }
	@mkdir -p $(OBJS)/deb
	@build/nginx/version-source.sh $(OBJS)/deb/source.log "$(NGINX_VERSION)" "$(SOURCE)" >$(OBJS)/deb/source

clean: ## use: Remove everything that was built
	rm -rf $(OBJS) t/servroot*

testtools: build controls
	@build/setup.sh test
	@build/test/tools.sh $(TOOLS)
	@build/test/certificate.sh $(OBJS)/tls

nginx:
	@build/setup.sh build $(GROUP)
	@$(PREPARE)

controls: nginx
	@$(MAKE) --no-print-directory -f build/test/controls.mk NGINX_SOURCE_DIR=$(NGINX_SOURCE_DIR) OUT=$(CONTROLS)
	@DENY_WARNINGS=1 cargo build --quiet --locked --package nginx --example require_length --features export-modules
	@cp $(BUILT)/debug/examples/librequire_length.so $(CONTROLS)/require_length.so
