module github.com/heist-go/heist/adapters/otel

go 1.26.0

require (
	github.com/heist-go/heist v0.0.0
	github.com/stretchr/testify v1.12.1
	go.opentelemetry.io/otel v1.47.0
	go.opentelemetry.io/otel/metric v1.47.0
	go.opentelemetry.io/otel/sdk/metric v1.47.0
)

replace github.com/heist-go/heist => ../..
