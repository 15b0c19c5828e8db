package task_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/task"
)

// A local follows a task to its members, to handles and to theirs, and a nearer group hides a farther one.
func TestLocal(t *testing.T) {
	var tenant, route task.Local[string]
	var depth task.Local[int]
	look := func(cx *task.Cx, wantTenant, wantRoute string) {
		got, ok := tenant.Get(cx)
		require.Equal(t, wantTenant, got)
		require.Equal(t, wantTenant != "", ok)
		got, _ = route.Get(cx)
		require.Equal(t, wantRoute, got)
		_, ok = depth.Get(cx)
		require.False(t, ok)
	}
	polled := 0
	var inner task.Group
	var outer task.Group
	tenant.Set(&outer, "acme")
	route.Set(&outer, "/a")
	route.Set(&outer, "/b")
	var h *task.Handle[int]
	require.NoError(t, task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		look(cx, "", "")
		if polled == 0 {
			polled++
			outer.Go(cx, task.Func(func(cx *task.Cx) error {
				look(cx, "acme", "/b")
				if h == nil {
					route.Set(&inner, "/c")
					h = task.Go(cx, func(cx *task.Cx) (int, error) {
						if polled == 1 {
							polled++
							inner.Go(cx, task.Func(func(cx *task.Cx) error {
								look(cx, "acme", "/c")
								polled++
								return nil
							}))
						}
						look(cx, "acme", "/b")
						return 0, inner.Wait(cx)
					})
				}
				_, err := h.Wait(cx)
				return err
			}))
		}
		return outer.Wait(cx)
	})))
	require.Equal(t, 3, polled)
}

func ExampleLocal() {
	var tenant task.Local[string] // usually a variable of the package
	var g task.Group
	tenant.Set(&g, "acme")
	err := task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		if g.Err() == nil && !started {
			started = true
			g.Go(cx, task.Func(func(cx *task.Cx) error {
				who, _ := tenant.Get(cx)
				fmt.Println("a request of", who)
				return nil
			}))
		}
		return g.Wait(cx)
	}))
	fmt.Println(err)
	// Output:
	// a request of acme
	// <nil>
}

var started bool // of ExampleLocal
