//go:build heistgen

package refused7

import (
	"math/rand"

	"github.com/heist-go/heist/task"
)

//heist:task
func kept(cx *task.Cx) error {
	r := rand.Int31() // want `r has the type int32, which cannot be written in this package, and so be no field: convert it to a type that can`
	b := []rune{1}
	var f int32
	if err := cx.Yield(); err != nil {
		return err
	}
	f++
	_, _ = r, b
	return nil
}
