# `make` is what CI runs before the demo; `make help` lists the rest.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := all

MODULES = $(shell go list -m -f '{{.Dir}}')
TOOLS   = $(CURDIR)/.tools/bin

.PHONY: all
all: lint tidy build test ## lint, tidy, build and test

.PHONY: demo
demo: build ## the whole path on embedded defaults: two runs over a sample warehouse, and a summary
	bin/penstock demo

.PHONY: up
up: build ## the same, and stay until Ctrl-C
	bin/penstock up

.PHONY: build
build: ## compile every package of every module; leaves bin/penstock
	go build work
	go build -o bin/penstock ./services/penstock/cmd/penstock

.PHONY: test
test: ## check the model and run every test with the race detector, installing what they need
	scripts/test-needs.sh
	scripts/model.sh
	CGO_ENABLED=1 go build -race work
	CGO_ENABLED=1 go test -race -timeout 20m -p 1 work # one package at a time: they run servers, and rest on times

.PHONY: lint
lint: $(TOOLS)/golangci-lint generated ## linters, import rules, generated code
	$(TOOLS)/golangci-lint run $(MODULES:%=%/...)
	scripts/lint-rules.sh $(TOOLS)/golangci-lint

.PHONY: tidy
tidy: ## check that every module is tidy and builds without the workspace
	scripts/tidy.sh

.PHONY: generate
generate: $(TOOLS)/buf $(TOOLS)/protoc-gen-go ## write the Go code of proto/, and the JSON Schemas of the files
	cd proto && $(TOOLS)/buf generate
	cd services/penstock && go test ./docs -update

.PHONY: generated
generated: $(TOOLS)/buf $(TOOLS)/protoc-gen-go ## lint the .proto files, and check that the Go code beside them is theirs
	cd proto && $(TOOLS)/buf lint && $(TOOLS)/buf format --diff --exit-code
	scripts/generated.sh $(TOOLS)/buf

.PHONY: bench
bench: ## rows per second from ClickHouse to the emulator, by stage; writes bench.json
	cd services/penstock && go run ./bench -out $(CURDIR)/bench.json

.PHONY: help
help: ## print this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "%-10s %s\n", $$1, $$2}'

# Tools are built once, from pinned sources, outside the workspace. The first golangci-lint takes some minutes.
$(TOOLS)/golangci-lint: scripts/tools/go.mod scripts/tools/go.sum
	cd scripts/tools && GOWORK=off go build -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	@touch $@

$(TOOLS)/buf: scripts/tools/go.mod scripts/tools/go.sum
	cd scripts/tools && GOWORK=off go build -o $@ github.com/bufbuild/buf/cmd/buf
	@touch $@

# The generator comes from the runtime's own module: buf asks for another protobuf than ours.
$(TOOLS)/protoc-gen-go: proto/go.mod proto/go.sum
	cd proto && GOWORK=off go build -o $@ google.golang.org/protobuf/cmd/protoc-gen-go
	@touch $@
