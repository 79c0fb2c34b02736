# The tools that are not part of the module, pinned.
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOLANGCI = github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

# Its assembly is generated.
KERNEL = objective/finetune/internal/kernel

# The plugins of protoc, which write the code for gRPC; protoc itself is Debian's protobuf-compiler.
PROTOC_GEN_GO = google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
PROTOC_GEN_GO_GRPC = google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2

# How long each fuzz test runs.
FUZZTIME ?= 20s

.PHONY: help check lint test race bench fuzz cover faults scale release wheel arm64 kubernetes vendor-js proto

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' Makefile

check: ## formatting, vet, staticcheck, tidy and pinned modules, generated assembly, Kubernetes manifests
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "not gofmt-ed"; exit 1; }
	go vet ./...
	go run $(STATICCHECK) ./...
	go mod tidy -diff
	go mod verify
	@old=$$(mktemp -d) && cp $(KERNEL)/*_amd64.* $$old && go generate ./$(KERNEL) && \
		for f in $$old/*; do cmp $$f $(KERNEL)/$${f##*/} || exit 1; done && rm -r $$old
	cd deploy/k8stest && go mod tidy -diff && go mod verify && go vet ./... && go test -timeout 5m ./...

lint: ## golangci-lint, by .golangci.yml; not in check, because it takes minutes to build
	go run $(GOLANGCI) run

test: ## everything that a fresh machine with Go can test
	go test ./...

race: ## the packages with goroutines under the race detector
	go test -race -short -timeout 30m ./study/... ./storage/... ./pruner/... ./trial/... ./objective/... \
		./cmd/internal/dashboard/... ./cmd/internal/serve/...
	@# Its suite draws from several goroutines; the packages below have none.
	go test -race -short -timeout 30m -run Conforms ./sampler

bench: ## every benchmark
	go test -run '^$$' -bench . -benchmem ./...

fuzz: ## every fuzz test, one after the other
	@go list ./... | while read -r pkg; do \
		go test -list '^Fuzz' "$$pkg" | grep '^Fuzz' | while read -r name; do \
			echo "$$pkg $$name"; go test -run '^$$' -fuzz "^$$name$$" -fuzztime $(FUZZTIME) "$$pkg" || exit 1; \
		done || exit 1; \
	done

cover: ## coverage of all packages by all tests
	go test -coverprofile cover.out -coverpkg ./... ./...
	go tool cover -func cover.out | tail -1

faults: ## the long form of the fault harness, on files and PostgreSQL, and of killed searches over scripts: minutes
	go test ./study -run Faults -v -timeout 30m -faults.kills 1000 -faults.processes 8 -faults.crowd 64
	go test ./examples -run Kills -v -timeout 60m -tune.kills 10

scale: ## what studies cost that many workers share: docs/scale.md; about an hour, wants a quiet machine
	mkdir -p dist && go build -o dist/bluefin ./cmd/bluefin && go build -o dist/bluefin-bench ./cmd/bluefin-bench
	dist/bluefin-bench scale --forms file,postgres --workers 8,32 --trials 5000
	dist/bluefin-bench scale --forms postgres,pgbouncer --workers 64 --trials 10000
	dist/bluefin-bench scale --bluefin dist/bluefin --forms http --workers 1000 --trials 100000
	dist/bluefin-bench scale --bluefin dist/bluefin --forms http --workers 2000,4000,8000 --trials 20000
	dist/bluefin-bench scale --bluefin dist/bluefin --forms http,grpc,remote$(if $(BLUEFIN_PYTHON),$(comma)optuna) \
		--workers 64 --trials 640 --steps 5 --step 200ms
	rm dist/bluefin dist/bluefin-bench

comma = ,

RELEASE = $(shell git describe --tags --always --dirty)
PLATFORMS = linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

release: ## static builds for six platforms in dist/, with checksums; the version comes from the git tag
	rm -rf dist && mkdir dist
	@for p in $(PLATFORMS); do \
		os=$${p%/*} arch=$${p#*/} ext=; [ $$os != windows ] || ext=.exe; \
		echo "dist/bluefin-$$os-$$arch$$ext"; \
		CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch go build -trimpath -ldflags '-s -w -X main.release=$(RELEASE)' \
			-o "dist/bluefin-$$os-$$arch$$ext" ./cmd/bluefin || exit 1; \
	done
	cd dist && sha256sum bluefin-* > SHA256SUMS

wheel: release ## the same as Python wheels: pip install dist/bluefin_hpo-*.whl; needs no Python
	go run ./cmd/internal/wheel -version '$(RELEASE)' -o dist $(foreach p,$(PLATFORMS),\
		dist/bluefin-$(subst /,-,$(p))$(if $(filter windows/%,$(p)),.exe))
	cd dist && sha256sum bluefin-* *.whl > SHA256SUMS

# One test starts itself again, which qemu as a wrapper cannot do.
arm64: ## tests of arithmetic, samplers and storage on arm64; needs qemu-user-static, takes ten minutes
	CGO_ENABLED=0 GOARCH=arm64 go test -short -timeout 30m -exec qemu-aarch64-static \
		-skip TestTheEnvironmentIsRead ./$(KERNEL) ./objective/finetune/nn ./sampler ./storage

# Kubernetes' own programs, which are built once. Its parts have the version with a leading 0.
KUBERNETES = $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/bluefin-ci/kubernetes-1.37.2
KUBERNETES_VERSION = -X k8s.io/component-base/version.gitVersion=v1.37.2 \
	-X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=37

kubernetes: ## jobs of bluefin submit under a real API server and Job controller; needs root, etcd and kubectl; the first build takes 10 CPU minutes
	cd deploy/k8stest/cluster && CGO_ENABLED=0 go build -ldflags '-s -w $(KUBERNETES_VERSION)' -o $(KUBERNETES)/ \
		k8s.io/kubernetes/cmd/kube-apiserver k8s.io/kubernetes/cmd/kube-controller-manager
	cd deploy/k8stest/cluster && CGO_ENABLED=0 BLUEFIN_KUBERNETES=$(KUBERNETES) go test -count 1 -v -timeout 15m ./...

vendor-js: ## the JavaScript libraries of the dashboard again, from npm; needs npm
	cmd/internal/dashboard/vendor-js.sh

proto: ## the Go code of every .proto file again; needs protoc
	@bin=$$(mktemp -d) && GOBIN=$$bin go install $(PROTOC_GEN_GO) && GOBIN=$$bin go install $(PROTOC_GEN_GO_GRPC) && \
	PATH=$$bin:$$PATH protoc --go_out=. --go_opt=paths=source_relative \
		--go-grpc_out=. --go-grpc_opt=paths=source_relative $$(git ls-files -co --exclude-standard '*.proto') && rm -r $$bin
