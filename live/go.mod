module github.com/heist-go/heist/live

go 1.26.0

require (
	github.com/heist-go/heist v0.0.0
	github.com/stretchr/testify v1.12.1
	golang.org/x/term v0.38.0
)

require (
	go.uber.org/atomic v1.11.0 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/sys v0.47.0 // indirect
)

replace github.com/heist-go/heist => ..
