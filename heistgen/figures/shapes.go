//go:build heistgen

package figures

import (
	"github.com/heist-go/heist/task"
)

// Functions of different shape, for the sizes of their frames.

// leaf keeps three numbers across two waits.
//
//heist:task
func leaf(cx *task.Cx, a, b int) (int, error) {
	c := a * b
	if err := tick(cx); err != nil {
		return 0, err
	}
	c += a
	if err := tick(cx); err != nil {
		return 0, err
	}
	return a + b + c, nil
}

// other keeps a text across two waits.
//
//heist:task
func other(cx *task.Cx, text string) (string, error) {
	if err := tick(cx); err != nil {
		return "", err
	}
	text += "!"
	if err := tick(cx); err != nil {
		return "", err
	}
	return text, nil
}

// branches awaits one function, and then one of two.
//
//heist:task
func branches(cx *task.Cx, n int, text string) (int, error) {
	v, err := leaf(cx, n, n)
	if err != nil {
		return 0, err
	}
	if v%2 == 0 {
		w, err := leaf(cx, v, 1)
		return v + w, err
	}
	s, err := other(cx, text)
	return v + len(s), err
}

// session awaits one function, and then another in a loop.
//
//heist:task
func session(cx *task.Cx, n int, text string) (string, error) {
	k, err := branches(cx, n, text)
	if err != nil {
		return "", err
	}
	for range k {
		if text, err = other(cx, text); err != nil {
			return "", err
		}
	}
	return text, nil
}

// row awaits four functions, one after the other.
//
//heist:task
func row(cx *task.Cx, n int, text string) (string, error) {
	a, err := leaf(cx, n, n)
	if err != nil {
		return "", err
	}
	b, err := other(cx, text)
	if err != nil {
		return "", err
	}
	c, err := pointers(cx, &tree{value: a})
	if err != nil {
		return "", err
	}
	d, err := bytes(cx, []byte(b))
	return string(d) + c, err
}

// pointers follows a list.
//
//heist:task
func pointers(cx *task.Cx, t *tree) (string, error) {
	for ; t != nil; t = t.left {
		if err := tick(cx); err != nil {
			return "", err
		}
	}
	return "end", nil
}

// bytes keeps a slice, and a position in it.
//
//heist:task
func bytes(cx *task.Cx, b []byte) ([]byte, error) {
	for i := range b {
		if err := tick(cx); err != nil {
			return nil, err
		}
		b[i]++
	}
	return b, nil
}

// phases needs variables of different types one after the other.
//
//heist:task
func phases(cx *task.Cx, n int) (int, error) {
	text := string(rune(n))
	if err := tick(cx); err != nil {
		return 0, err
	}
	list := []int{len(text)}
	if err := tick(cx); err != nil {
		return 0, err
	}
	f := float64(list[0])
	if err := tick(cx); err != nil {
		return 0, err
	}
	return int(f), nil
}

// cleanup defers calls.
//
//heist:task
func cleanup(cx *task.Cx, t *tree, text string) (err error) {
	defer t.note(text)
	if err := tick(cx); err != nil {
		return err
	}
	defer t.note("second")
	return tick(cx)
}

// five awaits five functions that have little in common.
//
//heist:task
func five(cx *task.Cx, t *tree, text string) (int, error) {
	n, err := phases(cx, len(text))
	if err != nil {
		return 0, err
	}
	if err := cleanup(cx, t, text); err != nil {
		return 0, err
	}
	s, err := pointers(cx, t)
	if err != nil {
		return 0, err
	}
	b, err := bytes(cx, []byte(text+s))
	if err != nil {
		return 0, err
	}
	m, err := branches(cx, n, string(b))
	return n + m, err
}

// turns awaits two functions with large frames, which have no type in common, by turns.
//
//heist:task
func turns(cx *task.Cx, n int) (sum int, err error) {
	for i := range n {
		v, err := numbers(cx, i)
		if err != nil {
			return 0, err
		}
		w, err := texts(cx, "text")
		if err != nil {
			return 0, err
		}
		sum += v + w
	}
	return sum, nil
}

// numbers keeps many numbers.
//
//heist:task
func numbers(cx *task.Cx, n int) (int, error) {
	var list [16]int
	for i := range list {
		list[i] = n + i
	}
	if err := tick(cx); err != nil {
		return 0, err
	}
	return list[0] + list[15], nil
}

// texts keeps many texts.
//
//heist:task
func texts(cx *task.Cx, text string) (int, error) {
	var list [16]string
	for i := range list {
		list[i] = text
	}
	if err := tick(cx); err != nil {
		return 0, err
	}
	return len(list[0]) + len(list[15]), nil
}
