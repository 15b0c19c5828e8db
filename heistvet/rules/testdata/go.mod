module example.org/mistakes

go 1.26.0

require github.com/heist-go/heist v0.0.0

require (
	go.uber.org/atomic v1.11.0 // indirect
	golang.org/x/sys v0.47.0 // indirect
)

replace github.com/heist-go/heist => ../../..
