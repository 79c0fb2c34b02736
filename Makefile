# The tools that are not part of the module, pinned.
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2

# How long each fuzz test runs.
FUZZTIME ?= 20s

.PHONY: check test race bench fuzz cover faults

check: ## formatting, vet, staticcheck, tidy and pinned modules
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "not gofmt-ed"; exit 1; }
	go vet ./...
	go run $(STATICCHECK) ./...
	go mod tidy -diff
	go mod verify

test: ## everything that a fresh machine with Go can test
	go test ./...

race: ## the packages with goroutines under the race detector
	go test -race -short -timeout 30m ./study/... ./storage/... ./sampler/... ./pruner/... ./trial/... ./objective/...

bench:
	go test -run '^$$' -bench . -benchmem ./...

fuzz: ## every fuzz test, one after the other
	@go list ./... | while read -r pkg; do \
		go test -list '^Fuzz' "$$pkg" | grep '^Fuzz' | while read -r name; do \
			echo "$$pkg $$name"; go test -run '^$$' -fuzz "^$$name$$" -fuzztime $(FUZZTIME) "$$pkg" || exit 1; \
		done || exit 1; \
	done

cover:
	go test -coverprofile cover.out -coverpkg ./... ./...
	go tool cover -func cover.out | tail -1

faults: ## the long form of the fault harness: minutes
	go test ./study -run Faults -v -timeout 30m -faults.kills 1000 -faults.processes 8 -faults.crowd 64
