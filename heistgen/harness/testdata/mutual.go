// run

package main

import "fmt"

// Function literals that call each other, and jumps between loops.

func parity(n int) (s string) {
	var even, odd func(int) bool
	depth := 0
	even = func(k int) bool {
		depth++
		if k == 0 {
			return true
		}
		return odd(k - 1)
	}
	odd = func(k int) bool {
		defer func() { s += fmt.Sprint(k) }()
		if k == 0 {
			return false
		}
		return even(k - 1)
	}
	r := even(n)
	even = func(int) bool { return r }
	return fmt.Sprint(r, odd(3), depth)
}

func hanoi(n int) (moves []string) {
	var move func(n int, a, b, c *[]int)
	pegs := [3][]int{}
	for i := n; i > 0; i-- {
		pegs[0] = append(pegs[0], i)
	}
	move = func(n int, a, b, c *[]int) {
		if n == 0 {
			return
		}
		move(n-1, a, c, b)
		top := len(*a) - 1
		*c, *a = append(*c, (*a)[top]), (*a)[:top]
		moves = append(moves, fmt.Sprint(pegs))
		move(n-1, b, a, c)
	}
	move(n, &pegs[0], &pegs[1], &pegs[2])
	return moves
}

func knights(n int) int {
	board := make([][]bool, n)
	for i := range board {
		board[i] = make([]bool, n)
	}
	best := 0
	var visit func(x, y, k int)
	visit = func(x, y, k int) {
		if x < 0 || y < 0 || x >= n || y >= n || board[x][y] || k > 6 {
			return
		}
		board[x][y] = true
		defer func() { board[x][y] = false }()
		best = max(best, k)
		for _, d := range [...][2]int{{1, 2}, {2, 1}, {-1, 2}, {-2, 1}} {
			visit(x+d[0], y+d[1], k+1)
		}
	}
	visit(0, 0, 1)
	return best
}

func captured(n int) (out []int) {
	var fs []func() int
	for i, j := 0, n; i < j; i, j = i+1, j-1 {
		add := func(k int) int { i += k; return i*10 + j }
		if i == 1 {
			out = append(out, add(1))
		}
		fs = append(fs, func() int { j++; return add(0) })
	}
	for _, f := range fs {
		out = append(out, f(), f())
	}
	return out
}

func jumps(s string) (out string) {
	i := 0
next:
	if i >= len(s) {
		goto end
	}
	switch c := s[i]; c {
	case '#':
		for i < len(s) && s[i] != '\n' {
			i++
		}
		goto next
	case '!':
		goto end
	default:
		{
			d := c - 'a'
			if d > 25 {
				i++
				goto next
			}
			for k := range d % 4 {
				if k == 2 {
					i++
					goto next
				}
				out += string(rune('A' + d + k))
			}
		}
	}
	i++
	if len(out) < 20 {
		goto next
	}
end:
	return out + fmt.Sprint(i)
}

func fix[T any](f func(func(T) T, T) T) func(T) T {
	var self func(T) T
	self = func(v T) T { return f(self, v) }
	return self
}

func main() {
	fmt.Println(parity(4), parity(5))
	fmt.Println(hanoi(3))
	fmt.Println(knights(4), captured(4))
	fmt.Println(jumps("ab# no\ncd!e"), jumps("zzXyyyyyyyyyyyyy"), jumps(""))
	fact := fix(func(self func(int) int, n int) int {
		if n < 2 {
			return 1
		}
		return n * self(n-1)
	})
	fmt.Println(fact(10), fix(func(self func(string) string, s string) string {
		if len(s) > 5 {
			return s
		}
		return self(s + s)
	})("ab"))
}
