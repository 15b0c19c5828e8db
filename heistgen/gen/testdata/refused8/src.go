//go:build heistgen

package refused8

import "github.com/heist-go/heist/task"

//heist:task
func embedded(cx *task.Cx) (int, error) {
	type node struct{ n int }      // want `node is embedded, and its name is taken outside of the function`
	type pair[T any] struct{ a T } // want `pair is embedded`
	type list struct {
		*node
		pair[int]
	}
	l := list{&node{1}, pair[int]{2}}
	return l.n + l.a, cx.Yield()
}

// named uses such types, but no field has their names.
//
//heist:task
func named(cx *task.Cx) (int, error) {
	type node struct{ n int }
	type shape interface{ side() int }
	type cube interface {
		shape
		volume() int
	}
	grow := func(cx *task.Cx, _ node) (node, error) { return node{1}, cx.Yield() }
	n, err := grow(cx, node{})
	if err != nil {
		return 0, err
	}
	of := func(*node, shape, cube) node { return n }
	return of(nil, nil, nil).n, nil
}

//heist:task
func generic[T any](cx *task.Cx) error {
	type of[U any] struct { // want `of is a generic type in a generic function: declare it outside`
		t T
		u U
	}
	_ = of[int]{}
	return cx.Yield()
}
