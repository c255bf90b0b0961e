module github.com/penstock-sync/penstock/services/console

go 1.26.0

replace github.com/penstock-sync/penstock/proto => ../../proto

replace github.com/penstock-sync/penstock/pkg => ../../pkg
