.PHONY: check test bench fuzz generate

check: ## everything that CI runs
	.ci/run

test:
	go test ./...

bench:
	go run ./cmd/mlc bench specs/mlp/net.ml

fuzz: ## a minute for each fuzz target
	go test ./dsl -fuzz FuzzParse -fuzztime 1m
	go test ./dsl -fuzz FuzzFormat -fuzztime 1m

generate: ## rewrite the generated packages of the specs and the generated documents
	go run ./cmd/mlc build specs/mlp/net.ml
	go test ./docs -update
