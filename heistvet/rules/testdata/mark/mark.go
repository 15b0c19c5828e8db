package mark

import (
	"github.com/heist-go/heist/task"
)

type thing struct{ task.Frame }

//heist:sticky
func (t *thing) waits(cx *task.Cx) error { return t.Wait(cx) }

//heist:sticky // want `only an operation is sticky`
func (t *thing) plain() error { return nil }

//heist:lent
func (t *thing) bytes(cx *task.Cx) []byte { return cx.Scratch(1) }

//heist:lent // want `only bytes are lent, and this returns none`
func (t *thing) number(*task.Cx) int { return 1 }

//heist:keeps
func (t *thing) keep([]byte) {}

//heist:keeps // want `this is given nothing that it could keep`
func (t *thing) nothing() {}

//heist:stiky // want `there is no such mark`
func (t *thing) typo(cx *task.Cx) error { return t.Wait(cx) }

//heist:task
func (t *thing) others(cx *task.Cx) error { return t.Wait(cx) }

type source interface {
	//heist:sticky
	Ready(cx *task.Cx) error
	//heist:lent // want `only bytes are lent`
	Size() int
}
