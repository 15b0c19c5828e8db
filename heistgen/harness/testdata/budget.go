// run

package main

import "fmt"

type money struct {
	units int64
	cents uint8
}

func (m money) plus(o money) money {
	c := m.cents + o.cents
	return money{m.units + o.units + int64(c/100), c % 100}
}

type account struct {
	money
	history [4]money
	n       int
	limits  *[2]money
}

func (a *account) record() *account {
	a.history[a.n%len(a.history)] = a.money
	a.n++
	return a
}

func (a *account) deposit(m money) (prev money) {
	prev, a.money = a.money, a.money.plus(m)
	a.record().record().n--
	return
}

func transfer(from, to *account, m money) (err error) {
	undoFrom, undoTo := *from, *to
	defer func() {
		if v := recover(); v != nil {
			*from, *to = undoFrom, undoTo
			err = fmt.Errorf("undone: %v", v)
		}
	}()
	to.deposit(m)
	from.deposit(money{units: -m.units})
	for i, l := range from.limits {
		if from.units < l.units {
			panic(fmt.Sprint("limit ", i, " ", l, " of ", from.money))
		}
	}
	if to.n > 6 {
		from.limits[1] = to.history[0]
	}
	return
}

func report[K comparable](names []K, of map[K]*account) (lines []string) {
	type row struct {
		name  K
		total money
	}
	var rows []row
	for _, n := range names {
		r := row{name: n}
		for _, h := range of[n].history {
			r.total = r.total.plus(h)
		}
		rows = append(rows, r)
	}
	for _, r := range rows {
		lines = append(lines, fmt.Sprint(r.name, r.total))
	}
	return
}

func main() {
	limits := [2]money{{units: -100}, {units: -50}}
	a, b := &account{limits: &limits}, &account{limits: &[2]money{}}
	all := map[string]*account{"a": a, "b": b}
	for i := range 12 {
		from, to := a, b
		if i%5 == 4 {
			from, to = to, from
		}
		err := transfer(from, to, money{int64(i * 7), uint8(i * 9 % 100)})
		fmt.Println(i, err, a.money, b.money, a.n, b.n, *a.limits)
	}
	fmt.Println(report([]string{"b", "a"}, all))
}
