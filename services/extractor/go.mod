module github.com/penstock-sync/penstock/services/extractor

go 1.26.0

require (
	github.com/penstock-sync/penstock/pkg v0.0.0
	github.com/penstock-sync/penstock/proto v0.0.0
)

replace github.com/penstock-sync/penstock/proto => ../../proto

replace github.com/penstock-sync/penstock/pkg => ../../pkg
