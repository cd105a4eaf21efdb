# Tools are built from tools/go.mod into .bin; nothing else needs to be installed.
BIN := $(CURDIR)/.bin
export PATH := $(BIN):$(PATH)

.PHONY: help build test generate lint breaking fuzz supply e2e conformance console console-test deploy bench growth ci tools

help: ## Show what can be made
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "%-12s %s\n", $$1, $$2}'

build: ## Build the binary into .bin/callgate
	go build -trimpath -o $(BIN)/callgate ./cmd/callgate

test: ## Run all tests
	go test -race -timeout 20m ./...

generate: tools ## Generate Go, gateway and OpenAPI code from proto/
	rm -rf .proto-imports gen
	cd tools && go run ./protoimports ../.proto-imports
	buf generate
	cd tools && go run ./openapi ../server/openapi.json ../.proto-imports/openapi/callgate/v1/*.json

lint: tools ## Lint Go and proto
	test -d .proto-imports || (cd tools && go run ./protoimports ../.proto-imports)
	buf lint
	buf format --diff --exit-code proto
	golangci-lint run

breaking: tools ## Compare the contract with the newest tag, or the commit before
	.ci/breaking

fuzz: ## Fuzz what has changed since main, for 2 minutes at most
	.ci/fuzz

supply: tools ## Look for known vulnerabilities, and at the licences
	.ci/supply

e2e: tools ## Walk through the README, docs and tutorials with a real binary (needs Node 20, Python)
	go test -count=1 -tags e2e ./e2e

conformance: ## Hold emulator and gateway to the official JavaScript SDK (needs Node 20)
	cd conformance && npm ci && npm test

deploy: ## Check the chart, the alerts, the dashboard, the image and the compose file
	cd deploy/check && go test ./...

bench: ## Measure everything against its reference (some 15 minutes)
	test -d conformance/node_modules || (cd conformance && npm ci)
	cd bench && go run .

growth: ## Measure how costs grow, and draw it (some 15 minutes)
	cd bench && go run . growth

console: ## Build the web page into console/dist (needs Node 20.19)
	cd console && npm ci && npm run build

console-test: build ## Test the web page, in Chromium too
	cd console && npm ci && npm test && npm run test:browser

ci: ## Everything that CI runs
	.ci/run

tools: $(BIN)/.tools

$(BIN)/.tools: tools/go.mod tools/go.sum
	mkdir -p $(BIN)
	cd tools && GOBIN=$(BIN) go install tool
	touch $@
