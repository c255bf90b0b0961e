module github.com/penstock-sync/penstock/services/writer

go 1.26.0

require (
	github.com/penstock-sync/penstock/pkg v0.0.0
	github.com/penstock-sync/penstock/proto v0.0.0
)

require (
	github.com/cenkalti/backoff/v4 v4.3.0 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/sony/gobreaker/v2 v2.4.0 // indirect
)

replace github.com/penstock-sync/penstock/proto => ../../proto

replace github.com/penstock-sync/penstock/pkg => ../../pkg
