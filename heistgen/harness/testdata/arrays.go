// run

package main

import "fmt"

type matrix [3][3]int

type box struct {
	m    matrix
	tag  [2]string
	deep struct{ list [2]struct{ a, b int } }
}

func (m matrix) times(o matrix) (out matrix) {
	for i, row := range m {
		for j := range row {
			for k, v := range row {
				out[i][j] += v * o[k][j]
			}
		}
	}
	return
}

func (m *matrix) transpose() *matrix {
	for i := range m {
		for j := i + 1; j < len(m[i]); j++ {
			m[i][j], m[j][i] = m[j][i], m[i][j]
		}
	}
	return m
}

func change(b box) box {
	c := b
	c.m[1] = [3]int{9, 9, 9}
	b.m[0][0], c.tag[0] = c.m[1][0]*2, b.tag[1]
	c.deep.list[1].a, b.deep.list = b.m[0][0], c.deep.list
	if b == c {
		return box{}
	}
	b.deep.list[0] = c.deep.list[1]
	return b
}

func rotate(a [4]int) (out [4]int) {
	for i, v := range a {
		a[(i+1)%4] = v * 10
		out[i] = a[i] + v
	}
	for i := range a {
		a[i], out[len(out)-1-i] = out[i], a[i]
	}
	p := &a
	for i, v := range p {
		p[(i+1)%4] += v
	}
	return *p
}

func fill() (grid [2][2]*[2]int) {
	for i := range grid {
		for j := range grid[i] {
			cell := [...]int{1: i + j}
			cell[0]--
			grid[i][j] = &cell
		}
	}
	return
}

func main() {
	m := matrix{{1, 2, 3}, {0, 1, 4}, {5, 6, 0}}
	n := m
	fmt.Println(m.times(n).times(*n.transpose()), m == n, n)
	b := box{m: m, tag: [2]string{"x", "y"}}
	c := change(b)
	fmt.Println(b, c, b == c)
	fmt.Println(rotate([4]int{1, 2, 3, 4}))
	for _, row := range fill() {
		fmt.Print(*row[0], *row[1])
	}
	sets := map[[2]int]box{{1, 2}: b, {2, 1}: c}
	e := sets[[2]int{1, 2}]
	e.tag[1] = "changed"
	fmt.Println(sets[[2]int{1, 2}].tag, e.tag, sets[[2]int{2, 1}].deep)
}
