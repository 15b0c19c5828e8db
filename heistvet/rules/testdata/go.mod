module example.org/mistakes

go 1.25.0

require github.com/heist-go/heist v0.0.0

require golang.org/x/sys v0.47.0 // indirect

replace github.com/heist-go/heist => ../../..
