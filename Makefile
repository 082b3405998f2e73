# Moothall. `make` says what there is.

GO      ?= go
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X github.com/moothall/moothall/events/cli.version=$(VERSION)
TAGS    := netgo,osusergo

FUZZTIME ?=
TARGETS  ?=
SUITES   ?=
RUNS     ?= 200
SOAK     ?= 200000
SOAKFUZZ ?= 10m
ROUNDS   ?= 40
KILLS    ?= 1
SEED     ?= 1
MONTH    ?=
BENCH    ?=

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOLANGCI    := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
NATSCLI     := github.com/nats-io/natscli/nats@v0.5.0

export PATH := $(CURDIR)/bin/tools:$(PATH)
# Without the C library's resolver hub and client need no C and are static, and all that
# is compiled for them serves the worker, the tests and vet too.
export GOFLAGS := $(strip $(GOFLAGS) -tags=$(TAGS))

.DEFAULT_GOAL := help
.PHONY: help build demo test test-jobs test-security check vulnerabilities bench bench-failover peers sim month sim-mutants soak model faults fuzz tools cc clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: cc ## build hub, worker, client and the demo's job into bin/
	CGO_ENABLED=1 $(GO) build -ldflags '$(LDFLAGS)' -o bin/ ./signaling/cmd/moothall ./client/cmd/moot ./worker/cmd/moot-worker ./scripts/digits

demo: build ## hub, three workers, a real job, a killed admin (KEEP=1 leaves it running)
	@$(GO) run ./scripts/demo

test: ## run all suites (SUITES="core e2e" for some of build house sim core runner bubbles e2e jobs faults security)
	@$(GO) run ./scripts/test $(SUITES)

test-security: ## try on the built programs what nobody may do; SECURITY.md says what
	@$(GO) run ./scripts/test build security

test-jobs: build ## kill client, worker and hub at each state of a job, KILLS (1) times, and race for a slot
	@KILLS=$(KILLS) $(GO) test ./tests/jobs -count=1 -timeout 2h -v

check: ## formatting, vet, the client for Windows, the modules, known holes, and the linters that are installed
	@test -z "$$(gofmt -l .)" || { gofmt -d .; exit 1; }
	$(GO) vet ./...
	GOOS=windows CGO_ENABLED=0 $(GO) build -o /dev/null ./client/...
	$(GO) mod verify
	@$(MAKE) --no-print-directory vulnerabilities
	@for linter in 'staticcheck ./...' 'golangci-lint run'; do \
		if command -v $${linter%% *} >/dev/null; then echo "$$linter"; $$linter || exit 1; \
		else echo "$${linter%% *} is not installed: make tools"; fi; done

vulnerabilities: ## look for known holes (make tools; needs vuln.go.dev). Without the database: not checked, and never green
	@said=$$(govulncheck ./... 2>&1); code=$$?; case $$code in \
	0) echo "known holes: none that this code reaches" ;; \
	3) echo "$$said"; exit 1 ;; \
	*) echo "known holes: NOT CHECKED ($$(echo "$$said" | tail -n 1))" ;; esac

bench: build peers ## measure a room of ten on this machine and print a table (5 minutes)
	@$(GO) run ./scripts/bench $(BENCH)

bench-failover: ## losses of the admin and false ones, at length, and the peers beside (30 minutes)
	@$(MAKE) --no-print-directory bench BENCH='-measure failover,leave,frozen,calm,restart -meshes 1 -kills 50 -peer-kills 20 -rounds 5 -leaves 20 -freezes 3 -calm 10m -restarts 3'

peers: ## build the systems that bench compares with; without them it goes on
	-$(GO) build -C tests/peers -o $(CURDIR)/bin/peers .

sim: ## play RUNS (200) schedules of faults from SEED (1) on, in virtual time
	@$(GO) run -tags sim,$(TAGS) ./tests/sim/cmd/sim -runs $(RUNS) -seed $(SEED)

month: ## play 30 ordinary days of a room of ten and print what its state came to (MONTH='-rhythm 0' for every heartbeat: hours)
	@$(GO) run ./tests/sim/cmd/month $(MONTH)

sim-mutants: ## switch one rule of the room off at a time; the simulation must notice
	@$(GO) run ./tests/sim/cmd/mutants

soak: ## the large counts, once: SOAK (200000) schedules from SEED (1), a million bookings, fuzzing for SOAKFUZZ (10m) each
	@$(GO) run -tags sim,$(TAGS) ./tests/sim/cmd/sim -reservations 1000000 -seed $(SEED)
	@$(GO) run -tags sim,$(TAGS) ./tests/sim/cmd/sim -runs $(SOAK) -seed $(SEED) -every 1000
	@$(MAKE) --no-print-directory fuzz FUZZTIME=$(SOAKFUZZ)
	@$(MAKE) --no-print-directory test-jobs KILLS=200

model: ## search the model of election and fencing, as designed and without one rule at a time (needs spin)
	@$(GO) run ./scripts/model

faults: build ## ROUNDS (40) random kills, freezes, cuts and partitions of real processes, drawn from SEED (1)
	@ROUNDS=$(ROUNDS) SEED=$(SEED) $(GO) test ./tests/faults -count=1 -timeout 2h -v -run 'Rounds|Kill_TheAdminIn|Kill_AWorker'

fuzz: ## fuzz every decoder, the room's state 60 s each, others 30 s (FUZZTIME=5s for all, TARGETS="FuzzMember" for some)
	@$(GO) run ./scripts/fuzz $(if $(FUZZTIME),-time $(FUZZTIME)) $(TARGETS)

tools: ## install the linters and the nats command line into bin/tools
	GOBIN=$(CURDIR)/bin/tools $(GO) install $(STATICCHECK)
	GOBIN=$(CURDIR)/bin/tools $(GO) install $(GOLANGCI)
	GOBIN=$(CURDIR)/bin/tools $(GO) install $(NATSCLI)
	GOBIN=$(CURDIR)/bin/tools $(GO) install $(GOVULNCHECK)

clean: ## remove what was built
	rm -rf bin demo-out

# automerge, inside the worker, and the race detector are cgo.
cc:
	@printf '#include <stdlib.h>\nint main(void) { return 0; }\n' | $$($(GO) env CC) -x c - -o /dev/null -lm || { \
		echo "error: no working C compiler ($$($(GO) env CC)): the worker's automerge and the race detector need one" >&2; \
		echo "  try: apt-get install gcc libc6-dev (Debian, Ubuntu), dnf install gcc glibc-devel (Fedora), xcode-select --install (macOS)" >&2; \
		exit 1; }
