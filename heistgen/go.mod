module github.com/heist-go/heist/heistgen

go 1.26.0

require (
	github.com/heist-go/heist v0.0.0-00010101000000-000000000000
	github.com/heist-go/heist/heistvet v0.0.0-00010101000000-000000000000
	golang.org/x/tools v0.41.0
)

require (
	go.uber.org/atomic v1.11.0 // indirect
	golang.org/x/mod v0.32.0 // indirect
	golang.org/x/sync v0.19.0 // indirect
	golang.org/x/sys v0.47.0 // indirect
)

replace github.com/heist-go/heist => ../

replace github.com/heist-go/heist/heistvet => ../heistvet
